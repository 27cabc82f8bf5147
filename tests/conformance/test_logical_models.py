"""What we send keeps the invariants of CDS Hooks' own logical models, asked by our own FHIRPath engine."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from cds_service.cds_hooks import ProtocolError, parse_feedback
from tests.conformance.answers import as_payer, as_provider, discoveries, requests
from tests.conformance.logical_models import CARDINALITIES, INVARIANTS, Invariant, judged

Json = dict[str, Any]
OF_ANSWERS = [pytest.param(one, marks=pytest.mark.requirement(one)) for one in INVARIANTS if one.startswith("cds-resp")]
FEEDBACK = {
    "card": "c1",
    "outcome": "accepted",
    "acceptedSuggestions": [{"id": "s1"}],
    "outcomeTimestamp": "2026-01-15T10:00:00Z",
}


def broken(invariant: Invariant, messages: dict[str, Json]) -> list[str]:
    """Return the messages of which an invariant is not true."""
    return [name for name, message in messages.items() if not all(judged(invariant, message))]


def answers() -> dict[str, Json]:
    return {**as_provider(), **as_payer()}


@pytest.mark.parametrize("name", OF_ANSWERS)
def test_an_invariant_is_true_of_every_answer(name: str) -> None:
    assert broken(INVARIANTS[name], answers()) == []


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.requirement("cds-resp-cardinality", *one.shows))
        for name, one in CARDINALITIES.items()
    ],
)
def test_members_are_there_as_often_as_they_must(name: str) -> None:
    messages = {**answers(), **{str(number): one for number, one in enumerate(discoveries())}}
    assert broken(CARDINALITIES[name], messages) == []
    assert any(judged(CARDINALITIES[name], message) for message in messages.values())


@pytest.mark.requirement("cds-r-1")
def test_the_requests_that_come_with_the_service_keep_theirs() -> None:
    assert broken(INVARIANTS["cds-r-1"], dict(requests())) == []


@pytest.mark.parametrize(
    ("name", "change", "accepted"),
    [
        pytest.param("cds-fb-1", {"outcome": "ignored"}, False, marks=pytest.mark.requirement("cds-fb-1")),
        pytest.param("cds-fb-2", {"acceptedSuggestions": []}, False, marks=pytest.mark.requirement("cds-fb-2")),
        pytest.param("cds-fb-3", {"overrideReason": {}}, True, marks=pytest.mark.requirement("cds-fb-3")),
    ],
)
def test_feedback_that_breaks_an_invariant_is_refused_unless_clients_are_known_to(
    name: str, change: Json, accepted: bool
) -> None:
    kept, wrong = {"feedback": [FEEDBACK]}, {"feedback": [{**FEEDBACK, **change}]}
    assert all(judged(INVARIANTS[name], kept))
    assert not all(judged(INVARIANTS[name], wrong))
    parse_feedback(kept)
    if accepted:
        parse_feedback(wrong)
    else:
        with pytest.raises(ProtocolError):
            parse_feedback(wrong)


# -- the invariants themselves --------------------------------------------------------------------------------

ACTION = {"type": "delete", "description": "Take it out", "resourceId": "ServiceRequest/o1"}
SOUND: Json = {
    "cards": [
        {
            "uuid": "0b7e4f3a-5a3c-4a53-9c52-6f0f6f1d2c3b",
            "summary": "Look.",
            "indicator": "info",
            "source": {"label": "Us", "topic": {"code": "guideline", "system": "urn:t"}},
            "selectionBehavior": "at-most-one",
            "suggestions": [
                {
                    "label": "Out",
                    "uuid": "0b7e4f3a-5a3c-4a53-9c52-6f0f6f1d2c3c",
                    "isRecommended": True,
                    "actions": [ACTION],
                }
            ],
            "overrideReasons": [{"code": "x", "system": "urn:r", "display": "Seen elsewhere"}],
            "links": [{"label": "Policy", "url": "https://p.example", "type": "absolute"}],
        }
    ],
    "systemActions": [{**ACTION, "type": "update", "resource": {"resourceType": "ServiceRequest"}}],
}
SUGGESTION = ("cards", 0, "suggestions", 0)
WRONG: list[tuple[str, tuple[Any, ...], Any]] = [
    ("cds-resp-1", ("cards", 0, "suggestions"), [{"isRecommended": True}] * 2),
    ("cds-resp-2", (*SUGGESTION, "actions", 0, "resource"), {"resourceType": "ServiceRequest"}),
    ("cds-resp-2", (*SUGGESTION, "actions", 0, "resourceId"), None),
    ("cds-resp-3", ("cards", 0, "links", 0, "appContext"), "x"),
    ("cds-resp-4", ("cards", 0, "overrideReasons", 0, "display"), None),
    ("cds-resp-5", (*SUGGESTION, "actions", 0, "description"), None),
    ("cds-resp-6", ("cards", 0, "selectionBehavior"), None),
    ("cds-resp-7", (*SUGGESTION, "actionSelectionBehavior"), "some"),
    ("a card", ("cards", 0, "source"), None),
    ("a card's summary", ("cards", 0, "summary"), "x" * 140),
    ("a card's codes", ("cards", 0, "indicator"), "hard-stop"),
    ("a card's uuid", ("cards", 0, "uuid"), "c1"),
    ("a source", ("cards", 0, "source", "label"), None),
    ("a topic", ("cards", 0, "source", "topic", "system"), None),
    ("a suggestion", (*SUGGESTION, "uuid"), None),
    ("an action", ("systemActions", 0, "resource"), None),
    ("an action", ("systemActions", 0, "description"), None),
    ("a link", ("cards", 0, "links", 0, "url"), "policy.html"),
    ("a reason", ("cards", 0, "overrideReasons", 0, "system"), None),
]


@pytest.mark.parametrize(("name", "path", "value"), WRONG, ids=lambda one: one if isinstance(one, str) else "")
def test_an_invariant_notices_what_it_forbids(name: str, path: tuple[Any, ...], value: Any) -> None:
    """What is changed to None is taken out."""
    invariant = (INVARIANTS | CARDINALITIES)[name]
    wrong = deepcopy(SOUND)
    *steps, last = path
    holder: Any = wrong
    for step in steps:
        holder = holder[step]
    if value is None:
        del holder[last]
    else:
        holder[last] = value
    assert all(judged(invariant, SOUND))
    assert not all(judged(invariant, wrong))


def test_a_request_without_the_server_of_its_token_is_noticed() -> None:
    assert judged(INVARIANTS["cds-r-1"], {"fhirAuthorization": {"access_token": "x"}}) == [False]


def test_every_invariant_of_answers_is_shown_to_notice_something() -> None:
    assert {name for name, _, _ in WRONG} >= {one.values[0] for one in OF_ANSWERS}
