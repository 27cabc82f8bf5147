"""Connections held open by the thousand: idle, with half a head, with half a body, or dripping; and who is let in."""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.load.clients import PATH, order_sign

__all__ = ["KINDS", "Asked", "allowed", "ask", "closed", "held", "status_of"]

KINDS = {
    "idle": b"",
    "half a head": f"POST {PATH} HTTP/1.1\r\nHost: cds\r\nContent-Ty".encode(),
    "half a body": f"POST {PATH} HTTP/1.1\r\nHost: cds\r\nContent-Type: application/json\r\n"
    "Content-Length: 1000\r\n\r\n{".encode(),
}
"""What is sent on a connection, by its name; then nothing more."""
_AT_ONCE = 200
_LIVE = b"GET /health/live HTTP/1.1\r\nHost: cds\r\nConnection: close\r\n\r\n"

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True)
class Asked:
    """What a request was answered while others held connections: its status, and after how many seconds."""

    status: int
    seconds: float


def allowed(wanted: int) -> int:
    """Return how many of these connections this process may hold, its limit raised as far as it goes."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return wanted if most == resource.RLIM_INFINITY else min(wanted, most - 200)


@asynccontextmanager
async def held(port: int, count: int, kinds: Sequence[str] = tuple(KINDS)) -> AsyncIterator[list[Stream]]:
    """Hold so many connections, of each kind as many as of the others."""
    streams: list[Stream] = []
    try:
        for begin in range(0, count, _AT_ONCE):
            some = range(begin, min(count, begin + _AT_ONCE))
            streams += await asyncio.gather(*(_hold(port, KINDS[kinds[i % len(kinds)]]) for i in some))
        yield streams
    finally:
        for _, writer in streams:
            writer.transport.abort()
        await asyncio.sleep(0)


async def closed(streams: Sequence[Stream]) -> None:
    """Return once the service has ended all of these connections."""

    async def end_of(reader: asyncio.StreamReader) -> None:
        try:
            while await reader.read(65_536):
                pass
        except OSError:
            return

    await asyncio.gather(*(end_of(reader) for reader, _ in streams))


async def ask(port: int, *, order: bool) -> Asked:
    """Return what a new client is answered: of whether the service lives, or of three orders."""
    started = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(order_sign("5b0c0d0e-6f2a-4c55-8d5e-0d2f3b1a7c01") if order else _LIVE)
    status = await status_of(reader)
    seconds = time.perf_counter() - started
    writer.close()
    await writer.wait_closed()
    return Asked(status, seconds)


async def status_of(reader: asyncio.StreamReader) -> int:
    """Return the status of the answer that comes next."""
    return int((await reader.readuntil(b"\r\n"))[9:12])


async def _hold(port: int, sent: bytes) -> Stream:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    return reader, writer
