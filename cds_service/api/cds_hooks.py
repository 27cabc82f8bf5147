"""The routes: discovery, one address per service, the policies in words, and whether the process lives."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from cds_service.api import openapi
from cds_service.api.body import read_body
from cds_service.api.errors import NoSuchPage, answer_to
from cds_service.errors import NotAuthenticated, RequestError
from cds_service.observability import seen
from cds_service.security import Client
from cds_service.services import SERVICES, Service
from cds_service.wiring import Application

__all__ = ["routes"]

_SHARE_OF_THE_EHR = 0.75
"""Of a request's time: what is left is for the answer, a second of which ten thousand resources take."""

Endpoint = Callable[[Request], Awaitable[Response]]


def routes(application: Application) -> APIRouter:
    """Return the routes that answer for `application`."""
    router = APIRouter()
    discovery, pages = application.discovery, application.policy_pages

    async def discover(request: Request) -> Response:
        """List the services, each with the data it would like to be sent."""
        await _client(application, request)
        return _json(discovery)

    async def page(request: Request) -> Response:
        """Show a policy in a clinician's words; cards link here."""
        found = pages.get(request.path_params["group"])
        if found is None:
            raise NoSuchPage
        return PlainTextResponse(found)

    async def questionnaire(request: Request) -> Response:
        """Give the Questionnaire of what a policy leaves open."""
        found = application.questionnaires.get(request.path_params["name"])
        if found is None:
            raise NoSuchPage
        return Response(found, media_type="application/fhir+json")

    async def live() -> Response:
        """Tell that the process answers."""
        return _json(b'{"live":true}')

    router.get("/cds-services", summary="Discovery", openapi_extra=openapi.DISCOVERY)(discover)
    for service in SERVICES.values():
        router.post(
            f"/cds-services/{service.id}",
            name=service.id,
            summary=service.title,
            description=service.description,
            openapi_extra=openapi.service(service.hook),
        )(_answering(application, service))
        router.post(
            f"/cds-services/{service.id}/feedback",
            name=f"{service.id}-feedback",
            summary=f"What became of cards: {service.title}",
            openapi_extra=openapi.FEEDBACK,
        )(_feedback_on(application, service))
    router.get("/policies/{group}", summary="A policy in words", openapi_extra=openapi.PAGE)(page)
    router.get("/fhir/Questionnaire/{name}", summary="The questions of a policy")(questionnaire)
    router.get("/health/live", summary="Liveness")(live)
    return router


def _answering(application: Application, service: Service) -> Endpoint:
    async def answer(request: Request) -> Response:
        deadline = asyncio.get_running_loop().time() + application.settings.deadline_ms / 1000 * _SHARE_OF_THE_EHR
        client = await _client(application, request)
        body = await read_body(request, application.settings.max_body_bytes)
        try:
            reply = await application.serve(service, body, deadline=deadline, client=client)
        except RequestError as error:
            refusal = answer_to(error)
            await application.keep_refusal(refusal.status_code, bytes(refusal.body), service, body, client)
            return refusal
        await application.keep(reply, service, body, client)  # an answer leaves when it is kept, not before
        return _json(reply.body)

    return answer


def _feedback_on(application: Application, service: Service) -> Endpoint:
    async def take(request: Request) -> Response:
        """Take what became of cards."""
        client = await _client(application, request)
        await application.take_feedback(service, await read_body(request, application.settings.max_body_bytes), client)
        return Response()

    return take


async def _client(application: Application, request: Request) -> Client | None:
    """Return who calls; several Authorization headers are one that nobody can mean."""
    headers = request.headers.getlist("authorization")
    try:
        client = await application.authenticate(", ".join(headers) or None, request.url.path)
    except NotAuthenticated as error:
        seen().client, seen().refused = error.claimed, error.code
        raise
    seen().client = client.name if client else None
    return client


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")
