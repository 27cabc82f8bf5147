"""The table from a determination to what a payer answers: docs/explanation/coverage_information.md.

The need that a policy asks for is no benefit: no determination makes anything `not-covered`. What is not met goes to
a physician. A failure is neither yes nor no.
"""

from __future__ import annotations

from dataclasses import dataclass

from cds_service.crd.coverage import Problem
from cds_service.crd.coverage_information import Covered, PaNeeded
from cds_service.crd.terms import Authorization, Call, Terms
from cds_service.fhir.definitions import element
from cds_service.fhir.element import Resource
from cds_service.fhir.unread import Why
from cds_service.necessity.model import CriterionResult, Determination, Kind, Outcome
from cds_service.necessity.reading import open_questions
from cds_service.plan_definition.model import PlanDefinition
from cds_service.plan_definition.profile import Reason

__all__ = ["Answer", "answer_to"]


@dataclass(frozen=True, slots=True)
class Answer:
    """One row of the table."""

    covered: Covered
    pa_needed: PaNeeded
    says: str
    documents: bool = False
    """Whether a clinician's documents would help."""
    code: str | None = None
    """CRD's code for the reason, if it has one."""


_ORDERS = ("order", "original-order", "reflex-order", "filler-order", "instance-order")
"""The intents of a request that is to be carried out. Source: FHIR R4, request-intent."""
_IN_FORCE = ("draft", "active", "proposed", "pending", "booked", "arrived", "checked-in", "waitlist")
"""The statuses of a request, or of an appointment, that lets it be carried out."""
_NOT_SHOWN = Answer(
    Covered.COVERED, PaNeeded.AUTH_NEEDED, "criteria not met on record; a physician reviews it", documents=True
)
_MISFIT = Answer(Covered.CONDITIONAL, PaNeeded.CONDITIONAL, "the code does not fit; a physician reviews it")
_MISSING = Answer(Covered.CONDITIONAL, PaNeeded.CONDITIONAL, "information missing", documents=True)
_WAITING = Answer(Covered.CONDITIONAL, PaNeeded.CONDITIONAL, "depends on another order")
_UNREAD = Answer(Covered.INDETERMINATE, PaNeeded.INDETERMINATE, "part of the chart could not be read", code="technical")
_NOT_EVALUATED = Answer(Covered.INDETERMINATE, PaNeeded.INDETERMINATE, "not evaluated", code="technical")


def answer_to(determination: Determination, problem: Problem | None, terms: Terms, call: Call) -> Answer | None:
    """Return what is answered to one determination; None where its policy does not apply.

    `problem` is that of the Coverages it is answered for.
    """
    match determination.outcome, determination.kind:
        case Outcome.NOT_APPLICABLE, _:
            return None
        case Outcome.MET, _:
            return _met(determination, problem, terms, call)
        case Outcome.NOT_MET, Kind.CODING:
            return _MISFIT
        case Outcome.NOT_MET, _:
            return _NOT_SHOWN
        case Outcome.INFORMATION_MISSING, _:
            return _open(determination, call)
        case _:
            return _NOT_EVALUATED


def _open(determination: Determination, call: Call) -> Answer:
    """Return why nothing can be said yet. What failed to be read is not asked of a clinician, who may have written it.

    What a client did not send, and lets nobody read, is: there is no other way to it.
    """
    gaps = open_questions(determination)
    if any(_has_failed(determination.plan, one, call) for one in gaps):
        return _UNREAD
    return _WAITING if gaps and all(one.criterion.determination_of for one in gaps) else _MISSING


def _has_failed(plan: PlanDefinition, gap: CriterionResult, call: Call) -> bool:
    if gap.reason is not Reason.UNREADABLE:
        return False
    types = plan.types_read(gap.criterion)
    unseen = [one for one in call.unread if one.may_hold(types)]
    return not unseen or any(one.why is not Why.NOT_SENT for one in unseen)


def _met(determination: Determination, problem: Problem | None, terms: Terms, call: Call) -> Answer:
    """Return what a need that is shown leaves to do. Nothing is granted that somebody should still look at.

    What was not read of what the policy reads might say otherwise. Of several Coverages none is the one to grant under,
    and what is proposed or planned is no order.
    """
    read = {one.type for one in determination.plan.inputs}
    partly = any(one.may_hold(read) for one in call.unread)
    met = "criteria met on what was read" if partly else "criteria met"
    if terms.authorization is Authorization.NOT_NEEDED:
        return Answer(Covered.COVERED, PaNeeded.NO_AUTH, met)
    to_be_seen = (
        partly
        or problem is not None
        or not determination.order.is_theirs
        or determination.human_review
        or determination.refusal is not None
        or not call.configuration.wants("unsolicited-determ")
        or not _is_order(determination.order.resource)
    )
    if terms.authorization is Authorization.GRANTED and not to_be_seen:
        return Answer(Covered.COVERED, PaNeeded.SATISFIED, met)
    return Answer(Covered.COVERED, PaNeeded.AUTH_NEEDED, f"{met}; a reviewer decides on the authorization")


def _is_order(request: Resource) -> bool:
    """Return whether a request says that it is to be carried out, or is of a type that cannot say otherwise."""
    kind = str(request.get("resourceType"))
    intended = element(kind, "intent") is None or request.get("intent") in _ORDERS
    return intended and request.get("doNotPerform") in (None, False) and request.get("status") in _IN_FORCE
