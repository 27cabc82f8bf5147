"""What is seen of one request while it is answered, wherever in the service that is."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from cds_service.observability.tracing import span

__all__ = ["Seen", "Step", "observed", "seen", "step"]

Step: TypeAlias = Literal["read", "fetch", "evaluate", "answer", "keep"]


@dataclass(slots=True)
class Seen:
    """What may be told of a request: names that the operator or the policies' authors gave, codes and counts."""

    client: str | None = None
    """The operator's word for who calls."""
    refused: str | None = None
    """Why the call was refused, as a code of `security.Reason`."""
    determined: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How many determinations, by policy (`canonical|version`) and outcome."""
    fetched: Counter[str] = field(default_factory=Counter)
    """How many queries the EHR was asked, by `Why` the rest is missing, else `complete`."""
    decision: str | None = None
    """The exchange under which the answer is kept."""
    seconds: dict[Step, float] = field(default_factory=dict)
    """How long each step took, all its parts together."""

    @property
    def outcomes(self) -> Counter[str]:
        """Return how many determinations there are of each outcome."""
        counted = Counter[str]()
        for (_, outcome), count in self.determined.items():
            counted[outcome] += count
        return counted


_current: ContextVar[Seen | None] = ContextVar("seen", default=None)


def seen() -> Seen:
    """Return what is seen of the request that is being answered; where there is none, something nobody looks at."""
    return _current.get() or Seen()


@contextmanager
def observed() -> Iterator[Seen]:
    """Have what happens inside seen as one request."""
    here = Seen()
    token = _current.set(here)
    try:
        yield here
    finally:
        _current.reset(token)


@contextmanager
def step(name: Step) -> Iterator[None]:
    """Have the time that passes inside counted for a step of the request."""
    seconds, begun = seen().seconds, time.perf_counter()
    try:
        with span(name):
            yield
    finally:
        seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - begun
