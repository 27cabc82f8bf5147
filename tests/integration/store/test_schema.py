"""The schema: one for both databases, brought up to date by itself, and rows that are only added."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from cds_service.store.engine import connect_to, database_url
from cds_service.store.errors import SchemaUnknown, StoreError, StoreUnavailable
from cds_service.store.model import Viewing
from cds_service.store.retention import hold, purge
from cds_service.store.schema import HEAD, migrations, schema_of, upgrade
from cds_service.store.sql import SqlStore
from cds_service.store.store import Filters
from cds_service.store.tables import METADATA
from tests.integration.store.altering import engine_of
from tests.postgres import Cluster
from tests.unit.store.making import RECEIVED, decision, feedback

ROLES = Path(__file__).parents[3] / "cds_service" / "store" / "roles.sql"
REFUSED = r"only added|not changed|no purge|only moves on"
NOT_ALLOWED = r"permission denied|must be owner"
TABLES = ("journal", "decision", "determination", "card", "feedback", "payload", "writer")


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    made = connect_to(database_url(database), patience=2, writing=True)
    yield made
    made.dispose()


def test_the_steps_lead_to_the_tables_as_they_are_declared(engine: Engine) -> None:
    upgrade(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_the_last_step_is_the_schema_of_this_release(engine: Engine) -> None:
    with engine.connect() as connection:
        assert schema_of(connection) is None
        assert ScriptDirectory.from_config(migrations(connection)).get_current_head() == HEAD


def test_a_database_of_an_older_release_keeps_what_it_has(open_store: Callable[..., SqlStore], engine: Engine) -> None:
    with engine.begin() as connection:
        command.upgrade(migrations(connection), "0001")
    assert upgrade(engine) == "0001"
    assert upgrade(engine) == HEAD
    open_store().append_now(decision("there"))
    assert open_store().find("there") is not None


def test_what_was_decided_before_is_listed_as_what_comes_after(database: str, engine: Engine) -> None:
    with SqlStore(database) as store:
        store.append_now(decision("there"))
    with engine.begin() as connection:
        for change in _BEFORE_POSITIONS:
            connection.execute(text(change))
    with SqlStore(database) as store:
        assert [one.decision.exchange for one in store.search(Filters(outcome="met")).items] == ["there"]
        assert list(store.verify()) == []
    with pytest.raises(DBAPIError, match=REFUSED), engine.begin() as connection:
        connection.execute(text("UPDATE determination SET position = 0"))


_BEFORE_POSITIONS = (
    "DROP TABLE policy_package",
    *(f"DROP INDEX determination_{name}" for name in ("outcome", "code", "policy")),
    "DROP INDEX decision_received",
    "DROP INDEX decision_client",
    "CREATE INDEX ix_decision_received ON decision (received)",
    "ALTER TABLE determination DROP COLUMN position",
    "UPDATE alembic_version SET version_num = '0002'",
)
"""What leads from this schema back to the second."""


def test_processes_that_start_at_once_wait_for_each_other(database: str) -> None:
    def start(_: int) -> None:
        SqlStore(database, patience=0.05).close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(start, range(4)))
    with engine_of(database).connect() as connection:
        assert schema_of(connection) == HEAD


def test_a_database_of_a_newer_release_is_refused(database: str, engine: Engine) -> None:
    upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaUnknown, match="`9999`, this release knows up to"):
        SqlStore(database)


@pytest.mark.parametrize("address", ["", "nonsense", "mysql://h/d", "sqlite://", "sqlite:///:memory:"])
def test_an_address_of_another_kind_is_refused(address: str) -> None:
    with pytest.raises(StoreError, match="a database is"):
        SqlStore(address)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_bytes(b"not a database, but a text of some length" * 100)
    with pytest.raises(StoreUnavailable, match="SQLITE_NOTADB"):
        SqlStore(f"sqlite:///{tmp_path}/notes.db")


def test_a_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    with SqlStore(f"sqlite:///{tmp_path}/new/decisions.db") as store:
        store.append_now(decision())
        modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "new").iterdir()}
    assert set(modes.values()) == {0o600}
    assert "decisions.db-wal" in modes


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("change", ["UPDATE {} SET sequence = sequence", "DELETE FROM {}"])
def test_rows_are_neither_changed_nor_deleted(
    open_store: Callable[..., SqlStore], engine: Engine, table: str, change: str
) -> None:
    store = open_store()
    store.append_now(decision())
    store.feedback_now([feedback()])
    with pytest.raises(DBAPIError, match=REFUSED), engine.begin() as connection:
        connection.execute(text(change.format(table)))
    assert list(store.verify()) == []


@pytest.mark.parametrize("table", ["journal", "decision", "determination", "card", "feedback", "payload"])
def test_sqlite_replaces_no_row(tmp_path: Path, table: str) -> None:
    address = f"sqlite:///{tmp_path}/decisions.db"
    with SqlStore(address) as store:
        store.append_now(decision())
        store.feedback_now([feedback()])
    with pytest.raises(DBAPIError, match="not replaced"), engine_of(address).begin() as connection:
        connection.execute(text(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}"))  # noqa: S608


@pytest.mark.parametrize("change", ["UPDATE policy_package SET package = 'x'", "DELETE FROM policy_package"])
def test_kept_policies_are_neither_changed_nor_deleted(
    open_store: Callable[..., SqlStore], engine: Engine, change: str
) -> None:
    open_store().keep_policies("r", b"package")
    with pytest.raises(DBAPIError, match=REFUSED), engine.begin() as connection:
        connection.execute(text(change))


@pytest.fixture
def as_role(postgres: Cluster) -> Callable[[str], str]:
    """Return what gives a database, with its schema and one decision, as a user who has a role."""
    address = postgres.new_database()
    name = database_url(address).database
    assert name is not None
    with SqlStore(address) as store:
        store.append_now(decision("there"))
        store.feedback_now([feedback()])
    postgres.sql(name, ROLES.read_text(encoding="utf-8"))

    def give(role: str) -> str:
        postgres.sql(name, f"DROP ROLE IF EXISTS user_{name}", f"CREATE ROLE user_{name} LOGIN IN ROLE {role}")
        return postgres.url(name, f"user_{name}")

    return give


def test_the_role_of_the_service_appends_and_does_nothing_else(as_role: Callable[[str], str]) -> None:
    address = as_role("cds_app")
    with SqlStore(address) as store:
        store.append_now(decision())
        store.feedback_now([feedback(card="another")])
        assert asyncio.run(store.token_uses.first_use("https://ehr.example.org", "one", 0))
        store.keep_policies("r", b"package")
        assert list(store.verify()) == []
    attempts = [f"{verb} {table}" for verb in ("DELETE FROM", "TRUNCATE", "DROP TABLE") for table in TABLES]
    attempts += ["DROP FUNCTION cds_refuse() CASCADE"]
    attempts += [f"ALTER TABLE {table} DISABLE TRIGGER ALL" for table in TABLES]
    attempts += ["UPDATE journal SET content = ''", "UPDATE payload SET data = ''", "UPDATE writer SET id = ''"]
    attempts += ["INSERT INTO purged SELECT writer, sequence, writer, sequence FROM journal"]
    for attempt in attempts:
        with pytest.raises(DBAPIError, match=NOT_ALLOWED), engine_of(address).begin() as one:
            one.execute(text(attempt))


def test_the_role_of_the_service_purges_nothing(as_role: Callable[[str], str]) -> None:
    address, later = as_role("cds_app"), RECEIVED.replace(year=2099)
    with SqlStore(address) as store, pytest.raises(StoreUnavailable, match="InsufficientPrivilege"):
        purge(store, before=later, reason="retention", dry_run=False)
    with SqlStore(address) as store:
        assert [one.purged for one in store.search(Filters()).items] == [False]
        assert list(store.verify()) == []


def test_the_role_of_a_reader_reads_and_adds_only_that_it_did(as_role: Callable[[str], str]) -> None:
    with SqlStore(as_role("cds_reader")) as store:
        assert store.find("there") is not None
        store.keep(Viewing("rosa", "show", ("there",)))
        assert list(store.verify()) == []
        with pytest.raises(StoreUnavailable, match="InsufficientPrivilege"):
            store.append_now(decision())


def test_the_role_of_retention_holds_and_purges(as_role: Callable[[str], str]) -> None:
    with SqlStore(as_role("cds_retention")) as store:
        hold(store, "a dispute", patient="nobody")
        assert purge(store, before=RECEIVED.replace(year=2099), reason="retention", dry_run=False).decisions == 1
        assert [one.purged for one in store.search(Filters()).items] == [True]
        assert list(store.verify()) == []


def test_a_role_that_may_not_change_tables_says_who_may(postgres: Cluster) -> None:
    address = postgres.new_database()
    name = database_url(address).database
    assert name is not None
    postgres.sql(name, "DROP ROLE IF EXISTS stranger", "CREATE ROLE stranger LOGIN")
    with pytest.raises(SchemaUnknown, match="as the owner of the tables"):
        SqlStore(postgres.url(name, "stranger"))
