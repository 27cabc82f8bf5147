"""Whether a policy may decide at all: in production only what is active, approved, reviewed and in effect."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cds_service.fhir.temporal import Date, parse_date
from cds_service.necessity.lifecycle import refusal
from cds_service.plan_definition.model import PlanDefinition
from tests.charts import shipped
from tests.unit.plan_definition.plans import ACTIVITY, compiled_plan, full_plan

DAY = Date((2026, 6, 1))


def approved(**changes: Any) -> PlanDefinition:
    return replace(compiled_plan(full_plan(), ACTIVITY), status="active", **changes)


def dated(text: str) -> Date | None:
    return parse_date(text)


def test_an_approved_policy_may_decide_in_production() -> None:
    assert refusal(approved(), DAY, production=True) is None


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"status": "draft"}, "the policy is draft, not active"),
    ({"status": "retired"}, "the policy is retired, not active"),
    ({"status": "unknown"}, "the policy is unknown, not active"),
    ({"experimental": True}, "the policy is active and experimental, not active"),
    ({"review_stage": "under-review"}, "the policy is not approved by a clinician"),
    ({"review_stage": None}, "the policy is not approved by a clinician"),
    ({"approval_date": None}, "the policy is not approved by a clinician"),
    ({"last_review_date": None}, "the policy has no date of its last review"),
    ({"last_review_date": dated("2025-05-31")}, "the policy's last review is older than 12 months"),
    ({"last_review_date": dated("2025-05")}, "the policy's last review is older than 12 months"),
    ({"last_review_date": dated("2025")}, "the policy's last review is older than 12 months"),
    ({"effective_from": dated("2026-06-02")}, "the policy is not in effect on this date"),
    ({"effective_from": dated("2027")}, "the policy is not in effect on this date"),
    ({"effective_to": dated("2026-05-31")}, "the policy is not in effect on this date"),
    ({"effective_to": dated("2026-05")}, "the policy is not in effect on this date"),
]


@pytest.mark.parametrize(("change", "why"), REFUSED, ids=repr)
def test_production_refuses_and_says_why(change: dict[str, Any], why: str) -> None:
    made = approved()
    assert refusal(replace(made, **change), DAY, production=True) == why


@pytest.mark.parametrize(("change", "_why"), REFUSED, ids=repr)
def test_a_sandbox_refuses_nothing(change: dict[str, Any], _why: str) -> None:
    assert refusal(replace(approved(), **change), DAY, production=False) is None


@pytest.mark.parametrize(
    "change",
    [
        {"last_review_date": dated("2025-06-01")},
        {"last_review_date": dated("2026-06-01")},
        {"last_review_date": dated("2026")},
        {"effective_from": dated("2026-06-01")},
        {"effective_to": dated("2026-06-01")},
        {"effective_from": dated("2026"), "effective_to": dated("2026")},
        {"effective_from": None, "effective_to": None},
    ],
    ids=repr,
)
def test_the_last_day_of_a_period_still_counts(change: dict[str, Any]) -> None:
    assert refusal(approved(**change), DAY, production=True) is None


@pytest.mark.parametrize("text", ["2025-06", "2025"])
def test_a_review_that_may_be_too_old_is_too_old(text: str) -> None:
    """A review dated `2025-06` may have been on any of its days: within the year is not certain on 15 June 2026."""
    late = Date((2026, 6, 15))
    assert refusal(approved(last_review_date=dated(text)), late, production=True) is not None


def test_nothing_that_is_shipped_may_decide_in_production() -> None:
    assert all(refusal(one, DAY, production=True) for one in shipped().plans)
