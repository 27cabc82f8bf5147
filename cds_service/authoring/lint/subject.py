"""What lint looks at: the artifacts that could be read, and each policy as far as it compiles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from cds_service.authoring.lint.finding import Finding
from cds_service.errors import ContentError
from cds_service.expressions.language import Expression, Scope
from cds_service.plan_definition.artifacts import Artifact, Artifacts, examine_artifacts
from cds_service.plan_definition.compile import examine_plan
from cds_service.plan_definition.criteria import child_place
from cds_service.plan_definition.elements import Json
from cds_service.plan_definition.languages import compile_expression
from cds_service.plan_definition.model import Criterion, PlanDefinition
from cds_service.plan_definition.package import PolicyFiles

__all__ = ["Action", "Policy", "Subject", "subject_of"]


@dataclass(frozen=True)
class Action:
    """An action below the policy's own, as written."""

    written: Json
    place: str
    above: tuple[Action, ...]

    @property
    def id(self) -> str | None:
        """Return its id, None where that is no text."""
        name = self.written.get("id")
        return name if type(name) is str else None


@dataclass(frozen=True)
class Policy:
    """A PlanDefinition, and what came of compiling it."""

    artifact: Artifact
    plan: PlanDefinition | None
    faults: tuple[ContentError, ...]
    scopes: Mapping[str, Scope] = field(repr=False)
    """The names that an expression may read, by its text."""

    @property
    def canonical(self) -> str:
        """Return `url|version`."""
        return f"{self.artifact.resource.get('url')}|{self.artifact.resource.get('version')}"

    @property
    def sound(self) -> PlanDefinition | None:
        """Return the plan if all of it compiles."""
        return self.plan if not self.faults else None

    @cached_property
    def actions(self) -> tuple[Action, ...]:
        """Return the actions below the policy's own, in plan order."""
        tops = _dicts(self.artifact.resource.get("action"))
        return tuple(_actions(tops[0], "PlanDefinition.action[0]", ())) if tops else ()

    @cached_property
    def places(self) -> Mapping[str, str]:
        """Return the path of each action by its id."""
        return {one.id: one.place for one in self.actions if one.id is not None}

    def finding(
        self,
        rule: str,
        problem: str,
        criterion: Criterion | str | None = None,
        *,
        element: str | None = None,
        source: str | None = None,
        position: int | None = None,
    ) -> Finding:
        """Return a finding in this policy, at a criterion or an element."""
        name = criterion.id if isinstance(criterion, Criterion) else criterion
        place = self.places.get(name) if name is not None else None
        return Finding(
            rule,
            problem,
            self.artifact.group,
            self.artifact.place,
            self.canonical,
            element or place or "PlanDefinition",
            name,
            source,
            position,
        )


@dataclass(frozen=True)
class Subject:
    """All that is looked at in one run."""

    files: PolicyFiles
    artifacts: Artifacts
    faults: tuple[tuple[str, ContentError], ...]
    policies: tuple[Policy, ...]

    @cached_property
    def all(self) -> tuple[Artifact, ...]:
        """Return every artifact that could be read, in the order of their files."""
        return tuple(self.artifacts)

    @cached_property
    def groups(self) -> Mapping[str, str]:
        """Return the group of each file."""
        return {one.place: one.group for one in self.files.artifacts}

    @property
    def not_expandable(self) -> frozenset[str]:
        """Return the canonicals of the value sets whose codes are not known."""
        return frozenset(
            fault.canonical
            for _, fault in self.faults
            if fault.rule == "value-set-not-expandable" and fault.canonical is not None
        )

    @cached_property
    def sound(self) -> tuple[tuple[Policy, PlanDefinition], ...]:
        """Return the policies whose every expression can be asked, with their plans."""
        return tuple(
            (policy, plan)
            for policy in self.policies
            if (plan := policy.sound) is not None
            and not any(one.partition("|")[0] in self.not_expandable for one in plan.value_sets)
        )


def subject_of(files: PolicyFiles) -> Subject:
    """Return what lint looks at in these files: whatever is at fault is kept, and the rest goes on."""
    artifacts, faults = examine_artifacts(files.artifacts)
    policies = tuple(_policy(one, artifacts) for one in artifacts.all("PlanDefinition"))
    return Subject(files, artifacts, faults, policies)


def _policy(artifact: Artifact, artifacts: Artifacts) -> Policy:
    scopes: dict[str, Scope] = {}

    def watched(language: object, source: str, scope: Scope) -> Expression:
        scopes[source] = scope
        return compile_expression(language, source, scope)

    plan, faults = examine_plan(artifact, artifacts, compile_with=watched)
    return Policy(artifact, plan, faults, scopes)


def _actions(holder: Json, place: str, above: tuple[Action, ...]) -> Iterator[Action]:
    for i, written in enumerate(_dicts(holder.get("action"))):
        action = Action(written, child_place(place, i, written), above)
        yield action
        yield from _actions(written, action.place, (*above, action))


def _dicts(value: object) -> list[Json]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
