"""What the reviewer's pages are made of, piece by piece: sessions, what people said, what is asked for, charts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cds_service.api.reviewer.answer import seen
from cds_service.api.reviewer.charts import HEIGHT, charts
from cds_service.api.reviewer.queue import Asked, asked_of
from cds_service.api.reviewer.refusal import Refusal
from cds_service.api.reviewer.sessions import LIFETIME, Attempts, Sessions
from cds_service.plan_definition.policies import Policies
from cds_service.store.memory import InMemoryStore
from cds_service.store.model import Caller, Decision, Determined, PolicyVersion
from cds_service.store.reviews import Review, record_of, reviews_of, standing_of, subject_of

NOW = 1_800_000_000.5
WHEN = datetime(2026, 1, 15, 10, tzinfo=UTC)


class Clock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


# -- sessions -----------------------------------------------------------------------------------------------------


def test_a_session_is_read_back_for_a_working_day() -> None:
    clock = Clock()
    sessions = Sessions(b"key", clock)
    cookie = sessions.begin("will")
    session = sessions.read(cookie)
    assert session is not None
    assert session.name == "will"
    clock.now += LIFETIME + 1
    assert sessions.read(cookie) is None


def test_what_another_key_signed_is_not_read() -> None:
    assert Sessions(b"one", Clock()).read(Sessions(b"other", Clock()).begin("will")) is None


def test_a_changed_cookie_is_not_read() -> None:
    sessions = Sessions(b"key", Clock())
    cookie = sessions.begin("will")
    for at in range(0, len(cookie), 7):
        changed = cookie[:at] + ("A" if cookie[at] != "A" else "B") + cookie[at + 1 :]
        assert sessions.read(changed) is None


def test_a_form_is_good_for_whom_it_was_made_and_not_as_a_cookie() -> None:
    clock = Clock()
    sessions = Sessions(b"key", clock)
    token = sessions.form_token("will")
    assert sessions.form_made(token, "will") == int(NOW * 1000)
    assert sessions.form_made(token, "ann") is None
    assert sessions.read(token) is None
    clock.now += LIFETIME + 1
    assert sessions.form_made(token, "will") is None


def test_after_five_failures_an_address_waits_and_others_do_not() -> None:
    clock = Clock()
    attempts = Attempts(clock)
    for _ in range(5):
        assert attempts.wait("one") == 0
        attempts.failed("one")
    assert 0 < attempts.wait("one") <= 61
    assert attempts.wait("other") == 0
    clock.now += 61
    assert attempts.wait("one") == 0


def test_all_addresses_together_wait_too() -> None:
    attempts = Attempts(Clock())
    for i in range(Attempts.MOST_OF_ALL):
        attempts.failed(str(i))
    assert attempts.wait("new") > 0


# -- what people said ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "standing"),
    [
        ([], "open"),
        ([("ann", "agreed")], "agreed"),
        ([("ann", "agreed"), ("will", "disagreed")], "disagreed"),
        ([("will", "disagreed"), ("ann", "agreed"), ("will", "agreed")], "agreed"),
    ],
)
def test_the_last_words_of_all_reviewers_come_to_one_standing(said: list[tuple[str, str]], standing: str) -> None:
    assert standing_of(Review(by, outcome, "", "") for by, outcome in said) == standing


def test_a_review_is_of_one_clients_determination() -> None:
    one, other = Caller("https://a.example", "x"), Caller("https://a.example", "y")
    assert len({subject_of(caller, name) for caller in (one, other) for name in ("d1", "d2")}) == 4


def test_a_review_is_read_back_with_its_reason() -> None:
    store, subject = InMemoryStore(), subject_of(Caller(), "d1")
    store.feedback_now([record_of(subject, "will", "disagreed", "seen", made=0, received=WHEN)])
    assert reviews_of(store, subject) == (Review("will", "disagreed", "1970-01-01T00:00:00.000+00:00", "seen"),)
    assert reviews_of(store, subject_of(Caller(), "d2")) == ()


# -- what is asked for --------------------------------------------------------------------------------------------


def test_a_query_becomes_filters() -> None:
    asked = asked_of({"outcome": "met", "client": "https://a.example|x", "since": "2026-01-01", "until": "2026-01-01"})
    filters = asked.filters
    assert (filters.outcome, filters.caller) == ("met", Caller("https://a.example", "x"))
    assert (filters.since, filters.until) == (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))


def test_an_address_keeps_what_was_asked_for() -> None:
    asked = Asked(outcome="met", code="a&b")
    assert asked.url(following=7) == "/review?outcome=met&code=a%26b&following=7"


@pytest.mark.parametrize(
    "query", [{"outcome": "denied"}, {"review": "later"}, {"since": "2026-1-1"}, {"following": "²"}]
)
def test_what_cannot_be_asked_for_is_refused_without_repeating_it(query: dict[str, str]) -> None:
    with pytest.raises(Refusal) as refused:
        asked_of(query)
    assert refused.value.status == 400
    assert next(iter(query.values())) not in refused.value.text


# -- charts and texts ---------------------------------------------------------------------------------------------


def decided(day: int, *outcomes: str) -> Decision:
    policy = PolicyVersion("https://example.org/p", "1", "h")
    return Decision(
        exchange=f"{day}-{outcomes}",
        service="s",
        hook="order-sign",
        received=WHEN.replace(day=day),
        mode="sandbox",
        engine="0",
        determined=tuple(Determined(f"{day}{i}", policy, "s", "c", one) for i, one in enumerate(outcomes)),
    )


def test_the_bars_of_a_day_stand_on_each_other_and_the_fullest_day_fills_the_chart() -> None:
    store = InMemoryStore()
    for one in (decided(2, "met", "met", "not-met", "met"), decided(3, "met"), decided(4)):
        store.append_now(one)
    days = charts(store, Policies(()))["days"]
    assert [day["day"] for day in days] == ["2026-01-02", "2026-01-03"]
    full, least = (day["bars"] for day in days)
    assert [(bar["outcome"], bar["y"], bar["height"]) for bar in full] == [
        ("met", HEIGHT / 4, HEIGHT * 3 / 4),
        ("not-met", 0, HEIGHT / 4),
    ]
    assert least[0]["height"] == HEIGHT / 4


def test_texts_are_shown_without_what_a_reader_cannot_see() -> None:
    assert seen({"a": ["x\u202ey\x00", 1, None, ("b",)]}) == {"a": ["x y", 1, None, ["b"]]}
