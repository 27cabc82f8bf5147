"""With a key no text of a chart is in any file of the database; without one the same search finds it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cds_service.store.engine import database_url
from cds_service.store.errors import NoKey
from cds_service.store.payload import Keys
from cds_service.store.rekeying import count_old, encrypt_anew
from cds_service.store.retention import hold
from cds_service.store.sql import SqlStore
from cds_service.store.store import Filters
from tests.integration.store.altering import piece_of_a_payload
from tests.postgres import Cluster
from tests.unit.store.making import CANARY, TOKEN, contents, decision, feedback, key

OLD, NEW = key("2025"), key("2026")
INCOMPRESSIBLE = "".join(chr(33 + (i * i) % 89) for i in range(60))


def fill(store: SqlStore) -> None:
    """Keep a decision, feedback and a hold, each with a canary wherever a patient's value may be."""
    response = f'{{"cards":[{{"detail":"{CANARY}"}}]}}'.encode()
    store.append_now(decision("sealed", contents=contents(response=response, fetched=CANARY.encode())))
    store.feedback_now([feedback()])
    hold(store, "a dispute", patient=CANARY)


def files_of(address: str, postgres: Cluster | None) -> bytes:
    """Return every byte that a database has on disk, its logs included."""
    if postgres is None:
        path = Path(str(database_url(address).database))
        return b"".join(one.read_bytes() for one in path.parent.iterdir())
    postgres.sql("postgres", "CHECKPOINT")
    return b"".join(one.read_bytes() for one in (postgres.folder / "data").rglob("*") if one.is_file())


@pytest.fixture
def server(request: pytest.FixtureRequest, database: str) -> Cluster | None:
    """Return the server of the database, None for a file."""
    return request.getfixturevalue("postgres") if database.startswith("postgresql") else None


@pytest.mark.parametrize("setting", ["", NEW])
def test_only_without_a_key_is_a_chart_to_be_found_in_the_files(
    database: str, server: Cluster | None, open_store: Callable[..., SqlStore], setting: str
) -> None:
    canary = CANARY + ("-sealed" if setting else "-open")
    store = open_store(keys=Keys.of(setting))
    store.append_now(decision(contents=contents(canary, request=INCOMPRESSIBLE.encode(), response=canary.encode())))
    store.feedback_now([feedback(comment=canary)])
    hold(store, "a dispute", patient=canary)
    store.close()
    found = files_of(database, server)
    assert (canary.encode() in found) is not bool(setting)
    assert TOKEN.encode() not in found


def test_what_is_sealed_is_found_and_read_with_the_key(open_store: Callable[..., SqlStore]) -> None:
    store = open_store(keys=Keys.of(NEW))
    fill(store)
    assert store.count(Filters(patient=CANARY)) == 1
    kept = store.find("sealed")
    assert kept is not None
    assert kept.decision.contents is not None
    assert kept.decision.contents.patient == CANARY
    assert list(store.verify()) == []


def test_without_the_key_a_decision_is_listed_and_not_opened(open_store: Callable[..., SqlStore]) -> None:
    fill(open_store(keys=Keys.of(NEW)))
    store = open_store()
    assert store.search(Filters(outcome="met")).items[0].decision.contents is None
    with pytest.raises(NoKey, match=r"`sealed`.*`2026`"):
        store.find("sealed")
    assert store.count(Filters(patient=CANARY)) == 0


@pytest.mark.parametrize(("before", "after"), [(OLD, f"{NEW},{OLD}"), ("", NEW), (OLD, f"{NEW},{OLD},{key('spare')}")])
def test_all_is_encrypted_anew_and_the_old_key_can_go(
    open_store: Callable[..., SqlStore], before: str, after: str
) -> None:
    fill(open_store(keys=Keys.of(before)))
    both = open_store(keys=Keys.of(after))
    assert count_old(both) == 3
    seen = list[int]()
    assert encrypt_anew(both, seen.append) == sum(seen) == 3
    assert count_old(both) == 0
    alone = open_store(keys=Keys.of(NEW))
    assert list(alone.verify()) == []
    assert alone.count(Filters(patient=CANARY)) == 1
    kept = alone.find("sealed")
    assert kept is not None
    assert kept.decision.contents is not None
    assert [one.record.comment for one in alone.feedback_kept()] == [feedback().comment]


def test_what_is_appended_meanwhile_is_not_disturbed(open_store: Callable[..., SqlStore]) -> None:
    old = open_store(keys=Keys.of(OLD))
    for _ in range(250):
        old.append_now(decision(contents=contents(response=b"{}")))
    both = open_store(keys=Keys.of(f"{NEW},{OLD}"))

    def append(_: int) -> None:
        both.append_now(decision())

    assert encrypt_anew(both, append) == 250
    assert both.count(Filters()) == 253
    assert list(both.verify()) == []


def test_encrypting_anew_without_the_old_key_changes_nothing(open_store: Callable[..., SqlStore]) -> None:
    fill(open_store(keys=Keys.of(OLD)))
    with pytest.raises(NoKey):
        encrypt_anew(open_store(keys=Keys.of(NEW)))
    assert list(open_store(keys=Keys.of(OLD)).verify()) == []


def test_after_encrypting_anew_no_plain_text_is_left_in_the_file(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path}/decisions.db"
    with SqlStore(address) as store:
        store.append_now(decision())
        plain = piece_of_a_payload(address)
        assert plain in files_of(address, None)
    with SqlStore(address, keys=Keys.of(NEW)) as store:
        encrypt_anew(store)
        assert plain not in files_of(address, None)
