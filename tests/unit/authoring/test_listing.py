"""Policies as a list: what an operator learns before production does."""

from __future__ import annotations

import json

from cds_service.authoring.listing import as_json, as_text, listing, refusals
from cds_service.fhir.encoding import encode
from cds_service.fhir.temporal import Date
from tests.unit.plan_definition.plans import APPROVED, compiled, plan

DAY = Date((2026, 6, 1))


def version(number: str, start: str, end: str | None = None) -> dict[str, object]:
    return plan(**{**APPROVED, "version": number, "effectivePeriod": {"start": start, **({"end": end} if end else {})}})


POLICIES = compiled(
    version("1", "2026-01-01", "2026-03-31"), version("2", "2026-04-01"), plan(name="gadget", codes="gadgets")
)
APPROVAL = "review stage approved, approved 2026-01-01, last review 2026-01-01, by Dr. R. Viewer"


def refused(day: Date = DAY, *, months: int = 12) -> list[str]:
    return [one.policy.rpartition("/")[2] for one in refusals(POLICIES, day, review_valid_months=months)]


def test_each_version_has_a_block() -> None:
    assert list(as_text(listing(POLICIES, DAY, review_valid_months=12))) == [
        "https://example.org/fhir/PlanDefinition/gadget|1.0.0",
        "  Replacing a gadget: C",
        "  draft, no review stage, not approved, never reviewed",
        "  in effect: no period stated",
        "  production on 2026-06-01: no, the policy is draft, not active (rule `active`)",
        "",
        "https://example.org/fhir/PlanDefinition/widget|1",
        "  Replacing a widget: A, B",
        f"  active, {APPROVAL}",
        "  in effect: 2026-01-01 to 2026-03-31",
        "  production on 2026-06-01: no, another version counts",
        "",
        "https://example.org/fhir/PlanDefinition/widget|2",
        "  Replacing a widget: A, B",
        f"  active, {APPROVAL}",
        "  in effect: from 2026-04-01",
        "  production on 2026-06-01: yes, until 2027-01-01",
    ]


def test_an_experimental_policy_says_so() -> None:
    lines = as_text(listing(compiled(plan(**{**APPROVED, "experimental": True})), DAY, review_valid_months=12))
    assert f"  active, experimental, {APPROVAL}" in lines


def test_a_policy_decides_until_its_period_or_its_review_ends() -> None:
    def until(months: int, **more: object) -> str:
        (one,) = listing(compiled(plan(**{**APPROVED, **more})), Date((2026, 1, 15)), review_valid_months=months)
        return str(one.until)

    ends = {"effectivePeriod": {"start": "2026-01-01", "end": "2026-06"}}
    assert (until(12), until(3, **ends), until(12, **ends)) == ("2027-01-01", "2026-04-01", "2026-06")
    assert until(12, lastReviewDate="2026") == "None"


def test_what_is_refused_is_told_once_for_all_versions() -> None:
    assert refused() == ["gadget|1.0.0"]
    assert refused(months=1) == ["gadget|1.0.0", "widget|2"]
    assert refused(Date((2025, 1, 1))) == ["gadget|1.0.0", "widget|1"]


def test_a_list_as_json() -> None:
    gadget, earlier, later = as_json(listing(POLICIES, DAY, review_valid_months=12))
    assert (gadget["decides"], gadget["refusal"]["rule"], gadget["until"]) == (False, "active", None)
    assert (earlier["counts"], earlier["decides"], earlier["refusal"]["rule"]) == (False, False, "in-effect")
    assert later == {
        "canonical": "https://example.org/fhir/PlanDefinition/widget",
        "version": "2",
        "hash": later["hash"],
        "title": "Replacing a widget",
        "folder": "folder",
        "codes": ["A", "B"],
        "status": "active",
        "experimental": False,
        "reviewStage": "approved",
        "approvalDate": "2026-01-01",
        "lastReviewDate": "2026-01-01",
        "reviewers": ["Dr. R. Viewer"],
        "effectivePeriod": {"start": "2026-04-01", "end": None},
        "day": "2026-06-01",
        "counts": True,
        "decides": True,
        "until": "2027-01-01",
        "refusal": None,
    }
    assert json.loads(encode(later)) == later
