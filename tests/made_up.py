"""A policy made up for the tests: one folder, one PlanDefinition, one value set of orders and one of findings.

A widget may be replaced when a broken widget is on record. No code, patient or policy here is real.
"""

from __future__ import annotations

import json
from copy import deepcopy
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cds_service.plan_definition.policies import Policies
from cds_service.wiring import load_policies

BASE = "https://example.org/fhir"
ORDERS, FINDINGS = "https://example.org/orders", "https://example.org/findings"
OURS = "https://cds-service.example/fhir/StructureDefinition"
GROUP = "widget-replacement"
PAGE = "# Replacing a widget\n\nA widget is replaced when it is broken – and only then.\n"


def expression(text: str) -> dict[str, Any]:
    return {"language": "text/fhirpath", "expression": text}


def value_set(name: str, system: str, *codes: str) -> dict[str, Any]:
    return {
        "resourceType": "ValueSet",
        "id": name,
        "url": f"{BASE}/ValueSet/{name}",
        "version": "1",
        "status": "draft",
        "compose": {"include": [{"system": system, "concept": [{"code": code} for code in codes]}]},
    }


PLAN: dict[str, Any] = {
    "resourceType": "PlanDefinition",
    "id": "widget",
    "extension": [{"url": f"{OURS}/order-name", "valueString": "widget replacement"}],
    "url": f"{BASE}/PlanDefinition/widget",
    "version": "0.1.0",
    "title": "Replacing a widget",
    "status": "draft",
    "action": [
        {
            "trigger": [{"type": "named-event", "name": "order-sign"}],
            "input": [
                {
                    "id": "order",
                    "type": "ServiceRequest",
                    "codeFilter": [{"path": "code", "valueSet": f"{BASE}/ValueSet/orders"}],
                },
                {
                    "id": "findings",
                    "type": "Observation",
                    "codeFilter": [{"path": "code", "valueSet": f"{BASE}/ValueSet/findings"}],
                },
            ],
            "action": [
                {
                    "id": "broken",
                    "title": "The widget is broken",
                    "code": [{"coding": [{"code": "required"}]}],
                    "extension": [
                        {
                            "url": f"{OURS}/refutation",
                            "valueExpression": expression(
                                "%findings.value.ofType(string).where($this = 'intact').exists()"
                            ),
                        },
                        {
                            "url": f"{OURS}/missing-prompt",
                            "extension": [{"url": "text", "valueString": "State whether the widget is broken."}],
                        },
                    ],
                    "condition": [
                        {
                            "kind": "applicability",
                            "expression": expression("%findings.value.ofType(string).where($this = 'broken').exists()"),
                        }
                    ],
                },
                {
                    "id": "seen",
                    "title": "The widget was looked at",
                    "code": [{"coding": [{"code": "supporting"}]}],
                    "condition": [{"kind": "applicability", "expression": expression("%findings.exists()")}],
                },
            ],
        }
    ],
}


def write_policy(folder: Path, plan: dict[str, Any] | None = None) -> Path:
    """Write the policy below `folder`, which is returned: all that a new policy takes."""
    group = folder / GROUP
    group.mkdir(parents=True)
    resources = {
        "plan_definition": plan or PLAN,
        "orders": value_set("orders", ORDERS, "replace", "refit"),
        "findings": value_set("findings", FINDINGS, "state"),
    }
    for name, resource in resources.items():
        (group / f"{name}.json").write_text(json.dumps(resource), encoding="utf-8")
    (group / "policy.md").write_text(PAGE, encoding="utf-8")
    return folder


@cache
def made_up_policies() -> Policies:
    """Return the policy compiled."""
    with TemporaryDirectory() as folder:
        return load_policies(write_policy(Path(folder)))


def order(name: str = "o1", coded: str = "replace", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "ServiceRequest",
        "id": name,
        "status": "draft",
        "intent": "order",
        "code": {"coding": [{"system": ORDERS, "code": coded}]},
        "subject": {"reference": "Patient/p1"},
        "authoredOn": "2026-01-15",
        **more,
    }


def finding(value: str = "broken", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": "f1",
        "status": "final",
        "code": {"coding": [{"system": FINDINGS, "code": "state"}]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2026-01-10",
        "valueString": value,
        **more,
    }


def bundle(*resources: dict[str, Any], kind: str = "collection") -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": [{"resource": deepcopy(one)} for one in resources]}


def request(*orders: dict[str, Any], chart: tuple[dict[str, Any], ...] | None = None) -> dict[str, Any]:
    """Return an order-sign request for the orders, by default one for a broken widget."""
    return {
        "hook": "order-sign",
        "hookInstance": "0b7e4f3a-5a3c-4a53-9c52-6f0f6f1d2c3b",
        "context": {"userId": "Practitioner/d1", "patientId": "p1", "draftOrders": bundle(*(orders or (order(),)))},
        "prefetch": prefetch(PATIENT, *((finding(),) if chart is None else chart)),
    }


def prefetch(*resources: dict[str, Any]) -> dict[str, Any]:
    """Return resources under the keys by which discovery asks for them, each type in a Bundle."""
    kinds = dict.fromkeys(one["resourceType"] for one in resources)
    return {
        kind[0].lower() + kind[1:]: bundle(*(one for one in resources if one["resourceType"] == kind)) for kind in kinds
    }


PATIENT: dict[str, Any] = {"resourceType": "Patient", "id": "p1"}
