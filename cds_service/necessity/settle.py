"""What would settle a determination: the minimal sets of missing facts that make it met, and that make it not met.

A missing fact is a criterion without parts whose state is unknown; it may become true where the policy says what
supports it, false where it says what refutes it. A set is enough when it gives the outcome whatever the other unknowns
become, and minimal when no smaller part of it is. What is known stays as it is. Exact, from the tree of the policy
alone, in time that grows with the tree and not with the number of sets: docs/explanation/what_would_settle_it.md.

Asked for by reports and explanations only; a card never pays for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from cds_service.necessity.minimal_sets import ALWAYS, NEVER, Atom, Formula, all_of, any_of, at_least, minimal
from cds_service.necessity.model import CriterionResult, Determination, Outcome
from cds_service.necessity.roll_up import CLINICAL
from cds_service.plan_definition.model import Criterion
from cds_service.plan_definition.profile import Role

__all__ = ["LIMIT", "Settlement", "Supposed", "Ways", "settle", "state_formula"]

LIMIT = 50
"""How many ways are told of each kind: the smallest."""

Results: TypeAlias = Mapping[str, CriterionResult]
Leaf: TypeAlias = Callable[[CriterionResult, bool], Formula]
"""A criterion without parts and a value → what it takes for its state to be that value."""


@dataclass(frozen=True, slots=True)
class Supposed:
    """A missing fact, and the state it would have."""

    criterion: Criterion
    state: bool
    assumed: bool = False
    """Whether the outcome is the same while this stays unknown: a conflict of codes that nothing shows is none."""


@dataclass(frozen=True, slots=True)
class Ways:
    """Minimal sets of missing facts, the smallest first."""

    listed: tuple[tuple[Supposed, ...], ...]
    count: int | None
    """How many there are, listed or not; None where they are too entangled to be told."""

    @property
    def complete(self) -> bool:
        """Return whether all are listed."""
        return self.count == len(self.listed)


@dataclass(frozen=True, slots=True)
class Settlement:
    """What would make a determination met, and what not met. A way without any fact: it is so already."""

    met: Ways
    not_met: Ways

    @property
    def complete(self) -> bool:
        """Return whether all ways are listed."""
        return self.met.complete and self.not_met.complete


def settle(determination: Determination, *, limit: int = LIMIT) -> Settlement | None:
    """Return at most `limit` ways to each outcome, the smallest; None for what was not evaluated."""
    if determination.outcome is Outcome.NOT_EVALUATED:
        return None
    tree = _Tree(determination)
    return Settlement(tree.ways(tree.met(), limit), tree.ways(tree.not_met(), limit))


def state_formula(
    criterion: Criterion, value: bool, results: Results, leaf: Leaf, *, untold: Formula = NEVER
) -> Formula:
    """Return what it takes for a criterion's state to be `value`. A group of n is true when its number of parts is.

    It is false when so many parts are that too few are left: n - needed + 1. One whose number could not be told is
    neither, or what `untold` says.
    """
    result = results[criterion.id]
    if not criterion.parts:
        return leaf(result, value)
    if result.needed is None:
        return untold
    count = result.needed if value else len(criterion.parts) - result.needed + 1
    return at_least(count, (state_formula(part, value, results, leaf, untold=untold) for part in criterion.parts))


class _Tree:
    """The criteria of one determination, as formulas over what is unknown."""

    def __init__(self, determination: Determination) -> None:
        self._top = determination.plan.criteria
        self._results = {result.criterion.id: result for result in determination.results}
        self._assumable = {
            one.id for top in self._top if top.role is Role.CODE_CONFLICT for one in top.walk()
        }  # fmt: skip

    def met(self) -> Formula:
        """Everything that is needed is true, everything that bars it false, and everything applies."""
        return all_of(
            *(self._becomes(one, True) for one in self._of(Role.SCOPE, *CLINICAL, Role.CODE_FIT)),
            *(self._becomes(one, False) for one in self._of(Role.EXCLUSION)),
            *(self._stays_not(one, True) for one in self._of(Role.CODE_CONFLICT)),
            *map(self._applies, self._top),
        )

    def not_met(self) -> Formula:
        """The order is in scope, everything applies, and something stands against the need or the code."""
        return all_of(
            *(self._becomes(one, True) for one in self._of(Role.SCOPE)),
            *map(self._applies, self._top),
            any_of(
                *(self._becomes(one, False) for one in self._of(*CLINICAL, Role.CODE_FIT)),
                *(self._becomes(one, True) for one in self._of(Role.EXCLUSION, Role.CODE_CONFLICT)),
            ),
        )

    def ways(self, formula: Formula, limit: int) -> Ways:
        found = minimal(formula, limit=limit)
        return Ways(tuple(tuple(map(self._supposed, one)) for one in found.sets), found.count)

    def _of(self, *roles: Role) -> Iterable[Criterion]:
        return (one for one in self._top if one.role in roles)

    def _supposed(self, atom: Atom) -> Supposed:
        criterion = self._results[atom.subject].criterion
        return Supposed(criterion, atom.value, assumed=not atom.value and atom.subject in self._assumable)

    def _becomes(self, criterion: Criterion, value: bool) -> Formula:
        return state_formula(criterion, value, self._results, self._leaf)

    def _stays_not(self, criterion: Criterion, value: bool) -> Formula:
        return state_formula(criterion, not value, self._results, self._leaf, untold=ALWAYS)

    def _leaf(self, result: CriterionResult, value: bool) -> Formula:
        if result.state is not None:
            return ALWAYS if result.state is value else NEVER
        return Atom(result.criterion.id, value) if self._can_become(result.criterion, value) else NEVER

    def _can_become(self, criterion: Criterion, value: bool) -> bool:
        """Nothing refutes a criterion without a refutation. A conflict of codes need not be refuted to be none."""
        stated = criterion.support if value else criterion.refute
        return bool(stated or criterion.determination_of or (not value and criterion.id in self._assumable))

    def _applies(self, criterion: Criterion) -> Formula:
        """What it takes for no order that is read to make this one not applicable.

        One that is itself not applicable does so unless it is outvoted: where the group around it is true all the same.
        """
        if not criterion.parts:
            result = self._results[criterion.id]
            return self._leaf(result, True) if result.not_applicable else ALWAYS
        parts = all_of(*map(self._applies, criterion.parts))
        return ALWAYS if parts == ALWAYS else any_of(self._stays_not(criterion, False), parts)
