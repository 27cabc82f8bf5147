"""Which states of each criterion the cases have shown: one that decides must be seen met, not met and missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from cds_service.necessity.model import Determination
from cds_service.plan_definition.model import Criterion, PlanDefinition
from cds_service.plan_definition.profile import Role

__all__ = ["STATES", "CriterionCoverage", "PolicyCoverage", "coverage"]

STATES: Mapping[str, str] = {"true": "met", "false": "not met", "unknown": "missing"}
"""A criterion's states, and what a reader calls them."""

_DECIDE = frozenset(
    {Role.SCOPE, Role.REQUIRED, Role.GROUP, Role.ALTERNATIVE, Role.EXCLUSION, Role.CODE_FIT, Role.CODE_CONFLICT}
)


@dataclass(frozen=True, slots=True)
class CriterionCoverage:
    """In how many determinations a criterion was in each state."""

    criterion: Criterion
    decides: bool
    """Whether the outcome rests on it: its role does, and those of all groups that it is in."""
    seen: Mapping[str, int]

    @property
    def never(self) -> tuple[str, ...]:
        """Return the states that no case has shown."""
        return tuple(state for state in STATES if not self.seen[state])


@dataclass(frozen=True, slots=True)
class PolicyCoverage:
    """What the cases have shown of a policy."""

    plan: PlanDefinition
    criteria: tuple[CriterionCoverage, ...]

    @property
    def gaps(self) -> tuple[tuple[str, str], ...]:
        """Return (criterion, state) for each state of a deciding criterion that no case has shown."""
        return tuple((one.criterion.id, state) for one in self.criteria if one.decides for state in one.never)


def coverage(plans: Iterable[PlanDefinition], determinations: Iterable[Determination]) -> tuple[PolicyCoverage, ...]:
    """Return for each policy what the determinations show of it."""
    seen: dict[tuple[str, str], Counter[str]] = {}
    for determination in determinations:
        for result in determination.results:
            key = determination.plan.reference, result.criterion.id
            seen.setdefault(key, Counter())[result.state_name] += 1
    return tuple(
        PolicyCoverage(
            plan,
            tuple(
                CriterionCoverage(criterion, decides, seen.get((plan.reference, criterion.id), Counter()))
                for top in plan.criteria
                for criterion, decides in _walk(top, within=True)
            ),
        )
        for plan in plans
    )


def _walk(criterion: Criterion, *, within: bool) -> Iterator[tuple[Criterion, bool]]:
    decides = within and criterion.role in _DECIDE
    yield criterion, decides
    for part in criterion.parts:
        yield from _walk(part, within=decides)
