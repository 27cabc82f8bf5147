"""Facts: what criteria ask of the chart. Two that ask the same ask one fact; two that ask the contrary, its two sides.

An element of a policy may stand in several groups: the involved bone in each of three operations. What is not on record
is then missing once, however many criteria are open for the want of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from cds_service.plan_definition.model import Criterion, PlanDefinition
from cds_service.plan_definition.profile import Role

__all__ = ["Fact", "facts_of"]


@dataclass(frozen=True, slots=True)
class Fact:
    """What a criterion asks, by the id of the first criterion of the policy that asks it."""

    name: str
    if_true: bool = True
    """Its value where the criterion is true: false for one that asks the contrary of the first."""


_Asked: TypeAlias = tuple[str, str | None]
"""The conditions that support and refute, as they are written; their names mean the same all over a policy."""


def facts_of(plan: PlanDefinition) -> Mapping[str, Fact]:
    """Return the fact that each criterion without parts asks, by the criterion's id.

    Conflicts of codes keep theirs to themselves, because they are taken as none while nothing shows them.
    """
    found: dict[str, Fact] = {}
    known: dict[_Asked, Fact] = {}
    for top in plan.criteria:
        for criterion in top.walk():
            if criterion.parts:
                continue
            fact = Fact(criterion.id)
            asked = _asked(criterion) if top.role is not Role.CODE_CONFLICT else None
            if asked is not None:
                fact = known.setdefault(asked, fact)
                supports, refutes = asked
                if refutes is not None:
                    known.setdefault((refutes, supports), Fact(fact.name, not fact.if_true))
            found[criterion.id] = fact
    return found


def _asked(criterion: Criterion) -> _Asked | None:
    if criterion.support is None:
        return None
    return criterion.support.source, criterion.refute.source if criterion.refute is not None else None
