"""Versions of one policy, loaded side by side: when each is in effect, and which one counts on a day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Literal

from cds_service.errors import ContentError
from cds_service.fhir.temporal import Date
from cds_service.plan_definition.model import PlanDefinition

__all__ = ["by_period", "effective", "first_day", "last_day", "period_words", "version_on"]

_EVER, _NEVER_ENDS = (0,), (10_000,)


def effective(plan: PlanDefinition, day: Date) -> Literal["not yet", "now", "no longer"]:
    """Return whether a policy is in effect on a day. Both ends count: a period to `2026-06` ends with its last day."""
    if day.parts < first_day(plan):
        return "not yet"
    return "now" if day.parts <= last_day(plan) else "no longer"


def version_on(versions: Sequence[PlanDefinition], day: Date) -> PlanDefinition:
    """Return the version that counts on a day: the one in effect, else the last that was, else the first to come.

    `versions` are in the order of their periods, as `by_period` returns them.
    """
    begun = [one for one in versions if effective(one, day) != "not yet"]
    return begun[-1] if begun else versions[0]


def by_period(versions: Iterable[PlanDefinition]) -> tuple[PlanDefinition, ...]:
    """Return the versions that may count, in the order of their periods: a retired one only if all are.

    Raises ContentError for a period that ends before it begins, and for two versions in effect on one day.
    """
    held = tuple(versions)
    kept = [one for one in held if one.status != "retired"] or held
    ordered = tuple(sorted(kept, key=lambda one: (first_day(one), one.version)))
    for one in ordered:
        if last_day(one) < first_day(one):
            reason = f"`effectivePeriod` ends before it begins: {period_words(one)}"
            raise ContentError(reason, one.reference, rule="element-malformed")
    for earlier, later in pairwise(ordered):
        if first_day(later) <= last_day(earlier):
            reason = (
                f"version `{earlier.version}` ({period_words(earlier)}) and version `{later.version}` "
                f"({period_words(later)}) are in effect at the same time; "
                f"end the `effectivePeriod` of one before the other begins"
            )
            raise ContentError(reason, earlier.canonical, rule="periods-overlap")
    return ordered


def period_words(plan: PlanDefinition) -> str:
    """Return the period as words: `2026-01-01 to 2026-12-31`, `from 2026-01-01`, `no period stated`."""
    match plan.effective_from, plan.effective_to:
        case None, None:
            return "no period stated"
        case start, None:
            return f"from {start}"
        case None, end:
            return f"to {end}"
        case start, end:
            return f"{start} to {end}"


def first_day(plan: PlanDefinition) -> tuple[int, ...]:
    """Return the first day of the period as year, month, day; before all of them where none is stated."""
    start = plan.effective_from
    return (*start.parts, 1, 1)[:3] if start else _EVER


def last_day(plan: PlanDefinition) -> tuple[int, ...]:
    """Return the last day of the period as year, month, day; after all of them where none is stated."""
    end = plan.effective_to
    return (*end.parts, *(12, 31)[len(end.parts) - 1 :])[:3] if end else _NEVER_ENDS
