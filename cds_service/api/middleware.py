"""What goes around every route: safe headers, cross-origin rules, and the net under unforeseen errors."""

from __future__ import annotations

import logging

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cds_service.api.access import Access
from cds_service.api.errors import OriginNotAllowed, answer_to, answer_to_unforeseen
from cds_service.observability.logs import place_of
from cds_service.settings import Settings

__all__ = ["middleware"]

_SAFE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

_logger = logging.getLogger(__name__)


def middleware(settings: Settings) -> list[Middleware]:
    """Return the layers around the routes, the outermost first. Errors pass through all, so they get every header."""
    sandbox = settings.mode == "sandbox"
    return [
        Middleware(Access),
        Middleware(_SafeHeaders),
        Middleware(
            _CrossOrigin,
            allow_origins=["*"] if sandbox else settings.allowed_origins,
            allow_methods=["GET", "POST", "PUT", "DELETE"] if sandbox else ["GET", "POST"],  # simulators write charts
            allow_headers=["Authorization"],  # Content-Type is listed by itself
            allow_private_network=sandbox,  # a hosted sandbox page may call a service on the reader's machine
        ),
        Middleware(_Net),
    ]


class _SafeHeaders:
    """Adds the headers that every response has."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_SAFE)
            await send(message)

        await self.app(scope, receive, send_safely)


class _CrossOrigin(CORSMiddleware):
    """Starlette's, with a refusal that is an OperationOutcome like every other error."""

    def preflight_response(self, request_headers: Headers) -> Response:
        response = super().preflight_response(request_headers)
        if response.status_code < 400:
            return response
        refusal = answer_to(OriginNotAllowed())
        for name, value in response.headers.items():
            if name == "vary" or name.startswith("access-control-"):
                refusal.headers[name] = value
        return refusal


class _Net:
    """Answers an unforeseen error, and logs its type and place: its text could hold a patient's data."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def send_noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, send_noting)
        except ClientDisconnect:
            return  # nobody is left to be answered
        except Exception as error:
            fields = {"error": type(error).__name__, "place": place_of(error.__traceback__)}
            _logger.error("unforeseen error", extra=fields)
            if scope["type"] == "http" and not started:
                await answer_to_unforeseen()(scope, receive, send)
