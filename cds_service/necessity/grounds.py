"""What a determination rests on: the criteria that are decisive, and the ways in which others carry it with them.

A criterion is decisive when the outcome, or the kind of a not-met, would be another one if its evidence were unknown.
Where there are several ways to an outcome none of them is decisive alone: they are told as sets, each of which carries
the outcome together with what is decisive. While information is missing nothing that is known is decisive.
"""

from __future__ import annotations

from dataclasses import dataclass

from cds_service.necessity.minimal_sets import ALWAYS, NEVER, Atom, Formula, all_of, any_of, minimal
from cds_service.necessity.model import CriterionResult, Determination, Kind, Outcome
from cds_service.necessity.roll_up import CLINICAL, group_result, outcome_of
from cds_service.necessity.settle import LIMIT, Results, state_formula
from cds_service.plan_definition.model import Criterion
from cds_service.plan_definition.profile import Role

__all__ = ["Grounds", "grounds"]


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a determination rests on, criteria without parts, in plan order."""

    decisive: tuple[Criterion, ...]
    carried_by: tuple[tuple[Criterion, ...], ...]
    """The smallest sets any one of which carries the outcome with the decisive ones; none if those are enough."""


def grounds(determination: Determination, *, limit: int = LIMIT) -> Grounds:
    """Return what the outcome rests on; at most `limit` ways are told.

    No ways are told where an order that is read is not applicable: its absence then decides as much as its answer.
    """
    if determination.outcome is Outcome.NOT_EVALUATED:
        return Grounds((), ())
    results = {result.criterion.id: result for result in determination.results}
    stated = [one for one in determination.results if one.state is not None and _rests_on_evidence(one.criterion)]
    actual = determination.outcome, determination.kind
    decisive = tuple(
        one.criterion for one in stated if _outcome_without(determination, results, one.criterion.id) != actual
    )
    if any(one.not_applicable for one in determination.results):
        return Grounds(decisive, ())
    alone = {one.id for one in decisive}
    found = minimal(_carried(determination, results), limit=limit).sets
    ways = (tuple(atom.subject for atom in one if atom.subject not in alone) for one in found)
    return Grounds(decisive, tuple(tuple(results[name].criterion for name in way) for way in ways if way))


def _rests_on_evidence(criterion: Criterion) -> bool:
    return criterion.support is not None or criterion.determination_of is not None


def _outcome_without(determination: Determination, results: Results, name: str) -> tuple[Outcome, Kind | None]:
    """Return what the outcome would be if nothing were known of one criterion."""

    def again(criterion: Criterion) -> CriterionResult:
        result = results[criterion.id]
        if criterion.parts and result.needed is not None:
            return group_result(criterion, result.needed, [again(part) for part in criterion.parts])
        return CriterionResult(criterion, None) if criterion.id == name else result

    return outcome_of(again(criterion) for criterion in determination.plan.criteria)


def _carried(determination: Determination, results: Results) -> Formula:
    """What must be known, as it is, for the outcome to be what it is."""

    def leaf(result: CriterionResult, value: bool) -> Formula:
        if result.state is not value:
            return NEVER
        return Atom(result.criterion.id, value) if _rests_on_evidence(result.criterion) else ALWAYS

    def states(value: bool, *roles: Role) -> list[Formula]:
        top = (one for one in determination.plan.criteria if one.role in roles)
        return [state_formula(one, value, results, leaf) for one in top]

    in_scope = all_of(*states(True, Role.SCOPE))
    match determination.outcome, determination.kind:
        case Outcome.MET, _:
            return all_of(in_scope, *states(True, *CLINICAL, Role.CODE_FIT), *states(False, Role.EXCLUSION))
        case Outcome.NOT_MET, Kind.CLINICAL:
            return all_of(in_scope, any_of(*states(False, *CLINICAL), *states(True, Role.EXCLUSION)))
        case Outcome.NOT_MET, _:
            return all_of(in_scope, any_of(*states(False, Role.CODE_FIT), *states(True, Role.CODE_CONFLICT)))
        case Outcome.NOT_APPLICABLE, _:
            return any_of(*states(False, Role.SCOPE))
    return NEVER
