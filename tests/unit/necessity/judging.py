"""One order judged on a chart, for tests. The policies are made up: see tests/unit/plan_definition/plans.py."""

from __future__ import annotations

from typing import Any

from cds_service.fhir.bundle import Holding
from cds_service.fhir.temporal import Date
from cds_service.necessity.model import CriterionResult, Determination
from cds_service.plan_definition.policies import Policies
from cds_service.services.evaluation import Evaluation, evaluate, exchange_of
from tests.unit.plan_definition.plans import CODES, Json, compiled, plan

RECEIVED = Date((2026, 1, 15))
ME = {"reference": "Patient/p1"}


def order(code: str = "A", name: str = "o1", **more: Any) -> Json:
    return {
        "resourceType": "ServiceRequest",
        "id": name,
        "status": "draft",
        "subject": ME,
        "code": {"coding": [{"system": CODES, "code": code}]},
        **more,
    }


def finding(value: str, code: str = "state", name: str = "f1", **more: Any) -> Json:
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "subject": ME,
        "effectiveDateTime": "2026-01-10",
        "code": {"coding": [{"system": CODES, "code": code}]},
        "valueString": value,
        **more,
    }


def judge(
    policies: Policies, *resources: Json, patient: str = "p1", received: Date = RECEIVED, **more: Any
) -> Evaluation:
    """Return the evaluation of what is given: drafts are the orders, all else is the chart."""
    drafts = [one for one in resources if one.get("status") == "draft"]
    chart = [one for one in resources if one.get("status") != "draft"]
    exchange = exchange_of(patient, drafts, Holding(resources=chart))
    return evaluate(exchange, policies, received=received, **more)


def determine(made: Json | Policies, *resources: Json, **more: Any) -> Determination:
    """Return the only determination for one order of a widget on a chart."""
    policies = made if isinstance(made, Policies) else compiled(made)
    given = resources if any(one.get("status") == "draft" for one in resources) else (order(), *resources)
    (found,) = judge(policies, *given, **more).determinations
    return found


def criterion_of(made: Json, *resources: Json, name: str = "broken") -> CriterionResult:
    return determine(made, *resources).result(name)


def told(result: CriterionResult) -> str:
    return f"unknown/{result.reason}" if result.state is None else result.state_name


DEFAULT = plan()
