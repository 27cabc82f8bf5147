"""Many connections and slow ones: whoever holds them keeps nobody else out. `make soak` holds 10,000."""

from __future__ import annotations

import asyncio
import json
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


async def answer(reader: asyncio.StreamReader) -> tuple[int, Any]:
    """The status and the JSON of the answer that comes next."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return int(head[9:12]), json.loads(await reader.readexactly(length))


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


FILLER = b"a" * 1000
CHUNKED = f"POST {PATH} HTTP/1.1\r\nHost: cds\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
EXPECTING = CHUNKED[:-2] + b"Expect: 100-continue\r\n\r\n"
ENDLESS = {
    "an address": (b"GET /", FILLER),
    "a name": (HEAD, FILLER),
    "a value": (HEAD + b"X: ", FILLER),
    "headers": (HEAD, b"X: " + FILLER + b"\r\n"),
    "short headers": (HEAD, b"X:\r\n" * 250),
    "trailers": (EXPECTING + b"0\r\n", b"X: " + FILLER + b"\r\n"),
    "what may stand beside a size": (EXPECTING + b"1;", FILLER),
}
"""What comes first, and what comes again and again."""


@pytest.mark.parametrize("after_an_answer", [False, True])
@pytest.mark.parametrize(("first", "again"), ENDLESS.values(), ids=ENDLESS)
def test_a_head_is_not_read_for_ever(port: int, first: bytes, again: bytes, after_an_answer: bool) -> None:
    async def flood() -> None:
        async with held(port, 1, ["idle"]) as [(reader, writer)]:
            if after_an_answer:
                writer.write(HEAD + b"\r\n")
                assert await answer(reader) == (200, {"live": True})
            writer.write(first)
            if first.startswith(EXPECTING):
                assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(again * 80)
            status, outcome = await answer(reader)
            assert (status, outcome["issue"][0]["code"]) == (431, "too-long")
            await closed([(reader, writer)])

    run(flood())


def test_what_is_no_http_is_answered_by_an_operation_outcome(port: int) -> None:
    async def babble() -> None:
        async with held(port, 1, ["idle"]) as [(reader, writer)]:
            writer.write(b"\x16\x03\x01 hello\r\n\r\n")
            status, outcome = await answer(reader)
            assert (status, outcome["issue"][0]["code"]) == (400, "structure")
            await closed([(reader, writer)])

    run(babble())


def test_an_answer_that_has_begun_is_not_mixed_with_a_refusal(port: int) -> None:
    async def babble_meanwhile() -> None:
        async with held(port, 1, ["idle"]) as [(reader, writer)]:
            writer.write(HEAD + b"\r\n")
            assert await answer(reader) == (200, {"live": True})
            writer.write(HEAD + b"\r\n" + b"\0")
            assert (await reader.read()).count(b"HTTP/1.1") == 1

    run(babble_meanwhile())


def test_many_heads_on_one_connection_are_each_their_own(port: int) -> None:
    """One after the other, all at once, and with bodies between them; together more than one head may be."""
    large = HEAD + b"X: " + FILLER * 9 + b"\r\n\r\n"
    posted = CHUNKED.replace(PATH.encode(), b"/nowhere") + b"3e8\r\n" + FILLER + b"\r\n0\r\n\r\n"

    async def ask_again() -> None:
        async with held(port, 1, ["idle"]) as [(reader, writer)]:
            for _ in range(10):
                writer.write(large)
                assert await answer(reader) == (200, {"live": True})
            writer.write(large * 20)
            assert [(await answer(reader))[0] for _ in range(20)] == [200] * 20
            writer.write(posted * 100)
            assert [(await answer(reader))[0] for _ in range(100)] == [404] * 100

    run(ask_again())


def test_a_body_is_not_counted_as_a_head(port: int) -> None:
    async def send_slowly() -> None:
        async with held(port, 1, ["idle"]) as [(reader, writer)]:
            writer.write(CHUNKED)
            for _ in range(10):
                writer.write(b"2710\r\n" + FILLER * 10 + b"\r\n")
                await asyncio.sleep(0)
            writer.write(b"0\r\n\r\n")
            assert (await answer(reader))[0] == 400

    run(send_slowly())


def test_the_service_lets_itself_hold_what_the_system_lets_it() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, before[0]), before[1]))
    try:
        allow_many_connections()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == min(65_536, before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
