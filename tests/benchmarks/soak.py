"""`make soak`: 100,000 damaged requests, 50 kills under load, a crowd of 10,000 connections, then minutes of load.

Run as `python -m tests.benchmarks.soak SECONDS`; a soak of less than ten minutes sends fewer and kills less often.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from secrets import randbelow
from statistics import linear_regression
from tempfile import TemporaryDirectory

from tests.fuzz.command import try_and_tell
from tests.fuzz.requests.fuzzer import REQUESTS
from tests.load.clients import Answers, load
from tests.load.connections import allowed, ask, closed, held
from tests.load.killing import CLIENTS, Kept, under_fire, workers_under_fire
from tests.load.process import Served, served

_CROWD = 10_000
"""Connections that are held, or as many as the system lets a process have."""
_SILENT, _BODIES = ("idle", "half a head"), 100
_STEP = 5.0
_MOST_GROWTH = 2.0
"""MB that 1,000 requests may add at most once the service is warm: requests that are held would add 300."""
_WHOLE = 600
"""Seconds of a soak that does all of it."""
_DAMAGED = 100_000
_ENOUGH = 2_000
"""Requests below which memory tells of nothing but the first garbage collection."""


def kill_it(what: str, database: str, answers: Answers) -> bool:
    """Print what outlived the kills, and return whether all that was acknowledged did."""
    kept = Kept.of(database)
    lost = len(set(answers.acknowledged) - kept.instances)
    print(
        f"{what}: {len(answers.acknowledged)} acknowledged, {lost} lost, {answers.others} not answered "
        f"with 200; {len(kept.instances)} kept, faults in the chain: {', '.join(kept.faults) or 'none'}",
        flush=True,
    )
    return not lost and not kept.faults


def watch_it(database: str, seconds: float) -> bool:
    """Print the memory of the service over time, and return whether it stays flat."""
    with served(database) as service:
        points = asyncio.run(_watched(service, seconds))
        code = service.stop()
    warm = points[len(points) // 3 :]
    slope = linear_regression([count for count, _ in warm], [held for _, held in warm]).slope * 1000
    print(
        f"{points[-1][0]} requests in {seconds:.0f} s: {points[0][1]:.0f} MB at first, {warm[0][1]:.0f} MB warm, "
        f"{warm[-1][1]:.0f} MB at last, {slope:+.2f} MB per 1,000 requests; ended with exit code {code}",
        flush=True,
    )
    return slope < _MOST_GROWTH or points[-1][0] < _ENOUGH


def hold_it(database: str) -> bool:
    """Print how others are answered while 10,000 connections ask for nothing, and return whether all are."""
    with served(database) as service:
        whole = asyncio.run(_crowded(service, allowed(_CROWD)))
        service.stop()
    return whole


async def _crowded(service: Served, count: int) -> bool:
    before, began = service.memory(), time.perf_counter()
    async with held(service.port, count - _BODIES, _SILENT) as streams, held(service.port, _BODIES, ["half a body"]):
        crowded = time.perf_counter() - began
        answers = [await ask(service.port, order=order) for order in (False, True) * 5]
        during = service.memory()
        await closed(streams)
    ended, after = time.perf_counter() - began, service.memory()
    live, orders = (max(one.seconds for one in answers[kind::2]) * 1000 for kind in (0, 1))
    print(
        f"{count} connections ({', '.join(_SILENT)}, {_BODIES} half a body) made in {crowded:.1f} s: meanwhile "
        f"/health/live within {live:.0f} ms, three orders within {orders:.0f} ms; {before:.0f} MB before, "
        f"{during:.0f} MB during; the silent ended by the service {ended:.0f} s after the first, {after:.0f} MB then",
        flush=True,
    )
    return all(one.status == 200 for one in answers)


async def _watched(service: Served, seconds: float) -> list[tuple[int, float]]:
    """Return (requests so far, MB) every few seconds."""
    points, count, end = [(0, service.memory())], 0, time.monotonic() + seconds
    while time.monotonic() < end:
        answers: Answers = await load(service.port, CLIENTS, seconds=min(_STEP, seconds / 8))
        count += len(answers.acknowledged)
        points.append((count, service.memory()))
    return points


def main(seconds: int) -> int:
    """Return 0 where nothing was lost and memory stayed flat."""
    share = min(1.0, seconds / _WHOLE)
    answered = try_and_tell(REQUESTS, randbelow(1_000_000), jobs=os.cpu_count() or 1, cases=_DAMAGED * share)
    started = time.monotonic()
    with TemporaryDirectory() as folder:
        database = f"sqlite:///{Path(folder)}/decisions.db"
        rounds = max(3, int(50 * share))
        fired = asyncio.run(under_fire(database, rounds=rounds))
        whole = kill_it(f"service killed {rounds} times", database, fired)
        fired = asyncio.run(workers_under_fire(database, rounds=rounds))
        whole &= kill_it(f"one of two workers killed {rounds} times", database, fired)
        whole &= hold_it(database)
        flat = watch_it(database, max(20.0, seconds - (time.monotonic() - started)))
    return 0 if answered and whole and flat else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
