"""Whether a policy may decide at all: approved and current in production, anything in a sandbox."""

from __future__ import annotations

from cds_service.fhir.temporal import Date, add, compare
from cds_service.plan_definition.model import PlanDefinition

__all__ = ["refusal"]

_REVIEW_VALID_MONTHS = 12


def refusal(plan: PlanDefinition, as_of: Date, *, production: bool) -> str | None:
    """Return why a policy may not decide on the day `as_of`, for an operator to read; None if it may.

    In production a policy must be active, not experimental, approved by a clinician, in its effective period, and
    reviewed within the last twelve months. A sandbox evaluates all of them and stamps what is not approved.
    """
    if not production:
        return None
    if plan.status != "active" or plan.experimental:
        return f"the policy is {plan.status}{' and experimental' if plan.experimental else ''}, not active"
    if plan.review_stage != "approved" or plan.approval_date is None:
        return "the policy is not approved by a clinician"
    if plan.last_review_date is None:
        return "the policy has no date of its last review"
    expires = add(plan.last_review_date, _REVIEW_VALID_MONTHS, "month")
    if expires is None or compare(as_of, expires) not in (-1, 0):  # a review whose day is open may be too old
        return f"the policy's last review is older than {_REVIEW_VALID_MONTHS} months"
    starts_later = plan.effective_from is not None and compare(as_of, plan.effective_from) == -1
    ended = plan.effective_to is not None and compare(as_of, plan.effective_to) == 1
    return "the policy is not in effect on this date" if starts_later or ended else None
