"""The service killed at any moment under load. `make soak` does the same 50 times."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.load.clients import Answers
from tests.load.killing import SOME, Kept, under_fire, workers_under_fire
from tests.postgres import REQUIRED, binaries, cluster

ROUNDS = 3


def assert_nothing_is_lost(database: str, answers: Answers) -> None:
    kept = Kept.of(database)
    assert len(answers.acknowledged) >= ROUNDS * SOME
    assert answers.others == 0
    assert set(answers.acknowledged) <= kept.instances
    assert kept.faults == ()


def test_every_answer_that_left_is_kept_when_workers_are_killed(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/decisions.db"
    assert_nothing_is_lost(database, asyncio.run(workers_under_fire(database, rounds=ROUNDS)))


def test_every_answer_that_left_is_in_sqlite_after_kills(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/decisions.db"
    assert_nothing_is_lost(database, asyncio.run(under_fire(database, rounds=ROUNDS)))


def test_every_answer_that_left_is_in_postgresql_after_kills() -> None:
    found = binaries()
    if found is None:
        reason = "no PostgreSQL on this machine (initdb, pg_ctl); POSTGRES_REQUIRED=1 makes this a failure"
        (pytest.fail if REQUIRED else pytest.skip)(reason)
    with cluster(found) as running:
        database = running.new_database()
        assert_nothing_is_lost(database, asyncio.run(under_fire(database, rounds=ROUNDS)))
