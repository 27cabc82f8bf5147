"""Clients that ask as fast as they are answered, over plain sockets: a client library would cost more than it loads."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import uuid4

from tests.charts import ROOT

PATH = "/cds-services/necessity-order-sign"
_INSTANCE = b"5b0c0d0e-6f2a-4c55-8d5e-0d2f3b1a7c01"
_BODY = (ROOT / "fixtures" / "cds_hooks" / "seed-1-order-sign.json").read_bytes()


def order_sign(instance: str) -> bytes:
    """Return the HTTP request that signs three orders, 22 KB; `instance` is its hookInstance."""
    body = _BODY.replace(_INSTANCE, instance.encode())
    head = f"POST {PATH} HTTP/1.1\r\nHost: cds\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@dataclass
class Answers:
    """What came back: which hookInstances were answered with 200, after how long, and how many with something else."""

    acknowledged: list[str] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)
    others: int = 0

    def percentile(self, share: float) -> float:
        """Return the time within which this share was answered, in milliseconds."""
        return sorted(self.milliseconds)[int(len(self.milliseconds) * share)]


async def ask(
    port: int, answers: Answers, *, while_true: Callable[[], bool], message: Callable[[str], bytes] = order_sign
) -> None:
    """Ask on one connection until told otherwise; when it breaks, open another one."""
    while while_true():
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.02)
            continue
        try:
            while while_true():
                await _ask_once(reader, writer, answers, message)
        except (OSError, asyncio.IncompleteReadError):
            continue
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


async def _ask_once(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answers: Answers, message: Callable[[str], bytes]
) -> None:
    instance = str(uuid4())
    request = message(instance)
    started = time.perf_counter()
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    await reader.readexactly(length)
    answers.milliseconds.append((time.perf_counter() - started) * 1000)
    if head.startswith(b"HTTP/1.1 200 "):
        answers.acknowledged.append(instance)
    else:
        answers.others += 1


async def load(port: int, clients: int, *, seconds: float, message: Callable[[str], bytes] = order_sign) -> Answers:
    """Return the answers that so many clients got in a time; `message` makes a request of its hookInstance."""
    answers, end = Answers(), time.monotonic() + seconds

    def goes_on() -> bool:
        return time.monotonic() < end

    await asyncio.gather(*(ask(port, answers, while_true=goes_on, message=message) for _ in range(clients)))
    return answers
