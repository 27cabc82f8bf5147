"""Two releases of policies, each a folder or a package, compared policy by policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cds_service.authoring.case_format import parse_yaml
from cds_service.authoring.cases import Case, Fixture, read_cases
from cds_service.authoring.diff.cases import CaseRun, run_cases
from cds_service.authoring.diff.changes import Change, changes
from cds_service.fhir.value_set import ValueSet
from cds_service.plan_definition.artifacts import Artifacts, read_artifacts
from cds_service.plan_definition.model import PlanDefinition
from cds_service.plan_definition.package import PolicyFiles
from cds_service.plan_definition.policies import Policies, compile_policies
from cds_service.plan_definition.versions import by_period

__all__ = ["Diff", "PolicyDiff", "Release", "compare", "read_release"]


@dataclass(frozen=True, slots=True)
class Release:
    """Policies, what they are made of, and their cases by folder and id."""

    policies: Policies
    artifacts: Artifacts
    cases: Mapping[tuple[str, str], Case]

    def versions(self) -> dict[str, tuple[PlanDefinition, ...]]:
        """Return the versions of each policy in the order of their periods."""
        held: dict[str, list[PlanDefinition]] = {}
        for plan in self.policies.plans:
            held.setdefault(plan.canonical, []).append(plan)
        return {canonical: by_period(versions) for canonical, versions in held.items()}


@dataclass(frozen=True, slots=True)
class PolicyDiff:
    """A policy in both releases: its newest version on either side, None where there is none."""

    before: PlanDefinition | None
    after: PlanDefinition | None
    changes: tuple[Change, ...]

    @property
    def plan(self) -> PlanDefinition:
        """Return the policy as it is now, or as it was if it is gone."""
        plan = self.after or self.before
        assert plan is not None  # noqa: S101 - a policy is in one of the releases
        return plan

    @property
    def decides(self) -> bool:
        """Return whether any of the changes can alter a determination."""
        return self.before is None or self.after is None or any(one.decides for one in self.changes)

    @property
    def version_not_raised(self) -> bool:
        """Return whether the content changed under the same version."""
        old, new = self.before, self.after
        return old is not None and new is not None and old.version == new.version and old.hash != new.hash


@dataclass(frozen=True, slots=True)
class Diff:
    """What changed from one release to another. `cases` is None where they were not run."""

    policies: tuple[PolicyDiff, ...]
    cases: CaseRun | None


def read_release(files: PolicyFiles) -> Release:
    """Return the release that a folder or package holds. Raises ContentError."""
    artifacts = read_artifacts(files.artifacts)
    cases = {
        (text.group, case.id): case
        for text in files.texts
        if text.place.rpartition("/")[2] == "cases.yaml"
        for case in _cases(text.body, f"{text.group}/{text.place}")
    }
    return Release(compile_policies(artifacts), artifacts, cases)


def _cases(body: bytes, place: str) -> tuple[Case, ...]:
    return read_cases(parse_yaml(body.decode(errors="replace"), place=place), place=place)


def compare(before: Release, after: Release, *, fixture: Fixture | None) -> Diff:
    """Return what changed. The cases of both are run under both; of one that both have, the later text is run.

    Without `fixture`, where the charts of cases come from, and where nothing changed, no case is run.
    """
    found = tuple(_policies(before, after))
    if fixture is None or not found:
        return Diff(found, None)
    cases = {**before.cases, **after.cases}
    ordered = (cases[name] for name in sorted(cases))
    return Diff(found, run_cases(ordered, before.policies, after.policies, fixture))


def _policies(before: Release, after: Release) -> Iterator[PolicyDiff]:
    old, new = before.versions(), after.versions()
    for canonical in sorted(old.keys() | new.keys()):
        was, now = old.get(canonical, ()), new.get(canonical, ())
        newest_was, newest_now = (versions[-1] if versions else None for versions in (was, now))
        if newest_was is None or newest_now is None:
            yield PolicyDiff(newest_was, newest_now, ())
            continue
        told = (
            *_versions(was, now),
            *changes(newest_was, newest_now),
            *_value_sets(newest_was, before.artifacts, newest_now, after.artifacts),
        )
        if told or newest_was.hash != newest_now.hash:
            yield PolicyDiff(newest_was, newest_now, told)


def _versions(before: tuple[PlanDefinition, ...], after: tuple[PlanDefinition, ...]) -> Iterator[Change]:
    was, now = (", ".join(one.version for one in versions) for versions in (before, after))
    if was != now and max(len(before), len(after)) > 1:
        yield Change("life cycle", "", aspect="versions side by side", before=was, after=now, decides=True)


def _value_sets(before: PlanDefinition, old: Artifacts, after: PlanDefinition, new: Artifacts) -> Iterator[Change]:
    """Yield differences in the codes of the value sets that are read; those of the ordered codes are told as such."""
    was = {_address(one): old.value_set(one) for one in before.value_sets}
    now = {_address(one): new.value_set(one) for one in after.value_sets}
    for address in sorted((was.keys() | now.keys()) - {before.codes.canonical, after.codes.canonical}):
        name = address.rpartition("/")[2]
        one, other = was.get(address), now.get(address)
        if one is None or other is None:
            yield Change("value set", name, before=_all(one), after=_all(other), decides=True)
            continue
        gone, come = one.codes - other.codes, other.codes - one.codes
        if gone:
            yield Change("value set", name, aspect="codes taken out", before=_words(one, gone), decides=True)
        if come:
            yield Change("value set", name, aspect="codes put in", after=_words(other, come), decides=True)


def _address(canonical: str) -> str:
    return canonical.partition("|")[0]


def _all(value_set: ValueSet | None) -> str | None:
    return _words(value_set, value_set.codes) if value_set is not None else None


def _words(value_set: ValueSet, codes: frozenset[tuple[str | None, str]]) -> str:
    named = sorted((code, value_set.names[system, code]) for system, code in codes)
    return "; ".join(code if words == code else f"{code} {words}" for code, words in named)
