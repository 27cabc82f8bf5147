"""The order-sign request of a persona: what the page sends, without a browser."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl
from uuid import NAMESPACE_URL, uuid5

from cds_service.fhir.values import CPT_SYSTEMS
from cds_service.sandbox.fhir_search import search
from cds_service.sandbox.fhir_store import FhirStore
from cds_service.sandbox.personas import Persona

__all__ = ["order_sign"]


def order_sign(
    persona: Persona, codes: Sequence[str] = (), *, templates: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the request that signs `codes`, by default the persona's own orders; the same one every time.

    The chart comes as the answers to the prefetch templates of the service, or without them under one key.
    """
    orders = [_order(persona, code) for code in codes] if codes else list(persona.drafts)
    request: dict[str, Any] = {
        "hook": "order-sign",
        "hookInstance": str(uuid5(NAMESPACE_URL, f"{persona.id}/{','.join(codes)}")),
        "context": {
            "userId": "Practitioner/surgeon",
            "patientId": persona.id,
            "draftOrders": {
                "resourceType": "Bundle",
                "type": "collection",
                "entry": [{"resource": one} for one in orders],
            },
        },
    }
    if persona.prefetch:
        chart = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in persona.chart]}
        request["prefetch"] = {"chart": chart} if templates is None else _answers(persona, templates)
    return request


def _answers(persona: Persona, templates: Mapping[str, str]) -> dict[str, Any]:
    store = FhirStore(persona.chart)
    queries = {key: one.replace("{{context.patientId}}", persona.id) for key, one in templates.items()}
    return {key: _answer(store, query) for key, query in queries.items()}


def _answer(store: FhirStore, query: str) -> dict[str, Any] | None:
    kind, is_search, parameters = query.partition("?")
    if is_search:
        return search(store, kind, parse_qsl(parameters), base="fhir")
    return store.read(*kind.split("/", 1))


def _order(persona: Persona, code: str) -> dict[str, Any]:
    """Return the persona's order of a code, or the first of its orders with the code in its place."""
    found = next((draft for own, draft in zip(persona.codes, persona.drafts, strict=True) if own == code), None)
    if found is not None:
        return found
    order = copy.deepcopy(persona.drafts[0])
    return order | {"id": f"order-{code}", "code": {"coding": [{"system": CPT_SYSTEMS[0], "code": code}]}}
