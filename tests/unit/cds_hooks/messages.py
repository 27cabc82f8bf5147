"""Synthetic messages of every kind, each with all the members the standard names.

Every function returns a new object, for tests to change. No patient is real.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import pytest

from cds_service.cds_hooks import ProtocolError

CANARY = "canary-of-jane-roe"

BUNDLE = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [{"resource": {"resourceType": "ServiceRequest", "id": "sr-1", "status": "draft"}}],
}

PERSONS = {"userId": "Practitioner/p-1", "patientId": "pat-1", "encounterId": "enc-1"}

CONTEXT_OF: Mapping[str, dict[str, Any]] = {
    "appointment-book": {**PERSONS, "appointments": {"resourceType": "Bundle", "type": "collection"}},
    "encounter-discharge": PERSONS,
    "encounter-start": PERSONS,
    "order-dispatch": {
        "patientId": "pat-1",
        "dispatchedOrders": ["ServiceRequest/sr-1"],
        "performer": "Organization/org-1",
        "fulfillmentTasks": [{"resourceType": "Task", "focus": {"reference": "ServiceRequest/sr-1"}}],
    },
    "order-select": {**PERSONS, "selections": ["ServiceRequest/sr-1"], "draftOrders": BUNDLE},
    "order-sign": {**PERSONS, "draftOrders": BUNDLE},
    "patient-view": PERSONS,
}

HOOKS = sorted(CONTEXT_OF)


def context(hook: str) -> dict[str, Any]:
    return deepcopy(CONTEXT_OF[hook])


def request(hook: str = "order-sign") -> dict[str, Any]:
    return {
        "hook": hook,
        "hookInstance": "0b7e4f3a-5a3c-4a53-9c52-6f0f6f1d2c3b",
        "fhirServer": "https://ehr.example.org/fhir",
        "fhirAuthorization": {
            "access_token": "opaque-token",
            "token_type": "Bearer",
            "expires_in": 300,
            "scope": "user/Patient.read",
            "subject": "a-service",
            "patient": "pat-1",
        },
        "context": context(hook),
        "prefetch": {"patient": {"resourceType": "Patient", "id": "pat-1"}, "coverage": None},
        "extension": {"org.example.note": {"size": 2}},
    }


def action() -> dict[str, Any]:
    return {
        "type": "update",
        "description": "Record the determination on the order",
        "resource": {"resourceType": "ServiceRequest", "id": "sr-1"},
        "extension": {"org.example.trace": {"id": "t-1"}},
    }


def delete() -> dict[str, Any]:
    return {"type": "delete", "description": "Remove the order", "resourceId": "ServiceRequest/sr-1"}


def coding() -> dict[str, Any]:
    return {"code": "refused", "system": "https://example.org/reasons", "display": "Patient declines"}


def card() -> dict[str, Any]:
    return {
        "uuid": "c-1",
        "summary": "Two criteria are open",
        "detail": "- one\n- two",
        "indicator": "info",
        "source": {
            "label": "Example Health",
            "url": "https://example.org",
            "icon": "https://example.org/icon.png",
            "topic": coding(),
        },
        "suggestions": [
            {
                "label": "Use the other code",
                "uuid": "s-1",
                "isRecommended": True,
                "actions": [action(), delete()],
            }
        ],
        "selectionBehavior": "at-most-one",
        "overrideReasons": [coding()],
        "links": [
            {
                "label": "Policy",
                "url": "https://example.org/policy",
                "type": "absolute",
                "autolaunchable": False,
            },
            {"label": "App", "url": "https://example.org/launch", "type": "smart", "appContext": "handle-1"},
        ],
        "extension": {"org.example.order": {"id": "sr-1"}},
    }


def response() -> dict[str, Any]:
    return {"cards": [card()], "systemActions": [action()], "extension": {"org.example.engine": {"v": 1}}}


def discovery() -> dict[str, Any]:
    return {
        "services": [
            {
                "hook": "order-sign",
                "title": "Medical necessity",
                "description": "Judges the order being signed",
                "id": "necessity",
                "prefetch": {"patient": "Patient/{{context.patientId}}"},
                "usageRequirements": "Needs the FHIR server",
                "extension": {"org.example.options": {"max": 3}},
            }
        ]
    }


def feedback() -> dict[str, Any]:
    return {
        "feedback": [
            {
                "card": "c-1",
                "outcome": "accepted",
                "acceptedSuggestions": [{"id": "s-1"}],
                "outcomeTimestamp": "2026-01-15T10:05:31Z",
            },
            {
                "card": "c-2",
                "outcome": "overridden",
                "overrideReason": {"reason": coding(), "userComment": "Already done"},
                "outcomeTimestamp": "2026-01-15T10:06:00.25Z",
            },
        ]
    }


def objects(value: object) -> Iterator[dict[str, Any]]:
    """Yield every JSON object within, the outermost first."""
    if isinstance(value, dict):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(part)


def places(value: object) -> Iterator[tuple[Any, Any]]:
    """Yield (object or array, key) of every member and item within."""
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from places(value[key])


@contextmanager
def refused_at(path: str) -> Iterator[None]:
    """Pass if the block raises a ProtocolError at this path."""
    with pytest.raises(ProtocolError) as fault:
        yield
    assert fault.value.path == path
