"""Policies as a list: what each is, who stands for it, and whether production would let it decide on a day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from cds_service.fhir.temporal import Date
from cds_service.necessity.lifecycle import Refusal, decides_until, refusal, standing
from cds_service.plan_definition.model import PlanDefinition
from cds_service.plan_definition.policies import Policies
from cds_service.plan_definition.versions import period_words

__all__ = ["Listed", "as_json", "as_text", "listing", "refusals"]


@dataclass(frozen=True, slots=True)
class Listed:
    """A version of a policy on a day."""

    plan: PlanDefinition
    day: Date
    counts: bool
    """Whether, of all versions of the policy, this one counts on the day."""
    refusal: Refusal | None
    """Why production refuses it."""
    until: Date | None
    """The last day on which production lets it decide, if it does and that can be told."""


def listing(policies: Policies, day: Date, *, review_valid_months: int) -> Iterator[Listed]:
    """Yield every version of every policy, in the order in which they are asked."""
    for plan in policies.plans:
        counts = policies.counts(plan, day)
        refused = refusal(plan, day, review_valid_months=review_valid_months)
        until = decides_until(plan, review_valid_months=review_valid_months)
        yield Listed(plan, day, counts, refused, until if counts and not refused else None)


def refusals(policies: Policies, day: Date, *, review_valid_months: int) -> Iterator[Refusal]:
    """Yield why production refuses policies on a day, each in the version that counts then."""
    for one in listing(policies, day, review_valid_months=review_valid_months):
        if one.counts and one.refusal:
            yield one.refusal


def as_text(listed: Iterable[Listed]) -> Iterator[str]:
    """Yield a block of lines per version, blocks an empty line apart."""
    for i, one in enumerate(listed):
        plan = one.plan
        if i:
            yield ""
        yield plan.reference
        yield f"  {plan.title}: {', '.join(_codes(plan))}"
        yield f"  {standing(plan)}"
        yield f"  in effect: {period_words(plan)}"
        yield f"  production on {one.day}: {_answer(one)}"


def _answer(one: Listed) -> str:
    if not one.counts:
        return "no, another version counts"
    if one.refusal:
        return f"no, {one.refusal.reason} (rule `{one.refusal.rule}`)"
    return f"yes, until {one.until}" if one.until else "yes"


def as_json(listed: Iterable[Listed]) -> list[dict[str, Any]]:
    """Return the list as plain JSON. Members may be added later; none is renamed or taken away."""
    return [_json(one) for one in listed]


def _json(one: Listed) -> dict[str, Any]:
    plan = one.plan
    return {
        "canonical": plan.canonical,
        "version": plan.version,
        "hash": plan.hash,
        "title": plan.title,
        "folder": plan.group,
        "codes": _codes(plan),
        "status": plan.status,
        "experimental": plan.experimental,
        "reviewStage": plan.review_stage,
        "approvalDate": _day(plan.approval_date),
        "lastReviewDate": _day(plan.last_review_date),
        "reviewers": list(plan.reviewers),
        "effectivePeriod": {"start": _day(plan.effective_from), "end": _day(plan.effective_to)},
        "day": str(one.day),
        "counts": one.counts,
        "decides": one.counts and one.refusal is None,
        "until": _day(one.until),
        "refusal": one.refusal.as_json() if one.refusal else None,
    }


def _codes(plan: PlanDefinition) -> list[str]:
    return sorted(code for _, code in plan.codes.codes)


def _day(date: Date | None) -> str | None:
    return str(date) if date else None
