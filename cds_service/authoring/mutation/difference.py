"""What a mutant changes of its original: names that may hold something else, criteria that must be asked again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cds_service.expressions.language import Expression
from cds_service.plan_definition.model import Criterion, PlanDefinition

__all__ = ["Difference", "difference"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A mutant beside its original."""

    plan: PlanDefinition
    """The mutant, compiled."""
    variables: tuple[tuple[Expression, Expression], ...]
    """The variables that were changed themselves, before and after."""
    parameters: frozenset[str]
    names: frozenset[str]
    """Those variables and parameters, with all variables that rest on them."""
    criteria: frozenset[str]
    """Those whose own expressions were changed, and new ones."""
    dependent: frozenset[str]
    """Those that read one of the names."""
    shape: bool
    """Whether groups, roles or what is there at all differ, so that equal answers may still roll up otherwise."""


def difference(original: PlanDefinition, mutant: PlanDefinition) -> Difference | None:
    """Return what a mutant changes; None where it decides on other codes or reads other parts of the chart."""
    if original.codes != mutant.codes or original.inputs != mutant.inputs or original.order != mutant.order:
        return None
    variables = {
        name: (original.variables[name], one)
        for name, one in mutant.variables.items()
        if original.variables[name] is not one
    }
    parameters = frozenset(name for name, one in mutant.parameters.items() if original.parameters[name] != one)
    names = set(variables) | parameters
    for name, one in mutant.variables.items():  # each reads only those before it
        if not names.isdisjoint(one.reads):
            names.add(name)
    before = {one.id: one for one in original.walk()}
    after = tuple(mutant.walk())
    return Difference(
        plan=mutant,
        variables=tuple(variables.values()),
        parameters=parameters,
        names=frozenset(names),
        criteria=frozenset(one.id for one in after if not _asks_the_same(before.get(one.id), one)),
        dependent=frozenset(one.id for one in after if any(not names.isdisjoint(e.reads) for e in expressions(one))),
        shape=[_frame(one) for one in before.values()] != [_frame(one) for one in after],
    )


def _asks_the_same(before: Criterion | None, after: Criterion) -> bool:
    if before is None or before.determination_of != after.determination_of:
        return False
    pairs = tuple(expressions(before)), tuple(expressions(after))
    return len(pairs[0]) == len(pairs[1]) and all(one is other for one, other in zip(*pairs, strict=True))


def expressions(criterion: Criterion) -> Iterator[Expression]:
    """Yield the expressions that decide on a criterion's state and reason."""
    yield from (one for one in (criterion.support, criterion.refute) if one is not None)
    yield from (expression for _, expression in criterion.unknown_because)
    if criterion.join is not None and criterion.join.count is not None and not isinstance(criterion.join.count, int):
        yield criterion.join.count


def _frame(criterion: Criterion) -> tuple[object, ...]:
    return criterion.id, criterion.parent, criterion.role, criterion.join, criterion.human_review
