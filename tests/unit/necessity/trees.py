"""Determinations drawn at random, without expressions and charts: a tree of criteria, and the states of its leaves.

The groups are rolled up and the outcome is told by the functions that decide in earnest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count, islice
from typing import Any

from hypothesis import strategies as st

from cds_service.expressions.language import DataNeed
from cds_service.expressions.logic import Truth
from cds_service.fhir.temporal import Date
from cds_service.necessity.model import CriterionResult, Determination, Kind, Order, Outcome
from cds_service.necessity.roll_up import clinical_truth, group_result, outcome_of
from cds_service.plan_definition.model import Criterion, DeterminationOf, Join
from cds_service.plan_definition.profile import Role
from tests.unit.plan_definition.plans import compiled_plan, plan

PLAN = compiled_plan(plan())
ELSEWHERE = DeterminationOf(PLAN.canonical, "clinical", PLAN.codes, None)
DAY = Date((2026, 1, 15))
ORDER = Order({}, "ServiceRequest/o1", "ServiceRequest/o1.code", "s", "A", {}, DAY)
MOST_LEAVES = 8


@dataclass(frozen=True)
class Asked:
    source: str
    needs: tuple[DataNeed, ...] = ()
    reads: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Leaf:
    """The state of a criterion without parts; `not_applicable` as an order that it reads would make it."""

    state: Truth
    not_applicable: bool = False

    def completed(self, state: bool) -> Leaf:
        return replace(self, state=state, not_applicable=self.not_applicable and not state)


@dataclass(frozen=True)
class Tree:
    criteria: tuple[Criterion, ...]
    needed: Mapping[str, int | None]
    leaves: Mapping[str, Leaf]
    asks: Mapping[str, tuple[str, bool]]
    """Which fact a leaf asks, by the leaf for which it was drawn, and the value that it has where the leaf is true."""

    def walk(self) -> Iterator[Criterion]:
        for criterion in self.criteria:
            yield from criterion.walk()

    def results(self, leaves: Mapping[str, Leaf]) -> dict[str, CriterionResult]:
        found: dict[str, CriterionResult] = {}

        def roll(criterion: Criterion) -> CriterionResult:
            parts = [roll(part) for part in criterion.parts]
            if not parts:
                leaf = leaves[criterion.id]
                made = CriterionResult(criterion, leaf.state, not_applicable=leaf.not_applicable)
            elif (needed := self.needed[criterion.id]) is None:
                made = CriterionResult(criterion, None)
            else:
                made = group_result(criterion, needed, parts)
            found[criterion.id] = made
            return made

        for criterion in self.criteria:
            roll(criterion)
        return {criterion.id: found[criterion.id] for criterion in self.walk()}

    def outcome(self, leaves: Mapping[str, Leaf]) -> tuple[Outcome, Kind | None]:
        results = self.results(leaves)
        return outcome_of(results[one.id] for one in self.criteria)

    def determination(self) -> Determination:
        results = self.results(self.leaves)
        top = [results[one.id] for one in self.criteria]
        outcome, kind = outcome_of(top)
        return Determination(
            id="drawn",
            order=ORDER,
            plan=replace(PLAN, criteria=self.criteria),
            outcome=outcome,
            kind=kind,
            results=tuple(results.values()),
            conditions=(),
            cautions=(),
            clinical=clinical_truth(top),
            as_of=DAY,
        )


@st.composite
def trees(draw: st.DrawFn, *, inapplicable: bool = True) -> Tree:
    """Draw a tree of at most eight leaves: any roles, groups and thresholds, any states, facts asked more than once.

    And either with leaves that an order makes not applicable, or with facts that are asked the other way round.
    """
    names = map("c{}".format, count())
    left = [MOST_LEAVES]
    needed: dict[str, int | None] = {}
    leaves: dict[str, Leaf] = {}

    asks: dict[str, tuple[str, bool]] = {}
    drawn: list[Criterion] = []

    def criterion(role: Role, depth: int, *, alone: bool) -> Criterion:
        name = next(names)
        size = draw(st.integers(1, min(3, left[0]))) if depth < 3 and left[0] > 1 and draw(st.booleans()) else 0
        if not size:
            return leaf(name, role, alone=alone)
        parts = tuple(criterion(draw(ROLES), depth + 1, alone=alone) for _ in islice(count(), size) if left[0] > 0)
        if not parts:
            return leaf(name, role, alone=alone)
        number = draw(st.integers(1, len(parts)))
        needed[name] = number if draw(st.integers(0, 19)) else None
        return Criterion(name, role, f"Title of {name}", join=Join("at-least", number), parts=parts)

    def leaf(name: str, role: Role, *, alone: bool) -> Criterion:
        left[0] -= 1
        kind = draw(KINDS)
        if kind in ("again", "contrary"):
            if drawn and not alone:
                contrary = kind == "contrary" and not inapplicable
                return asked_again(name, role, draw(st.sampled_from(drawn)), contrary=contrary)
            kind = "both"
        asks[name] = (name, True)
        state = draw(STATES)
        if kind == "elsewhere":
            leaves[name] = Leaf(state, inapplicable and state is not True and draw(st.booleans()))
            return Criterion(name, role, f"Title of {name}", determination_of=ELSEWHERE)
        if kind == "note":
            leaves[name] = Leaf(True)
            return Criterion(name, role, f"Title of {name}")
        leaves[name] = Leaf(state)
        support, refute = expression(name), expression(f"not {name}") if kind == "both" else None
        made = Criterion(name, role, f"Title of {name}", support=support, refute=refute)
        if not alone:
            drawn.append(made)
        return made

    def asked_again(name: str, role: Role, other: Criterion, *, contrary: bool) -> Criterion:
        fact, if_true = asks[other.id]
        if not contrary or other.refute is None:
            asks[name], leaves[name] = (fact, if_true), leaves[other.id]
            return replace(other, id=name, role=role)
        state = leaves[other.id].state
        asks[name], leaves[name] = (fact, not if_true), Leaf(None if state is None else not state)
        return replace(other, id=name, role=role, support=other.refute, refute=other.support)

    wanted = draw(st.integers(1, 5))
    roles = (draw(ROLES) for _ in range(wanted) if left[0] > 0)
    criteria = tuple(criterion(role, 0, alone=role is Role.CODE_CONFLICT) for role in roles)
    return Tree(criteria, needed, leaves, asks)


def expression(text: str) -> Any:
    """Return an expression that is never asked."""
    return Asked(text)


KINDS = st.sampled_from(("both", "both", "both", "no refutation", "elsewhere", "note", "again", "contrary"))
STATES: st.SearchStrategy[Truth] = st.sampled_from((None, None, None, True, True, False))
ROLES = st.sampled_from(
    (
        Role.SCOPE,
        Role.REQUIRED,
        Role.REQUIRED,
        Role.GROUP,
        Role.EXCLUSION,
        Role.CODE_FIT,
        Role.CODE_CONFLICT,
        Role.CAUTION,
    )
)
