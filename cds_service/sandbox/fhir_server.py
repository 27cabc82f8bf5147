"""The FHIR server of the sandbox over HTTP: what the simulators of EHRs need of R4.

Source: FHIR R4 3.1.0 (RESTful API), 3.1.1 (search), 5.1 (CapabilityStatement).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from cds_service import __version__
from cds_service.errors import MalformedRequest
from cds_service.fhir.encoding import decode, encode
from cds_service.sandbox.fhir_search import search, search_parameters
from cds_service.sandbox.fhir_store import FhirStore

__all__ = ["SLOW_SECONDS", "faulty_routes", "fhir_routes"]

SLOW_SECONDS = 30.0
"""Longer than a hook request may take."""

Handler = Callable[[Request], Awaitable[Response]]


def fhir_routes(store: FhirStore, base: str) -> APIRouter:
    """Return the routes below `/fhir`, whose address is `base`; `metadata` names the types that are held now."""
    router = APIRouter(prefix="/fhir", include_in_schema=False)
    statement = _capabilities(base, search_parameters(store.everything()))

    async def metadata(_: Request) -> Response:
        return _answer(statement)

    async def read(request: Request) -> Response:
        found = store.read(request.path_params["kind"], request.path_params["id"])
        return _answer(found) if found is not None else _nothing()

    async def look(request: Request) -> Response:
        return _answer(search(store, request.path_params["kind"], request.query_params.multi_items(), base=base))

    async def look_by_form(request: Request) -> Response:
        body = await request.body()
        asked = [*request.query_params.multi_items(), *parse_qsl(body.decode(), keep_blank_values=True)]
        return _answer(search(store, request.path_params["kind"], asked, base=base))

    async def create(request: Request) -> Response:
        resource = _resource(await request.body(), request.path_params["kind"])
        resource.pop("id", None)
        held = store.put(resource)
        return _answer(held, 201, {"Location": f"{base}/{held['resourceType']}/{held['id']}"})

    async def update(request: Request) -> Response:
        kind, name = request.path_params["kind"], request.path_params["id"]
        resource = _resource(await request.body(), kind)
        status = 200 if store.read(kind, name) else 201
        return _answer(store.put(resource | {"id": name}), status)

    async def delete(request: Request) -> Response:
        there = store.delete(request.path_params["kind"], request.path_params["id"])
        return Response(status_code=204) if there else _nothing()

    async def take(request: Request) -> Response:
        """Take the resources of a Bundle of any type: how a chart of one's own comes in."""
        held = store.put_all(decode(await request.body()))
        entries = [{"response": {"status": "200", "location": f"{one['resourceType']}/{one['id']}"}} for one in held]
        return _answer({"resourceType": "Bundle", "type": "batch-response", "entry": entries})

    async def launch(_: Request) -> Response:
        """Give a launch an id, as simulators ask before they open an app; nothing is kept of it."""
        return _answer({"launch_id": str(uuid4())})

    handlers: Mapping[tuple[str, str], Handler] = {
        ("GET", "/metadata"): metadata,
        ("POST", "/_services/smart/Launch"): launch,
        ("POST", ""): take,
        ("GET", "/{kind}"): look,
        ("POST", "/{kind}"): create,
        ("POST", "/{kind}/_search"): look_by_form,
        ("GET", "/{kind}/{id}"): read,
        ("PUT", "/{kind}/{id}"): update,
        ("DELETE", "/{kind}/{id}"): delete,
    }
    for (method, path), handler in handlers.items():
        router.add_api_route(path, handler, methods=[method], response_model=None)
    return router


def faulty_routes() -> APIRouter:
    """Return servers that refuse, and that do not answer in time."""
    router = APIRouter(include_in_schema=False)

    async def refuse(_: Request) -> Response:
        return _outcome(401, "login", "this server lets nobody in")

    async def wait(_: Request) -> Response:
        await asyncio.sleep(SLOW_SECONDS)
        return _outcome(503, "timeout", "this server is slow")

    router.add_api_route("/fhir-refuses/{rest:path}", refuse, methods=["GET"], response_model=None)
    router.add_api_route("/fhir-slow/{rest:path}", wait, methods=["GET"], response_model=None)
    return router


def _resource(body: bytes, kind: str) -> dict[str, Any]:
    resource = decode(body)
    if not isinstance(resource, dict) or resource.get("resourceType") != kind:
        raise MalformedRequest("resourceType", "must be the type of the address")
    return resource


def _answer(resource: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(encode(resource), status, headers, media_type="application/fhir+json")


def _nothing() -> Response:
    return _outcome(404, "not-found", "there is no such resource here")


def _outcome(status: int, code: str, text: str) -> Response:
    issue = {"severity": "error", "code": code, "details": {"text": text}}
    return _answer({"resourceType": "OperationOutcome", "issue": [issue]}, status)


def _capabilities(base: str, parameters: Mapping[str, list[dict[str, str]]]) -> dict[str, Any]:
    interactions = [{"code": code} for code in ("read", "search-type", "create", "update", "delete")]
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-01-15",
        "kind": "instance",
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "software": {"name": "cds-service sandbox", "version": __version__},
        "implementation": {"description": "Synthetic patients", "url": base},
        "rest": [
            {
                "mode": "server",
                "resource": [
                    {"type": one, "interaction": interactions, "searchParam": found}
                    for one, found in parameters.items()
                ],
            }
        ],
    }
