"""The routes: discovery, one address per service, and the policies in words."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from cds_service.api import openapi
from cds_service.api.body import read_body
from cds_service.api.errors import NoSuchPage, answer_to
from cds_service.api.limits import Limits
from cds_service.api.serving import Serving
from cds_service.errors import NotAuthenticated, RequestError
from cds_service.observability import seen
from cds_service.security import Client
from cds_service.services import SERVICES, Service
from cds_service.wiring import Application

__all__ = ["routes"]

_SHARE_OF_THE_EHR = 0.75
"""Of a request's time: what is left is for the answer, a second of which ten thousand resources take."""

_REVISION = "CDS-Policy-Revision"
"""The response header that names the policies that decided; the same for the same content of all of them."""

Endpoint = Callable[[Request], Awaitable[Response]]


def routes(serving: Serving) -> APIRouter:
    """Return the routes that answer for the application that serves."""
    router = APIRouter()

    async def discover(request: Request) -> Response:
        """List the services, each with the data it would like to be sent."""
        application = serving.application
        await _client(application, request)
        return _json(application.discovery)

    async def questionnaire(request: Request) -> Response:
        """Give the Questionnaire of what a policy leaves open."""
        found = serving.application.questionnaires.get(request.path_params["name"])
        if found is None:
            raise NoSuchPage
        return Response(found, media_type="application/fhir+json")

    settings = serving.application.settings
    limits = Limits(concurrency=settings.max_concurrency, rate=settings.rate_limit, burst=settings.rate_burst)
    router.get("/cds-services", summary="Discovery", openapi_extra=openapi.DISCOVERY)(discover)
    for service in SERVICES.values():
        router.post(
            f"/cds-services/{service.id}",
            name=service.id,
            summary=service.title,
            description=service.description,
            openapi_extra=openapi.service(service.hook),
        )(_answering(serving, service, limits))
        router.post(
            f"/cds-services/{service.id}/feedback",
            name=f"{service.id}-feedback",
            summary=f"What became of cards: {service.title}",
            openapi_extra=openapi.FEEDBACK,
        )(_feedback_on(serving, service, limits))
    router.get("/fhir/Questionnaire/{name}", summary="The questions of a policy", openapi_extra=openapi.QUESTIONNAIRE)(
        questionnaire
    )
    return router


def _answering(serving: Serving, service: Service, limits: Limits) -> Endpoint:
    async def answer(request: Request) -> Response:
        application = serving.application  # until the end, whatever is reloaded meanwhile
        deadline = asyncio.get_running_loop().time() + application.settings.deadline_ms / 1000 * _SHARE_OF_THE_EHR
        client = await _client(application, request)
        with limits.within(client.name if client else ""):
            body = await read_body(request, application.settings)
            response = await _answer(application, service, body, deadline, client)
        response.headers[_REVISION] = application.policies.revision
        return response

    return answer


async def _answer(
    application: Application, service: Service, body: bytes, deadline: float, client: Client | None
) -> Response:
    try:
        reply = await application.serve(service, body, deadline=deadline, client=client)
    except RequestError as error:
        refusal = answer_to(error)
        await application.keep_refusal(refusal.status_code, bytes(refusal.body), service, body, client)
        return refusal
    await application.keep(reply, service, body, client)  # an answer leaves when it is kept, not before
    return _json(reply.body)


def _feedback_on(serving: Serving, service: Service, limits: Limits) -> Endpoint:
    async def take(request: Request) -> Response:
        """Take what became of cards."""
        application = serving.application
        client = await _client(application, request)
        with limits.within(client.name if client else ""):
            await application.take_feedback(service, await read_body(request, application.settings), client)
        return Response()

    return take


async def _client(application: Application, request: Request) -> Client | None:
    """Return who calls; several Authorization headers are one that nobody can mean.

    A token is for the public address of what is called, wherever a proxy or a mount puts this service.
    """
    headers = request.headers.getlist("authorization")
    try:
        client = await application.authenticate(", ".join(headers) or None, request.scope["route"].path)
    except NotAuthenticated as error:
        seen().client, seen().refused = error.claimed, error.code
        raise
    seen().client = client.name if client else None
    return client


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")
