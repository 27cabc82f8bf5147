"""Decisions and feedback made up for the tests of the store. No patient here is real."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from cds_service.store.model import Caller, Contents, Decision, Determined, FeedbackRecord, Guidance, PolicyVersion

RECEIVED = datetime(2026, 1, 15, 10, 0, tzinfo=UTC)
EHR = Caller("https://ehr.example.org", "north")
POLICY = PolicyVersion("https://example.org/fhir/PlanDefinition/widget", "0.1.0", "c0ffee")
CANARY = "canary-of-jane-roe"
TOKEN = "eyJ-this-is-a-token-that-nobody-may-keep"  # noqa: S105 - made up

_numbers = count()


def clock(start: datetime = RECEIVED, step: timedelta = timedelta(seconds=1)) -> Iterator[datetime]:
    """Yield times, one step apart."""
    for i in count():
        yield start + i * step


def key(called: str) -> str:
    """Return a key as the setting has it; the same for the same name."""
    return f"{called}:{base64.b64encode(sha256(called.encode()).digest()).decode()}"


def name(text: object) -> str:
    return str(uuid5(NAMESPACE_OID, str(text)))


def fresh() -> str:
    return name(next(_numbers))


def contents(patient: str = CANARY, **others: Any) -> Contents:
    request = {
        "hook": "order-sign",
        "hookInstance": name("hook"),
        "fhirAuthorization": {"access_token": TOKEN, "token_type": "Bearer"},
        "context": {"patientId": patient, "draftOrders": _bundle("ServiceRequest", "o1", patient)},
        "prefetch": {"findings": _bundle("Observation", "f.1", patient)},
    }
    stated = {"request": json.dumps(request).encode(), "response": b'{"cards":[]}', "determinations": report()}
    return Contents(patient, **stated | others)


def report(outcome: str = "met") -> bytes:
    """Return the report of one determination, in the form of docs/reference/determinations.md, abridged."""
    evidence = {"path": "Observation/f.1.value", "value": CANARY, "date": "2026-01-01", "status": "final"}
    stated = {"id": "broken", "parent": None, "role": "required", "state": "true"}
    criterion = stated | {"reason": None, "missing": None, "problem": None}
    one = {
        "id": name("determination"),
        "order": {"reference": "ServiceRequest/o1", "path": "ServiceRequest/o1.code.coding[0]"},
        "outcome": outcome,
        "humanReview": False,
        "problem": None,
        "criteria": [criterion | {"evidence": [evidence]}],
    }
    return json.dumps({"determinations": [one]}).encode()


def decision(exchange: str | None = None, **others: Any) -> Decision:
    stated: dict[str, Any] = {
        "exchange": exchange or fresh(),
        "service": "necessity-order-sign",
        "hook": "order-sign",
        "hook_instance": name("hook"),
        "received": RECEIVED,
        "mode": "sandbox",
        "engine": "0.1.0",
        "as_of": "2026-01-15",
        "caller": EHR,
        "parameters": {str(POLICY): {"most": "5"}},
        "determined": (determined(),),
        "cards": (Guidance(name("card"), (name("determination"),), {name("suggestion"): (name("determination"),)}),),
    }
    if "contents" not in others:
        others["contents"] = contents()
    return Decision(**stated | others)


def determined(outcome: str = "met", code: str = "replace") -> Determined:
    return Determined(name("determination"), POLICY, "https://example.org/orders", code, outcome)


def feedback(card: str | None = None, **others: Any) -> FeedbackRecord:
    stated: dict[str, Any] = {
        "caller": EHR,
        "service": "necessity-order-sign",
        "card": card or name("card"),
        "outcome": "overridden",
        "timestamp": "2026-01-15T10:05:00Z",
        "received": RECEIVED,
        "reason": ("https://example.org/reasons", "patient-preference"),
        "comment": f"{CANARY} asked for it",
    }
    return FeedbackRecord(**stated | others)


def _bundle(kind: str, one: str, patient: str) -> dict[str, Any]:
    resource = {"resourceType": kind, "id": one, "subject": {"reference": f"Patient/{patient}"}}
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": resource}]}
