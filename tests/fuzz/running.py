"""Many cases one after the other, in processes that can be ended from outside when one does not come back."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any

from tests.fuzz.cases import Case, make
from tests.fuzz.checks import Fault, examine
from tests.fuzz.shrinking import shrunk

__all__ = ["Found", "Tally", "run", "try_cases"]

_SILENT_SECONDS = 180.0
_SHRINKING_SECONDS = 20.0
_REPORT_SECONDS = 1.0
_MOST_FAULTS = 20
_SPAWN = get_context("spawn")


@dataclass(frozen=True, slots=True)
class Found:
    """A fault with the number of the case that met it first, and the smallest case that meets it, too."""

    number: int
    fault: Fault
    case: Case


@dataclass
class Tally:
    """What became of the cases of a run."""

    outcomes: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, int] = (0.0, 0)
    """CPU seconds of one evaluation, and the number of its case."""
    found: dict[Fault, Found] = field(default_factory=dict)

    @property
    def cases(self) -> int:
        """Return how many cases were tried."""
        return self.outcomes.total()

    def add(self, other: Tally) -> None:
        """Count another tally in."""
        self.outcomes += other.outcomes
        self.slowest = max(self.slowest, other.slowest)
        self.found = {**other.found, **self.found}


def try_cases(seed: int, numbers: Iterable[int], *, shrinking: float = _SHRINKING_SECONDS) -> Tally:
    """Return what becomes of cases, tried here; each fault is kept once, made small for up to so many seconds."""
    tally = Tally()
    for number in numbers:
        _try_one(seed, number, tally, shrinking)
    return tally


def _try_one(seed: int, number: int, tally: Tally, shrinking: float) -> None:
    case = make(seed, number)
    examined = examine(case)
    tally.outcomes[examined.outcome] += 1
    tally.slowest = max(tally.slowest, (examined.seconds, number))
    fault = examined.fault
    if fault and fault not in tally.found and len(tally.found) < _MOST_FAULTS:
        small = shrunk(make(seed, number), fault, lambda one: examine(one).fault, seconds=shrinking)
        tally.found[fault] = Found(number, fault, small)


# -- several processes ------------------------------------------------------------------------------------------


class _Worker:
    """A process that tries every `step`th case from `first` on, and tells about every second what became of them."""

    def __init__(self, seed: int, first: int, step: int, until: float) -> None:
        self.number = _SPAWN.Value("q", first)
        self.connection, sender = _SPAWN.Pipe(duplex=False)
        self.process = _SPAWN.Process(target=_work, args=(seed, step, until, self.number, sender), daemon=True)
        self.process.start()
        sender.close()
        self.heard = time.monotonic()
        self.ended = False

    def receive(self, tally: Tally) -> None:
        """Add what was told; end the process if it has been silent for too long."""
        try:
            while self.connection.poll():
                tally.add(self.connection.recv())
                self.heard = time.monotonic()
        except (EOFError, OSError):
            self.ended = True
        if time.monotonic() - self.heard > _SILENT_SECONDS:
            self.process.kill()
            self.ended = True
        if self.ended:
            self.process.join()


def _work(seed: int, step: int, until: float, number: Any, sender: Connection) -> None:
    tally, told, going_on = Tally(), time.monotonic(), True
    while going_on:
        _try_one(seed, number.value, tally, _SHRINKING_SECONDS)
        number.value += step
        going_on = time.time() < until
        if time.monotonic() - told > _REPORT_SECONDS:
            sender.send(tally)
            tally, told = Tally(found=tally.found), time.monotonic()
    sender.send(tally)


def run(seed: int, *, seconds: float, jobs: int, progress: Callable[[Tally], None]) -> Tally:
    """Return what becomes of the cases that `jobs` processes try in that time; `progress` sees it grow."""
    until = time.time() + seconds
    tally = Tally()
    workers = [_Worker(seed, first, jobs, until) for first in range(jobs)]
    while workers:
        wait([one.connection for one in workers], timeout=1)
        for one in list(workers):
            one.receive(tally)
            if not one.ended:
                continue
            workers.remove(one)
            if one.process.exitcode:
                fault = Fault("the process does not come back", f"exit code {one.process.exitcode}")
                number = one.number.value
                tally.found.setdefault(fault, Found(number, fault, make(seed, number)))
                if time.time() < until:
                    workers.append(_Worker(seed, number + jobs, jobs, until))
        progress(tally)
    return tally
