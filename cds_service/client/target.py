"""Where a hook request goes: the address of one service, or of a server whose discovery names its services."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from cds_service.client.caller import CallFailed, Reply
from cds_service.errors import MalformedRequest
from cds_service.fhir.encoding import decode

__all__ = ["Target", "choose", "services_of", "target_of"]

_STEP = "cds-services"


@dataclass(frozen=True, slots=True)
class Target:
    """A server's address for discovery, and a service's, where it is named."""

    discovery: str
    service: str | None = None

    def named(self, service: str) -> str:
        """Return the address of the service with that id."""
        return f"{self.discovery}/{quote(service, safe='')}"


def target_of(url: str) -> Target:
    """Return what an address means: a service where a step follows `cds-services`, else a server.

    Source: CDS Hooks 2.0.1, Discovery: a service is at `{baseUrl}/cds-services/{id}`. Raises ValueError.
    """
    address = urlsplit(url)
    _ = address.port  # raises ValueError for what is none, as urlsplit does for a broken host
    if address.scheme not in ("http", "https") or not address.hostname or address.query or address.fragment:
        raise ValueError("write the address of a service or of its server as http(s)://host/path, without a query")
    if address.username is not None:
        raise ValueError("write the address without a user; --key signs the call")
    base, found, service = f"{address.path.rstrip('/')}/".partition(f"/{_STEP}/")
    origin = f"{address.scheme}://{address.netloc}"
    discovery = f"{origin}{base.rstrip('/')}/{_STEP}"
    return Target(discovery, f"{discovery}/{service.rstrip('/')}" if found and service else None)


def services_of(reply: Reply) -> Sequence[Mapping[str, Any]]:
    """Return the services that a discovery lists. Raises CallFailed for a reply that is none."""
    if reply.status != 200:
        raise CallFailed(f"{reply.url} answered {reply.status}, not a list of services; name one with --service")
    try:
        value = decode(reply.body)
    except MalformedRequest as error:
        raise CallFailed(f"what {reply.url} lists is {error}") from None
    listed = value.get("services") if isinstance(value, dict) else None
    if not isinstance(listed, list):
        raise CallFailed(f"{reply.url} lists no `services`; give the address that comes before `/{_STEP}`")
    return [one for one in listed if isinstance(one, dict) and isinstance(one.get("id"), str)]


def choose(services: Sequence[Mapping[str, Any]], hook: str | None) -> tuple[str, Sequence[str]]:
    """Return the id of the first service for a hook, and the ids of the others. Raises LookupError for none."""
    mine, *others = [one["id"] for one in services if one.get("hook") == hook] or [None]
    if mine is None:
        offered = ", ".join(f"`{one['id']}` ({one.get('hook')})" for one in services) or "nothing"
        wanted = f"the hook `{hook}`" if hook else "a request that names no hook"
        raise LookupError(f"no service is there for {wanted}; choose with --service among {offered}")
    return mine, others
