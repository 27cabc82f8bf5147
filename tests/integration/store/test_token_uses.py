"""Tokens that were used: of all processes that share a database, one is the first to see a token."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from cds_service.store.engine import database_url
from cds_service.store.errors import StoreUnavailable
from cds_service.store.sql import SqlStore
from cds_service.store.tables import token_use
from cds_service.store.token_uses import SqlTokenUses
from tests.integration.store.altering import engine_of
from tests.integration.store.test_faults import locked
from tests.unit.store.making import decision

ISS = "https://ehr.example.org"
Open = Callable[..., SqlStore]


def later() -> float:
    return time.time() + 300


async def uses(store: SqlStore, *jtis: str) -> list[bool]:
    return await asyncio.gather(*(store.token_uses.first_use(ISS, jti, later()) for jti in jtis))


def test_a_token_is_new_once_in_all_processes_and_after_a_restart(open_store: Open) -> None:
    first, second = open_store(), open_store()
    assert asyncio.run(uses(first, "one", "one", "two")) == [True, False, True]
    assert asyncio.run(uses(second, "one", "two", "three")) == [False, False, True]
    first.close()
    assert asyncio.run(uses(open_store(), "one", "three")) == [False, False]


def test_of_two_processes_at_the_same_moment_one_is_the_first(open_store: Open) -> None:
    first, second = open_store(), open_store()
    jtis = [f"token-{i}" for i in range(60)]

    async def at_once() -> list[list[bool]]:
        return await asyncio.gather(uses(first, *jtis), uses(second, *jtis))

    for one, other in zip(*asyncio.run(at_once()), strict=True):
        assert one is not other


def test_issuers_name_their_tokens_without_asking_each_other(open_store: Open) -> None:
    guard = open_store().token_uses

    async def both() -> list[bool]:
        pairs = [("a b", "c"), ("a", "b c"), ("a", "")]
        return [await guard.first_use(*pair, later()) for pair in pairs]

    assert asyncio.run(both()) == [True, True, True]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(codec=None)))
def test_whatever_a_token_is_called_it_counts_once(tmp_path_factory: pytest.TempPathFactory, jti: str) -> None:
    guard = SqlTokenUses(database_url(_made(tmp_path_factory)), patience=1)

    async def twice() -> list[bool]:
        return [await guard.first_use(ISS, jti, later()) for _ in range(2)]

    assert asyncio.run(twice())[1] is False
    guard.close()


def _made(factory: pytest.TempPathFactory) -> str:
    address = f"sqlite:///{factory.getbasetemp()}/tokens.db"
    SqlStore(address).close()
    return address


def test_what_is_over_is_forgotten_some_minutes_later(open_store: Open, database: str) -> None:
    open_store()
    for moment, kept in ((1000.0, 1), (1000.0 + 30, 2), (1000.0 + 1000, 1)):
        guard = SqlTokenUses(database_url(database), patience=1, clock=lambda moment=moment: moment)
        assert asyncio.run(guard.first_use(ISS, f"at {moment}", moment + 60))
        guard.close()
        with engine_of(database).connect() as connection:
            assert connection.execute(select(func.count()).select_from(token_use)).scalar() == kept


def test_where_the_database_is_locked_no_token_is_taken_for_new(open_store: Open, database: str) -> None:
    store = open_store(patience=0.2)
    with locked(database, "token_use"), pytest.raises(StoreUnavailable, match=r"cannot be written|did not answer"):
        asyncio.run(uses(store, "one"))
    assert asyncio.run(uses(store, "one")) == [True]


def test_a_store_that_is_closed_takes_no_token(open_store: Open) -> None:
    store = open_store()
    store.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        asyncio.run(uses(store, "one"))


def test_tokens_and_decisions_do_not_wait_long_for_each_other(open_store: Open) -> None:
    store = open_store()

    async def both() -> tuple[int, int]:
        async with asyncio.timeout(60):
            fresh, kept = await asyncio.gather(
                uses(store, *(f"token-{i}" for i in range(300))),
                asyncio.gather(*(store.append(decision()) for _ in range(300))),
            )
        return sum(fresh), len(kept)

    assert asyncio.run(both()) == (300, 300)
    assert list(store.verify()) == []
