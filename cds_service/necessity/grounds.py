"""What a determination rests on: the facts that are decisive, and the ways in which others carry it with them.

A fact is decisive when the outcome, or the kind of a not-met, would be another one if it were unknown. Where there are
several ways to an outcome none of them is decisive alone: they are told as sets, each of which carries the outcome
together with what is decisive. While information is missing nothing that is known is decisive.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cds_service.necessity.facts import facts_of
from cds_service.necessity.formulas import Formulas, results_of
from cds_service.necessity.minimal_sets import ALWAYS, NEVER, Atom, Formula, all_of, any_of, minimal
from cds_service.necessity.model import CriterionResult, Determination, Kind, Outcome
from cds_service.necessity.roll_up import CLINICAL, group_result, outcome_of
from cds_service.necessity.settle import LIMIT
from cds_service.plan_definition.model import Criterion
from cds_service.plan_definition.profile import Role

__all__ = ["Grounds", "grounds"]


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a determination rests on: facts, each as the first criterion that asks it, in plan order."""

    decisive: tuple[Criterion, ...]
    carried_by: tuple[tuple[Criterion, ...], ...]
    """The smallest sets any one of which carries the outcome with the decisive ones; none if those are enough."""


def grounds(determination: Determination, *, limit: int = LIMIT) -> Grounds:
    """Return what the outcome rests on; at most `limit` ways are told.

    No ways are told where an order that is read is not applicable: its absence then decides as much as its answer.
    """
    if determination.outcome is Outcome.NOT_EVALUATED:
        return Grounds((), ())
    known = _Known(determination)
    decisive = tuple(known.decisive())
    if any(one.not_applicable for one in determination.results):
        return Grounds(decisive, ())
    alone = {one.id for one in decisive}
    ways = (tuple(one for one in way if one.id not in alone) for way in known.ways(limit))
    return Grounds(decisive, tuple(way for way in ways if way))


class _Known:
    """The criteria of one determination, as formulas over what is known."""

    def __init__(self, determination: Determination) -> None:
        self._outcome = determination.outcome, determination.kind
        self._criteria = determination.plan.criteria
        self._results = results_of(determination)
        self._facts = facts_of(determination.plan)
        self._formulas = Formulas(self._criteria, self._results, self._leaf)

    def decisive(self) -> Iterator[Criterion]:
        """Yield the facts without any one of which the outcome would be another."""
        for name in dict.fromkeys(fact.name for fact in self._facts.values()):
            result = self._results[name]
            known = result.state is not None and _rests_on_evidence(result.criterion)
            if known and self._outcome_without(name) != self._outcome:
                yield result.criterion

    def ways(self, limit: int) -> Iterator[tuple[Criterion, ...]]:
        """Yield the smallest sets of facts that carry the outcome by themselves."""
        for one in minimal(self._carried(), limit=limit).sets:
            yield tuple(self._results[atom.subject].criterion for atom in one)

    def _outcome_without(self, name: str) -> tuple[Outcome, Kind | None]:
        """Return what the outcome would be if nothing were known of one fact."""

        def again(criterion: Criterion) -> CriterionResult:
            result = self._results[criterion.id]
            if criterion.parts and result.needed is not None:
                return group_result(criterion, result.needed, [again(part) for part in criterion.parts])
            fact = self._facts.get(criterion.id)
            return CriterionResult(criterion, None) if fact is not None and fact.name == name else result

        return outcome_of(again(criterion) for criterion in self._criteria)

    def _carried(self) -> Formula:
        """What must be known, as it is, for the outcome to be what it is."""
        top = self._formulas.top
        in_scope = all_of(*top(True, Role.SCOPE))
        match self._outcome:
            case Outcome.MET, _:
                return all_of(in_scope, *top(True, *CLINICAL, Role.CODE_FIT), *top(False, Role.EXCLUSION))
            case Outcome.NOT_MET, Kind.CLINICAL:
                return all_of(in_scope, any_of(*top(False, *CLINICAL), *top(True, Role.EXCLUSION)))
            case Outcome.NOT_MET, _:
                return all_of(in_scope, any_of(*top(False, Role.CODE_FIT), *top(True, Role.CODE_CONFLICT)))
            case Outcome.NOT_APPLICABLE, _:
                return any_of(*top(False, Role.SCOPE))
        return NEVER

    def _leaf(self, result: CriterionResult, value: bool) -> Formula:
        if result.state is not value:
            return NEVER
        if not _rests_on_evidence(result.criterion):
            return ALWAYS
        fact = self._facts[result.criterion.id]
        return Atom(fact.name, value is fact.if_true)


def _rests_on_evidence(criterion: Criterion) -> bool:
    return criterion.support is not None or criterion.determination_of is not None
