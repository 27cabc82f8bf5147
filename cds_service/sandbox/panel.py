"""What the developer's panel asks for: an exchange with its report, a token's verdict, a policy tried otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from cds_service.errors import ContentError, MalformedRequest
from cds_service.fhir.encoding import decode, encode
from cds_service.sandbox.fhir_store import FhirStore
from cds_service.sandbox.trial import tried
from cds_service.sandbox.watched import Watched
from cds_service.security.key_sets import UnusableKey

__all__ = ["panel_routes"]


def panel_routes(application: Watched, store: FhirStore) -> APIRouter:
    """Return the routes below `/sandbox`, and the keys that the page signs by."""
    router = APIRouter(include_in_schema=False)
    exchanges, keys = application.exchanges, application.keys

    async def published(_: Request) -> Response:
        return _json(keys.document)

    async def publish(request: Request) -> Response:
        try:
            keys.publish(decode(await request.body()))
        except UnusableKey as error:
            raise MalformedRequest("key", str(error)) from None
        return Response(status_code=204)

    async def latest(request: Request) -> Response:
        after = request.query_params.get("after", "0")
        return _json(exchanges.after(int(after) if after.isdecimal() else 0))

    async def exchange(request: Request) -> Response:
        return _found(exchanges.find(request.path_params["instance"]))

    async def verdict(request: Request) -> Response:
        found = exchanges.verdict(request.path_params["jti"])
        return _found(None if found is None else {"verdict": found})

    async def trial(request: Request) -> Response:
        """Answer a hook request by a policy with other expressions, and keep nothing."""
        asked = decode(await request.body())
        if not isinstance(asked, Mapping):
            raise MalformedRequest("", "must be an object")
        try:
            return _json(tried(application, asked))
        except ContentError as error:
            raise MalformedRequest("policy", str(error)) from None

    async def reset(_: Request) -> Response:
        store.reset()
        return Response(status_code=204)

    router.add_api_route("/.well-known/jwks.json", published, methods=["GET"], response_model=None)
    router.add_api_route("/sandbox/keys", publish, methods=["POST"], response_model=None)
    router.add_api_route("/sandbox/exchanges", latest, methods=["GET"], response_model=None)
    router.add_api_route("/sandbox/exchanges/{instance}", exchange, methods=["GET"], response_model=None)
    router.add_api_route("/sandbox/verdicts/{jti}", verdict, methods=["GET"], response_model=None)
    router.add_api_route("/sandbox/trial", trial, methods=["POST"], response_model=None)
    router.add_api_route("/sandbox/reset", reset, methods=["POST"], response_model=None)
    return router


def _found(value: Any) -> Response:
    return _json(value) if value is not None else Response(b"null", 404, media_type="application/json")


def _json(value: object) -> Response:
    return Response(encode(value), media_type="application/json")
