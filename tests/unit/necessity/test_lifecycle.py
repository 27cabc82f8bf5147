"""Whether a policy may decide: in production only what is active, approved, reviewed and in effect, to the day."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cds_service.cards import Presentation, render
from cds_service.fhir.temporal import Date, parse_date
from cds_service.necessity.lifecycle import Refusal, refusal
from cds_service.necessity.model import Outcome
from cds_service.necessity.wording import stamp_of
from cds_service.plan_definition.model import PlanDefinition
from tests.charts import shipped
from tests.unit.necessity.judging import determine, finding, judge, order
from tests.unit.plan_definition.plans import (
    ACTIVITY,
    APPROVED,
    BASE,
    CODES,
    URL,
    compiled,
    compiled_plan,
    full_plan,
    plan,
    value_set,
)

DAY = Date((2026, 6, 1))


def approved(**changes: Any) -> PlanDefinition:
    return replace(compiled_plan(full_plan(), ACTIVITY), **{"status": "active", **changes})


def dated(text: str) -> Date:
    found = parse_date(text)
    assert found is not None
    return found


def test_an_approved_policy_may_decide_in_production() -> None:
    assert refusal(approved(), DAY) is None


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"status": "draft"}, "active", "the policy is draft, not active"),
    ({"status": "retired"}, "active", "the policy is retired, not active"),
    ({"status": "unknown"}, "active", "the policy is unknown, not active"),
    ({"experimental": True}, "not-experimental", "the policy is experimental"),
    ({"review_stage": "submitted"}, "approved", "the policy is not approved: its review stage is submitted"),
    ({"review_stage": "under-review"}, "approved", "the policy is not approved: its review stage is under-review"),
    ({"review_stage": None}, "approved", "the policy is not approved: it has no review stage"),
    ({"approval_date": None}, "approved", "the policy is not approved: it has no date of approval"),
    ({"approval_date": dated("2026-06-02")}, "approved", "the policy was approved on 2026-06-02, after 2026-06-01"),
    ({"approval_date": dated("2026-06")}, "approved", "the policy was approved on 2026-06, after 2026-06-01"),
    ({"reviewers": ()}, "reviewer", "no clinician stands for the policy"),
    ({"last_review_date": None}, "reviewed", "the policy has no date of its last review"),
    (
        {"last_review_date": dated("2025-05-31")},
        "review-current",
        "the policy's last review, of 2025-05-31, is older than 12 months",
    ),
    (
        {"last_review_date": dated("2025-06")},
        "review-current",
        "the policy's last review, of 2025-06, is older than 12 months",
    ),
    ({"effective_from": None}, "effective-period", "the policy does not say from when it is in effect"),
    (
        {"effective_from": dated("2026-06-02")},
        "in-effect",
        "the policy is not yet in effect on 2026-06-01 (2026-06-02 to 2026-12-31)",
    ),
    (
        {"effective_to": dated("2026-05-31")},
        "in-effect",
        "the policy is no longer in effect on 2026-06-01 (2026-01-01 to 2026-05-31)",
    ),
    (
        {"effective_to": dated("2026-05")},
        "in-effect",
        "the policy is no longer in effect on 2026-06-01 (2026-01-01 to 2026-05)",
    ),
    ({"unverified": ("A",)}, "codes-verified", "a code of the policy is not verified: A"),
    ({"unverified": ("A", "B", "C")}, "codes-verified", "a code of the policy is not verified: A and 2 more"),
]


@pytest.mark.parametrize(("changes", "rule", "reason"), REFUSED, ids=lambda value: str(value)[:40])
def test_production_refuses_and_says_why(changes: dict[str, Any], rule: str, reason: str) -> None:
    found = refusal(approved(**changes), DAY)
    assert found is not None
    assert (found.rule, found.reason) == (rule, reason)


@pytest.mark.parametrize(("changes", "rule", "reason"), REFUSED, ids=lambda value: str(value)[:40])
def test_a_refusal_names_policy_and_rule_and_what_to_do(changes: dict[str, Any], rule: str, reason: str) -> None:
    found = refusal(approved(**changes), DAY)
    assert found is not None
    assert str(found) == f"{reason} (policy {URL}|1.0.0, rule `{rule}`). To put it right: {found.remedy}"
    assert found.remedy.endswith(".")


# -- the days on either side of a boundary ------------------------------------------------------------------------


def rule_on(day: str, **changes: Any) -> str | None:
    found = refusal(approved(**{"effective_to": None, **changes}), dated(day))
    return found and str(found.rule)


@pytest.mark.parametrize(
    ("reviewed", "last", "first_too_late"),
    [
        ("2026-01-02", "2027-01-02", "2027-01-03"),
        ("2026-02-28", "2027-02-28", "2027-03-01"),
        ("2028-02-29", "2029-02-28", "2029-03-01"),
        ("2026-03", "2027-02-28", "2027-03-01"),
        ("2026", "2026-12-31", "2027-01-01"),
    ],
)
def test_a_review_counts_for_twelve_months_to_the_day(reviewed: str, last: str, first_too_late: str) -> None:
    """Of a review dated `2026-03` it is not known on which day it was: from the first day on it may be too old."""
    assert rule_on(last, last_review_date=dated(reviewed)) is None
    assert rule_on(first_too_late, last_review_date=dated(reviewed)) == "review-current"


@pytest.mark.parametrize(
    ("months", "last", "first_too_late"), [(1, "2026-02-02", "2026-02-03"), (24, "2028-01-02", "2028-01-03")]
)
def test_an_operator_may_say_how_long_a_review_counts(months: int, last: str, first_too_late: str) -> None:
    made = approved(effective_to=None)
    assert refusal(made, dated(last), review_valid_months=months) is None
    assert refusal(made, dated(first_too_late), review_valid_months=months) is not None


@pytest.mark.parametrize(
    ("period", "before", "first", "last", "after"),
    [
        (("2026-03-01", "2026-09-30"), "2026-02-28", "2026-03-01", "2026-09-30", "2026-10-01"),
        (("2026-03", "2026-09"), "2026-02-28", "2026-03-01", "2026-09-30", "2026-10-01"),
        (("2026-02", "2026-02"), "2026-01-31", "2026-02-01", "2026-02-28", "2026-03-01"),
        (("2026-03-05", "2026-03-05"), "2026-03-04", "2026-03-05", "2026-03-05", "2026-03-06"),
    ],
)
def test_both_ends_of_a_period_count(period: tuple[str, str], before: str, first: str, last: str, after: str) -> None:
    effective = {"effective_from": dated(period[0]), "effective_to": dated(period[1])}
    assert rule_on(before, **effective) == "in-effect"
    assert rule_on(first, **effective) is None
    assert rule_on(last, **effective) is None
    assert rule_on(after, **effective) == "in-effect"


def test_a_policy_decides_from_the_day_of_its_approval() -> None:
    assert rule_on("2026-03-14", approval_date=dated("2026-03-15")) == "approved"
    assert rule_on("2026-03-15", approval_date=dated("2026-03-15")) is None


def test_a_later_review_does_not_undo_an_earlier_day() -> None:
    assert rule_on("2026-03-01", last_review_date=dated("2026-05-01")) is None


def test_nothing_that_is_shipped_may_decide_in_production() -> None:
    assert all(refusal(one, DAY) for one in shipped().plans)


# -- what production and sandbox make of it -----------------------------------------------------------------------


def test_production_evaluates_what_is_approved() -> None:
    found = determine(plan(**APPROVED), finding("broken"), production=True)
    assert (found.outcome, found.refusal, found.problem) == (Outcome.MET, None, None)


def test_production_makes_no_clinical_result_of_a_refused_policy() -> None:
    found = determine(plan(), finding("broken"), production=True)
    assert (found.outcome, found.kind, found.results) == (Outcome.NOT_EVALUATED, None, ())
    assert isinstance(found.refusal, Refusal)


def test_a_sandbox_evaluates_a_draft_and_keeps_what_production_would_say() -> None:
    found = determine(plan(), finding("broken"))
    assert (found.outcome, found.problem) == (Outcome.MET, None)
    assert found.refusal is not None
    assert found.refusal.rule == "active"


@pytest.mark.parametrize(
    ("changes", "stamp"),
    [
        ({"status": "draft"}, "DRAFT POLICY - NOT FOR CLINICAL USE"),
        ({"reviewer": []}, "POLICY NOT RELEASED - NOT FOR CLINICAL USE"),
        ({}, None),
    ],
)
def test_a_sandbox_stamps_what_production_would_refuse(changes: dict[str, Any], stamp: str | None) -> None:
    found = determine(plan(**{**APPROVED, **changes}), finding("broken"))
    assert stamp_of(found) == stamp
    (card,) = render([found], Presentation("cds-service", "http://127.0.0.1:8000", sandbox=True))
    assert card.detail is not None
    assert card.detail.startswith(f"**{stamp}**" if stamp else "**A**")


def test_the_validity_of_reviews_is_handed_down() -> None:
    late: dict[str, Any] = {"received": dated("2026-05-01"), "production": True}
    ordered = order(authoredOn="2026-05-01")
    assert determine(plan(**APPROVED), ordered, **late).outcome is not Outcome.NOT_EVALUATED
    assert determine(plan(**APPROVED), ordered, **late, review_valid_months=3).outcome is Outcome.NOT_EVALUATED


@pytest.mark.parametrize(("mark", "outcome"), [("unverified", Outcome.NOT_EVALUATED), ("read-elsewhere", Outcome.MET)])
def test_a_code_that_nobody_verified_bars_an_active_policy(mark: str, outcome: Outcome) -> None:
    concept = {
        "code": "A",
        "extension": [
            {"url": "https://cds-service.example/fhir/StructureDefinition/code-verification", "valueCode": mark}
        ],
    }
    codes = value_set("widgets", compose={"include": [{"system": CODES, "concept": [concept]}]})
    found = determine(compiled(plan(**APPROVED), sets=[codes]), finding("broken"), production=True)
    assert found.outcome is outcome


# -- versions side by side ----------------------------------------------------------------------------------------


def version(number: str, start: str | None, end: str | None = None, **more: Any) -> dict[str, Any]:
    period = {key: value for key, value in (("start", start), ("end", end)) if value}
    reviewed = {"approvalDate": start, "lastReviewDate": start}
    return plan(**{**APPROVED, **reviewed, "version": number, "effectivePeriod": period, **more})


SIDE_BY_SIDE = compiled(version("1.9.0", "2025-07-01", "2025-12-31"), version("1.10.0", "2026-01-01", "2026-06-30"))


def decided(day: str, **more: Any) -> list[tuple[str, Outcome]]:
    found = judge(SIDE_BY_SIDE, order(authoredOn=day), received=dated(day), **more).determinations
    return [(one.plan.version, one.outcome) for one in found]


@pytest.mark.parametrize(
    ("day", "number"),
    [("2025-07-01", "1.9.0"), ("2025-12-31", "1.9.0"), ("2026-01-01", "1.10.0"), ("2026-06-30", "1.10.0")],
)
def test_the_version_in_effect_on_the_date_of_the_order_decides(day: str, number: str) -> None:
    assert decided(day) == decided(day, production=True) == [(number, Outcome.INFORMATION_MISSING)]


@pytest.mark.parametrize(("day", "number"), [("2025-06-30", "1.9.0"), ("2026-07-01", "1.10.0")])
def test_outside_all_periods_the_nearest_version_is_refused_in_production(day: str, number: str) -> None:
    assert decided(day, production=True) == [(number, Outcome.NOT_EVALUATED)]
    assert decided(day) == [(number, Outcome.INFORMATION_MISSING)]


def test_between_two_periods_the_earlier_version_is_the_one_that_was_in_effect() -> None:
    gap = compiled(version("1", "2025-01-01", "2025-06-30"), version("2", "2026-01-01"))
    (found,) = judge(gap, order(authoredOn="2025-09-01"), production=True).determinations
    assert (found.plan.version, found.outcome) == ("1", Outcome.NOT_EVALUATED)


def test_two_orders_of_one_request_may_fall_under_two_versions() -> None:
    found = judge(SIDE_BY_SIDE, order("A", authoredOn="2025-12-31"), order("B", "o2", authoredOn="2026-01-01"))
    assert [(one.order.code, one.plan.version) for one in found.determinations] == [("A", "1.9.0"), ("B", "1.10.0")]


def test_a_code_that_the_version_in_effect_dropped_is_not_covered() -> None:
    wide, narrow = version("1", "2025-01-01", "2025-12-31"), version("2", "2026-01-01")
    narrow["action"][0]["input"][0]["codeFilter"][0]["valueSet"] = f"{BASE}/ValueSet/gadgets"
    both = compiled(wide, narrow)
    old, new = (judge(both, order("A", authoredOn=day)) for day in ("2025-12-31", "2026-01-01"))
    assert [one.plan.version for one in old.determinations] == ["1"]
    assert (new.determinations, [one.code for one in new.not_covered]) == ((), ["A"])


def test_each_version_reads_its_own_version_of_a_value_set() -> None:
    sets = [value_set("widgets", "A"), value_set("widgets", "A", "B", version="2")]
    plans = [version("1", "2025-01-01", "2025-12-31"), version("2", "2026-01-01")]
    for number, one in zip("12", plans, strict=True):
        one["action"][0]["input"][0]["codeFilter"][0]["valueSet"] = f"{BASE}/ValueSet/widgets|{number}"
    both = compiled(*plans, sets=sets)
    old, new = (judge(both, order("B", authoredOn=day)) for day in ("2025-12-31", "2026-01-01"))
    assert (len(old.determinations), len(new.determinations)) == (0, 1)
