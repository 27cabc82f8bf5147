"""Requests as clients send them, small and synthetic: the corpus changes one thing of one of them at a time.

Shapes after CDS Hooks 2.0.1, the CDS Hooks Sandbox and the Da Vinci CRD request generator. A widget (code `replace`,
an aid, a tablet, a diet, lenses) may be had where a broken one is on record; 72158 is a policy that ships.
"""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

from tests.made_up import FINDINGS, GROUP, ORDERS, PATIENT, bundle, finding, order, value_set, write_policy

Json = dict[str, Any]
GONE = object()
"""What an edit puts where a member is to be taken out."""

CPT = "http://www.ama-assn.org/go/cpt"
HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
LENSES = "http://terminology.hl7.org/CodeSystem/ex-visionprescriptionproduct"
SNOMED = "http://snomed.info/sct"
SERVER = "https://ehr.example.org/fhir"
ORDERED = ((ORDERS, "replace"), (ORDERS, "refit"), (HCPCS, "E0470"), (RXNORM, "1049502"), (LENSES, "lens"))
"""What the widget's policy decides on, as (system, code)."""


def write_policies(folder: Path) -> Path:
    """Write the widget's policy for orders of many systems below `folder`, which is returned."""
    write_policy(folder)
    include = [{"system": system, "concept": [{"code": code}]} for system, code in ORDERED]
    orders = value_set("orders", ORDERS) | {"compose": {"include": include}}
    (folder / GROUP / "orders.json").write_text(json.dumps(orders), encoding="utf-8")
    return folder


def edit(request: Json, edits: dict[str, Any]) -> Json:
    """Return a copy with a value put at each path, such as `context.draftOrders.entry.0.resource.id`."""
    edited = deepcopy(request)
    for path, value in edits.items():
        *steps, last = [int(one) if one.isdecimal() else one for one in path.split(".")]
        holder: Any = edited
        for step in steps:
            holder = holder[step]
        if value is GONE:
            del holder[last]
        elif isinstance(last, int) and last == len(holder):
            holder.append(value)
        else:
            holder[last] = value
    return edited


def concept(system: str, code: str) -> Json:
    return {"coding": [{"system": system, "code": code}]}


AID, TABLET = concept(HCPCS, "E0470"), concept(RXNORM, "1049502")


def found(*resources: Json, kind: str = "searchset", **more: Any) -> Json:
    """Return what a search brings."""
    return {**bundle(*resources, kind=kind), "total": len(resources), **more}


def ehr(*orders: Json, hook: str = "order-sign", chart: tuple[Json, ...] = (finding(),), **context: Any) -> Json:
    """Return the call of a client that keeps to the standard; by default a widget is ordered, and one is broken."""
    drafts = {"draftOrders": bundle(*(orders or (order(),)))} if hook in ("order-sign", "order-select") else {}
    return {
        "hookInstance": "6f0f5a3e-2c0b-4a55-9a3b-0d8a6a3f1f10",
        "hook": hook,
        "fhirServer": SERVER,
        "fhirAuthorization": {
            "access_token": "opaque",
            "token_type": "Bearer",
            "expires_in": 30,
            "scope": "user/*.rs",
            "subject": "cds-service",
        },
        "context": {"userId": "Practitioner/d1", "patientId": "p1", "encounterId": "e1", **drafts, **context},
        "prefetch": {"patient": deepcopy(PATIENT), "observation": found(*chart)},
    }


def selecting(*selections: Any) -> Json:
    """Return the call as one of two drafts was selected."""
    return ehr(order("o1"), order("o2", "refit"), hook="order-select", selections=[*selections])


def dispatch(*names: Any, chart: tuple[Json, ...] | None = None, **context: Any) -> Json:
    """Return the call as signed orders are sent to a performer, in the shape of 1.1 unless `context` has another."""
    named = {"dispatchedOrders": [*names], "performer": "Organization/w1"} if names else {}
    signed = (order("o1", status="active"), order("o2", "refit", status="active"), finding())
    message = ehr(hook="order-dispatch", chart=signed if chart is None else chart, **named, **context)
    return edit(message, {"context.userId": GONE, "context.encounterId": GONE})


def booking(*appointments: Json, chart: tuple[Json, ...] = (finding(),), **context: Any) -> Json:
    """Return the call as appointments are booked."""
    return ehr(hook="appointment-book", chart=chart, **({"appointments": bundle(*appointments)} | context))


def appointment(**more: Any) -> Json:
    participant = [{"actor": {"reference": "Patient/p1"}, "status": "needs-action"}]
    return {"resourceType": "Appointment", "id": "a1", "status": "proposed", "participant": participant, **more}


def pama(hook: str = "order-select", **order_members: Any) -> Json:
    """Return what the Sandbox's imaging screen sends: no `type`, the hook of the screen, a user who is nowhere."""
    drafted = {
        "resourceType": "ServiceRequest",
        "id": "example-request-id",
        "status": "draft",
        "intent": "plan",
        "code": {"coding": [{"system": CPT, "code": "72158"}]},
        "subject": {"reference": "Patient/p1"},
        "reasonCode": [concept(SNOMED, "279039007")],
        **order_members,
    }
    context = {
        "patientId": "p1",
        "userId": "Practitioner/COREPRACTITIONER1",
        "selections": ["ServiceRequest/example-request-id"],
        "draftOrders": {"resourceType": "Bundle", "entry": [{"resource": drafted}]},
    }
    patient = {**PATIENT, "name": [{"given": ["Ann"], "family": "Example"}], "birthDate": "1979-03-02"}
    return {
        "hookInstance": "aa1b1f0e-0d7c-4f9c-9a4e-7c7a64a1a2b3",
        "hook": hook,
        "fhirServer": "https://launch.example.org/v/r4/fhir",
        "context": context,
        "prefetch": {"patient": patient},
    }


def prescribing(**order_members: Any) -> Json:
    """Return what the Sandbox's prescriptions send as they are signed: a `category` that is no array."""
    drafted = {
        "resourceType": "MedicationRequest",
        "id": "request-123",
        "status": "draft",
        "intent": "order",
        "category": concept("http://terminology.hl7.org/CodeSystem/medicationrequest-category", "outpatient"),
        "medicationCodeableConcept": concept(RXNORM, "1049502"),
        "subject": {"reference": "Patient/p1"},
        "dosageInstruction": [{"doseAndRate": [{"doseQuantity": {"value": 1, "unit": "tab"}}]}],
        **order_members,
    }
    return edit(pama("order-sign"), {"context.draftOrders.entry.0.resource": drafted, "context.selections": GONE})


def generator(**order_members: Any) -> Json:
    """Return what the CRD request generator sends: one hookInstance for ever, an empty token, keys of its own."""
    drafted = {
        "resourceType": "ServiceRequest",
        "id": "SR1",
        "status": "draft",
        "intent": "original-order",
        "code": concept(CPT, "72158"),
        "subject": {"reference": "Patient/p1"},
        "authoredOn": "2026-01-15",
        "insurance": [{"reference": "Coverage/cov1"}],
        "requester": {"reference": "Practitioner/pra1"},
        "performer": [{"reference": "Practitioner/pra1"}],
        **order_members,
    }
    coverage = {
        "resourceType": "Coverage",
        "id": "cov1",
        "status": "active",
        "subscriberId": "10A",
        "beneficiary": {"reference": "Patient/p1"},
        "payor": [{"reference": "Organization/org1"}],
    }
    requests = [drafted, PATIENT, {"resourceType": "Practitioner", "id": "pra1"}]
    return {
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "fhirServer": SERVER,
        "hook": "order-sign",
        "fhirAuthorization": {
            "access_token": "",
            "token_type": "Bearer",
            "expires_in": 300,
            "scope": "patient/Patient.read patient/Observation.read",
            "subject": "cds-service4",
        },
        "context": {
            "userId": "Practitioner/example",
            "patientId": "p1",
            "encounterId": "enc89284",
            "draftOrders": {"resourceType": "Bundle", "entry": [{"resource": drafted}]},
        },
        "prefetch": {
            "serviceRequestBundle": _matches(*requests),
            "coverageBundle": _matches(coverage, {"resourceType": "Organization", "id": "org1"}),
        },
        "extension": {"davinci-crd.configuration": {"alt-drug": True}},
    }


def _matches(*resources: Json) -> Json:
    entries = [{"resource": one, "search": {"mode": "include" if i else "match"}} for i, one in enumerate(resources)]
    return {"resourceType": "Bundle", "type": "collection", "entry": deepcopy(entries)}


def lacking_finding(coded: str = "other") -> Json:
    """Return a finding that says nothing of widgets."""
    return finding() | {"id": "f9", "code": concept(FINDINGS, coded)}
