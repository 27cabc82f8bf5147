"""Policies as a list: what each is, when it is in effect, and whether production would let it decide on a day."""

from __future__ import annotations

from collections.abc import Iterator

from cds_service.fhir.temporal import Date
from cds_service.necessity.lifecycle import refusal
from cds_service.plan_definition.model import PlanDefinition
from cds_service.plan_definition.policies import Policies
from cds_service.plan_definition.versions import period_words

__all__ = ["listed", "refused_count"]


def listed(policies: Policies, day: Date, *, review_valid_months: int) -> Iterator[str]:
    """Yield a line per policy and version; the columns are two blanks apart."""
    for plan in policies.plans:
        count = len(plan.codes.codes)
        stage = plan.review_stage or "no review stage"
        yield "  ".join(
            (
                plan.reference,
                f"{plan.status}{', experimental' if plan.experimental else ''}, {stage}",
                period_words(plan),
                f"{count} {'code' if count == 1 else 'codes'}",
                f"production on {day}: {_answer(policies, plan, day, review_valid_months)}",
            )
        )


def refused_count(policies: Policies, day: Date, *, review_valid_months: int) -> int:
    """Return how many policies production would refuse on a day, each in the version that counts then."""
    counting = (plan for plan in policies.plans if policies.counts(plan, day))
    return sum(1 for plan in counting if refusal(plan, day, review_valid_months=review_valid_months))


def _answer(policies: Policies, plan: PlanDefinition, day: Date, months: int) -> str:
    if not policies.counts(plan, day):
        return "no, another version counts"
    refused = refusal(plan, day, review_valid_months=months)
    return f"no, {refused.reason}" if refused else "yes"
