"""A necessity policy, compiled: immutable, free of FHIR's JSON, ready to be asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cds_service.expressions.language import Expression
from cds_service.fhir.element import Resource
from cds_service.fhir.temporal import Date
from cds_service.fhir.value_set import ValueSet
from cds_service.fhir.values import Code
from cds_service.plan_definition.profile import Reason, Role

__all__ = [
    "Citation",
    "CodeFilter",
    "Criterion",
    "DeterminationOf",
    "Input",
    "Join",
    "Parameter",
    "PlanDefinition",
    "StateText",
    "Suggestion",
]


@dataclass(frozen=True, slots=True)
class Citation:
    """A source, with what a reader must know to weigh it."""

    text: str
    url: str | None = None
    identification: str | None = None
    """How sure it is that this is the source meant: confirmed, probable, candidate, not-identified."""
    population: str | None = None
    sample_size: int | None = None
    strength: str | None = None
    quality: str | None = None


@dataclass(frozen=True, slots=True)
class CodeFilter:
    """A DataRequirement's code filter: the element `path` holds one of `codes`."""

    path: str
    codes: frozenset[Code]
    value_set: str | None = None


@dataclass(frozen=True, slots=True)
class Input:
    """A DataRequirement with an id: the usable resources of a type that pass all filters are bound to `%id`."""

    id: str
    type: str
    filters: tuple[CodeFilter, ...] = ()


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number or code that a reviewer may set, with its basis and whether a clinician signed it off."""

    name: str
    value: Any
    type: str
    basis: str | None = None
    signed_off: bool = False


@dataclass(frozen=True, slots=True)
class Join:
    """How a group rolls up its parts: all, any, or at least as many as `count` says."""

    kind: Literal["all", "any", "at-least"]
    count: int | Expression | None = None


@dataclass(frozen=True, slots=True)
class DeterminationOf:
    """Takes the truth of a node of another policy, for a draft order of `codes` at the same site."""

    canonical: str
    node: str
    codes: ValueSet
    same_site: Expression | None


@dataclass(frozen=True, slots=True)
class StateText:
    """What the card says when a criterion is in a state; an expression may fill in what the chart says."""

    text: str | Expression
    indicator: Literal["info", "warning", "critical"] | None = None


@dataclass(frozen=True, slots=True)
class Criterion:
    """One node of a policy: a criterion with expressions, a group of nodes, or a look at another determination."""

    id: str
    role: Role
    title: str
    parent: str | None = None
    text: str = ""
    rationale: str = ""
    """The reason behind it, for readers of the policy; no card shows it."""
    join: Join | None = None
    parts: tuple[Criterion, ...] = ()
    support: Expression | None = None
    refute: Expression | None = None
    unknown_because: tuple[tuple[Reason, Expression], ...] = ()
    determination_of: DeterminationOf | None = None
    prompt: str | None = None
    state_texts: Mapping[str, StateText] | None = None
    citations: tuple[Citation, ...] = ()
    human_review: bool = False

    def walk(self) -> Iterator[Criterion]:
        """Yield this node and all below it, in plan order."""
        yield self
        for part in self.parts:
            yield from part.walk()


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A change to the orders that a card may offer, and the state of affairs in which it does."""

    label: str
    kind: Literal["create", "delete"]
    outcome: str | None
    criterion: str | None
    state: str | None
    activity: Resource | None


_ASKED = (Role.SCOPE, Role.REQUIRED, Role.ALTERNATIVE, Role.EXCLUSION, Role.CODE_FIT)


@dataclass(frozen=True, slots=True)
class PlanDefinition:
    """A policy: what it decides on, for which ordered codes, by which criteria."""

    canonical: str
    version: str
    hash: str
    title: str
    name: str
    group: str
    """The folder it stands in; a card speaks for one folder."""
    status: str
    experimental: bool
    review_stage: str | None
    date: str | None
    approval_date: Date | None
    last_review_date: Date | None
    effective_from: Date | None
    effective_to: Date | None
    reviewers: tuple[str, ...]
    """The clinicians who stand for it: reviewers, then endorsers, by name."""
    unverified: tuple[str, ...]
    """The codes that it reads and nobody verified; told of an active policy only."""
    hooks: tuple[str, ...]
    order: Input
    codes: ValueSet
    inputs: tuple[Input, ...]
    parameters: Mapping[str, Parameter]
    variables: Mapping[str, Expression]
    criteria: tuple[Criterion, ...]
    citations: tuple[Citation, ...]
    override_reasons: tuple[Mapping[str, str], ...]
    suggestions: tuple[Suggestion, ...]
    value_sets: frozenset[str]
    """The canonicals of all value sets that it reads."""

    @property
    def reference(self) -> str:
        """Return `canonical|version`."""
        return f"{self.canonical}|{self.version}"

    def walk(self) -> Iterator[Criterion]:
        """Yield every criterion in plan order."""
        for criterion in self.criteria:
            yield from criterion.walk()

    @property
    def questions(self) -> tuple[Criterion, ...]:
        """Return the criteria that a person can answer: those with expressions of their own and words for "missing"."""
        return tuple(
            one for one in self.walk() if one.support is not None and one.prompt is not None and one.role in _ASKED
        )

    def types_read(self, criterion: Criterion) -> frozenset[str]:
        """Return the types of resource that the answer of a criterion rests on, its own parts left out."""
        inputs = {one.id: one.type for one in self.inputs}
        types: set[str] = set()
        waiting = [one for one in (criterion.support, criterion.refute) if one is not None]
        seen: set[str] = set()
        while waiting:
            expression = waiting.pop()
            types.update(need.type for need in expression.needs)
            types.update(inputs[name] for name in expression.reads if name in inputs)
            new = [name for name in expression.reads if name in self.variables and name not in seen]
            seen.update(new)
            waiting += [self.variables[name] for name in new]
        return frozenset(types)

    @property
    def depends_on(self) -> frozenset[str]:
        """Return the canonicals of the policies whose determinations this one reads."""
        return frozenset(node.determination_of.canonical for node in self.walk() if node.determination_of is not None)
