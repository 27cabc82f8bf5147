"""Feedback counted by policy and criterion."""

from __future__ import annotations

from datetime import timedelta

from cds_service.store.model import Caller
from cds_service.store.report import Counted, count_feedback
from cds_service.store.store import Store
from tests.unit.store.making import POLICY, RECEIVED, contents, decision, feedback, report

REASON = "https://example.org/reasons|patient-preference"


def test_feedback_is_counted_by_policy_criterion_outcome_and_reason(store: Store) -> None:
    open_report = report().replace(b'"state": "true"', b'"state": "unknown"')
    store.append_now(decision(contents=contents(determinations=open_report)))
    store.feedback_now(
        [
            feedback(timestamp="2026-01-15T10:05:00Z"),
            feedback(timestamp="2026-01-15T10:06:00Z"),
            feedback(outcome="accepted", reason=None),
        ]
    )
    assert count_feedback(store) == (
        Counted(str(POLICY), "broken", "met", "accepted", "", 1),
        Counted(str(POLICY), "broken", "met", "overridden", REASON, 2),
    )


def test_where_every_criterion_is_fulfilled_the_policy_is_counted(store: Store) -> None:
    store.append_now(decision())
    store.feedback_now([feedback()])
    assert count_feedback(store) == (Counted(str(POLICY), "", "met", "overridden", REASON, 1),)


def test_a_card_that_is_not_known_is_counted_without_a_policy(store: Store) -> None:
    store.feedback_now([feedback("unknown")])
    assert count_feedback(store) == (Counted("", "", "", "overridden", REASON, 1),)


def test_where_the_report_is_gone_the_policy_is_still_counted(store: Store) -> None:
    store.append_now(decision(contents=contents(determinations=b"")))
    store.feedback_now([feedback()])
    assert count_feedback(store) == (Counted(str(POLICY), "", "met", "overridden", REASON, 1),)


def test_another_callers_feedback_counts_for_its_own_cards_only(store: Store) -> None:
    store.append_now(decision())
    store.feedback_now([feedback(caller=Caller("https://another.example.org"))])
    assert [one.policy for one in count_feedback(store)] == [""]


def test_only_what_came_since_a_time_is_counted(store: Store) -> None:
    store.append_now(decision())
    store.feedback_now([feedback()])
    assert count_feedback(store, since=RECEIVED + timedelta(days=1)) == ()
