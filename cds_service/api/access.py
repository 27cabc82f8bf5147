"""Each request counted, and one line in the log for it."""

from __future__ import annotations

import logging
import time

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cds_service.observability import Seen, observed
from cds_service.observability.metrics import count
from cds_service.observability.tracing import span

__all__ = ["Access"]

_logger = logging.getLogger(__name__)
_NO_ROUTE = "none"
_QUIET = ("live", "ready")
"""Routes that a machine asks all day: their lines are for debugging."""


class Access:
    """Sees each request, and tells what may be told of it as it ends."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand around `app`."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have `app` answer, and tell of it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status: int | None = None

        async def send_noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        begun = time.perf_counter()
        with observed() as seen, span("request", Headers(scope=scope).get("traceparent")) as attributes:
            try:
                await self.app(scope, receive, send_noting)
            finally:
                service, seconds = _route(scope), time.perf_counter() - begun
                count(seen, service, status, seconds)
                attributes |= {"service": service, "status": status or 0}
                attributes |= {f"outcomes.{name}": how_many for name, how_many in seen.outcomes.items()}
                _tell(seen, service, status, seconds)


def _route(scope: Scope) -> str:
    """Return the name of the route that answered: never the path, which the client wrote."""
    return getattr(scope.get("route"), "name", None) or _NO_ROUTE


def _tell(seen: Seen, service: str, status: int | None, seconds: float) -> None:
    fields = {
        "service": service,
        "status": status,
        "duration_ms": round(seconds * 1000, 2),
        "client": seen.client,
        "decision": seen.decision,
        "reason": seen.refused,
        "outcomes": seen.outcomes or None,
        "fetched": seen.fetched or None,
        "steps_ms": {name: round(taken * 1000, 2) for name, taken in seen.seconds.items()} or None,
    }
    _logger.log(logging.DEBUG if service in _QUIET else logging.INFO, "request", extra=fields)
