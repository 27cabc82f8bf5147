"""All policies on offer: compiled, in an order that respects who reads whom, and found by ordered code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from hashlib import sha256
from types import MappingProxyType

from cds_service.errors import ContentError
from cds_service.fhir.values import Code
from cds_service.plan_definition.artifacts import Artifacts
from cds_service.plan_definition.compile import compile_plan
from cds_service.plan_definition.model import PlanDefinition

__all__ = ["Policies", "compile_policies"]


@dataclass(frozen=True, slots=True)
class Policies:
    """An immutable set of compiled policies; `revision` changes with any content that decides."""

    plans: tuple[PlanDefinition, ...]
    by_code: Mapping[Code, tuple[PlanDefinition, ...]]
    revision: str

    def for_code(self, code: Code) -> tuple[PlanDefinition, ...]:
        """Return the policies that decide on an ordered code."""
        return self.by_code.get(code, ())


def compile_policies(artifacts: Artifacts) -> Policies:
    """Return every PlanDefinition compiled. Raises ContentError for the first fault, a cycle between plans too."""
    plans: dict[str, PlanDefinition] = {}
    for plan in (compile_plan(one, artifacts) for one in artifacts.all("PlanDefinition")):
        if plan.canonical in plans:
            versions = f"`{plans[plan.canonical].version}` and `{plan.version}`"
            raise ContentError(f"two versions are loaded, {versions}; keep the one that decides", plan.canonical)
        plans[plan.canonical] = plan
    try:
        order = tuple(
            TopologicalSorter({name: sorted(plans[name].depends_on) for name in sorted(plans)}).static_order()
        )
    except CycleError as error:
        raise ContentError("policies read each other's determinations in a circle", " → ".join(error.args[1])) from None
    return _indexed(plans[name] for name in order)


def _indexed(plans: Iterable[PlanDefinition]) -> Policies:
    ordered = tuple(plans)
    by_code: dict[Code, list[PlanDefinition]] = {}
    for plan in ordered:
        for code in plan.codes.codes:
            by_code.setdefault(code, []).append(plan)
    revision = sha256("".join(sorted(plan.hash for plan in ordered)).encode()).hexdigest()
    return Policies(ordered, MappingProxyType({code: tuple(found) for code, found in by_code.items()}), revision)
