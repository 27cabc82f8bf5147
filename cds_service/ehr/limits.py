"""How much is read of a FHIR server for one request: of each answer, and in all."""

from __future__ import annotations

from dataclasses import dataclass

from cds_service.fhir.unread import Why

__all__ = ["Budget", "Limits", "NotRead"]


class NotRead(Exception):
    """Something was not read; `passing` says that asking once more may help. It holds nothing of what was asked."""

    def __init__(self, why: Why, *, passing: bool = False) -> None:
        """Keep the reason."""
        super().__init__(why.value)
        self.why, self.passing = why, passing


class NothingThere(NotRead):
    """The server knows of no such thing: of one resource that is an answer, of a search it is a failure."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is read at most, so that one chart cannot take the service down."""

    page_bytes: int = 5_000_000
    """Of one body."""
    bytes: int = 20_000_000
    """Of all bodies."""
    pages: int = 100
    """Of one search."""
    resources: int = 10_000
    """Entries of all pages."""
    queries: int = 200
    """Questions of one round: more than any chart takes, fewer than would be an attack."""
    parallel: int = 8
    """Requests under way at one time."""


@dataclass(slots=True)
class Budget:
    """What is left to read for one request."""

    bytes: int
    resources: int

    @classmethod
    def of(cls, limits: Limits) -> Budget:
        """Return the whole of it."""
        return cls(limits.bytes, limits.resources)

    def spend(self, size: int) -> None:
        """Take away the bytes that came in. Raises NotRead when there are not so many left."""
        if size > self.bytes:
            raise NotRead(Why.TOO_LARGE)
        self.bytes -= size

    def hold(self, count: int) -> None:
        """Take away the resources that came in. Raises NotRead when there are not so many left."""
        if count > self.resources:
            raise NotRead(Why.TOO_LARGE)
        self.resources -= count
