"""The database's schema: brought up to date, or refused where this release does not know it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError

from cds_service.store.engine import name_of
from cds_service.store.errors import SchemaUnknown, StoreUnavailable

if TYPE_CHECKING:
    from alembic.config import Config

__all__ = ["HEAD", "migrations", "schema_of", "upgrade"]

HEAD: Final = "0004"
"""The schema of this release."""

_NOT_ALLOWED: Final = ("InsufficientPrivilege", "InvalidSchemaName", "ReadOnlySqlTransaction", "SQLITE_READONLY")
_LOCK: Final = 0x63647373746F7265
"""What concurrent upgrades of a PostgreSQL database wait for: any constant will do."""


def upgrade(engine: Engine, *, wait: float = 0.0) -> str | None:
    """Bring the database to the schema of this release and return what it had; None where it had none.

    Processes that do so at once wait for each other.

    `wait` is how many seconds more than the engine's own patience a lock of SQLite's is waited for. Raises
    SchemaUnknown for a database of a newer release, or where the role may not change tables, and StoreUnavailable
    where the database cannot be used.
    """
    until = time.monotonic() + wait
    while True:
        try:
            with engine.begin() as connection:
                found = schema_of(connection)
                if found != HEAD:
                    _upgrade(connection)
                return found
        except DBAPIError as error:
            name = name_of(error)
            if name in _NOT_ALLOWED:
                raise SchemaUnknown(
                    f"the schema is not `{HEAD}`; run `cds-service decisions upgrade` as the owner of the tables"
                ) from None
            if not name.startswith("SQLITE_BUSY") or time.monotonic() >= until:
                raise StoreUnavailable(f"the database cannot be used ({name})") from None


def schema_of(connection: Connection) -> str | None:
    """Return the schema that a database has, or None where it has none yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return str(found) if found is not None else None


def migrations(connection: Connection) -> Config:
    """Return what alembic needs to know to run the steps on a connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.script import ScriptDirectory

    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    found, config = schema_of(connection), migrations(connection)
    known = {step.revision for step in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise SchemaUnknown(
            f"the database has the schema `{found}`, this release knows up to `{HEAD}`; use the release that made it"
        )
    if found != HEAD:
        command.upgrade(config, "head")
