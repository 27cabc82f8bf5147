"""Policies as a list: what an operator learns before production does."""

from __future__ import annotations

from cds_service.authoring.listing import listed, refused_count
from cds_service.fhir.temporal import Date
from tests.unit.plan_definition.plans import APPROVED, compiled, plan

DAY = Date((2026, 6, 1))


def version(number: str, start: str, end: str | None = None) -> dict[str, object]:
    return plan(**{**APPROVED, "version": number, "effectivePeriod": {"start": start, **({"end": end} if end else {})}})


POLICIES = compiled(
    version("1", "2026-01-01", "2026-03-31"), version("2", "2026-04-01"), plan(name="gadget", codes="gadgets")
)


def test_each_version_has_a_line() -> None:
    lines = [line.split("PlanDefinition/")[1].split("  ") for line in listed(POLICIES, DAY, review_valid_months=12)]
    draft, earlier, later = "no, the policy is draft, not active", "no, another version counts", "yes"
    assert lines == [
        ["gadget|1.0.0", "draft, no review stage", "no period stated", "1 code", f"production on {DAY}: {draft}"],
        ["widget|1", "active, approved", "2026-01-01 to 2026-03-31", "2 codes", f"production on {DAY}: {earlier}"],
        ["widget|2", "active, approved", "from 2026-04-01", "2 codes", f"production on {DAY}: {later}"],
    ]


def test_an_experimental_policy_says_so() -> None:
    (line,) = listed(compiled(plan(**{**APPROVED, "experimental": True})), DAY, review_valid_months=12)
    assert "active, experimental, approved" in line


def test_what_is_refused_is_counted_once_for_all_versions() -> None:
    assert refused_count(POLICIES, DAY, review_valid_months=12) == 1
    assert refused_count(POLICIES, DAY, review_valid_months=1) == 2
    assert refused_count(POLICIES, Date((2025, 1, 1)), review_valid_months=12) == 2
