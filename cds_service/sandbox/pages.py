"""The page of the sandbox: patients, a chart, an order box, and what the script needs to know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from cds_service.api.ui import Pages
from cds_service.plan_definition.policies import Policies
from cds_service.sandbox.chart_view import chart_sections, name_of
from cds_service.sandbox.fhir_store import FhirStore
from cds_service.sandbox.personas import Persona, personas

__all__ = ["page_routes"]

_HEADER = {"X-Sandbox": "SANDBOX: synthetic patients, draft policies, not for clinical use"}


def page_routes(store: FhirStore, policies: Policies, roles: Sequence[str]) -> APIRouter:
    """Return the route of the page; `roles` are what the service may be asked to be."""
    router = APIRouter(include_in_schema=False)
    pages, codes = Pages("cds_service.sandbox"), _codes(policies)

    async def page(request: Request) -> Response:
        chosen = request.query_params.get("patient")
        patient = store.read("Patient", chosen) if chosen else None
        answer = pages.page(
            "sandbox.html",
            200 if patient or not chosen else 404,
            patients=[_listed(one) for one in store.all("Patient")],
            patient=patient and {"id": patient["id"], "name": name_of(patient), **_demographics(patient)},
            unknown=bool(chosen) and patient is None,
            persona=personas().get(chosen or ""),
            sections=chart_sections(store, patient["id"]) if patient else [],
            codes=codes,
            roles=roles,
            state=_state(patient, codes),
        )
        answer.headers.update(_HEADER)
        return answer

    router.add_api_route("/", page, methods=["GET"], response_model=None)
    return router


def _listed(patient: dict[str, Any]) -> dict[str, str]:
    persona = personas().get(patient["id"])
    return {"id": patient["id"], "name": name_of(patient), "title": persona.title if persona else ""}


def _demographics(patient: dict[str, Any]) -> dict[str, str]:
    return {name: str(patient.get(key, "not recorded")) for name, key in (("born", "birthDate"), ("gender", "gender"))}


def _state(patient: dict[str, Any] | None, codes: dict[str, str]) -> dict[str, Any] | None:
    """Return what the script begins with."""
    if patient is None:
        return None
    persona = personas().get(patient["id"]) or Persona(patient["id"], "", "", (), (), (), {})
    return {
        "patient": patient["id"],
        "codes": persona.codes,
        "drafts": persona.drafts,
        "behaviour": persona.behaviour,
        "role": persona.role,
        "prefetch": persona.prefetch,
        "names": codes,
    }


def _codes(policies: Policies) -> dict[str, str]:
    """Return the codes that policies cover, sorted, each with its words."""
    found: dict[str, str] = {}
    for plan in policies.plans:
        for system, code in plan.codes.codes:
            found[code] = plan.codes.names.get((system, code)) or plan.title
    return dict(sorted(found.items()))
