"""The command line of a fuzzer: how long, where the dice start, and what it tells at the end."""

from __future__ import annotations

import argparse
import sys
import time
from secrets import randbelow
from typing import Any

from tests.fuzz.running import Found, Fuzzer, Tally, run, try_cases

__all__ = ["main", "try_and_tell"]

_PROGRESS_SECONDS = 10


def main(fuzzer: Fuzzer[Any], purpose: str) -> int:
    """Return 1 if a fault was met, else 0."""
    options = argparse.ArgumentParser(prog=f"python -m {fuzzer.command}", description=purpose)
    options.add_argument("--seconds", type=float, default=600, help="how long to go on (600)")
    options.add_argument("--cases", type=int, default=None, help="go on for so many cases, however long it takes")
    options.add_argument(
        "--seed", type=int, default=None, help="where the dice start; another one each time, if left out"
    )
    options.add_argument("--jobs", type=int, default=1, help="how many processes (1)")
    options.add_argument("--case", type=int, default=None, help="try this case of the seed alone")
    chosen = options.parse_args()
    seed = randbelow(1_000_000) if chosen.seed is None else chosen.seed
    if chosen.case is not None:
        started = time.monotonic()
        tally = try_cases(fuzzer, seed, [chosen.case])
        print(summary(fuzzer, seed, tally, time.monotonic() - started))
        return 1 if tally.found else 0
    limits = {"seconds": chosen.seconds} if chosen.cases is None else {"cases": chosen.cases}
    return 0 if try_and_tell(fuzzer, seed, jobs=chosen.jobs, **limits) else 1


def try_and_tell(fuzzer: Fuzzer[Any], seed: int, *, jobs: int, **limits: float) -> bool:
    """Print what a run of so many `seconds` or `cases` shows, and return whether no fault was met."""
    started = time.monotonic()
    tally = run(fuzzer, seed, jobs=jobs, progress=_Progress(), **limits)
    print(summary(fuzzer, seed, tally, time.monotonic() - started), flush=True)
    return not tally.found


class _Progress:
    """Tells now and then how far a run is."""

    def __init__(self) -> None:
        self.started = self.told = time.monotonic()

    def __call__(self, tally: Tally) -> None:
        """Write a line when it is time for one."""
        if time.monotonic() - self.told > _PROGRESS_SECONDS:
            self.told = time.monotonic()
            took = self.told - self.started
            print(f"{took:5.0f} s: {tally.cases:,} cases, {len(tally.found)} faults", file=sys.stderr, flush=True)


def summary(fuzzer: Fuzzer[Any], seed: int, tally: Tally, seconds: float) -> str:
    """Return what a run shows: how many cases, what became of them, the slowest, and the faults."""
    seconds_of_slowest, slowest = tally.slowest
    lines = [
        f"seed {seed}: {tally.cases:,} cases in {seconds:.0f} s, {tally.cases / seconds:.0f} a second",
        *(f"{count:>12,}  {outcome}" for outcome, count in tally.outcomes.most_common()),
        f"slowest: {seconds_of_slowest:.2f} s of CPU, in case {slowest}",
        f"{len(tally.found) or 'no'} {'fault' if len(tally.found) == 1 else 'faults'}",
    ]
    return "\n".join([*lines, *(_report(fuzzer, seed, one) for one in tally.found.values())])


def _report(fuzzer: Fuzzer[Any], seed: int, found: Found) -> str:
    """Return a fault with what it takes to meet it again."""
    lines = [
        "",
        str(found.fault).encode("ascii", "backslashreplace").decode(),
        f"  python -m {fuzzer.command} --seed {seed} --case {found.number}",
        f"  or, made small, {found.case}",
    ]
    return "\n".join(lines)
