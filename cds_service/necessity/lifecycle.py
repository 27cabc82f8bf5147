"""Whether a policy may decide in production: active, approved by a named clinician, reviewed of late, in effect.

A sandbox evaluates every policy and stamps what production would refuse. The rules: docs/reference/life_cycle.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from cds_service.fhir.temporal import Date, add, compare
from cds_service.plan_definition.model import PlanDefinition
from cds_service.plan_definition.versions import effective, last_day, period_words

__all__ = ["REVIEW_VALID_MONTHS", "Refusal", "Rule", "decides_until", "refusal", "standing"]

REVIEW_VALID_MONTHS = 12
"""How long a review counts, unless the operator says otherwise."""


class Rule(StrEnum):
    """What production asks of a policy, by the name an operator looks it up."""

    ACTIVE = "active"
    NOT_EXPERIMENTAL = "not-experimental"
    APPROVED = "approved"
    REVIEWER = "reviewer"
    REVIEWED = "reviewed"
    REVIEW_CURRENT = "review-current"
    EFFECTIVE_PERIOD = "effective-period"
    IN_EFFECT = "in-effect"
    CODES_VERIFIED = "codes-verified"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why production refuses a policy, for an operator: which policy, which rule, what is the matter, what to do."""

    policy: str
    rule: Rule
    reason: str
    remedy: str

    def __str__(self) -> str:
        """Return it on one line."""
        return f"{self.reason} (policy {self.policy}, rule `{self.rule}`). To put it right: {self.remedy}"

    def as_json(self) -> dict[str, str]:
        """Return rule, reason and remedy, for those that know the policy."""
        return {"rule": str(self.rule), "reason": self.reason, "remedy": self.remedy}


def refusal(plan: PlanDefinition, as_of: Date, *, review_valid_months: int = REVIEW_VALID_MONTHS) -> Refusal | None:
    """Return why production refuses a policy for an order of the day `as_of`; None if it may decide."""
    for rule, broken in _RULES.items():
        found = broken(plan, as_of, review_valid_months)
        if found is not None:
            return Refusal(plan.reference, rule, *found)
    return None


def decides_until(plan: PlanDefinition, *, review_valid_months: int = REVIEW_VALID_MONTHS) -> Date | None:
    """Return the last day on which production lets an approved policy decide: its review or its period ends.

    None where neither tells a day.
    """
    reviewed = plan.last_review_date
    expires = add(reviewed, review_valid_months, "month") if reviewed is not None and reviewed.full else None
    return expires if isinstance(expires, Date) and expires.parts < last_day(plan) else plan.effective_to


def standing(plan: PlanDefinition) -> str:
    """Return how far a policy has come, in words: status, stage, approval, last review, and who stands for it."""
    words = (
        plan.status,
        "experimental" if plan.experimental else "",
        f"review stage {plan.review_stage}" if plan.review_stage else "no review stage",
        f"approved {plan.approval_date}" if plan.approval_date else "not approved",
        f"last review {plan.last_review_date}" if plan.last_review_date else "never reviewed",
        f"by {' and '.join(plan.reviewers)}" if plan.reviewers else "",
    )
    return ", ".join(word for word in words if word)


_Found = tuple[str, str] | None
"""What is the matter, and what to do."""


def _active(plan: PlanDefinition, _: Date, __: int) -> _Found:
    if plan.status == "active":
        return None
    if plan.status == "retired":
        return "the policy is retired, not active", "load the version that takes its place."
    return f"the policy is {plan.status}, not active", "have it reviewed and approved, then set `status` to `active`."


def _not_experimental(plan: PlanDefinition, _: Date, __: int) -> _Found:
    if not plan.experimental:
        return None
    return "the policy is experimental", "set `experimental` to false once it is approved for use."


def _approved(plan: PlanDefinition, as_of: Date, _: int) -> _Found:
    if plan.review_stage != "approved":
        stage = f"its review stage is {plan.review_stage}" if plan.review_stage else "it has no review stage"
        return f"the policy is not approved: {stage}", "have a clinician review it; the last stage is `approved`."
    if plan.approval_date is None:
        return "the policy is not approved: it has no date of approval", "state the day in `approvalDate`."
    if compare(plan.approval_date, as_of) not in (-1, 0):
        return (
            f"the policy was approved on {plan.approval_date}, after {as_of}",
            "for an earlier order load the version that was approved then.",
        )
    return None


def _reviewer(plan: PlanDefinition, _: Date, __: int) -> _Found:
    if plan.reviewers:
        return None
    return "no clinician stands for the policy", "name who approved it in `reviewer` or `endorser`."


def _reviewed(plan: PlanDefinition, _: Date, __: int) -> _Found:
    if plan.last_review_date is not None:
        return None
    return "the policy has no date of its last review", "state the day in `lastReviewDate`."


def _review_current(plan: PlanDefinition, as_of: Date, months: int) -> _Found:
    expires = add(plan.last_review_date, months, "month") if plan.last_review_date else None
    if expires is not None and compare(as_of, expires) in (-1, 0):  # a review whose day is open may be too old
        return None
    return (
        f"the policy's last review, of {plan.last_review_date}, is older than {months} months",
        "have it reviewed again, then set `lastReviewDate`.",
    )


def _effective_period(plan: PlanDefinition, _: Date, __: int) -> _Found:
    if plan.effective_from is not None:
        return None
    return "the policy does not say from when it is in effect", "state `effectivePeriod` with its `start`."


def _in_effect(plan: PlanDefinition, as_of: Date, _: int) -> _Found:
    state = effective(plan, as_of)
    if state == "now":
        return None
    return (
        f"the policy is {state} in effect on {as_of} ({period_words(plan)})",
        "load the version that is in effect on that day beside this one.",
    )


def _codes_verified(plan: PlanDefinition, _: Date, __: int) -> _Found:
    if not plan.unverified:
        return None
    more = f" and {len(plan.unverified) - 1} more" if len(plan.unverified) > 1 else ""
    return (
        f"a code of the policy is not verified: {plan.unverified[0]}{more}",
        "have the code verified against its code system, then mark how in its value set.",
    )


_RULES: dict[Rule, Callable[[PlanDefinition, Date, int], _Found]] = {
    Rule.ACTIVE: _active,
    Rule.NOT_EXPERIMENTAL: _not_experimental,
    Rule.APPROVED: _approved,
    Rule.REVIEWER: _reviewer,
    Rule.REVIEWED: _reviewed,
    Rule.REVIEW_CURRENT: _review_current,
    Rule.EFFECTIVE_PERIOD: _effective_period,
    Rule.IN_EFFECT: _in_effect,
    Rule.CODES_VERIFIED: _codes_verified,
}
"""In the order in which an operator meets them."""
