from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.cds_hooks import parse_feedback

from . import messages
from .messages import refused_at

OVERRIDDEN = {"card": "c-1", "outcome": "overridden", "outcomeTimestamp": "2026-01-15T10:05:31Z"}


def feedback(**changes: object) -> Any:
    return parse_feedback({"feedback": [OVERRIDDEN | changes]}).entries[0]


@pytest.mark.requirement("FB2")
def test_accepted_and_overridden_cards_are_read():
    accepted, overridden = parse_feedback(messages.feedback()).entries
    assert (accepted.card, accepted.outcome) == ("c-1", "accepted")
    assert [suggestion.id for suggestion in accepted.accepted_suggestions] == ["s-1"]
    assert overridden.override_reason.reason.code == "refused"
    assert overridden.override_reason.user_comment == "Already done"


@pytest.mark.requirement("FB4")
@pytest.mark.parametrize("body", [{}, {"feedback": None}, {"feedback": {}}, {"feedback": []}], ids=repr)
def test_feedback_is_an_array_with_entries(body: dict[str, Any]):
    with refused_at("feedback"):
        parse_feedback(body)


@pytest.mark.requirement("FB2")
@pytest.mark.parametrize("member", ["card", "outcome", "outcomeTimestamp"])
def test_an_entry_without_a_required_member_is_refused(member: str):
    entry = OVERRIDDEN.copy()
    del entry[member]
    for wrong in (entry, OVERRIDDEN | {member: ""}, OVERRIDDEN | {member: None}):
        with refused_at(f"feedback[0].{member}"):
            parse_feedback({"feedback": [wrong]})


def test_a_card_is_named_by_at_most_256_characters():
    assert feedback(card="c" * 256)
    with refused_at("feedback[0].card"):
        feedback(card="c" * 257)


@pytest.mark.requirement("FB2")
def test_another_outcome_is_refused():
    with refused_at("feedback[0].outcome"):
        feedback(outcome="ignored")


@pytest.mark.requirement("FB2")
def test_accepted_needs_the_suggestions():
    for missing in ({}, {"acceptedSuggestions": []}):
        with refused_at("feedback[0].acceptedSuggestions"):
            feedback(outcome="accepted", **missing)
    assert feedback(outcome="accepted", acceptedSuggestions=[{"id": "s-1"}])


@pytest.mark.requirement("FB2")
def test_an_accepted_suggestion_has_an_id():
    with refused_at("feedback[0].acceptedSuggestions[0].id"):
        feedback(outcome="accepted", acceptedSuggestions=[{"uuid": "s-1"}])


def test_a_card_may_be_overridden_without_reason():
    assert feedback().override_reason is None


def test_a_reason_may_come_without_display():
    reason = feedback(overrideReason={"reason": {"code": "c", "system": "https://example.org"}}).override_reason.reason
    assert (reason.code, reason.display) == ("c", None)


@pytest.mark.requirement("FB3")
def test_a_reason_needs_its_code_and_system():
    with refused_at("feedback[0].overrideReason.reason.system"):
        feedback(overrideReason={"reason": {"code": "c"}})


@pytest.mark.requirement("FB3")
@pytest.mark.parametrize("reason", [{"userComment": "Done elsewhere"}, {"userComment": ""}, {}], ids=repr)
def test_a_comment_may_stand_alone(reason: dict[str, Any]):
    assert feedback(overrideReason=reason).override_reason.reason is None


def test_a_comment_is_a_string():
    with refused_at("feedback[0].overrideReason.userComment"):
        feedback(overrideReason={"userComment": ["x"]})


@pytest.mark.requirement("FB4")
def test_one_card_may_be_reported_again():
    assert len(parse_feedback({"feedback": [OVERRIDDEN, OVERRIDDEN]}).entries) == 2


@given(st.datetimes(), st.sampled_from(["Z", "z", "+00:00", "-00:00", "+05:30", "-11:00"]))
def test_a_timestamp_is_kept_as_text(moment: datetime, offset: str):
    text = moment.isoformat() + offset
    assert feedback(outcomeTimestamp=text).outcome_timestamp == text


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_utc_time_of_any_precision_is_a_timestamp(moment: datetime):
    for precision in ("seconds", "milliseconds", "microseconds"):
        assert feedback(outcomeTimestamp=moment.isoformat(timespec=precision))


@pytest.mark.parametrize("text", ["2016-12-31T23:59:60Z", "2026-01-15t10:05:31.5z", "2026-01-15T10:05:31.123456789Z"])
def test_leap_seconds_small_letters_and_nanoseconds_are_rfc_3339(text: str):
    assert feedback(outcomeTimestamp=text).outcome_timestamp == text


@pytest.mark.requirement("FB2")
@pytest.mark.parametrize(
    "text",
    [
        "2026-01-15",
        "2026-01-15T10:05Z",
        "2026-01-15T10:05:31",
        "2026-01-15 10:05:31Z",
        "2026-02-30T10:05:31Z",
        "2026-01-15T24:00:00Z",
        "2026-01-15T10:60:31Z",
        "2026-01-15T10:05:61Z",
        "2026-01-15T10:05:31+24:00",
        "2026-01-15T10:05:31+0100",
        "2026-01-15T10:05:31.Z",
        "2026-01-15T10:05:31.1234567890Z",
        "20260115T100531Z",
        "٢٠٢٦-01-15T10:05:31Z",
        "2026-01-15T10:05:31.٥Z",
        " 2026-01-15T10:05:31Z",
        "2026-01-15T10:05:31Z\n",
        "yesterday",
        1768471531,
    ],
    ids=repr,
)
def test_what_rfc_3339_does_not_allow_is_refused(text: object):
    with refused_at("feedback[0].outcomeTimestamp"):
        feedback(outcomeTimestamp=text)
