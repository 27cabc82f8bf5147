"""Queries asked of a server as the service asks them, and how long that took."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import httpx
from pydantic import SecretStr

from cds_service.ehr import Access, AddressRules, AllowedServers, CheckedTransport, FhirClient, Limits, gather
from cds_service.fhir.query import Fetched, FhirQuery

__all__ = ["CONDITIONS", "OBSERVATIONS", "PATIENT", "TOKEN", "Answer", "ask", "client_of", "ids", "search"]

TOKEN = "canary-token"  # noqa: S105 - made up


def search(type_name: str) -> FhirQuery:
    """Return the search for all that the patient has of a type."""
    return FhirQuery(type_name.lower(), type_name, parameters=(("patient", "p1"),))


PATIENT = FhirQuery("patient", "Patient", id="p1")
CONDITIONS, OBSERVATIONS = search("Condition"), search("Observation")


@dataclass(frozen=True)
class Answer:
    """What came of the queries, in their order, and the seconds that it took."""

    fetched: tuple[Fetched, ...]
    took: float

    @property
    def whys(self) -> list[str | None]:
        return [one.why and one.why.value for one in self.fetched]


def client_of(
    *servers: str, transport: httpx.AsyncBaseTransport | None = None, limits: Limits | None = None, **options: object
) -> FhirClient:
    """Return a client that may ask these servers, on loopback too."""
    allowed = AllowedServers.of(servers, loopback=True)
    connected = transport or CheckedTransport(AddressRules.of(loopback=True))
    return FhirClient(allowed, connected, limits=limits, **options)


def ask(
    base_url: str,
    *queries: FhirQuery,
    seconds: float = 5.0,
    token: str | None = TOKEN,
    client: Callable[[], FhirClient] | None = None,
    limits: Limits | None = None,
    times: int = 1,
) -> Answer:
    """Return the last answer of `times`, each with a deadline after `seconds`; by default the server is allowed."""

    async def asked() -> Answer:
        made = client() if client else client_of(base_url, limits=limits)
        clock = asyncio.get_running_loop().time
        access = Access(base_url, SecretStr(token) if token is not None else None)
        try:
            for _ in range(times):
                start = clock()
                fetched = await gather(queries, access, client=made, deadline=start + seconds)
                took = clock() - start
        finally:
            await made.aclose()
        return Answer(fetched, took)

    return asyncio.run(asked())


def ids(pages: Iterable[bytes]) -> list[str]:
    """Return the ids of the resources that pages hold, in their order."""
    bundles = [json.loads(page) for page in pages]
    return [entry["resource"]["id"] for bundle in bundles for entry in bundle["entry"]]
