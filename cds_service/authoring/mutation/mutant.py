"""A mutant: a policy with one thing changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from cds_service.authoring.mutation.operators import Operator
from cds_service.fhir.element import Resource

__all__ = ["Mutant", "numbered"]


@dataclass(frozen=True, slots=True)
class Mutant:
    """What was changed, in words, and the resource that has the change: the PlanDefinition or one of its value sets."""

    policy: str
    """The name of the policy: what its canonical ends in."""
    place: str
    """The criterion with the part of it, a variable, a parameter or a value set."""
    operator: Operator
    change: str
    resource: Resource = field(repr=False)

    @property
    def id(self) -> str:
        """Return what a written reason names the mutant by: policy, place and change."""
        return f"{self.policy} {self.place}: {self.change}"


def numbered(mutants: Iterable[Mutant]) -> Iterator[Mutant]:
    """Yield the mutants with `(2)`, `(3)` … after a change that is described as an earlier one was."""
    seen: Counter[str] = Counter()
    for mutant in mutants:
        seen[mutant.id] += 1
        count = seen[mutant.id]
        yield mutant if count == 1 else replace(mutant, change=f"{mutant.change} ({count})")
