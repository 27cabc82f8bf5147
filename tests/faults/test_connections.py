"""Many connections and slow ones: whoever holds them keeps nobody else out. `make soak` holds 10,000."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Awaitable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from cds_service.cli.connections import Connection, allow_many_connections
from cds_service.settings import Settings
from cds_service.wiring import Application
from tests.load.connections import KINDS, PATH, ask, closed, held, status_of
from tests.load.process import served
from tests.made_up import made_up_policies
from tests.serving import serving

T = TypeVar("T")
GUARD = 60
HEAD = b"GET /health/live HTTP/1.1\r\nHost: cds\r\n"


class Hurried(Connection):
    """Looks often, so that a test need not wait."""

    seconds = 0.3


@pytest.fixture
def port() -> Iterator[int]:
    """A service that ends who is slow after a moment."""
    settings = Settings(body_seconds=0.5)
    with serving(lambda _: Application(settings, made_up_policies()), http=Hurried) as address:
        yield int(address.rpartition(":")[2])


def run(conversation: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(conversation, GUARD))


def test_while_hundreds_of_connections_are_held_others_are_answered(tmp_path: Path) -> None:
    async def crowd(port: int) -> None:
        async with held(port, 600):
            assert (await ask(port, order=False)).status == 200
            assert (await ask(port, order=True)).status == 200

    with served(f"sqlite:///{tmp_path}/decisions.db") as service:
        run(crowd(service.port))


@pytest.mark.parametrize("kind", KINDS)
def test_who_says_half_and_no_more_is_ended(port: int, kind: str) -> None:
    async def half() -> None:
        async with held(port, 20, [kind]) as streams:
            if kind == "half a body":
                assert [await status_of(reader) for reader, _ in streams] == [408] * 20
            await closed(streams)

    run(half())


async def drip_until(done: Awaitable[T], writer: asyncio.StreamWriter) -> T:
    """Send a byte now and then until something has happened."""
    task = asyncio.ensure_future(done)
    while not task.done():
        writer.write(b"a")
        await asyncio.wait([task], timeout=0.05)
    return task.result()


@pytest.mark.parametrize("after_an_answer", [False, True])
def test_a_head_that_comes_drop_by_drop_is_not_waited_for(port: int, after_an_answer: bool) -> None:
    async def drip() -> None:
        async with held(port, 1, ["idle"]) as [(reader, writer)]:
            if after_an_answer:
                writer.write(HEAD + b"\r\n")
                assert await status_of(reader) == 200
            writer.write(HEAD + b"X-Slow: ")
            await drip_until(closed([(reader, writer)]), writer)

    run(drip())


def test_a_body_that_comes_drop_by_drop_is_refused(port: int) -> None:
    async def drip() -> None:
        async with held(port, 1, ["half a body"]) as [(reader, writer)]:
            assert await drip_until(status_of(reader), writer) == 408

    run(drip())


def test_a_body_that_nobody_waits_for_cannot_come_drop_by_drop_for_ever(port: int) -> None:
    async def drip() -> None:
        async with held(port, 1, ["idle"]) as [(reader, writer)]:
            writer.write(KINDS["half a body"].replace(PATH.encode(), b"/nowhere"))
            assert await status_of(reader) == 404
            await drip_until(closed([(reader, writer)]), writer)

    run(drip())


def test_who_asks_is_not_ended(port: int) -> None:
    async def ask_again() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(20):
            writer.write(HEAD + b"\r\n")
            assert await status_of(reader) == 200
            await reader.readuntil(b"}")
            await asyncio.sleep(0.1)
        writer.close()
        await writer.wait_closed()

    run(ask_again())


def test_the_service_lets_itself_hold_what_the_system_lets_it() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, before[0]), before[1]))
    try:
        allow_many_connections()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == min(65_536, before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
