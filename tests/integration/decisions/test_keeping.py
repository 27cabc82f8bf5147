"""`cds-service decisions purge|hold|holds|release|reencrypt|upgrade`: how decisions are kept is changed."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from cds_service.cli import run
from cds_service.fhir.encoding import encode
from cds_service.store.payload import Keys
from cds_service.store.schema import HEAD
from cds_service.store.sql import SqlStore
from cds_service.store.store import Filters
from tests.integration.store.altering import engine_of
from tests.unit.store.making import CANARY, RECEIVED, contents, decision, determined, feedback, key, name

ORDER = {
    "resourceType": "ServiceRequest",
    "id": "o7",
    "identifier": [{"system": "urn:example:orders", "value": "7-11"}],
    "requisition": {"system": "urn:example:groups", "value": "g-1"},
}


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Cli = Callable[..., Ended]


@pytest.fixture
def address(tmp_path: Path) -> str:
    """A database with two old decisions on two orders, a comment on the first, and a decision that was refused."""
    url = f"sqlite:///{tmp_path}/kept.db"
    with SqlStore(url, clock=lambda: RECEIVED) as store:
        request = encode({"context": {"draftOrders": {"resourceType": "Bundle", "entry": [{"resource": ORDER}]}}})
        store.append_now(decision(name("first"), contents=contents(request=request)))
        other = determined()
        object.__setattr__(other, "id", name("other"))
        store.append_now(decision(name("second"), contents=contents("another"), determined=(other,), cards=()))
        store.feedback_now([feedback()])
    return url


@pytest.fixture
def cli(address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    for one in [one for one in os.environ if one.startswith("CDS_")]:
        monkeypatch.delenv(one)
    monkeypatch.setenv("CDS_DATABASE_URL", address)

    def called(*arguments: object) -> Ended:
        code = run(["decisions", *map(str, arguments)], create_app=lambda _: None)
        return Ended(code, *capsys.readouterr())

    return called


def purged(address: str) -> set[str]:
    with SqlStore(address) as store:
        assert list(store.verify()) == []
        return {one.decision.exchange for one in store.search(Filters()).items if one.purged}


# -- purge --------------------------------------------------------------------------------------------------------


def test_a_purge_counts_until_it_is_told_to_go_on(cli: Cli, address: str) -> None:
    ended = cli("purge", "--before", "2026-02-01")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("2 decisions and 1 comments of before 2026-02-01T00:00:00+00:00 would be purged")
    assert purged(address) == set()
    assert cli("purge", "--before", "2026-02-01", "--yes").out.startswith("2 decisions and 1 comments")
    assert purged(address) == {name("first"), name("second")}


def test_the_retention_period_is_the_operators(cli: Cli, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    assert cli("purge", "--yes").code == 2
    monkeypatch.setenv("CDS_RETENTION_DAYS", "36500")
    assert cli("purge", "--yes").out.startswith("0 decisions")
    ended = cli("purge", "--before", "2026-02-01", "--yes")
    assert (ended.code, "within the 36500 days of CDS_RETENTION_DAYS" in ended.err) == (2, True)
    assert purged(address) == set()


def test_what_is_yet_to_come_is_not_purged(cli: Cli) -> None:
    assert cli("purge", "--before", "9999-01-01").err == "cds-service: --before is in the future\n"


# -- holds --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "kept"),
    [
        ([name("first")], "first"),
        ([decision(name("first"), contents=contents()).id, name("first")], None),
        ([name("other")], "second"),
        (["--order", "7-11"], "first"),
        (["--order", "urn:example:orders|7-11"], "first"),
        (["--order", "urn:example:groups|g-1"], "first"),
        (["--order", "ServiceRequest/o7"], "first"),
        (["--patient", "another"], "second"),
    ],
    ids=repr,
)
def test_what_is_on_hold_outlives_a_purge(cli: Cli, address: str, what: list[str], kept: str | None) -> None:
    ended = cli("hold", *what, "--reason", "a dispute")
    if kept is None:  # one of the two ids is of nothing
        assert (ended.code, "id 1 of 2; nothing was changed" in ended.err) == (5, True)
        assert cli("holds").out == ""
        return
    assert ended.code == 0, ended.err
    cli("purge", "--before", "2026-02-01", "--yes")
    assert purged(address) == {name("first"), name("second")} - {name(kept)}


def test_an_id_of_a_decision_holds_every_exchange_of_it(cli: Cli, address: str) -> None:
    with SqlStore(address) as store:
        found = store.find(name("first"))
        assert found is not None
        again = decision(name("again"), contents=found.decision.contents)
        store.append_now(again)
    assert again.id == found.decision.id
    held = cli("hold", again.id, "--reason", "a dispute").out
    assert [line.split()[1] for line in held.splitlines()] == [name("first"), name("again")]


def test_a_hold_is_listed_with_its_reason_and_without_its_patient(cli: Cli) -> None:
    held = cli("hold", "--patient", CANARY, "--reason", "  case 12\x1b[2J ").out.split()[0]
    (line,) = cli("holds").out.splitlines()
    assert line.startswith(held)
    assert line.endswith("a patient  case 12")
    assert CANARY not in line


def test_what_is_released_is_purged_the_next_time(cli: Cli, address: str) -> None:
    held = cli("hold", "--everything", "--reason", "an inquiry").out.split()[0]
    assert "3 more are on hold" in cli("purge", "--before", "2026-02-01", "--yes").out
    assert cli("release", held, "--reason", "it is over").err == "cds-service: 1 released\n"
    assert cli("holds").out == ""
    cli("purge", "--before", "2026-02-01", "--yes")
    assert purged(address) == {name("first"), name("second")}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["hold", "--reason", "x"], 2),
        (["hold", name("first"), "--everything", "--reason", "x"], 2),
        (["hold", name("first"), "--reason", " "], 2),
        (["hold", name("first")], 2),
        (["hold", name("nothing"), "--reason", "x"], 5),
        (["hold", "--order", "nothing", "--reason", "x"], 5),
        (["release", name("nothing"), "--reason", "x"], 5),
    ],
    ids=repr,
)
def test_what_cannot_be_held_or_released_is_told(cli: Cli, address: str, arguments: list[str], code: int) -> None:
    with SqlStore(address) as store:
        heads = store.heads()
    ended = cli(*arguments)
    assert (ended.code, ended.out) == (code, "")
    assert ended.err.startswith("cds-service: ")
    with SqlStore(address) as store:
        assert store.heads() == heads


# -- keys and tables ----------------------------------------------------------------------------------------------


def test_all_is_encrypted_anew_under_the_first_key(cli: Cli, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    assert cli("reencrypt").code == 2
    monkeypatch.setenv("CDS_ENCRYPTION_KEYS", key("2026"))
    assert cli("reencrypt").err == "cds-service: 3 encrypted anew; all is under the key `2026`\n"
    monkeypatch.setenv("CDS_ENCRYPTION_KEYS", f"{key('2027')},{key('2026')}")
    assert cli("reencrypt").err.startswith("cds-service: 3 encrypted anew")
    assert cli("reencrypt").err.startswith("cds-service: 0 encrypted anew")
    with SqlStore(address, keys=Keys.of(key("2027"))) as store:
        assert list(store.verify()) == []


def test_without_the_old_key_nothing_is_encrypted_anew(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDS_ENCRYPTION_KEYS", key("old"))
    cli("reencrypt")
    monkeypatch.setenv("CDS_ENCRYPTION_KEYS", key("new"))
    ended = cli("reencrypt")
    assert (ended.code, "`old`, which is not at hand" in ended.err) == (3, True)


def test_the_tables_are_made_and_brought_up_to_date(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, address: str, tmp_path: Path
) -> None:
    assert cli("upgrade").err == f"cds-service: the schema is `{HEAD}`\n"
    monkeypatch.setenv("CDS_DATABASE_URL", f"sqlite:///{tmp_path}/new.db")
    assert cli("upgrade").err == f"cds-service: the schema is `{HEAD}`; it was none\n"


def test_tables_of_a_newer_release_are_left_as_they_are(cli: Cli, address: str) -> None:
    with closing(engine_of(address).raw_connection()) as connection:
        connection.cursor().execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    ended = cli("upgrade")
    assert (ended.code, "has the schema `9999`, this release knows up to" in ended.err) == (3, True)


def test_what_is_recorded_now_is_not_past_its_time(cli: Cli, address: str) -> None:
    with SqlStore(address) as store:
        store.append_now(decision(name("late"), received=RECEIVED - timedelta(days=1)))
    cli("purge", "--before", "2026-02-01", "--yes")
    assert name("late") not in purged(address)
