"""Whatever is changed, taken away or added behind the store's back, `verify` names it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text

from cds_service.store.chain import GENESIS, Fault, Head, hash_of
from cds_service.store.payload import Keys
from cds_service.store.sql import SqlStore
from cds_service.store.store import Filters
from tests.integration.store.altering import unguarded
from tests.unit.store.making import CANARY, decision, feedback, key, name

ENTRIES = ("first", "second", "third")
SECOND = 3
"""Its sequence: before it the writer's opening and the first."""


@dataclass
class Tampered:
    """A store with three decisions and feedback, and what verify says after statements were run on its database."""

    address: str
    store: SqlStore

    def run(self, *statements: str) -> None:
        with unguarded(self.address) as connection:
            for statement in statements:
                connection.execute(text(statement))

    def found(self, **options: object) -> list[tuple[Fault, int]]:
        return [(one.fault, one.sequence) for one in self.store.verify(**options)]  # type: ignore[arg-type]


@pytest.fixture
def tampered(database: str, open_store: Callable[..., SqlStore]) -> Tampered:
    store = open_store()
    for one in ENTRIES:
        store.append_now(decision(one))
    store.feedback_now([feedback()])
    return Tampered(database, store)


def test_nothing_done_is_nothing_found(tampered: Tampered) -> None:
    tampered.run()
    assert tampered.found() == []


def test_one_changed_byte_of_an_entry_is_named(tampered: Tampered) -> None:
    tampered.run("UPDATE journal SET content = replace(content, '\"sandbox\"', '\"Sandbox\"') WHERE id = 'second'")
    (finding,) = tampered.store.verify()
    assert (finding.fault, finding.sequence, finding.entry) == (Fault.CHANGED, SECOND, "second")
    assert finding.writer == tampered.store.heads()[0].writer


def test_one_changed_byte_of_a_payload_is_named(tampered: Tampered) -> None:
    with unguarded(tampered.address) as connection:
        (data,) = connection.execute(text("SELECT data FROM payload WHERE sequence = 3")).one()
        middle = len(data) // 2
        other = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
        connection.execute(text("UPDATE payload SET data = :data WHERE sequence = 3"), {"data": other})
    (finding,) = tampered.store.verify()
    assert (finding.fault, finding.entry) == (Fault.PAYLOAD_CHANGED, "second")
    assert tampered.found(payloads=False) == []


def test_a_missing_entry_is_named(tampered: Tampered) -> None:
    tampered.run("DELETE FROM journal WHERE id = 'second'")
    found = tampered.found()
    assert found[0] == (Fault.MISSING, SECOND)
    assert {fault for fault, _ in found[1:]} == {Fault.UNEXPLAINED}


@pytest.mark.parametrize("last", [1, 2, 4])
def test_missing_entries_at_the_end_are_named(tampered: Tampered, last: int) -> None:
    for table in ("journal", "payload", "decision", "determination", "card", "feedback"):
        tampered.run(f"DELETE FROM {table} WHERE sequence > {5 - last}")  # noqa: S608
    assert tampered.found() == [(Fault.MISSING, 6 - last)]


def test_exchanged_entries_are_named_with_the_places_they_came_from(tampered: Tampered) -> None:
    swap = "UPDATE journal SET sequence = {} WHERE id = '{}'"
    tampered.run(swap.format(99, "second"), swap.format(3, "third"), swap.format(4, "second"))
    told = [one for one in tampered.store.verify() if one.fault is Fault.REORDERED]
    assert [(one.entry, one.detail) for one in told] == [
        ("third", "it was written as entry 4"),
        ("second", "it was written as entry 3"),
    ]


def test_a_fork_is_named(tampered: Tampered) -> None:
    with unguarded(tampered.address) as connection:
        content, previous = connection.execute(text("SELECT content, previous FROM journal WHERE id = 'third'")).one()
        writer = tampered.store.heads()[0].writer
        row = {"hash": hash_of(writer, 6, previous, content.encode()), "content": content, "previous": previous}
        connection.execute(
            text("INSERT INTO journal SELECT writer, 6, kind, 'fork', :content, :previous, :hash FROM journal "
                 "WHERE id = 'third'"),
            row,
        )  # fmt: skip
    (finding,) = [one for one in tampered.store.verify() if one.fault is Fault.FORK]
    assert (finding.sequence, finding.detail) == (6, "it follows the same as entry 4")


@pytest.mark.parametrize(
    ("statement", "where"),
    [
        ("UPDATE decision SET received = '2020-01-01' WHERE exchange = 'second'", "`decision`"),
        ("UPDATE determination SET outcome = 'not-met' WHERE sequence = 3", "`determination`"),
        ("UPDATE card SET uuid = 'another' WHERE sequence = 3", "`card`"),
        ("UPDATE feedback SET outcome = 'accepted'", "`feedback`"),
        ("DELETE FROM decision WHERE exchange = 'second'", "`decision`"),
        ("UPDATE journal SET id = 'another' WHERE id = 'second'", "`journal`"),
        ("UPDATE payload SET patient = 'another' WHERE sequence = 3", "`payload`"),
        ("INSERT INTO purged SELECT writer, sequence, 1, 1 FROM payload WHERE sequence = 3", "`purged`"),
    ],
)
def test_what_things_are_found_by_is_compared_with_the_entries(tampered: Tampered, statement: str, where: str) -> None:
    tampered.run(statement)
    told = [one for one in tampered.store.verify() if one.fault is Fault.INDEX_DIFFERS]
    assert [where in one.detail for one in told] == [True]


def test_a_payload_that_is_gone_without_a_purge_is_named(tampered: Tampered) -> None:
    tampered.run("DELETE FROM payload WHERE sequence = 3")
    assert tampered.found() == [(Fault.PAYLOAD_MISSING, 3)]


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO feedback SELECT writer, 77, 'x', tenant, card, outcome, timestamp FROM feedback",
        "INSERT INTO card SELECT 77, sequence, uuid FROM card WHERE sequence = 3",
        "INSERT INTO payload SELECT writer, 77, key, patient, data FROM payload WHERE sequence = 3",
        "INSERT INTO payload SELECT writer, 1, key, patient, data FROM payload WHERE sequence = 3",
    ],
)
def test_rows_that_no_entry_explains_are_named(tampered: Tampered, statement: str) -> None:
    tampered.run(statement)
    assert {fault for fault, _ in tampered.found()} == {Fault.UNEXPLAINED}


def test_a_writer_that_is_gone_altogether_is_missed_by_the_next(
    tampered: Tampered, open_store: Callable[..., SqlStore]
) -> None:
    open_store().append_now(decision("of another process"))
    first = tampered.store.heads()[0].writer
    for table in ("journal", "payload", "decision", "determination", "card", "feedback"):
        tampered.run(f"DELETE FROM {table} WHERE writer = 1")  # noqa: S608
    tampered.run("DELETE FROM writer WHERE number = 1")
    (finding,) = tampered.store.verify()
    assert (finding.fault, finding.writer, finding.sequence) == (Fault.MISSING, first, 5)


def test_a_rewritten_chain_is_found_by_a_head_noted_elsewhere(tampered: Tampered) -> None:
    noted = tampered.store.heads()
    with unguarded(tampered.address) as connection:
        previous = GENESIS
        rows = connection.execute(text("SELECT sequence, content FROM journal ORDER BY sequence")).all()
        for sequence, content in rows:
            changed = content.replace('"sandbox"', '"forgery"')
            current = hash_of(noted[0].writer, sequence, previous, changed.encode())
            connection.execute(
                text("UPDATE journal SET content = :c, previous = :p, hash = :h WHERE sequence = :s"),
                {"c": changed, "p": previous, "h": current, "s": sequence},
            )
            previous = current
        connection.execute(text("UPDATE writer SET hash = :hash"), {"hash": previous})
    assert tampered.found() == []
    assert tampered.found(anchors=noted) == [(Fault.CHANGED, 5)]


def test_without_the_key_a_payload_is_said_to_be_unread(database: str, open_store: Callable[..., SqlStore]) -> None:
    open_store(keys=Keys.of(key("lost"))).append_now(decision("sealed"))
    (finding,) = open_store().verify()
    assert (finding.fault, finding.entry) == (Fault.PAYLOAD_UNREADABLE, "sealed")
    assert "`lost`" in finding.detail


def test_what_verify_says_quotes_nothing_of_a_chart(tampered: Tampered) -> None:
    tampered.run("DELETE FROM payload WHERE sequence = 3", "UPDATE journal SET content = '{}' WHERE id = 'third'")
    told = "\n".join(map(str, tampered.store.verify()))
    assert told
    assert CANARY not in told


@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_a_file_of_which_a_part_is_overwritten_does_not_verify(tmp_path: Path, part: float) -> None:
    path = tmp_path / "decisions.db"
    with SqlStore(f"sqlite:///{path}") as store:
        for _ in range(60):
            store.append_now(decision())
        store.checkpoint()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(int(size * part) // 4096 * 4096)
        file.write(b"\xff" * 4096)
    with SqlStore(f"sqlite:///{path}") as store:
        assert list(store.verify()) != []


def test_a_store_put_back_to_an_earlier_state_is_found_out(tmp_path: Path) -> None:
    path, copy = tmp_path / "decisions.db", tmp_path / "backup.db"
    with SqlStore(f"sqlite:///{path}") as store:
        store.append_now(decision("before"))
        store.checkpoint()
        copy.write_bytes(path.read_bytes())
        store.append_now(decision("after"))
        lost = store.heads()[0]
        store.checkpoint()
        path.write_bytes(copy.read_bytes())
        store.append_now(decision("later"))
        assert store.find("after") is None
        told = list(store.verify())
    assert (Fault.MISSING, lost.writer, lost.sequence) in [(one.fault, one.writer, one.sequence) for one in told]
    assert {one.writer for one in told} == {lost.writer}


def test_a_writer_whose_place_was_taken_begins_anew(tampered: Tampered) -> None:
    tampered.run("UPDATE writer SET hash = 'of another process'")
    assert tampered.store.append_now(decision("later")).fresh
    assert len(tampered.store.heads()) == 2
    assert {fault for fault, _ in tampered.found()} == {Fault.CHANGED}


def test_heads_of_ended_writers_are_named_once(database: str) -> None:
    for i in range(4):
        with SqlStore(database) as store:
            store.append_now(decision(name(i)))
            assert len(store.heads()) == i + 1
            assert list(store.verify()) == []
            noted = store.heads()
    with SqlStore(database) as store:
        assert [str(one.fault) for one in store.verify(anchors=[*noted, Head("gone", 2, "a" * 64)])] == ["missing"]
        assert store.count(Filters()) == 4
