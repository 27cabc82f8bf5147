"""Which FHIR servers may be asked: a list of origins, each with the path below which all is its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import unquote

import httpx

from cds_service.ehr.addresses import is_loopback

__all__ = ["AllowedServers", "FhirServer", "NotAllowed"]

_MOST_DECODINGS: Final = 4


class NotAllowed(Exception):
    """An address that must not be asked; the message says which rule it breaks, and nothing of the address."""


@dataclass(frozen=True, slots=True)
class FhirServer:
    """A FHIR server: the origin and path of `base`, which ends with a slash, and all that stands below it."""

    base: httpx.URL

    @classmethod
    def at(cls, text: str, *, loopback: bool = False) -> Self:
        """Return the server at an address; `loopback` lets it be plain http on this machine. Raises NotAllowed."""
        url = _parsed(text)
        if "?" in text or not url.host or "%" in url.host:
            raise NotAllowed("the address of a FHIR server is a scheme, a host and a path")
        if url.scheme != "https" and not (url.scheme == "http" and loopback and is_loopback(url.host)):
            raise NotAllowed("a FHIR server is asked over https; http is for loopback, where that is allowed")
        if url.port is not None and not 0 < url.port < 65536:
            raise NotAllowed("a port is a number from 1 to 65535")
        return cls(url.copy_with(raw_path=_path(url).rstrip(b"/") + b"/"))

    def resolve(self, reference: str, page: httpx.URL | None = None) -> httpx.URL:
        """Return the address that a URL, relative to the base or to a `page`, means. Raises NotAllowed outside."""
        url = _parsed(reference, page or self.base)
        if not self.holds(url):
            raise NotAllowed("the address is outside the FHIR server")
        return url

    def holds(self, url: httpx.URL) -> bool:
        """Return whether an address is this server's: the same origin, and the same path or one below it."""
        mine, path = _path(self.base), _path(url)
        return _origin(url) == _origin(self.base) and (path == mine[:-1] or path.startswith(mine))


@dataclass(frozen=True, slots=True)
class AllowedServers:
    """The servers that the operator lets be asked."""

    servers: tuple[FhirServer, ...]
    loopback: bool = False

    @classmethod
    def of(cls, addresses: Iterable[str], *, loopback: bool = False) -> Self:
        """Return the list of servers at these addresses. Raises ValueError, naming the address that is wrong."""
        servers = []
        for address in addresses:
            try:
                servers.append(FhirServer.at(address, loopback=loopback))
            except NotAllowed as error:
                raise ValueError(f"`{address}`: {error}") from None
        return cls(tuple(servers), loopback)

    def server(self, base_url: str) -> FhirServer:
        """Return the server that a client names, if it is one of these or stands below one. Raises NotAllowed."""
        named = FhirServer.at(base_url, loopback=self.loopback)
        if not any(one.holds(named.base) for one in self.servers):
            raise NotAllowed("the FHIR server is not on the list")
        return named


def _parsed(text: str, base: httpx.URL | None = None) -> httpx.URL:
    """Return a URL, relative to `base` if there is one, as it will be connected to: there is no second parser."""
    _refuse_detours(text)
    try:
        url = base.join(text) if base else httpx.URL(text)
    except httpx.InvalidURL:
        raise NotAllowed("it is no address") from None
    if url.userinfo or "#" in text:
        raise NotAllowed("an address has no user, no password and no fragment")
    return url


def _refuse_detours(text: str) -> None:
    """Raise NotAllowed for a path that means another one: `..`, plain or encoded however often, and backslashes."""
    path = text.partition("?")[0]
    for _ in range(_MOST_DECODINGS):
        decoded = unquote(path)
        if decoded == path:
            break
        path = decoded
    else:
        raise NotAllowed("an address is not encoded again and again")
    dotted = any(step.partition(";")[0] in (".", "..") for step in path.split("/"))
    if dotted or "\\" in path or not path.isprintable():
        raise NotAllowed("an address has no relative steps and no backslashes")


def _path(url: httpx.URL) -> bytes:
    return url.raw_path.partition(b"?")[0]


def _origin(url: httpx.URL) -> tuple[str, bytes, int | None]:
    return url.scheme, url.raw_host, url.port
