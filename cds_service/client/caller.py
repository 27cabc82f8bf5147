"""One call over HTTP, bounded in time and size: a reply comes back, or a reason that says what to do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from cds_service import __version__
from cds_service.errors import CdsServiceError

__all__ = ["CallFailed", "Caller", "Reply"]

_MOST_BYTES = 20_000_000
_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",  # compressed, a few bytes can hold a body of any size
    "User-Agent": f"cds-service/{__version__}",
}


class CallFailed(CdsServiceError):
    """A call that brought no answer: why, and what to do."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    url: str
    status: int
    body: bytes
    location: str | None
    """Where a redirect, which is not followed, would lead."""
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Caller:
    """Calls services; each call is signed anew where there is a `token`: the address called → the token."""

    timeout_seconds: float
    verify_tls: bool = True
    token: Callable[[str], str] | None = None

    def get(self, url: str) -> Reply:
        """Return the reply to a GET. Raises CallFailed."""
        return asyncio.run(self._call("GET", url, None))

    def post(self, url: str, body: bytes) -> Reply:
        """Return the reply to a POST of JSON. Raises CallFailed."""
        return asyncio.run(self._call("POST", url, body))

    async def _call(self, method: str, url: str, body: bytes | None) -> Reply:
        started = time.monotonic()
        try:
            async with asyncio.timeout(self.timeout_seconds):
                return await self._exchange(method, url, body, started)
        except TimeoutError:
            said = f"{url} did not answer within {self.timeout_seconds:g} s; --timeout sets how long to wait"
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            said = f"{url} cannot be reached: {_reason(error)}"
        raise CallFailed(said)

    async def _exchange(self, method: str, url: str, body: bytes | None, started: float) -> Reply:
        async with (
            httpx.AsyncClient(verify=self.verify_tls, timeout=None) as client,  # noqa: S113 - the whole call has one
            client.stream(method, url, content=body, headers=self._headers(url, body)) as response,
        ):
            read = bytearray()
            async for piece in response.aiter_bytes():
                read += piece
                if len(read) > _MOST_BYTES:
                    raise CallFailed(f"{url} sent more than the {_MOST_BYTES} bytes that are read")
            taken = (time.monotonic() - started) * 1000
            return Reply(url, response.status_code, bytes(read), response.headers.get("location"), taken)

    def _headers(self, url: str, body: bytes | None) -> dict[str, str]:
        headers = dict(_HEADERS)
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token(url)}"
        return headers


def _reason(error: Exception) -> str:
    text = str(error) or type(error).__name__
    if "CERTIFICATE" in text:
        return f"{text}; name its authority in SSL_CERT_FILE, or, for a test server only, use --insecure"
    return f"{text}; is the address right, and does the server run?"
