"""The nouns of a determination. The determination is the primary object; cards and all else are made from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from cds_service.expressions.logic import Truth
from cds_service.fhir.element import Resource
from cds_service.fhir.temporal import Date
from cds_service.fhir.values import Code
from cds_service.necessity.lifecycle import Refusal
from cds_service.plan_definition.model import Criterion, PlanDefinition
from cds_service.plan_definition.profile import Reason

__all__ = ["CriterionResult", "Determination", "Evidence", "Kind", "LookedAt", "Note", "Order", "Outcome"]


class Outcome(StrEnum):
    """What a determination says of an ordered code."""

    MET = "met"
    NOT_MET = "not-met"
    INFORMATION_MISSING = "information-missing"
    NOT_APPLICABLE = "not-applicable"
    NOT_EVALUATED = "not-evaluated"


class Kind(StrEnum):
    """Why an order is not met: the chart contradicts, or the code does not fit what is needed."""

    CLINICAL = "clinical"
    CODING = "coding"


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """One ordered code: the request that carries it, and where in the request it stands."""

    resource: Resource
    reference: str
    path: str
    system: str
    code: str
    coding: Resource = field(repr=False)
    as_of: Date
    duplicates: tuple[str, ...] = ()
    is_theirs: bool = True
    """Whether it is sure to be the patient's: it names them, or nobody. Else it is judged, and nothing is granted."""

    @property
    def references(self) -> tuple[str, ...]:
        """Return the references of the order and of those that say the same."""
        return self.reference, *self.duplicates

    @property
    def coded(self) -> Code:
        """Return (system, code), the system by the name this service knows it by."""
        return self.system, self.code


@dataclass(frozen=True, slots=True)
class Evidence:
    """An element that a criterion rests on."""

    path: str
    value: str | None
    date: str | None
    status: str | None
    element: Any = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class LookedAt:
    """An element that might have been evidence, and the first condition of the policy that it did not fulfil."""

    path: str
    condition: str


@dataclass(frozen=True, slots=True)
class CriterionResult:
    """The state of one criterion for one order, and why."""

    criterion: Criterion
    state: Truth
    reason: Reason | None = None
    evidence: tuple[Evidence, ...] = ()
    problem: str | None = None
    text: str | None = None
    """What the policy says of this state, if it says anything."""
    not_applicable: bool = False
    looked_at: tuple[LookedAt, ...] = ()
    """Where nothing was found: the first few candidates, and what each lacked."""
    needed: int | None = None
    """Of a group: how many of its parts must hold; None where that could not be told."""

    @property
    def state_name(self) -> str:
        """Return `true`, `false` or `unknown`."""
        return "unknown" if self.state is None else "true" if self.state else "false"


@dataclass(frozen=True, slots=True)
class Note:
    """A condition or caution that goes with a determination."""

    id: str
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Determination:
    """What was determined for one ordered code under one policy, with everything it rests on."""

    id: str
    order: Order
    plan: PlanDefinition
    outcome: Outcome
    kind: Kind | None
    results: tuple[CriterionResult, ...]
    """All criteria, flat, in plan order."""
    conditions: tuple[Note, ...]
    cautions: tuple[Note, ...]
    clinical: Truth
    """The need alone, scope included, whatever the code says."""
    as_of: Date
    refusal: Refusal | None = None
    """Why production refuses the policy. In a sandbox it is evaluated all the same, and stamped."""

    @property
    def problem(self) -> str | None:
        """Return why this was not evaluated, for an operator; None if it was."""
        return str(self.refusal) if self.outcome is Outcome.NOT_EVALUATED else None

    @property
    def human_review(self) -> bool:
        """Return whether a physician must look: any not-met, a conflict, or a criterion that asks for it."""
        return self.outcome is Outcome.NOT_MET or any(
            result.reason is Reason.CONFLICT or (result.state is True and result.criterion.human_review)
            for result in self.results
        )

    def state_of(self, node: str) -> Truth:
        """Return the state of a criterion, or of the need as a whole for `clinical`; None if it was not evaluated."""
        if node == "clinical":
            return self.clinical
        return next((one.state for one in self.results if one.criterion.id == node), None)

    def result(self, criterion_id: str) -> CriterionResult:
        """Return the result of one criterion. Raises KeyError if the policy has none of that id."""
        for result in self.results:
            if result.criterion.id == criterion_id:
                return result
        raise KeyError(criterion_id)
