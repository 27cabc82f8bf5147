"""Connections: SQLite that survives the end of a process at any moment, PostgreSQL that answers in time."""

from __future__ import annotations

import os
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError

from cds_service.store.errors import StoreError

__all__ = ["NOBODY_ELSE", "connect_to", "database_url", "name_of", "refuses_content"]

NOBODY_ELSE: Final = nullcontext()
"""The turn of who writes alone."""
_PROGRAM_LIMIT: Final = "54"
"""The class of what is too large for the database, such as a text for an index. Source: PostgreSQL 15, Appendix A."""
_SQLITE: Final = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA secure_delete = ON",
    "PRAGMA trusted_schema = OFF",
)


def database_url(text: str) -> URL:
    """Return the address of a database: `sqlite:///path` or `postgresql://…`. Raises StoreError for another."""
    try:
        url = make_url(text)
    except ArgumentError:
        raise StoreError("a database is `sqlite:///path` or `postgresql://user@host/name`") from None
    match url.get_backend_name():
        case "sqlite" if url.database and url.database != ":memory:":
            return url
        case "postgresql":
            return url.set(drivername="postgresql+psycopg")
    raise StoreError("a database is `sqlite:///path` or `postgresql://user@host/name`")


def connect_to(url: URL, *, patience: float, writing: bool = False, durable: bool = True) -> Engine:
    """Return an engine; `patience` is how many seconds a lock, a connection or a lost peer is waited for.

    With `writing`, SQLite's transactions take the lock for writing at once, and PostgreSQL's end with an error
    when a statement takes too long. What is not `durable` outlives the process, not the loss of power, until a
    commit that is. A file of SQLite's is made for its owner alone.
    """
    options: dict[str, Any] = {"hide_parameters": True}
    if url.get_backend_name() == "sqlite":
        _make_private(Path(str(url.database)))
        engine = create_engine(url, connect_args={"timeout": patience, "isolation_level": None}, **options)
        event.listen(engine, "connect", partial(_prepare_sqlite, "FULL" if durable else "NORMAL"))
        begin = "BEGIN IMMEDIATE" if writing else "BEGIN"
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
        return engine
    seconds, milliseconds = max(2, round(patience)), round(patience * 1000)
    settings = f"-c synchronous_commit={'on' if durable else 'off'}"
    if writing:
        settings += f" -c statement_timeout={milliseconds} -c lock_timeout={milliseconds}"
    arguments = {
        "connect_timeout": seconds,
        "tcp_user_timeout": milliseconds,
        "keepalives_idle": seconds,
        "application_name": "cds-service",
        "options": settings,
    }
    return create_engine(url, connect_args=arguments | dict(url.query), pool_pre_ping=not writing, **options)


def name_of(error: DBAPIError) -> str:
    """Return what a database calls a fault, without what it says of it: that may quote a row."""
    fault = error.orig
    return str(getattr(fault, "sqlite_errorname", None) or type(fault).__name__)


def refuses_content(error: DBAPIError) -> bool:
    """Tell whether a database takes anything but this, rather than nothing for now."""
    state = getattr(error.orig, "sqlstate", None) or ""
    return isinstance(error, IntegrityError | DataError) or state.startswith(_PROGRAM_LIMIT)


def _prepare_sqlite(synchronous: str, connection: Any, _: object) -> None:
    for statement in (*_SQLITE, f"PRAGMA synchronous = {synchronous}"):
        connection.execute(statement)


def _make_private(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StoreError(f"the database `{path}` cannot be made: {error.strerror}") from None
