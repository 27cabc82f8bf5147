"""Connections to permitted addresses only: a name is resolved once, and what was checked is what is connected to.

httpx does not let its network backend be chosen, so this is its transport on a pool of our own. It is used without
httpx's client, which would keep one user's cookies for the next and write every URL, patient and all, to its log.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

import httpcore
import httpx

from cds_service.ehr.addresses import AddressRules
from cds_service.ehr.servers import NotAllowed

__all__ = ["CheckedTransport", "Resolve", "resolve"]

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port → the addresses of the host, as text."""

_MOST_ADDRESSES: Final = 4
_CONNECTIONS, _IDLE_SECONDS = 256, 15.0

# At its debug level it writes response headers, which name patients and hold cookies.
logging.getLogger("httpcore").setLevel(logging.INFO)


@cache
def _authorities() -> ssl.SSLContext:
    """Return what the system and certifi trust. Made once: left to the pool, it takes 70 ms for each connection."""
    return httpcore.default_ssl_context()


async def resolve(host: str, port: int) -> tuple[str, ...]:
    """Return the addresses of a host as this machine resolves it. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


class CheckedTransport(httpx.AsyncBaseTransport):
    """httpx's transport without proxies, redirects, cookies or HTTP/2, to the addresses that `rules` permit.

    Raises NotAllowed when a host has no such address, and httpx.TransportError when the connection fails or breaks.
    """

    def __init__(
        self,
        rules: AddressRules,
        *,
        resolve: Resolve = resolve,
        tls: ssl.SSLContext | None = None,
        connections: int = _CONNECTIONS,
    ) -> None:
        """Make a pool; `tls` holds the authorities that are trusted, by default the system's and certifi's."""
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls or _authorities(),
            max_connections=connections,
            keepalive_expiry=_IDLE_SECONDS,
            network_backend=_CheckedBackend(rules, resolve),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the response, its body still to be read."""
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        asked = httpcore.Request(request.method, url, headers=request.headers.raw, extensions=request.extensions)
        with _as_transport_error():
            response = await self._pool.handle_async_request(asked)
        return httpx.Response(response.status, headers=response.headers, stream=_Body(response))

    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_transport_error():
            assert isinstance(self._response.stream, AsyncIterable)  # noqa: S101 - narrows the type
            async for chunk in self._response.stream:
                yield chunk

    async def aclose(self) -> None:
        with _as_transport_error():
            await self._response.aclose()


class _CheckedBackend(httpcore.AsyncNetworkBackend):
    def __init__(self, rules: AddressRules, resolve: Resolve) -> None:
        self._rules, self._resolve = rules, resolve
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            found = await self._resolve(host, port)
        except (OSError, UnicodeError):
            raise httpcore.ConnectError("the host has no address") from None
        permitted = [one for one in found if self._rules.permit(one)][:_MOST_ADDRESSES]
        if not permitted:
            raise NotAllowed("the host has no address that may be connected to")
        share = timeout and timeout / len(permitted)
        for address in permitted[:-1]:
            try:
                return await self._network.connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._network.connect_tcp(permitted[-1], port, share, local_address, socket_options)


@contextmanager
def _as_transport_error() -> Iterator[None]:
    try:
        yield
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError):
        # said anew, for the old text may hold headers, such as the token
        raise httpx.TransportError("the connection failed or broke off") from None
