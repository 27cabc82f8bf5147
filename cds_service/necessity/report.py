"""Determinations as plain JSON: everything that was determined and what it rests on, for machines and for tests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cds_service import __version__
from cds_service.fhir.temporal import Date
from cds_service.fhir.unread import Unread
from cds_service.necessity.grounds import grounds
from cds_service.necessity.model import CriterionResult, Determination, Evidence, Note, Order
from cds_service.necessity.orders import NotCovered
from cds_service.necessity.settle import Settlement, Supposed, Ways, settle
from cds_service.plan_definition.model import PlanDefinition

__all__ = ["determinations_report"]


def determinations_report(
    determinations: Iterable[Determination],
    *,
    as_of: Date,
    not_covered: Iterable[NotCovered],
    unread: Iterable[Unread] = (),
    outlook: bool = True,
) -> dict[str, Any]:
    """Return the report: `asOf`, `engine`, `determinations`, and in `notCovered` the orders that no policy decides on.

    `outlook` adds what would settle each and what it rests on, which can be worked out from the rest at any time.
    Criteria are flat, in plan order. Members may be added later; none is renamed or taken away.
    """
    return {
        "asOf": str(as_of),
        "engine": __version__,
        "determinations": [_determination(one) | (_outlook(one) if outlook else {}) for one in determinations],
        "notCovered": [{"reference": one.reference, "code": one.code} for one in not_covered],
        "unread": [{"place": one.place, "why": str(one.why), "type": one.type} for one in unread],
    }


def _determination(one: Determination) -> dict[str, Any]:
    return {
        "id": one.id,
        "order": _order(one.order),
        "policy": _policy(one.plan),
        "outcome": str(one.outcome),
        "kind": str(one.kind) if one.kind else None,
        "humanReview": one.human_review,
        "criteria": [_criterion(result) for result in one.results],
        "conditions": [_note(note) for note in one.conditions],
        "cautions": [_note(note) for note in one.cautions],
        "asOf": str(one.as_of),
        "problem": one.problem,
        "duplicates": list(one.order.duplicates),
        "refusal": one.refusal.as_json() if one.refusal else None,
    }


def _outlook(one: Determination) -> dict[str, Any]:
    rests_on = grounds(one)
    return {
        "settle": _settlement(settle(one)),
        "decisive": [criterion.id for criterion in rests_on.decisive],
        "carriedBy": [[criterion.id for criterion in way] for way in rests_on.carried_by],
    }


def _order(order: Order) -> dict[str, Any]:
    return {"reference": order.reference, "path": order.path, "system": order.system, "code": order.code}


def _policy(plan: PlanDefinition) -> dict[str, Any]:
    return {
        "canonical": plan.canonical,
        "version": plan.version,
        "hash": plan.hash,
        "status": plan.status,
        "experimental": plan.experimental,
        "reviewStage": plan.review_stage,
        "approvalDate": _day(plan.approval_date),
        "lastReviewDate": _day(plan.last_review_date),
        "effectivePeriod": {"start": _day(plan.effective_from), "end": _day(plan.effective_to)},
    }


def _day(date: Date | None) -> str | None:
    return str(date) if date else None


def _criterion(result: CriterionResult) -> dict[str, Any]:
    criterion = result.criterion
    return {
        "id": criterion.id,
        "parent": criterion.parent,
        "role": str(criterion.role),
        "state": result.state_name,
        "reason": str(result.reason) if result.reason else None,
        "evidence": [_evidence(one) for one in result.evidence],
        "problem": result.problem,
        "missing": criterion.prompt if result.state is None else None,
        "lookedAt": [{"path": one.path, "condition": one.condition} for one in result.looked_at],
    }


def _evidence(one: Evidence) -> dict[str, Any]:
    return {"path": one.path, "value": one.value, "date": one.date, "status": one.status}


def _settlement(found: Settlement | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "met": _ways(found.met),
        "notMet": _ways(found.not_met),
        "complete": found.complete,
        "count": {"met": found.met.count, "notMet": found.not_met.count},
    }


def _ways(found: Ways) -> list[list[dict[str, Any]]]:
    return [[_supposed(one) for one in way] for way in found.listed]


def _supposed(one: Supposed) -> dict[str, Any]:
    stated = {"criterion": one.criterion.id, "state": "true" if one.state else "false"}
    return {**stated, "assumed": True} if one.assumed else stated


def _note(note: Note) -> dict[str, Any]:
    return {"id": note.id, "text": note.text}
