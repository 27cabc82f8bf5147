"""Criteria → formulas: what it takes, of the criteria without parts, for one of them to be true, or to be false."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from cds_service.necessity.minimal_sets import NEVER, Formula, at_least
from cds_service.necessity.model import CriterionResult, Determination
from cds_service.plan_definition.model import Criterion
from cds_service.plan_definition.profile import Role

__all__ = ["Formulas", "Leaf", "Results", "results_of"]

Results: TypeAlias = Mapping[str, CriterionResult]
Leaf: TypeAlias = Callable[[CriterionResult, bool], Formula]
"""A criterion without parts and a value → what it takes for its state to be that value."""


def results_of(determination: Determination) -> Results:
    """Return the results of a determination by the criterion's id."""
    return {result.criterion.id: result for result in determination.results}


@dataclass(frozen=True, slots=True)
class Formulas:
    """The criteria of a policy as formulas, made of what `leaf` says of those without parts."""

    criteria: tuple[Criterion, ...]
    results: Results
    leaf: Leaf

    def top(self, value: bool, *roles: Role, untold: Formula = NEVER) -> list[Formula]:
        """Return what it takes for each top criterion in one of these roles to be `value`."""
        return [self.of(one, value, untold=untold) for one in self.criteria if one.role in roles]

    def of(self, criterion: Criterion, value: bool, *, untold: Formula = NEVER) -> Formula:
        """Return what it takes for a criterion to be `value`. A group of n is true when its number of parts is.

        It is false when so many parts are that too few are left: n - needed + 1. One whose number could not be told is
        neither, or what `untold` says.
        """
        result = self.results[criterion.id]
        if not criterion.parts:
            return self.leaf(result, value)
        if result.needed is None:
            return untold
        count = result.needed if value else len(criterion.parts) - result.needed + 1
        return at_least(count, (self.of(part, value, untold=untold) for part in criterion.parts))
