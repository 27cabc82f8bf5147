"""All policies on offer: compiled, in an order that respects who reads whom, and found by ordered code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from hashlib import sha256

from cds_service.errors import ContentError
from cds_service.fhir.values import Code
from cds_service.plan_definition.artifacts import Artifacts
from cds_service.plan_definition.compile import compile_plan
from cds_service.plan_definition.model import PlanDefinition

__all__ = ["Policies", "compile_policies", "in_order"]


@dataclass(frozen=True)
class Policies:
    """An immutable set of compiled policies."""

    plans: tuple[PlanDefinition, ...]
    """Each after those whose answer it reads."""

    def for_code(self, code: Code) -> tuple[PlanDefinition, ...]:
        """Return the policies that decide on an ordered code."""
        return self._by_code.get(code, ())

    def deciding(self, codes: Iterable[Code]) -> list[PlanDefinition]:
        """Return the policies that decide on any of these codes, each after those whose answer it reads."""
        asked = {id(plan): plan for code in codes for plan in self.for_code(code)}
        return sorted(asked.values(), key=lambda plan: self._rank[id(plan)])

    @cached_property
    def revision(self) -> str:
        """A hash that changes with any content that decides."""
        return sha256("".join(sorted(plan.hash for plan in self.plans)).encode()).hexdigest()

    @cached_property
    def _by_code(self) -> Mapping[Code, tuple[PlanDefinition, ...]]:
        found: dict[Code, tuple[PlanDefinition, ...]] = {}
        for plan in self.plans:
            for code in plan.codes.codes:
                found[code] = (*found.get(code, ()), plan)
        return found

    @cached_property
    def _rank(self) -> Mapping[int, int]:
        return {id(plan): i for i, plan in enumerate(self.plans)}


def compile_policies(artifacts: Artifacts) -> Policies:
    """Return every PlanDefinition compiled. Raises ContentError for the first fault, a cycle between plans too."""
    plans: dict[str, PlanDefinition] = {}
    for plan in (compile_plan(one, artifacts) for one in artifacts.all("PlanDefinition")):
        if plan.canonical in plans:
            versions = f"`{plans[plan.canonical].version}` and `{plan.version}`"
            raise ContentError(f"two versions are loaded, {versions}; keep the one that decides", plan.canonical)
        plans[plan.canonical] = plan
    return Policies(in_order(plans))


def in_order(plans: Mapping[str, PlanDefinition]) -> tuple[PlanDefinition, ...]:
    """Return policies, given by canonical, each after those whose answer it reads. Raises ContentError for a circle."""
    reads = {name: sorted(plans[name].depends_on & plans.keys()) for name in sorted(plans)}
    try:
        return tuple(plans[name] for name in TopologicalSorter(reads).static_order())
    except CycleError as error:
        reason = "policies read each other's determinations in a circle"
        raise ContentError(reason, " → ".join(error.args[1]), rule="policies-in-a-circle") from None
