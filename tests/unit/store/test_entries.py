"""Entries: what goes in comes out, and the content holds nothing of a chart."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.store.entries import content_of, contents_of, decision_of, entry_of, feedback_of
from cds_service.store.model import Caller, Decision
from cds_service.store.payload import Keys, unpack
from tests.unit.store.making import CANARY, RECEIVED, TOKEN, contents, decision, determined, feedback

KEYS = Keys()


def read_back(one: Decision) -> Decision:
    entry = entry_of(one, KEYS, recorded=RECEIVED)
    content = content_of(entry.content)
    assert entry.payload is not None
    assert content.payload is not None
    packed = KEYS.open(entry.payload, about=entry.id, digest=content.payload.digest, size=content.payload.size)
    return decision_of(content, contents_of(packed))


def test_a_decision_comes_back_as_it_was() -> None:
    one = decision(determined=(determined(), determined("not-met", "remove")), status=200)
    assert read_back(one) == one


@given(st.text(), st.text(), st.text(), st.binary())
def test_whatever_a_client_calls_itself_comes_back(issuer: str, tenant: str, instance: str, response: bytes) -> None:
    one = decision(caller=Caller(issuer, tenant), hook_instance=instance, contents=contents(response=response))
    assert read_back(one) == one


def test_half_a_character_in_a_token_is_replaced() -> None:
    assert Caller("i\ud800", "t") == Caller("i?", "t")


@pytest.mark.parametrize("thing", [decision(), feedback()])
def test_a_content_holds_nothing_of_a_chart(thing: Decision) -> None:
    assert CANARY.encode() not in entry_of(thing, KEYS, recorded=RECEIVED).content


def test_feedback_comes_back_with_its_comment() -> None:
    entry = entry_of(feedback(), KEYS, recorded=RECEIVED)
    content = content_of(entry.content)
    assert entry.payload is not None
    assert content.payload is not None
    packed = KEYS.open(entry.payload, about=entry.id, digest=content.payload.digest, size=content.payload.size)
    assert feedback_of(content, str(unpack(packed)["comment"])) == feedback()


def test_no_token_gets_into_a_decision() -> None:
    one = decision()
    assert one.contents is not None
    assert TOKEN.encode() not in one.contents.request
    assert TOKEN not in repr(one)


def test_equal_content_has_an_equal_id_and_a_repeat_is_another_exchange() -> None:
    first, second = decision(), decision()
    assert first.id == second.id
    assert first.exchange != second.exchange


@pytest.mark.parametrize(
    "changed",
    [
        {"engine": "0.2.0"},
        {"mode": "production"},
        {"as_of": "2026-01-16"},
        {"caller": Caller("https://another.example.org")},
        {"status": 412},
        {"determined": ()},
        {"policy_revision": "r2"},
        {"contents": contents(response=b"{}")},
        {"contents": contents(fetched=b"{}")},
        {"contents": contents(request=b"{}")},
    ],
)
def test_other_content_has_another_id(changed: dict[str, object]) -> None:
    assert decision(**changed).id != decision().id


def test_an_id_stays_when_the_contents_are_gone() -> None:
    one = decision()
    assert replace(one, contents=None).id == one.id


def test_a_token_of_a_later_try_does_not_make_it_another_decision() -> None:
    held = contents()
    retried = replace(held, request=held.request[:-1] + b',"fhirAuthorization":{"access_token":"another-one-later"}}')
    assert decision(contents=retried).id == decision(contents=held).id


@pytest.mark.parametrize(
    ("same", "changed"),
    [
        (True, {"received": RECEIVED.replace(year=2027)}),
        (True, {"comment": None}),
        (True, {"reason": None}),
        (False, {"outcome": "accepted"}),
        (False, {"timestamp": "2026-01-15T10:06:00Z"}),
        (False, {"card": "another"}),
        (False, {"caller": Caller("https://another.example.org", "north")}),
    ],
)
def test_feedback_is_the_same_for_the_same_caller_card_outcome_and_time(same: bool, changed: dict[str, object]) -> None:
    assert (feedback(**changed).id == feedback().id) is same
