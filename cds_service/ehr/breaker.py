"""A breaker: a server that keeps failing is not asked for a while, so that it and the clinician need not wait."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Breaker"]


@dataclass(slots=True)
class Breaker:
    """Open after `most` failures in a row, for `pause` seconds; then one request at a time tries whether it is over.

    Failures that overlap in time count as one: many queries of one request meet the same outage. Times are seconds
    of one clock that only goes forward.
    """

    most: int = 3
    pause: float = 10.0
    failures: int = 0
    since: float = float("-inf")
    """When the last counted failure was noticed, or the last trial began."""

    def lets_through(self, now: float) -> bool:
        """Return whether a request may be made; once the pause is over, the one that asks first is the trial."""
        if self.failures < self.most:
            return True
        if now - self.since < self.pause:
            return False
        self.since = now  # should nothing be heard of this trial, the next comes after another pause
        return True

    def succeeded(self) -> None:
        """Take note of an answer: the server lives."""
        self.failures = 0

    def failed(self, started: float, now: float) -> None:
        """Take note of the failure of a request that started then."""
        if started >= self.since:
            self.failures += 1
            self.since = now
