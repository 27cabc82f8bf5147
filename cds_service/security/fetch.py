"""Keys by HTTPS: one address, no redirects, a bounded answer in a bounded time."""

from __future__ import annotations

import asyncio
import ssl
from typing import Final

import httpx

from cds_service.security.addresses import check_address
from cds_service.security.keys import Fetch, KeysNotFetched

__all__ = ["fetcher"]

_SECONDS: Final = 3.0
_MOST_BYTES: Final = 131_072
_HEADERS: Final = {"Accept": "application/jwk-set+json, application/json", "Accept-Encoding": "identity"}


def fetcher(*, sandbox: bool = False, seconds: float = _SECONDS, tls: ssl.SSLContext | None = None) -> Fetch:
    """Return what fetches keys, each fetch within `seconds` in all.

    Plain http is for sandboxes, and for this machine. No proxy or certificate is taken from the environment; `tls`
    names other authorities than the public ones.
    """
    verify = tls or httpx.create_ssl_context(trust_env=False)

    async def fetch(url: str) -> bytes:
        check_address(url, http="loopback" if sandbox else "never")
        try:
            async with asyncio.timeout(seconds):
                return await _get(url, verify)
        except TimeoutError:
            raise KeysNotFetched(f"did not come within {seconds:g} s") from None
        except httpx.HTTPError as error:
            raise KeysNotFetched(f"could not be fetched: {type(error).__name__}") from None

    return fetch


async def _get(url: str, verify: ssl.SSLContext) -> bytes:
    async with (
        httpx.AsyncClient(verify=verify, follow_redirects=False, trust_env=False, timeout=None) as client,  # noqa: S113 - bounded as a whole, above
        client.stream("GET", url, headers=_HEADERS) as response,
    ):
        if response.status_code != httpx.codes.OK:
            raise KeysNotFetched(f"answered {response.status_code}")
        if response.headers.get("content-encoding", "identity") != "identity":
            raise KeysNotFetched("is compressed, which was not asked for")
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > _MOST_BYTES:
                raise KeysNotFetched(f"has more than {_MOST_BYTES} bytes")
        return bytes(body)
