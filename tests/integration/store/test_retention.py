"""Retention: what may go goes, what is on hold stays, and the chain still proves what was there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from cds_service.store.errors import StoreError
from cds_service.store.model import Guidance
from cds_service.store.payload import Keys
from cds_service.store.retention import ActiveHold, Purged, active_holds, hold, purge, release
from cds_service.store.sql import SqlStore
from cds_service.store.store import Filters
from tests.integration.store.altering import piece_of_a_payload
from tests.unit.store.making import RECEIVED, clock, contents, decision, feedback, key, name

YEAR = timedelta(days=365)
NOW = RECEIVED + 10 * YEAR
Open = Callable[..., SqlStore]


def opened(open_store: Open, **options: object) -> SqlStore:
    """Return a store with two old decisions of two patients, one with feedback, and one of today."""
    times = clock()
    store = open_store(clock=lambda: next(times), **options)
    store.append_now(decision("old", contents=contents("a"), cards=(Guidance("card of old"),)))
    store.append_now(decision("other", contents=contents("b"), cards=()))
    store.feedback_now([feedback("card of old")])
    store.append_now(decision("new", contents=contents("a"), received=NOW, cards=()))
    return store


def purge_old(store: SqlStore, **options: bool) -> Purged:
    return purge(store, before=NOW - YEAR, reason="retention of one year", **{"dry_run": False} | options)


def purged(store: SqlStore) -> set[str]:
    return {one.decision.exchange for one in store.search(Filters()).items if one.purged}


def test_a_dry_run_says_what_would_go_and_changes_nothing(open_store: Open) -> None:
    store = opened(open_store)
    heads, seen = store.heads(), list[int]()
    assert purge(store, before=NOW - YEAR, reason="", progress=seen.append) == Purged(decisions=2, feedback=1)
    assert sum(seen) == 4
    assert store.heads() == heads
    assert purged(store) == set()


def test_what_is_old_goes_and_the_chain_still_verifies(open_store: Open) -> None:
    store = opened(open_store)
    noted = store.heads()
    assert purge_old(store) == Purged(decisions=2, feedback=1)
    assert purged(store) == {"old", "other"}
    assert list(store.verify(anchors=noted)) == []
    kept = store.find("old")
    assert kept is not None
    assert kept.decision.contents is None
    assert kept.decision.determined == decision().determined
    assert [one.record.comment for one in store.feedback_kept()] == [None]
    assert store.count(Filters(patient="b")) == 0
    assert purge_old(store) == Purged()


def test_what_was_recorded_later_than_received_is_kept_for_longer(open_store: Open) -> None:
    store = open_store(clock=lambda: NOW)
    store.append_now(decision())
    assert purge_old(store) == Purged()


@pytest.mark.parametrize("setting", ["", key("k")])
def test_a_hold_on_a_patient_keeps_all_of_theirs_later_ones_included(open_store: Open, setting: str) -> None:
    store = open_store(keys=Keys.of(setting), clock=lambda: RECEIVED)
    hold(store, "a dispute", patient="a")
    store = opened(open_store, keys=Keys.of(setting))
    assert purge_old(store) == Purged(decisions=1, held=2)
    assert purged(store) == {"other"}


def test_a_hold_on_an_exchange_keeps_it_and_the_feedback_on_its_cards(open_store: Open) -> None:
    store = opened(open_store)
    hold(store, "a dispute", exchange="old")
    assert purge_old(store) == Purged(decisions=1, held=2)
    assert purged(store) == {"other"}


def test_a_hold_on_everything_keeps_everything(open_store: Open) -> None:
    store = opened(open_store)
    hold(store, "an inquiry")
    assert purge_old(store) == Purged(held=3)


def test_what_is_released_goes_the_next_time(open_store: Open) -> None:
    store = opened(open_store)
    held = hold(store, "an inquiry")
    assert [(one.id, one.hold.reason, one.covers_all) for one in active_holds(store)] == [(held, "an inquiry", True)]
    release(store, held, "it is over")
    assert active_holds(store) == ()
    assert purge_old(store) == Purged(decisions=2, feedback=1)
    assert list(store.verify()) == []


def test_a_hold_whose_patient_nobody_can_read_keeps_everything(open_store: Open) -> None:
    hold(open_store(keys=Keys.of(key("lost"))), "a dispute", patient="a")
    store = opened(open_store)
    (found,) = active_holds(store)
    assert isinstance(found, ActiveHold)
    assert not found.readable
    assert purge_old(store) == Purged(held=3)


def test_what_may_be_of_a_held_patient_for_all_one_can_tell_is_kept(open_store: Open) -> None:
    opened(open_store, keys=Keys.of(key("lost")))
    store = open_store(clock=lambda: RECEIVED)
    hold(store, "a dispute", patient="a")
    assert purge_old(store) == Purged(decisions=0, feedback=0, held=3)


def test_a_hold_names_what_is_there(open_store: Open) -> None:
    store = opened(open_store)
    with pytest.raises(StoreError, match="no such exchange"):
        hold(store, "a dispute", exchange=name("nothing"))
    with pytest.raises(StoreError, match="no such legal hold"):
        release(store, name("nothing"), "")


def test_many_are_purged_in_groups(open_store: Open) -> None:
    store = open_store(clock=lambda: RECEIVED)
    for _ in range(450):
        store.append_now(decision(contents=contents(response=b"{}")))
    assert purge_old(store) == Purged(decisions=450)
    assert list(store.verify()) == []


def test_after_a_purge_nothing_of_it_is_left_in_the_file(tmp_path: Path) -> None:
    def files() -> bytes:
        return b"".join(one.read_bytes() for one in tmp_path.iterdir())

    address = f"sqlite:///{tmp_path}/decisions.db"
    with SqlStore(address, clock=lambda: RECEIVED) as store:
        store.append_now(decision())
        payload = piece_of_a_payload(address)
        assert payload in files()
        purge_old(store)
        assert payload not in files()
