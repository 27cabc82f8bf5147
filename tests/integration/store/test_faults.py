"""What the store answers while its database is locked, full, gone or at odds, and what it kept."""

from __future__ import annotations

import asyncio
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import OperationalError

from cds_service.store.engine import connect_to, database_url
from cds_service.store.entries import entry_of
from cds_service.store.errors import StoreError, StoreUnavailable
from cds_service.store.journal import Journal
from cds_service.store.payload import Keys
from cds_service.store.spill import Spill, SpillFile
from cds_service.store.sql import SqlStore
from cds_service.store.store import Filters
from tests.integration.store.altering import engine_of
from tests.integration.store.appending import appending
from tests.postgres import Cluster, cluster
from tests.unit.store.making import CANARY, RECEIVED, TOKEN, clock, decision, feedback, key, name

PATIENCE = 0.3
Open = Callable[..., SqlStore]


@contextmanager
def locked(address: str, tables: str = "writer, journal") -> Iterator[None]:
    """Hold a lock that lets nobody else write."""
    engine = engine_of(address)
    lock = "BEGIN IMMEDIATE" if engine.dialect.name == "sqlite" else f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE"
    with engine.connect() as connection:
        connection.execute(text(lock))
        yield
        connection.rollback()


@contextmanager
def full() -> Iterator[None]:
    """Let no file of SQLite's that is opened meanwhile grow beyond a small number of pages."""

    def limit(connection: Any, _: object) -> None:
        connection.execute("PRAGMA max_page_count = 60")

    event.listen(Engine, "connect", limit)
    try:
        yield
    finally:
        event.remove(Engine, "connect", limit)


def until(fulfilled: Callable[[], bool]) -> None:
    """Return once it is so; fail where it never is."""
    for _ in range(600):
        if fulfilled():
            return
        time.sleep(0.05)
    pytest.fail("it never came about")


def append_until_kept(store: SqlStore, exchange: str) -> None:
    """Append a decision again and again, as a client would, until the store takes it."""

    def kept() -> bool:
        try:
            store.append_now(decision(exchange))
        except StoreUnavailable:
            return False
        return True

    until(kept)


# -- fail-closed ----------------------------------------------------------------------------------------------


def test_a_lock_that_stays_is_an_answer_and_not_a_wait(database: str, open_store: Open) -> None:
    store = open_store(patience=PATIENCE)
    store.append_now(decision("before"))
    with locked(database):
        with pytest.raises(StoreUnavailable):
            store.append_now(decision("during"))
        assert not store.state().writable
        assert store.state().fault
    append_until_kept(store, "after")
    assert store.state().writable
    assert store.find("during") is None
    assert list(store.verify()) == []


def test_a_lock_that_goes_in_time_is_waited_for(database: str, open_store: Open) -> None:
    store = open_store(patience=20)
    with locked(database):
        waiting = threading.Thread(target=store.append_now, args=(decision("patient"),))
        waiting.start()
        time.sleep(0.1)
    waiting.join()
    assert store.find("patient") is not None


def test_what_a_database_refuses_for_its_content_is_no_reason_to_call_it_away(postgres: Cluster) -> None:
    """PostgreSQL's indexes hold texts up to a third of a page."""
    with SqlStore(postgres.new_database()) as store:
        with pytest.raises(StoreError) as refusal:
            store.feedback_now([feedback(token_hex(20_000))])
        assert not isinstance(refusal.value, StoreUnavailable)
        assert store.state().writable
        store.feedback_now([feedback("short")])
        assert [one.record.card for one in store.feedback_kept()] == ["short"]


def test_a_long_report_leaves_room_for_others(open_store: Open) -> None:
    store = open_store(room=64)
    receipts = asyncio.run(store.feedback([feedback(f"card-{i}") for i in range(200)]))
    assert len({one.id for one in receipts}) == len(list(store.feedback_kept())) == 200


def test_a_full_disk_is_an_answer_and_what_was_kept_stays(tmp_path: Path) -> None:
    kept = list[str]()
    with full(), SqlStore(f"sqlite:///{tmp_path}/decisions.db") as store:
        with pytest.raises(StoreUnavailable, match="SQLITE_FULL"):
            kept.extend(store.append_now(decision()).id for _ in range(1000))
        assert list(store.verify()) == []
    with SqlStore(f"sqlite:///{tmp_path}/decisions.db") as store:
        assert [one.decision.exchange for one in store.each(Filters())] == kept
        assert store.append_now(decision()).fresh
        assert list(store.verify()) == []


def test_a_server_that_is_away_is_an_answer_and_is_found_again(postgres: Cluster) -> None:
    with cluster(postgres.bin) as own, SqlStore(own.new_database(), patience=PATIENCE) as store:
        store.append_now(decision("before"))
        own.stop("immediate")
        with pytest.raises(StoreUnavailable):
            store.append_now(decision("during"))
        with pytest.raises(StoreUnavailable):
            store.find("before")
        own.start()
        append_until_kept(store, "after")
        assert [one.decision.exchange for one in store.each(Filters())] == ["before", "after"]
        assert len(store.heads()) == 1
        assert list(store.verify()) == []


def test_a_connection_that_was_cut_is_made_again_unnoticed(postgres: Cluster) -> None:
    address = postgres.new_database()
    with SqlStore(address) as store:
        store.append_now(decision("before"))
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}' AND pid <> pg_backend_pid()"
        postgres.sql("postgres", cut.format(database_url(address).database))
        assert store.append_now(decision("after")).fresh
        assert list(store.verify()) == []


def test_a_commit_whose_answer_is_lost_is_not_made_twice(postgres: Cluster) -> None:
    engine = connect_to(database_url(postgres.new_database()), patience=2, writing=True)
    journal, commit, heard = Journal(engine, lambda: RECEIVED), engine.dialect.do_commit, [True, True, False, True]
    journal.ping()

    def commit_and_cut(connection: Any) -> None:
        commit(connection)
        if not heard.pop():
            connection.dbapi_connection.close()
            raise engine.dialect.dbapi.OperationalError("the connection was lost")  # type: ignore[union-attr]

    engine.dialect.do_commit = commit_and_cut  # type: ignore[method-assign]
    assert journal.write([entry_of(decision("first"), Keys(), recorded=RECEIVED)]) == [True]
    assert journal.write([entry_of(decision("once"), Keys(), recorded=RECEIVED)]) == [True]
    assert heard == []
    engine.dialect.do_commit = commit  # type: ignore[method-assign]
    assert journal.write([entry_of(decision("then"), Keys(), recorded=RECEIVED)]) == [True]
    with engine.connect() as connection:
        found = connection.execute(text("SELECT sequence, id FROM journal ORDER BY sequence")).all()
    journal.disconnect()
    engine.dispose()
    assert [tuple(row) for row in found][1:] == [(2, "first"), (3, "once"), (4, "then")]


def test_too_many_that_wait_are_turned_away(database: str, open_store: Open) -> None:
    store = open_store(patience=5, room=2)

    async def many() -> list[object]:
        return await asyncio.gather(*(store.append(decision()) for _ in range(300)), return_exceptions=True)

    told = asyncio.run(many())
    assert any(isinstance(one, StoreUnavailable) and "room" in str(one) for one in told)
    assert store.count(Filters()) == sum(not isinstance(one, Exception) for one in told)


def test_what_cannot_be_written_down_harms_nobody_else(open_store: Open) -> None:
    store = open_store()
    odd = decision(parameters={"a": {"b": object()}})

    async def all_three() -> list[object]:
        three = (store.append(decision("a")), store.append(odd), store.append(decision("b")))
        return await asyncio.gather(*three, return_exceptions=True)

    told = asyncio.run(all_three())
    assert isinstance(told[1], StoreError)
    assert {one.decision.exchange for one in store.each(Filters())} == {"a", "b"}


def test_what_a_database_cannot_hold_harms_nobody_else(postgres: Cluster) -> None:
    beyond = decision("beyond", status=1_000_000)
    with SqlStore(postgres.new_database()) as store:

        async def all_three() -> list[object]:
            three = (store.append(one) for one in (decision("a"), beyond, decision("b")))
            return await asyncio.gather(*three, return_exceptions=True)

        told = asyncio.run(all_three())
        assert isinstance(told[1], StoreError)
        assert "NumericValueOutOfRange" in str(told[1])
        assert {one.decision.exchange for one in store.each(Filters())} == {"a", "b"}
        assert list(store.verify()) == []


def test_who_waits_no_longer_changes_nothing_for_the_others(database: str, open_store: Open) -> None:
    store = open_store(patience=5)

    async def leave() -> None:
        left = asyncio.create_task(store.append(decision("left")))
        await asyncio.sleep(0)
        left.cancel()
        await asyncio.wait([left])

    with locked(database):
        asyncio.run(leave())
    assert store.append_now(decision("stayed")).fresh
    assert {one.decision.exchange for one in store.each(Filters())} == {"left", "stayed"}


def test_a_clock_that_jumps_back_breaks_nothing(open_store: Open) -> None:
    times = clock(step=-timedelta(hours=1))
    store = open_store(clock=lambda: next(times))
    made = [decision() for _ in range(4)]
    for one in made:
        store.append_now(one)
    assert [one.decision for one in store.each(Filters())] == made
    assert list(store.verify()) == []


def test_what_a_database_says_is_not_passed_on(database: str, open_store: Open) -> None:
    store = open_store(patience=PATIENCE)
    with engine_of(database).begin() as connection:
        connection.execute(text("ALTER TABLE payload RENAME TO elsewhere"))
    with pytest.raises(StoreUnavailable) as refused:
        store.append_now(decision())
    assert CANARY not in "".join(traceback.format_exception(refused.value))
    assert CANARY not in str(store.state())


# -- fail-open ------------------------------------------------------------------------------------------------


def test_what_the_database_does_not_take_is_spilled_and_brought_in_later(
    database: str, open_store: Open, tmp_path: Path
) -> None:
    folder = tmp_path / "spill"
    store = open_store(patience=PATIENCE, spill=folder)
    with locked(database):
        receipt = store.append_now(decision("spilled"))
        assert (receipt.spilled, store.feedback_now([feedback()])[0].spilled) == (True, True)
        assert store.state().spilled == 2
        (file,) = folder.iterdir()
        assert file.stat().st_mode & 0o777 == 0o600
        assert TOKEN.encode() not in file.read_bytes()
        assert not store.state().writable
    until(lambda: store.state().writable and not store.state().spilled)
    kept = store.find("spilled")
    assert kept is not None
    assert kept.decision == decision("spilled")
    assert [one.known for one in store.feedback_kept()] == [True]
    assert list(store.verify()) == []


def test_with_a_key_a_spill_file_is_as_unreadable_as_the_database(
    database: str, open_store: Open, tmp_path: Path
) -> None:
    store = open_store(patience=PATIENCE, spill=tmp_path / "spill", keys=Keys.of(key("k")))
    with locked(database):
        store.append_now(decision("spilled"))
        (file,) = (tmp_path / "spill").iterdir()
        assert CANARY.encode() not in file.read_bytes()
    until(lambda: not store.state().spilled)
    kept = store.find("spilled")
    assert kept is not None
    assert kept.decision == decision("spilled")


def test_a_store_that_may_spill_opens_while_its_server_is_away(postgres: Cluster, tmp_path: Path) -> None:
    with cluster(postgres.bin) as own:
        address = own.new_database()
        own.stop()
        with pytest.raises(StoreUnavailable):
            SqlStore(address, patience=PATIENCE)
        with SqlStore(address, patience=PATIENCE, spill=tmp_path) as store:
            assert store.append_now(decision("spilled")).spilled
            own.start()
            until(lambda: not store.state().spilled)
            assert store.find("spilled") is not None


def test_what_a_killed_process_spilled_is_taken_over(database: str, tmp_path: Path) -> None:
    folder = tmp_path / "spill"
    SqlStore(database).close()
    with locked(database), appending(database, clients=4, spill=folder) as appender:
        appender.wait_for(5)
    with next(folder.iterdir()).open("ab") as file:
        file.write(b'{"checksum":"cut off whi')
    SqlStore(database, spill=folder).close()
    with SqlStore(database) as store:
        assert {one.decision.exchange for one in store.each(Filters())} >= set(appender.acknowledged)
        assert list(store.verify()) == []
    assert list(folder.iterdir()) == []


def test_what_is_brought_in_twice_is_kept_once(database: str, open_store: Open, tmp_path: Path) -> None:
    store = open_store(patience=PATIENCE, spill=tmp_path / "spill")
    with locked(database):
        store.append_now(decision("spilled"))
        (file,) = (tmp_path / "spill").iterdir()
        written = file.read_bytes()
    until(lambda: not store.state().spilled)
    (tmp_path / "spill" / "spill-again.ndjson").write_bytes(written)
    SqlStore(database, spill=tmp_path / "spill").close()
    assert store.count(Filters()) == 1
    assert list(store.verify()) == []


def test_nobody_waits_for_all_that_was_spilled(database: str, tmp_path: Path) -> None:
    folder = tmp_path / "spill"
    spill = Spill(folder)
    spill.put([entry_of(decision(), Keys(), recorded=RECEIVED) for _ in range(3000)])
    spill.close()
    with SqlStore(database, spill=folder) as store:
        store.append_now(decision("fresh"))
        kept = store.find("fresh")
        until(lambda: not store.state().spilled)
        assert kept is not None
        assert kept.position < store.count(Filters()) == 3001


def test_a_line_that_was_changed_is_set_aside_with_its_file_and_the_others_are_kept(
    database: str, tmp_path: Path
) -> None:
    folder = tmp_path / "spill"
    spill = Spill(folder)
    spill.put([entry_of(decision(one), Keys(), recorded=RECEIVED) for one in "abc"])
    spill.close()
    (file,) = folder.iterdir()
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(lines[0] + lines[1].replace(b"decision", b"decisiom") + b"what is this\n" + lines[2])
    with SqlStore(database, spill=folder) as store:
        until(lambda: store.state().damaged == 1)
        assert {one.decision.exchange for one in store.each(Filters())} == {"a", "c"}
        assert store.state().spilled == 0
    assert [path.suffix for path in folder.iterdir()] == [".damaged"]


def test_a_spill_file_that_cannot_be_written_is_an_answer_too(database: str, open_store: Open, tmp_path: Path) -> None:
    folder = tmp_path / "spill"
    store = open_store(patience=PATIENCE, spill=folder)
    folder.rmdir()
    folder.write_text("no folder any more")
    with locked(database), pytest.raises(StoreUnavailable, match="spill file"):
        store.append_now(decision())


def test_a_full_disk_takes_no_part_of_a_spilled_decision() -> None:
    with Path("/dev/full").open("r+b", buffering=0) as device:
        file = SpillFile(Path("/dev/full"), device.fileno())
        with pytest.raises(OSError, match="No space left"):
            file.put([entry_of(decision(), Keys(), recorded=RECEIVED)])


def test_a_folder_that_cannot_be_used_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable, match="spill folder"):
        SqlStore(f"sqlite:///{tmp_path}/decisions.db", spill=tmp_path / "file")


def test_another_process_keeps_its_own_spill_file(tmp_path: Path) -> None:
    one, other = Spill(tmp_path), Spill(tmp_path)
    one.put([entry_of(decision(), Keys(), recorded=RECEIVED)])
    seen = list[object]()
    other.bring_in(lambda entries: bool(seen.extend(entries)) or True)
    assert seen == []
    one.close()
    other.bring_in(lambda entries: bool(seen.extend(entries)) or True)
    assert len(seen) == 1
    other.close()


def test_what_could_not_be_brought_in_waits_on(tmp_path: Path) -> None:
    spill = Spill(tmp_path)
    spill.put([entry_of(decision(name(i)), Keys(), recorded=RECEIVED) for i in range(3)])
    spill.close()
    other = Spill(tmp_path)

    def refuse(_: object) -> bool:
        raise StoreUnavailable("away")

    with pytest.raises(StoreUnavailable):
        other.bring_in(refuse)
    assert other.waiting == 3
    other.bring_in(lambda _: True)
    assert other.waiting == 0


def test_a_fault_of_the_driver_is_no_end_of_the_writer(open_store: Open) -> None:
    store = open_store()
    store.append_now(decision("before"))

    def fail(*_: object) -> None:
        raise OperationalError("", {}, Exception("odd"))

    event.listen(Engine, "begin", fail)
    try:
        with pytest.raises(StoreUnavailable):
            store.append_now(decision("during"))
    finally:
        event.remove(Engine, "begin", fail)
    append_until_kept(store, "after")
