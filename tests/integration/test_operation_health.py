"""Readiness, limits, and policies that are read again while the service serves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from cds_service.api.app import create_app
from cds_service.api.limits import Limits, Overloaded, TooFrequent
from cds_service.api.serving import Serving
from cds_service.settings import Settings
from cds_service.store.memory import InMemoryStore
from cds_service.store.store import State
from cds_service.wiring import Application, load_policies
from tests.made_up import GROUP, PLAN, made_up_policies, request, write_policy

SIGN = "/cds-services/necessity-order-sign"
GUARD = 30
REPORT = {"feedback": [{"card": "c", "outcome": "overridden", "outcomeTimestamp": "2026-01-15T10:00:00Z"}]}
REVISION = "CDS-Policy-Revision"
Ask = Callable[..., Awaitable[httpx.Response]]


class Kept(InMemoryStore):
    """A store in a state of the test's choice, that keeps when it is let."""

    def __init__(self, state: State | None = None) -> None:
        super().__init__()
        self._state, self.may_keep = state, asyncio.Event()

    def state(self) -> State:
        return self._state or super().state()

    async def append(self, decision: Any) -> Any:
        await self.may_keep.wait()
        return await super().append(decision)


def asked(application: Application, conversation: Callable[[Ask], Awaitable[None]]) -> None:
    async def talk() -> None:
        transport = httpx.ASGITransport(create_app(application))
        async with httpx.AsyncClient(transport=transport, base_url="http://cds") as client:
            await conversation(client.request)

    asyncio.run(asyncio.wait_for(talk(), GUARD))


@pytest.mark.parametrize(
    ("state", "spill", "status", "check"),
    [
        (State(True), False, 200, "ok"),
        (State(False, fault="SQLITE_FULL"), False, 503, "failed"),
        (State(False, spilled=3, fault="SQLITE_FULL"), True, 200, "spilling"),
        (State(True, spilled=3), True, 200, "spilling"),
        (State(True, damaged=1), True, 200, "damaged"),
    ],
)
def test_readiness_names_how_the_store_is(state: State, spill: bool, status: int, check: str, tmp_path: Path) -> None:
    settings = Settings(store_spill=tmp_path if spill else None)
    application = Application(settings, made_up_policies(), store=Kept(state))

    async def conversation(ask: Ask) -> None:
        response = await ask("GET", "/health/ready")
        told = response.json()
        assert (response.status_code, told["checks"]) == (status, {"policies": "ok", "store": check})
        assert (told["revision"], told["policies"]) == (made_up_policies().revision, 1)
        assert told["status"] == ("failed" if status == 503 else "ready" if check == "ok" else "degraded")
        assert "SQLITE" not in response.text

    asked(application, conversation)


def test_more_requests_at_a_time_than_may_be_are_told_to_come_again() -> None:
    store = Kept()
    application = Application(Settings(max_concurrency=1), made_up_policies(), store=store)

    async def conversation(ask: Ask) -> None:
        first = asyncio.ensure_future(ask("POST", SIGN, json=request()))
        await asyncio.sleep(0.1)
        second = await ask("POST", SIGN, json=request())
        assert (second.status_code, second.headers["Retry-After"]) == (503, "1")
        assert second.json()["issue"][0]["code"] == "throttled"
        assert (await ask("GET", "/health/ready")).status_code == 200
        store.may_keep.set()
        assert (await first).status_code == 200
        assert (await ask("POST", SIGN, json=request())).status_code == 200

    asked(application, conversation)


def test_feedback_counts_as_one_of_the_requests_at_a_time() -> None:
    store = Kept()
    application = Application(Settings(max_concurrency=1), made_up_policies(), store=store)

    async def conversation(ask: Ask) -> None:
        first = asyncio.ensure_future(ask("POST", SIGN, json=request()))
        await asyncio.sleep(0.1)
        assert (await ask("POST", f"{SIGN}/feedback", json=REPORT)).status_code == 503
        store.may_keep.set()
        assert (await first).status_code == 200
        assert (await ask("POST", f"{SIGN}/feedback", json=REPORT)).status_code == 200

    asked(application, conversation)


def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    application = Application(Settings(body_seconds=0.2, max_concurrency=1), made_up_policies())

    async def dripping() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(GUARD)

    async def conversation(ask: Ask) -> None:
        response = await ask("POST", SIGN, content=dripping())
        assert (response.status_code, response.headers["Connection"]) == (408, "close")
        assert response.json()["issue"][0]["code"] == "timeout"
        assert (await ask("POST", SIGN, json=request())).status_code == 200

    asked(application, conversation)


def test_a_client_beyond_its_rate_is_told_when_to_come_again() -> None:
    store = Kept()
    store.may_keep.set()
    application = Application(Settings(rate_limit=0.1, rate_burst=2), made_up_policies(), store=store)

    async def conversation(ask: Ask) -> None:
        answers = [await ask("POST", SIGN, json=request()) for _ in range(3)]
        assert [one.status_code for one in answers] == [200, 200, 429]
        assert 1 <= int(answers[2].headers["Retry-After"]) <= 10
        assert answers[2].json()["resourceType"] == "OperationOutcome"

    asked(application, conversation)


def test_feedback_takes_from_the_rate_of_its_client() -> None:
    application = Application(Settings(rate_limit=0.1, rate_burst=2), made_up_policies())

    async def conversation(ask: Ask) -> None:
        paths = (SIGN, f"{SIGN}/feedback", f"{SIGN}/feedback")
        answers = [await ask("POST", path, json=REPORT if "feedback" in path else request()) for path in paths]
        assert [one.status_code for one in answers] == [200, 200, 429]

    asked(application, conversation)


def test_tokens_come_back_with_time_and_each_client_has_its_own() -> None:
    now = [0.0]
    limits = Limits(concurrency=9, rate=2, burst=1, clock=lambda: now[0])

    def takes(client: str) -> bool:
        try:
            with limits.within(client):
                return True
        except TooFrequent as refused:
            return refused.retry_after != 1

    assert [takes("a"), takes("a"), takes("b")] == [True, False, True]
    now[0] = 0.5
    assert [takes("a"), takes("a")] == [True, False]


def test_a_request_that_failed_gives_its_place_back() -> None:
    limits = Limits(concurrency=1, rate=0, burst=1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), limits.within(""):
            _ = 1 / 0
    with limits.within(""), pytest.raises(Overloaded), limits.within(""):
        pass


# -- policies read again ------------------------------------------------------------------------------------------


def rewritten(folder: Path, **more: Any) -> None:
    plan = deepcopy(PLAN) | more
    (folder / GROUP / "plan_definition.json").write_text(json.dumps(plan), encoding="utf-8")


def serving(tmp_path: Path, **settings: Any) -> Serving:
    folder = write_policy(tmp_path / "policies")
    return Serving(Application(Settings(policies=folder, **settings), load_policies(folder)))


def test_policies_are_swapped_and_what_they_had_open_stays(tmp_path: Path) -> None:
    held = serving(tmp_path)
    before = held.application
    rewritten(tmp_path / "policies", version="0.2.0")
    assert asyncio.run(held.reload())
    assert held.application.policies.revision != before.policies.revision
    assert [plan.version for plan in held.application.policies.plans] == ["0.2.0"]
    assert held.application.store is before.store
    assert held.application.fhir is before.fhir


@pytest.mark.parametrize("broken", [{"action": []}, {"url": 5}, None])
def test_broken_policies_leave_the_last_good_ones(tmp_path: Path, broken: dict[str, Any] | None) -> None:
    held = serving(tmp_path)
    before = held.application
    if broken is None:
        (tmp_path / "policies" / GROUP / "plan_definition.json").write_text("{")
    else:
        rewritten(tmp_path / "policies", **broken)
    assert not asyncio.run(held.reload())
    assert held.application is before
    assert held.stale
    rewritten(tmp_path / "policies")
    assert asyncio.run(held.reload())
    assert not held.stale


def test_a_request_keeps_the_policies_that_it_began_with(tmp_path: Path) -> None:
    store = Kept()
    folder = write_policy(tmp_path / "policies")
    application = Application(Settings(policies=folder, policies_poll_seconds=0.05), load_policies(folder), store=store)
    app = create_app(application)

    async def conversation() -> None:
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://cds") as client,
        ):
            first = asyncio.ensure_future(client.post(SIGN, json=request()))
            await asyncio.sleep(0.1)
            rewritten(folder, version="0.2.0")
            while (await client.get("/health/ready")).json()["revision"] == application.policies.revision:
                await asyncio.sleep(0.05)
            store.may_keep.set()
            assert (await first).headers[REVISION] == application.policies.revision
            second = await client.post(SIGN, json=request())
            assert second.headers[REVISION] == (await client.get("/health/ready")).json()["revision"]
            assert second.headers[REVISION] != application.policies.revision

    asyncio.run(asyncio.wait_for(conversation(), GUARD))


def test_stale_policies_are_degraded_and_still_answer(tmp_path: Path) -> None:
    folder = write_policy(tmp_path / "policies")
    store = Kept()
    store.may_keep.set()
    settings = Settings(policies=folder, policies_poll_seconds=0.05)
    app = create_app(replace(Application(settings, load_policies(folder)), store=store))

    async def conversation() -> None:
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://cds") as client,
        ):
            await asyncio.sleep(0.1)
            rewritten(folder, action=[])
            while (ready := await client.get("/health/ready")).json()["status"] == "ready":
                await asyncio.sleep(0.05)
            assert (ready.status_code, ready.json()["checks"]["policies"]) == (200, "stale")
            assert (await client.post(SIGN, json=request())).status_code == 200

    asyncio.run(asyncio.wait_for(conversation(), GUARD))
