"""The service killed under load, again and again: what a client was answered is in the store, and the chain holds."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cds_service.store.sql import SqlStore
from cds_service.store.store import Filters
from tests.load.clients import Answers, ask
from tests.load.process import Served

CLIENTS = 16
SOME = 40
"""How many answers a service gives at least, before it is killed."""


@dataclass(frozen=True)
class Kept:
    """What the store held in the end: hookInstances, and what `verify` found wrong."""

    instances: frozenset[str]
    faults: tuple[str, ...]

    @classmethod
    def of(cls, database: str) -> Kept:
        with SqlStore(database) as store:
            instances = frozenset(one.decision.hook_instance for one in store.each(Filters()))
            return cls(instances, tuple(map(str, store.verify())))


async def under_fire(database: str, *, rounds: int) -> Answers:
    """Return what 16 clients were answered while the service was killed so often, each time amid requests."""
    answers, over, port = Answers(), asyncio.Event(), 0
    asking: list[asyncio.Task[None]] = []
    for _ in range(rounds):
        with _killed(await asyncio.to_thread(Served, database, port=port)) as service:
            port = service.port
            asking = asking or [
                asyncio.create_task(ask(port, answers, while_true=lambda: not over.is_set())) for _ in range(CLIENTS)
            ]
            await _some_more(answers)
    over.set()
    await asyncio.gather(*asking)
    return answers


async def workers_under_fire(database: str, *, rounds: int) -> Answers:
    """Return the same where each time one of two workers was killed, and the service itself in the end."""
    answers, over = Answers(), asyncio.Event()
    with _killed(await asyncio.to_thread(Served, database, workers=2)) as service:
        asking = [
            asyncio.create_task(ask(service.port, answers, while_true=lambda: not over.is_set()))
            for _ in range(CLIENTS)
        ]
        for _ in range(rounds):
            await _some_more(answers)
            os.kill(random.choice(service.workers()), signal.SIGKILL)  # noqa: S311 - no secret
        await _some_more(answers)
    over.set()
    await asyncio.gather(*asking)
    return answers


async def _some_more(answers: Answers) -> None:
    """Return soon after some more requests were answered, amid others. Raises TimeoutError."""
    wanted = len(answers.acknowledged) + SOME
    async with asyncio.timeout(60):
        while len(answers.acknowledged) < wanted:
            await asyncio.sleep(0.01)
    await asyncio.sleep(random.uniform(0, 0.2))  # noqa: S311 - no secret


@contextmanager
def _killed(service: Served) -> Iterator[Served]:
    try:
        yield service
    finally:
        service.kill()
