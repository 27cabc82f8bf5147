"""What would settle a determination: the minimal sets of missing facts that make it met, and that make it not met.

A missing fact is what a criterion without parts asks, where its state is unknown; it may become true where the policy
says what supports it, false where it says what refutes it. A set is enough when it gives the outcome whatever else is
unknown becomes, and minimal when no smaller part of it is. What is known stays as it is. Exact, from the tree of the
policy alone, in time that grows with the tree and not with the number of sets:
docs/explanation/what_would_settle_it.md.

Asked for by reports and explanations only; a card never pays for it.
"""

from __future__ import annotations

from dataclasses import dataclass

from cds_service.necessity.facts import facts_of
from cds_service.necessity.formulas import Formulas, results_of
from cds_service.necessity.minimal_sets import ALWAYS, NEVER, Atom, Formula, all_of, any_of, minimal
from cds_service.necessity.model import CriterionResult, Determination, Outcome
from cds_service.necessity.roll_up import CLINICAL
from cds_service.plan_definition.model import Criterion
from cds_service.plan_definition.profile import Role

__all__ = ["LIMIT", "Settlement", "Supposed", "Ways", "settle"]

LIMIT = 50
"""How many ways are told of each kind: the smallest."""


@dataclass(frozen=True, slots=True)
class Supposed:
    """A missing fact, as the first criterion that asks it, and the state that one would have."""

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


class _Tree:
    """The criteria of one determination, as formulas over what is unknown."""

    def __init__(self, determination: Determination) -> None:
        self._criteria = determination.plan.criteria
        self._results = results_of(determination)
        self._facts = facts_of(determination.plan)
        self._assumable = {
            one.id for top in self._criteria if top.role is Role.CODE_CONFLICT for one in top.walk()
        }  # fmt: skip
        self._formulas = Formulas(self._criteria, self._results, self._leaf)

    def met(self) -> Formula:
        """Everything that is needed is true, everything that bars it false, and everything applies."""
        top = self._formulas.top
        return all_of(
            *top(True, Role.SCOPE, *CLINICAL, Role.CODE_FIT),
            *top(False, Role.EXCLUSION),
            *top(False, Role.CODE_CONFLICT, untold=ALWAYS),
            *map(self._applies, self._criteria),
        )

    def not_met(self) -> Formula:
        """The order is in scope, everything applies, and something stands against the need or the code."""
        top = self._formulas.top
        return all_of(
            *top(True, Role.SCOPE),
            *map(self._applies, self._criteria),
            any_of(*top(False, *CLINICAL, Role.CODE_FIT), *top(True, Role.EXCLUSION, Role.CODE_CONFLICT)),
        )

    def ways(self, formula: Formula, limit: int) -> Ways:
        found = minimal(formula, limit=limit)
        return Ways(tuple(tuple(map(self._supposed, one)) for one in found.sets), found.count)

    def _supposed(self, atom: Atom) -> Supposed:
        assumed = not atom.value and atom.subject in self._assumable
        return Supposed(self._results[atom.subject].criterion, atom.value, assumed)

    def _leaf(self, result: CriterionResult, value: bool) -> Formula:
        if result.state is not None:
            return ALWAYS if result.state is value else NEVER
        if not self._can_become(result.criterion, value):
            return NEVER
        fact = self._facts[result.criterion.id]
        return Atom(fact.name, value is fact.if_true)

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
        return ALWAYS if parts == ALWAYS else any_of(self._formulas.of(criterion, True, untold=ALWAYS), parts)
