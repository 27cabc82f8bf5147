"""Try expressions over charts, both made at random, until the time is up; fail if anything is met that must not be."""

from __future__ import annotations

import argparse
import sys
import time
from secrets import randbelow

from tests.fuzz.running import Found, Tally, run, try_cases

_PROGRESS_SECONDS = 10


def main() -> int:
    """Return 1 if a fault was met, else 0."""
    options = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    options.add_argument("--seconds", type=float, default=600, help="how long to go on (600)")
    options.add_argument(
        "--seed", type=int, default=None, help="where the dice start; another one each time, if left out"
    )
    options.add_argument("--jobs", type=int, default=1, help="how many processes (1)")
    options.add_argument("--case", type=int, default=None, help="try this case of the seed alone")
    chosen = options.parse_args()
    seed = randbelow(1_000_000) if chosen.seed is None else chosen.seed
    started = time.monotonic()
    if chosen.case is not None:
        tally = try_cases(seed, [chosen.case])
    else:
        tally = run(seed, seconds=chosen.seconds, jobs=chosen.jobs, progress=_Progress())
    print(summary(seed, tally, time.monotonic() - started))
    return 1 if tally.found else 0


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


def summary(seed: int, tally: Tally, seconds: float) -> str:
    """Return what a run shows: how many cases, what became of them, the slowest, and the faults."""
    seconds_of_slowest, slowest = tally.slowest
    lines = [
        f"seed {seed}: {tally.cases:,} cases in {seconds:.0f} s, {tally.cases / seconds:.0f} a second",
        *(f"{count:>12,}  {outcome}" for outcome, count in tally.outcomes.most_common()),
        f"slowest evaluation: {seconds_of_slowest:.2f} s of CPU, in case {slowest}",
        f"{len(tally.found) or 'no'} {'fault' if len(tally.found) == 1 else 'faults'}",
    ]
    return "\n".join([*lines, *(_report(seed, one) for one in tally.found.values())])


def _report(seed: int, found: Found) -> str:
    """Return a fault with what it takes to meet it again."""
    case = found.case
    lines = [
        "",
        str(found.fault).encode("ascii", "backslashreplace").decode(),
        f"  python -m tests.fuzz --seed {seed} --case {found.number}",
        "  or, made small, Case(",
        *(f"    {one}," for one in (ascii(case.source), ascii(case.chart), f"{case.context!r}, strict={case.strict}")),
        "  )",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
