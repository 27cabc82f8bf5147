"""Queries → what a FHIR server answered to each until the deadline: nothing that arrived is lost, no lack is hidden."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

import anyio
import httpx
from pydantic import SecretStr

from cds_service.ehr.client import FhirClient
from cds_service.ehr.limits import Budget, NothingThere, NotRead
from cds_service.ehr.page import Page, look
from cds_service.ehr.scopes import covers_in_part
from cds_service.ehr.servers import FhirServer, NotAllowed
from cds_service.fhir.query import Fetched, FhirQuery
from cds_service.fhir.unread import Why

__all__ = ["Access", "gather"]


@dataclass(frozen=True, slots=True)
class Access:
    """The FHIR server that a request names, and the token that it gives for it, if any."""

    base_url: str
    token: SecretStr | None = None
    scopes: str | None = None
    """What the token is good for, as SMART writes it, where that is said."""


async def gather(
    queries: Iterable[FhirQuery], access: Access, *, client: FhirClient, deadline: float
) -> tuple[Fetched, ...]:
    """Return what came of each query, in their order. Ends at `deadline`, a time of the running event loop.

    All are asked at once, as far as the client's limits go. A search is followed from page to page of the same
    server. A query that is not done when time is up keeps its pages and says `timeout`. Raises nothing.
    """
    readings = [_Reading(query) for query in queries]
    try:
        server = client.servers.server(access.base_url)
    except NotAllowed:
        return tuple(Fetched(one.query, why=Why.NOT_ALLOWED) for one in readings)
    source = _Source(server, access.token, client, deadline)
    # anyio's scope and not asyncio's: the pool is shielded from it while it takes a connection back. Cancelled by
    # asyncio, one to six requests in a hundred left a connection taken for good.
    with anyio.CancelScope(deadline=deadline):
        async with anyio.create_task_group() as tasks:
            for i, one in enumerate(readings):
                if i < client.limits.queries:
                    tasks.start_soon(one.read, source)
                else:
                    one.why = Why.TOO_LARGE
    return tuple(Fetched(one.query, tuple(one.pages), one.why or _hidden(one.query, access)) for one in readings)


def _hidden(query: FhirQuery, access: Access) -> Why | None:
    """Return why a search that was answered may not have found all there is."""
    return Why.NOT_GRANTED if query.id is None and covers_in_part(access.scopes, query.type) else None


class _Source:
    """What the readings of one request share: the server, the token, and what may still be read."""

    def __init__(self, server: FhirServer, token: SecretStr | None, client: FhirClient, deadline: float) -> None:
        self.server, self.limits = server, client.limits
        self._token, self._client, self._deadline = token, client, deadline
        self._budget = Budget.of(client.limits)
        self._slots = asyncio.Semaphore(client.limits.parallel)

    async def page(self, url: httpx.URL) -> tuple[bytes, Page]:
        async with self._slots:
            body = await self._client.get(url, self._token, self._budget, deadline=self._deadline)
        page = look(body)
        if page is None:
            raise NotRead(Why.UNREADABLE)
        self._budget.hold(page.entries)
        return body, page


@dataclass(slots=True)
class _Reading:
    query: FhirQuery
    pages: list[bytes] = field(default_factory=list)
    why: Why | None = Why.TIMEOUT
    """Until the reading has ended some other way."""

    async def read(self, source: _Source) -> None:
        try:
            await self._read(source)
            self.why = None
        except NotAllowed:
            self.why = Why.NOT_ALLOWED
        except NothingThere as error:
            self.why = error.why if self.query.id is None else None
        except NotRead as error:
            self.why = error.why

    async def _read(self, source: _Source) -> None:
        url, seen = source.server.resolve(self.query.url), set[httpx.URL]()
        while True:
            seen.add(url)
            body, page = await source.page(url)
            self.pages.append(body)
            if not page.more or self.query.id is not None:
                return
            if page.next is None:
                raise NotRead(Why.UNREADABLE)
            url = source.server.resolve(page.next, url)
            if url in seen:
                raise NotRead(Why.LOOP)
            if len(self.pages) == source.limits.pages:
                raise NotRead(Why.TOO_MANY_PAGES)
