"""One GET of a FHIR server with the caller's token: a body comes back, or a reason that tells nothing of either."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Final

import httpx
from pydantic import SecretStr

from cds_service.ehr.breaker import Breaker
from cds_service.ehr.limits import Budget, Limits, NothingThere, NotRead
from cds_service.ehr.servers import AllowedServers, NotAllowed
from cds_service.fhir.unread import Why

__all__ = ["FhirClient"]

_HEADERS: Final[Mapping[str, str]] = {
    "Accept": "application/fhir+json",
    "Accept-Encoding": "identity",  # compressed, a few bytes can hold a body of any size
    "User-Agent": "cds-service",
}
_TOKEN: Final = re.compile(r"[!-~]+")
_CONNECT_SECONDS: Final = 2.0
_PAUSE_SECONDS: Final = 0.05
_CHUNKS_AT_A_TIME: Final = 64
_NOT_WELL: Final = (Why.NO_CONNECTION, Why.SERVER_ERROR)


class FhirClient:
    """Reads from the servers on a list: never writes, follows no redirect, keeps no cookie, logs nothing.

    A request is made once more where that may help: when the connection fails or breaks off, and after 502, 503
    and 504. A host that keeps failing is left alone for a while.
    """

    def __init__(
        self,
        servers: AllowedServers,
        transport: httpx.AsyncBaseTransport,
        *,
        limits: Limits | None = None,
        breaker: Callable[[], Breaker] = Breaker,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make the client of a process; `breaker` makes one for each host, which goes by the seconds of `clock`."""
        self.servers = servers
        self.limits = limits or Limits()
        self._transport = transport
        self._new_breaker = breaker
        self._breakers: dict[tuple[bytes, int | None], Breaker] = {}
        self._clock = clock

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.aclose()

    async def get(self, url: httpx.URL, token: SecretStr | None, budget: Budget, *, deadline: float) -> bytes:
        """Return the body of a 200 answer as it came. Raises NotRead; NothingThere for 404 and 410.

        Whoever cancels this at `deadline`, a time of the event loop, found the server too slow.
        """
        if not any(server.holds(url) for server in self.servers.servers):
            raise NotRead(Why.NOT_ALLOWED)
        request = _request(url, token)
        breaker = self._breakers.setdefault((url.raw_host, url.port), self._new_breaker())
        started = self._clock()
        if not breaker.lets_through(started):
            raise NotRead(Why.CIRCUIT_OPEN)
        try:
            body = await self._ask_twice(request, budget)
        except NotRead as error:
            if error.why in _NOT_WELL:
                breaker.failed(started, self._clock())
            else:
                breaker.succeeded()
            raise
        except asyncio.CancelledError:
            if asyncio.get_running_loop().time() >= deadline:
                breaker.failed(started, self._clock())
            raise
        breaker.succeeded()
        return body

    async def _ask_twice(self, request: httpx.Request, budget: Budget) -> bytes:
        try:
            return await self._ask(request, budget)
        except NotRead as error:
            if not error.passing:
                raise
        await asyncio.sleep(_PAUSE_SECONDS)
        return await self._ask(request, budget)

    async def _ask(self, request: httpx.Request, budget: Budget) -> bytes:
        try:
            async with aclosing(await self._transport.handle_async_request(request)) as response:
                _refuse(response)
                return await self._read(response, budget)
        except NotAllowed:
            raise NotRead(Why.NOT_ALLOWED) from None
        except httpx.TransportError:
            raise NotRead(Why.NO_CONNECTION, passing=True) from None

    async def _read(self, response: httpx.Response, budget: Budget) -> bytes:
        most = self.limits.page_bytes
        length = response.headers.get("content-length", "")
        if length.isdecimal() and (len(length) > len(str(most)) or int(length) > most):
            raise NotRead(Why.TOO_LARGE)
        body, chunks = bytearray(), 0
        assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101 - narrows the type
        async for chunk in response.stream:
            budget.spend(len(chunk))
            body += chunk
            if len(body) > most:
                raise NotRead(Why.TOO_LARGE)
            chunks += 1
            if chunks % _CHUNKS_AT_A_TIME == 0:
                # Chunks of one byte come without waiting: eight such bodies kept the deadline from acting for 0.8 s.
                await asyncio.sleep(0)
        return bytes(body)


def _request(url: httpx.URL, token: SecretStr | None) -> httpx.Request:
    headers = dict(_HEADERS)
    bearer = token.get_secret_value().strip() if token else ""
    if bearer:
        if not _TOKEN.fullmatch(bearer):
            raise NotRead(Why.UNAUTHORIZED)
        headers["Authorization"] = f"Bearer {bearer}"
    return httpx.Request("GET", url, headers=headers, extensions={"timeout": {"connect": _CONNECT_SECONDS}})


def _refuse(response: httpx.Response) -> None:
    """Raise NotRead for an answer that is not 200, or is encoded though nobody asked for that."""
    match response.status_code:
        case 200:
            if response.headers.get("content-encoding", "").strip().lower() not in ("", "identity"):
                raise NotRead(Why.UNREADABLE)
        case 401:
            raise NotRead(Why.UNAUTHORIZED)
        case 403:
            raise NotRead(Why.FORBIDDEN)
        case 404 | 410:
            raise NothingThere(Why.FAILED)
        case status if status >= 500:
            raise NotRead(Why.SERVER_ERROR, passing=status in (502, 503, 504))
        case status if status >= 400:
            raise NotRead(Why.FAILED)
        case _:
            raise NotRead(Why.UNREADABLE)
