"""Many cases one after the other, in processes that can be ended from outside when one does not come back."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from math import inf
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, TypeVar

from tests.fuzz.checks import Examined, Fault
from tests.fuzz.shrinking import shrunk

__all__ = ["Found", "Fuzzer", "Tally", "run", "try_cases"]

C = TypeVar("C")

_SILENT_SECONDS = 180.0
_SHRINKING_SECONDS = 20.0
_REPORT_SECONDS = 1.0
_MOST_FAULTS = 20
_SPAWN = get_context("spawn")


@dataclass(frozen=True, slots=True)
class Fuzzer(Generic[C]):
    """What is tried over and over; its functions are those of a module, so that other processes have them."""

    command: str
    """The module that tries cases when it is run."""
    make: Callable[[int, int], C]
    """Returns the case of a seed and a number."""
    examine: Callable[[C], Examined]
    smaller: Callable[[C], Iterator[C]]
    shown: Callable[[C], str]
    """Returns a case as Python that makes it again."""


@dataclass(frozen=True, slots=True)
class Found:
    """A fault with the number of the case that met it first, and the smallest case that meets it, too, as Python."""

    number: int
    fault: Fault
    case: str


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


def try_cases(fuzzer: Fuzzer[C], seed: int, numbers: Iterable[int], *, shrinking: float = _SHRINKING_SECONDS) -> Tally:
    """Return what becomes of cases, tried here; each fault is kept once, made small for up to so many seconds."""
    tally = Tally()
    for number in numbers:
        _try_one(fuzzer, seed, number, tally, shrinking)
    return tally


def _try_one(fuzzer: Fuzzer[C], seed: int, number: int, tally: Tally, shrinking: float) -> None:
    examined = fuzzer.examine(fuzzer.make(seed, number))
    tally.outcomes[examined.outcome] += 1
    tally.slowest = max(tally.slowest, (examined.seconds, number))
    fault = examined.fault
    if fault and fault not in tally.found and len(tally.found) < _MOST_FAULTS:
        case = fuzzer.make(seed, number)
        small = shrunk(case, fault, lambda one: fuzzer.examine(one).fault, fuzzer.smaller, seconds=shrinking)
        tally.found[fault] = Found(number, fault, fuzzer.shown(small))


# -- several processes ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _End:
    """When a run is over: at a time, as `time.time()` tells it, or at a number."""

    until: float
    cases: float

    def comes_before(self, number: int) -> bool:
        """Return whether the case of that number is not to be tried any more."""
        return number >= self.cases or time.time() >= self.until


class _Worker:
    """A process that tries every `step`th case from `first` on, and tells about every second what became of them."""

    def __init__(self, fuzzer: Fuzzer[Any], seed: int, first: int, step: int, end: _End) -> None:
        self.number = _SPAWN.Value("q", first)
        self.connection, sender = _SPAWN.Pipe(duplex=False)
        self.process = _SPAWN.Process(target=_work, args=(fuzzer, seed, step, end, self.number, sender), daemon=True)
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


def _work(fuzzer: Fuzzer[Any], seed: int, step: int, end: _End, number: Any, sender: Connection) -> None:
    tally, told, going_on = Tally(), time.monotonic(), True
    while going_on:
        _try_one(fuzzer, seed, number.value, tally, _SHRINKING_SECONDS)
        number.value += step
        going_on = not end.comes_before(number.value)
        if time.monotonic() - told > _REPORT_SECONDS:
            sender.send(tally)
            tally, told = Tally(found=tally.found), time.monotonic()
    sender.send(tally)


def run(
    fuzzer: Fuzzer[Any],
    seed: int,
    *,
    jobs: int,
    seconds: float = inf,
    cases: float = inf,
    progress: Callable[[Tally], None],
) -> Tally:
    """Return what becomes of what `jobs` processes try, for so long or so many; `progress` sees it grow."""
    end = _End(time.time() + seconds, cases)
    tally = Tally()
    workers = [_Worker(fuzzer, seed, first, jobs, end) for first in range(jobs)]
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
                tally.found.setdefault(fault, Found(number, fault, fuzzer.shown(fuzzer.make(seed, number))))
                if not end.comes_before(number + jobs):
                    workers.append(_Worker(fuzzer, seed, number + jobs, jobs, end))
        progress(tally)
    return tally
