"""How much is answered at a time, and how often one client: what is beyond is told when to come again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil

from cds_service.errors import RequestError

__all__ = ["Limits", "Overloaded", "TooFrequent"]


@dataclass
class Overloaded(RequestError):
    """More requests at a time than are answered."""

    retry_after: int = 1

    def __str__(self) -> str:
        """Return what to do."""
        return "the service answers as many requests as it may; nothing was evaluated, send the request again"


@dataclass
class TooFrequent(RequestError):
    """More requests of one client than it may send."""

    retry_after: int

    def __str__(self) -> str:
        """Return what to do."""
        return "this client sends more requests than it may; nothing was evaluated, send the request again later"


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled: float


class Limits:
    """What this process still takes. `clock` tells seconds and never goes back."""

    def __init__(
        self, *, concurrency: int, rate: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Answer `concurrency` requests at a time, and of each client `rate` a second (0 for any) after `burst`."""
        self._free = concurrency
        self._rate, self._burst, self._clock = rate, burst, clock
        self._buckets: dict[str, _Bucket] = {}

    @contextmanager
    def within(self, client: str) -> Iterator[None]:
        """Count a request of a client while it is answered. Raises TooFrequent, Overloaded."""
        if self._rate:
            self._take(client)
        if not self._free:
            raise Overloaded
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1

    def _take(self, client: str) -> None:
        now = self._clock()
        bucket = self._buckets.setdefault(client, _Bucket(self._burst, now))
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.filled) * self._rate)
        bucket.filled = now
        if bucket.tokens < 1:
            raise TooFrequent(ceil((1 - bucket.tokens) / self._rate))
        bucket.tokens -= 1
