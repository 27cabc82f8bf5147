"""The databases that the store is tested with: a file of SQLite's, and a PostgreSQL server that the tests start."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cds_service.store.memory import InMemoryStore
from cds_service.store.sql import SqlStore
from cds_service.store.store import Store
from tests.postgres import REQUIRED, Cluster, binaries, cluster


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    found = binaries()
    if found is None:
        reason = "no PostgreSQL on this machine (initdb, pg_ctl); POSTGRES_REQUIRED=1 makes this a failure"
        (pytest.fail if REQUIRED else pytest.skip)(reason)
    with cluster(found, durable=False) as running:
        yield running


@contextmanager
def empty(kind: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    """Give the address of an empty database."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/decisions.db"
        return
    running: Cluster = request.getfixturevalue("postgres")
    address = running.new_database()
    yield address
    running.drop(address)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the address of an empty database of each kind."""
    with empty(request.param, request, tmp_path) as address:
        yield address


@pytest.fixture
def open_store(database: str) -> Iterator[Callable[..., SqlStore]]:
    """Return what opens a store in the database; all are closed in the end."""
    opened: list[SqlStore] = []

    def open_one(**options: Any) -> SqlStore:
        opened.append(SqlStore(database, **options))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Return an empty store of each kind."""
    if request.param == "memory":
        yield InMemoryStore()
        return
    with empty(request.param, request, tmp_path) as address, SqlStore(address) as opened:
        yield opened
