"""What a test of policies shows: cases that differ, states never shown, mutants that nobody noticed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from cds_service.authoring.accepted import Accepted
from cds_service.authoring.coverage import STATES, PolicyCoverage, coverage
from cds_service.authoring.mutation import Mutant, Operator, Verdict
from cds_service.authoring.suite import Result
from cds_service.plan_definition.model import PlanDefinition

__all__ = ["Gap", "Mutation", "Proof", "prove", "tally"]


@dataclass(frozen=True, slots=True)
class Gap:
    """A state of a deciding criterion that no case shows; with a reason it is accepted."""

    policy: str
    criterion: str
    state: str
    """`met`, `not met` or `missing`."""
    reason: str | None


@dataclass(frozen=True, slots=True)
class Mutation:
    """What became of the mutants."""

    verdicts: Mapping[tuple[Operator, Verdict], int]
    survivors: tuple[Mutant, ...]
    """Those that no case noticed and no reason accepts."""
    accepted: Mapping[str, str]
    """Those that survived with a reason: id to reason."""
    stale: tuple[str, ...]
    """What is accepted, though there is no such mutant, or a case notices it."""

    @property
    def total(self) -> int:
        """Return how many mutants were tried."""
        return sum(self.verdicts.values())

    def count(self, verdict: Verdict, operator: Operator | None = None) -> int:
        """Return how many met one fate, of all or of one kind."""
        return sum(count for (kind, one), count in self.verdicts.items() if one is verdict and operator in (None, kind))


@dataclass(frozen=True)
class Proof:
    """The whole proof."""

    results: tuple[Result, ...]
    policies: Mapping[str, PolicyCoverage]
    """By the policies' names; none where only some cases were run."""
    accepted: Accepted
    untried: frozenset[str] = frozenset()
    """Policies that were left out."""
    mutation: Mutation | None = None

    @cached_property
    def failed(self) -> tuple[Result, ...]:
        """Return the results that differ from what their case expects."""
        return tuple(one for one in self.results if one.differences)

    @cached_property
    def gaps(self) -> tuple[Gap, ...]:
        """Return the states that no case shows, accepted ones included."""
        return tuple(
            Gap(name, criterion, STATES[state], self.accepted.reason_of_state(name, criterion, STATES[state]))
            for name, one in self.policies.items()
            for criterion, state in one.gaps
        )

    @cached_property
    def stale_states(self) -> tuple[str, ...]:
        """Return what is accepted as never shown, though it is shown, or there is no such criterion that decides."""
        open_ones = {(gap.policy, gap.criterion, gap.state) for gap in self.gaps}
        return tuple(
            f"{one.policy} {one.criterion}: never {one.never}"
            for one in self.accepted.states
            if one.policy not in self.untried and (one.policy, one.criterion, one.never) not in open_ones
        )

    @property
    def passed(self) -> bool:
        """Return whether all is as it must be."""
        untold = [gap for gap in self.gaps if gap.reason is None]
        mutants = self.mutation is not None and (self.mutation.survivors or self.mutation.stale)
        return not (self.failed or untold or self.stale_states or mutants)

    def with_mutants(self, mutation: Mutation) -> Proof:
        """Return this with what became of the mutants."""
        return replace(self, mutation=mutation)


def prove(
    results: Iterable[Result], plans: Mapping[str, PlanDefinition], accepted: Accepted, *, untried: Iterable[str] = ()
) -> Proof:
    """Return what the runs show of the policies, by their names."""
    results = tuple(results)
    determinations = (one for result in results for one in result.evaluation.determinations)
    covered = coverage(plans.values(), determinations)
    return Proof(results, dict(zip(plans, covered, strict=True)), accepted, frozenset(untried))


def tally(
    judged: Iterable[tuple[Mutant, Verdict]],
    accepted: Accepted,
    *,
    untried: Iterable[str] = (),
    left_out: Iterable[str] = (),
) -> Mutation:
    """Return what became of mutants.

    What is accepted of policies that were not tried, and of mutants that were left out, by their ids, is left as it is.
    """
    reasons = accepted.reasons_of_mutants()
    verdicts: Counter[tuple[Operator, Verdict]] = Counter()
    survived: list[Mutant] = []
    for mutant, verdict in judged:
        verdicts[mutant.operator, verdict] += 1
        if verdict is Verdict.SURVIVED:
            survived.append(mutant)
    ids = {one.id for one in survived}
    others = tuple(f"{name} " for name in untried)
    known = {*ids, *left_out}
    return Mutation(
        verdicts,
        tuple(one for one in survived if one.id not in reasons),
        {name: reason for name, reason in reasons.items() if name in ids},
        tuple(name for name in reasons if name not in known and not name.startswith(others)),
    )
