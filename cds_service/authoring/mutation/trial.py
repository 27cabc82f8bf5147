"""Mutants against cases: which mutant does no case notice?"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum

from cds_service.authoring.cases import check
from cds_service.authoring.mutation.again import before
from cds_service.authoring.mutation.difference import difference
from cds_service.authoring.mutation.mutant import Mutant, numbered
from cds_service.authoring.mutation.plan import plan_mutants
from cds_service.authoring.mutation.remember import Memory
from cds_service.authoring.mutation.value_sets import Watched, value_set_mutants
from cds_service.authoring.suite import Result, Suite
from cds_service.errors import ContentError
from cds_service.fhir.encoding import canonical
from cds_service.fhir.values import Code
from cds_service.plan_definition.artifacts import Artifact, Artifacts
from cds_service.plan_definition.compile import compile_plan
from cds_service.plan_definition.model import PlanDefinition
from cds_service.plan_definition.policies import Policies, in_order

__all__ = ["Trial", "Verdict", "names_of"]


class Verdict(StrEnum):
    """What became of a mutant."""

    NOTICED = "noticed"
    SURVIVED = "survived"
    IMPOSSIBLE = "impossible"
    """It does not compile, so that its author would be told."""


class Trial:
    """The policies and the runs of all their cases, ready for any number of mutants."""

    def __init__(self, artifacts: Artifacts, suite: Suite) -> None:
        """Compile the policies and ask them once in every run. Raises ContentError for a fault in a policy."""
        self._artifacts = artifacts
        self._memory = Memory()
        sources = artifacts.all("PlanDefinition")
        plans = {plan.reference: plan for plan in (self._compile(source, artifacts) for source in sources)}
        self.policies = Policies(in_order(plans))
        self.suite = suite
        self.plans = names_of(plans.values())
        self._sources = {name: artifacts.find("PlanDefinition", plan.reference) for name, plan in self.plans.items()}
        self._all = tuple(before(run, self.policies) for run in suite)
        self._before = {
            plan.reference: [one for one in self._all if plan.reference in one.decided] for plan in self.policies.plans
        }

    def results(self, policies: Iterable[str] | None = None) -> Iterator[Result]:
        """Yield what came out of each run, or of those in which one of some policies decided."""
        wanted = None if policies is None else {self.plans[name].reference for name in policies}
        for one in self._all:
            if wanted is None or wanted & one.decided:
                yield Result(one.run, one.evaluation, tuple(check(one.run.case, one.evaluation)))

    # -- all mutants ------------------------------------------------------------------------------------------

    def mutants(self, policies: Iterable[str] | None = None) -> Iterator[Mutant]:
        """Yield every mutant of all policies, or of some by their names, always in the same order."""
        ordered = Counter(code for run in self.suite for code in run.ordered() if code[0])
        for name in self.plans if policies is None else policies:
            yield from numbered(self._mutants_of(name, ordered))

    def _mutants_of(self, name: str, ordered: Counter[Code]) -> Iterator[Mutant]:
        source = self._sources[name]
        yield from plan_mutants(name, source.resource)
        met = self._met(name)
        for url in self._value_sets(source):
            value_set = self._artifacts.value_set(url)
            orders = ordered if value_set.first(ordered) else Counter()
            resource = self._artifacts.find("ValueSet", url).resource
            yield from value_set_mutants(name, resource, value_set, met[url] or orders)

    def _value_sets(self, source: Artifact) -> list[str]:
        """Return the value sets that a policy reads in order to decide."""
        variables = [one for one in source.resource.get("extension", ()) if "valueExpression" in one]
        text = canonical([source.resource["action"], variables]).decode()
        return [url for url in sorted(self._artifacts.value_sets) if any(f"{url}{end}" in text for end in "'\"|")]

    def _met(self, name: str) -> Mapping[str, Counter[Code]]:
        """Return by value set the codes that a policy asked it for in all runs."""
        watched = {
            url: Watched(one.canonical, one.version, one.codes, one.names)
            for url, one in self._artifacts.value_sets.items()
        }
        plan = compile_plan(self._sources[name], self._artifacts, compile_with=Memory(watched).compile)
        for one in self._before[plan.reference]:
            one.ask(plan)
        return {url: one.met for url, one in watched.items()}

    # -- one mutant -------------------------------------------------------------------------------------------

    def judge(self, mutant: Mutant) -> Verdict:
        """Return whether any case notices a mutant."""
        original = self.plans[mutant.policy]
        try:
            plan = self.mutated(mutant)
        except ContentError:
            return Verdict.IMPOSSIBLE
        changed = difference(original, plan)
        if changed is None:
            policies = self.policies_with(plan)
            noticed = any(any(run.differences(policies)) for run in self.suite)
            return Verdict.NOTICED if noticed else Verdict.SURVIVED
        runs = self._before[original.reference]
        for i, one in enumerate(runs):
            evaluation = one.again(changed)
            if evaluation is not None and any(check(one.run.case, evaluation)):
                runs.insert(0, runs.pop(i))  # who noticed one mutant may well notice the next
                return Verdict.NOTICED
        return Verdict.SURVIVED

    def mutated(self, mutant: Mutant) -> PlanDefinition:
        """Return the policy of a mutant, compiled. Raises ContentError."""
        source = self._sources[mutant.policy]
        if mutant.resource["resourceType"] == "ValueSet":
            artifacts = self._artifacts.replaced(mutant.resource)
            return compile_plan(source, artifacts, compile_with=self._memory.but_for(str(mutant.resource["url"])))
        return self._compile(Artifact(mutant.resource, source.group, source.place), self._artifacts)

    def _compile(self, source: Artifact, artifacts: Artifacts) -> PlanDefinition:
        return compile_plan(source, artifacts, compile_with=self._memory.compile)

    def policies_with(self, changed: PlanDefinition) -> Policies:
        """Return all policies, one of them changed."""
        plans = (changed if one.reference == changed.reference else one for one in self.policies.plans)
        return Policies(tuple(plans))


def names_of(plans: Iterable[PlanDefinition]) -> dict[str, PlanDefinition]:
    """Return policies by what their canonical ends in, with the version where there are several."""
    by_name: dict[str, list[PlanDefinition]] = defaultdict(list)
    for plan in plans:
        by_name[plan.canonical.rpartition("/")[2]].append(plan)
    return {
        name if len(versions) == 1 else f"{name}|{plan.version}": plan
        for name, versions in sorted(by_name.items())
        for plan in versions
    }
