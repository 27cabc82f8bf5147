"""Tokens that were seen."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.security import InMemoryReplayGuard, ReplayGuardFull
from tests.unit.security.world import run


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_token_is_new_once() -> None:
    guard = InMemoryReplayGuard(Clock())
    assert [run(guard.first_use("a", "one", 10)) for _ in range(3)] == [True, False, False]


def test_issuers_name_their_tokens_without_asking_each_other() -> None:
    guard = InMemoryReplayGuard(Clock())
    assert run(guard.first_use("a", "one", 10))
    assert run(guard.first_use("b", "one", 10))


def test_a_token_is_forgotten_when_it_expires_and_not_before() -> None:
    clock = Clock()
    guard = InMemoryReplayGuard(clock, most_tokens=2)
    run(guard.first_use("a", "long", 20))
    run(guard.first_use("a", "short", 10))
    clock.now = 9.999
    assert not run(guard.first_use("a", "short", 10))
    clock.now = 10
    assert run(guard.first_use("a", "another", 30))
    assert not run(guard.first_use("a", "long", 20))


def test_a_guard_that_is_full_says_so_and_forgets_nothing() -> None:
    guard = InMemoryReplayGuard(Clock(), most_tokens=2)
    for jti in ("one", "two"):
        run(guard.first_use("a", jti, 10))
    with pytest.raises(ReplayGuardFull):
        run(guard.first_use("a", "three", 10))
    assert not run(guard.first_use("a", "one", 10))


def test_an_issuer_cannot_use_up_the_share_of_another() -> None:
    guard = InMemoryReplayGuard(Clock(), most_tokens=1)
    run(guard.first_use("a", "one", 10))
    assert run(guard.first_use("b", "one", 10))


def test_of_calls_at_the_same_moment_one_is_the_first() -> None:
    guard = InMemoryReplayGuard(Clock())

    async def at_once() -> list[bool]:
        return await asyncio.gather(*(guard.first_use("a", "one", 10) for _ in range(20)))

    assert sum(run(at_once())) == 1


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 5), st.integers(0, 3))))
def test_no_token_is_taken_twice_while_it_lives(uses: list[tuple[str, int, int]]) -> None:
    """Against a list that is searched; a token's name comes back with another life only after it has died."""
    clock, alive = Clock(), dict[str, float]()
    guard = InMemoryReplayGuard(clock)
    for jti, life, later in uses:
        clock.now += later
        first = alive.get(jti, -1.0) <= clock.now
        assert run(guard.first_use("a", jti, clock.now + life)) is first
        if first:
            alive[jti] = clock.now + life
