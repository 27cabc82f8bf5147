from __future__ import annotations

from cds_service.ehr.breaker import Breaker


def failing(breaker: Breaker, *times: float) -> Breaker:
    for time in times:
        breaker.failed(time, time)
    return breaker


def test_it_opens_after_so_many_failures_in_a_row() -> None:
    breaker = failing(Breaker(most=3), 1, 2)
    assert breaker.lets_through(3)
    assert not failing(breaker, 3).lets_through(4)


def test_an_answer_between_failures_begins_the_count_anew() -> None:
    breaker = failing(Breaker(most=2), 1)
    breaker.succeeded()
    assert failing(breaker, 2).lets_through(3)


def test_failures_at_the_same_time_are_one_outage() -> None:
    breaker = Breaker(most=2)
    for noticed in (4, 5, 6):
        breaker.failed(started=1, now=noticed)
    assert breaker.lets_through(7)


def test_after_the_pause_one_request_goes_through_as_a_trial() -> None:
    breaker = failing(Breaker(most=1, pause=10), 1)
    assert [breaker.lets_through(now) for now in (10, 11, 12)] == [False, True, False]


def test_a_trial_that_succeeds_closes_it() -> None:
    breaker = failing(Breaker(most=1, pause=10), 1)
    assert breaker.lets_through(11)
    breaker.succeeded()
    assert breaker.lets_through(12)


def test_a_trial_that_fails_begins_another_pause() -> None:
    breaker = failing(Breaker(most=1, pause=10), 1)
    assert breaker.lets_through(11)
    breaker.failed(started=11, now=14)
    assert [breaker.lets_through(now) for now in (23, 24)] == [False, True]


def test_a_trial_that_is_never_heard_of_again_does_not_keep_it_open() -> None:
    breaker = failing(Breaker(most=1, pause=10), 1)
    assert breaker.lets_through(11)
    assert breaker.lets_through(21)
