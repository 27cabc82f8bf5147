from __future__ import annotations

import asyncio

import httpx
import pytest

from cds_service.ehr.breaker import Breaker
from cds_service.ehr.client import FhirClient
from cds_service.ehr.limits import Budget, Limits, NotRead
from cds_service.fhir.unread import Why
from tests.faults.asking import client_of

SERVER = "https://ehr.example.org/fhir"


class Hanging(httpx.AsyncBaseTransport):
    """Never answers."""

    async def handle_async_request(self, _: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError


def client(breaker: Breaker) -> FhirClient:
    return client_of(SERVER, transport=Hanging(), breaker=lambda: breaker)


async def given_up(client: FhirClient, *, deadline: float) -> None:
    """Cancel a request once it waits, and wait until it is over."""
    url = httpx.URL(f"{SERVER}/Patient/p1")
    task = asyncio.create_task(client.get(url, None, Budget.of(Limits()), deadline=deadline))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_a_caller_that_goes_away_early_says_nothing_against_the_server() -> None:
    breaker = Breaker()
    asyncio.run(given_up(client(breaker), deadline=float("inf")))
    assert breaker.failures == 0


def test_a_caller_that_gives_up_at_its_deadline_found_the_server_too_slow() -> None:
    breaker = Breaker()
    asyncio.run(given_up(client(breaker), deadline=0.0))
    assert breaker.failures == 1


def test_the_client_itself_asks_no_server_that_is_not_listed() -> None:
    request = client(Breaker()).get(httpx.URL("https://other.example/fhir"), None, Budget.of(Limits()), deadline=0.0)
    with pytest.raises(NotRead) as refusal:
        asyncio.run(request)
    assert refusal.value.why is Why.NOT_ALLOWED
