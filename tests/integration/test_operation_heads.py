"""Heads of chains in the log: a witness that whoever owns the database does not own."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path

import httpx
import pytest

from cds_service.api.app import create_app
from cds_service.api.serving import Serving
from cds_service.settings import Settings
from cds_service.store.chain import Head
from cds_service.store.memory import InMemoryStore
from cds_service.store.sql import SqlStore
from cds_service.store.store import State
from cds_service.wiring import Application
from tests.made_up import made_up_policies, request


def heads(caplog: pytest.LogCaptureFixture) -> list[Head]:
    told = [one.__dict__ for one in caplog.records if one.msg == "chain head"]
    return [Head(one["writer"], one["sequence"], one["hash"]) for one in told]


def test_the_head_is_told_as_the_service_ends_and_verifies_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    address = f"sqlite:///{tmp_path}/kept.db"
    app = create_app(Application(Settings(), made_up_policies(), store=SqlStore(address)))

    async def served() -> None:
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://cds") as client,
        ):
            await client.post("/cds-services/necessity-order-sign", content=json.dumps(request()))

    asyncio.run(served())
    with SqlStore(address) as store:
        assert heads(caplog) == list(store.heads())
        assert list(store.verify(anchors=heads(caplog))) == []


class Moving(InMemoryStore):
    """A store whose head, and a clock, are where the test puts them."""

    head: Head | None = None
    now = 0.0

    def state(self) -> State:
        return State(True, head=self.head)


def test_the_head_is_told_every_thousand_entries_or_ten_minutes_and_only_if_it_moved(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    store = Moving()
    serving = Serving(Application(Settings(), made_up_policies(), store=store), clock=lambda: store.now)
    times = [(0, None), (1, 2), (2, 999), (3, 1000), (700, 1000), (701, 1001), (1299, 1001), (1300, 1001), (5000, 1001)]
    for moment, sequence in times:
        store.now, store.head = moment, Head("w", sequence, "0" * 64) if sequence else None
        serving.tell_head()
    assert [one.sequence for one in heads(caplog)] == [1000, 1001]
