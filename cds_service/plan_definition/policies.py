"""All policies on offer: compiled, in an order that respects who reads whom, and found by ordered code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from hashlib import sha256

from cds_service.errors import ContentError
from cds_service.fhir.temporal import Date
from cds_service.fhir.values import Code
from cds_service.plan_definition.artifacts import Artifacts
from cds_service.plan_definition.compile import compile_plan
from cds_service.plan_definition.model import PlanDefinition
from cds_service.plan_definition.versions import by_period, first_day, version_on

__all__ = ["Policies", "compile_policies", "in_order"]

_MODIFIER = re.compile(r"[-: ]?[0-9A-Za-z]{2}")
"""What bills put behind a procedure code, as in `63102-50`."""
_LONGEST_CODE = 64
"""A longer text is none of these codes in any way of writing it."""
_OF_OTHER_THINGS = frozenset(
    (
        "http://snomed.info/sct",
        "http://loinc.org",
        "http://www.nlm.nih.gov/research/umls/rxnorm",
        "http://hl7.org/fhir/sid/ndc",
        "http://hl7.org/fhir/sid/cvx",
        "http://hl7.org/fhir/sid/icd-10-cm",
    )
)
"""Code systems whose codes mean what they say there, whatever the same digits mean elsewhere."""


@dataclass(frozen=True)
class Policies:
    """An immutable set of compiled policies."""

    plans: tuple[PlanDefinition, ...]
    """Each after those whose answer it reads."""

    def for_code(self, code: Code) -> tuple[PlanDefinition, ...]:
        """Return the policies that decide on an ordered code, in every version that does."""
        return self._by_code.get(code, ())

    def may_mean(self, code: str, system: str = "") -> bool:
        """Return whether a code that no policy decides on may be one that it does, written in another way.

        Without its system or under a name of it that is not known, in other letters, with modifiers (`63102-50`).
        """
        if (system, code) in self._by_code or len(code) > _LONGEST_CODE or system in _OF_OTHER_THINGS:
            return False
        return any(form in self._bare_codes for form in _forms(code.strip().casefold()))

    def knows(self, system: str) -> bool:
        """Return whether it is known what the codes of a system mean: policies name some, or none of them could."""
        return system in self._systems or system in _OF_OTHER_THINGS

    def on(self, code: Code, day: Date) -> tuple[PlanDefinition, ...]:
        """Return the policies that decide on a code ordered on a day, each in the version that counts then."""
        return tuple(plan for plan in self.for_code(code) if self.counts(plan, day))

    def counts(self, plan: PlanDefinition, day: Date) -> bool:
        """Return whether, of all versions of a policy, this one counts on a day."""
        versions = self._by_canonical[plan.canonical]
        return version_on(versions, day) is plan

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
    def _systems(self) -> frozenset[str | None]:
        return frozenset(system for system, _ in self._by_code)

    @cached_property
    def _bare_codes(self) -> frozenset[str]:
        return frozenset(code.casefold() for _, code in self._by_code)

    @cached_property
    def _by_canonical(self) -> Mapping[str, tuple[PlanDefinition, ...]]:
        return {canonical: by_period(versions) for canonical, versions in _versions(self.plans).items()}

    @cached_property
    def _rank(self) -> Mapping[int, int]:
        return {id(plan): i for i, plan in enumerate(self.plans)}


def _forms(code: str) -> Iterator[str]:
    """Yield a code as it is, and without the last one, two, … of what may be modifiers."""
    yield code
    for take in (3, 2):  # with what stands between, or without
        rest = code
        while len(rest) > take and _MODIFIER.fullmatch(rest[-take:]):
            rest = rest[:-take]
            yield rest


def compile_policies(artifacts: Artifacts) -> Policies:
    """Return every PlanDefinition compiled, all versions of it.

    Raises ContentError for the first fault: in a policy, in the periods of its versions, or a circle of policies.
    """
    plans = [compile_plan(one, artifacts) for one in artifacts.all("PlanDefinition")]
    for versions in _versions(plans).values():
        by_period(versions)
    return Policies(in_order({plan.reference: plan for plan in plans}))


def in_order(plans: Mapping[str, PlanDefinition]) -> tuple[PlanDefinition, ...]:
    """Return policies, under any names, each after those whose answer it reads. Raises ContentError for a circle."""
    names: dict[str, list[str]] = {}
    for name in sorted(plans, key=lambda name: (plans[name].canonical, first_day(plans[name]), plans[name].version)):
        names.setdefault(plans[name].canonical, []).append(name)
    reads = {
        name: [other for canonical in sorted(plans[name].depends_on) for other in names.get(canonical, ())]
        for versions in names.values()
        for name in versions
    }
    try:
        return tuple(plans[name] for name in TopologicalSorter(reads).static_order())
    except CycleError as error:
        reason = "policies read each other's determinations in a circle"
        raise ContentError(reason, " → ".join(error.args[1]), rule="policies-in-a-circle") from None


def _versions(plans: Iterable[PlanDefinition]) -> dict[str, list[PlanDefinition]]:
    found: dict[str, list[PlanDefinition]] = {}
    for plan in plans:
        found.setdefault(plan.canonical, []).append(plan)
    return found
