"""Processes that are killed at any moment: whatever they acknowledged is there, and the chain holds.

CDS_SOAK_ROUNDS sets how often each is tried; a round takes about two seconds.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cds_service.store.sql import SqlStore
from cds_service.store.store import Filters
from tests.integration.store.appending import appending
from tests.postgres import Cluster, cluster

ROUNDS = int(os.environ.get("CDS_SOAK_ROUNDS", "3"))
SOME = 150


@pytest.fixture
def perishable(postgres: Cluster) -> Iterator[Cluster]:
    """Give a server of the test's own, to be stopped."""
    with cluster(postgres.bin) as running:
        yield running


def kept_in(address: str) -> set[str]:
    """Return the exchanges in a store that verifies."""
    with SqlStore(address) as store:
        assert list(store.verify()) == []
        return {one.decision.exchange for one in store.each(Filters())}


def test_every_acknowledged_decision_outlives_the_process(database: str) -> None:
    acknowledged = set[str]()
    for _ in range(ROUNDS):
        with appending(database) as appender:
            appender.wait_for(SOME)
        acknowledged |= set(appender.acknowledged)
        assert acknowledged <= kept_in(database)
    assert len(acknowledged) >= ROUNDS * SOME


def test_processes_that_write_at_once_have_chains_of_their_own(database: str) -> None:
    with appending(database) as first, appending(database) as second:
        first.wait_for(SOME)
        second.wait_for(SOME)
    assert {*first.acknowledged, *second.acknowledged} <= kept_in(database)
    with SqlStore(database) as store:
        assert len(store.heads()) == 2


def test_every_acknowledged_decision_outlives_the_server(perishable: Cluster) -> None:
    address = perishable.new_database()
    with appending(address) as appender:
        for _ in range(ROUNDS):
            appender.wait_for(SOME)
            perishable.stop("immediate")
            perishable.start()
        appender.wait_for(SOME)
    assert set(appender.acknowledged) <= kept_in(address)
    assert len(appender.acknowledged) > ROUNDS * SOME


def test_what_was_spilled_outlives_process_and_server(perishable: Cluster, tmp_path: Path) -> None:
    address, acknowledged = perishable.new_database(), set[str]()
    for _ in range(ROUNDS):
        with appending(address, spill=tmp_path) as appender:
            appender.wait_for(SOME)
            perishable.stop("immediate")
            appender.wait_for(SOME)
        perishable.start()
        acknowledged |= set(appender.acknowledged)
    SqlStore(address, spill=tmp_path).close()
    assert acknowledged <= kept_in(address)
    assert list(tmp_path.iterdir()) == []
