"""Tokens that were seen: each may be used once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Final, Protocol

__all__ = ["InMemoryReplayGuard", "ReplayGuard", "ReplayGuardFull"]

_MOST_TOKENS: Final = 200_000
"""What 500 calls a second leave behind in six minutes, with room; about 50 MB per client."""


class ReplayGuard(Protocol):
    """Remembers the tokens of each issuer for as long as they live."""

    async def first_use(self, iss: str, jti: str, expires: float) -> bool:
        """Return whether this token was not seen before, and remember it until `expires`, in seconds since 1970.

        Of calls at the same moment, one is the first. An error means that it cannot be told: the call is refused.
        """
        ...


class ReplayGuardFull(Exception):
    """An issuer sent more living tokens than can be remembered."""


@dataclass(slots=True)
class _Seen:
    jtis: set[str] = field(default_factory=set)
    by_expiry: list[tuple[float, str]] = field(default_factory=list)


class InMemoryReplayGuard:
    """A guard for one process. Each issuer has its own share, so that none can crowd out another."""

    def __init__(self, clock: Callable[[], float], *, most_tokens: int = _MOST_TOKENS) -> None:
        """Remember at most `most_tokens` of each issuer; `clock` tells seconds since 1970."""
        self._clock = clock
        self._most = most_tokens
        self._seen: dict[str, _Seen] = {}

    async def first_use(self, iss: str, jti: str, expires: float) -> bool:
        """Return as ReplayGuard says. Raises ReplayGuardFull; nothing that still lives is forgotten for another."""
        seen = self._seen.setdefault(iss, _Seen())
        while seen.by_expiry and seen.by_expiry[0][0] <= self._clock():
            seen.jtis.discard(heappop(seen.by_expiry)[1])
        if jti in seen.jtis:
            return False
        if len(seen.jtis) >= self._most:
            raise ReplayGuardFull
        seen.jtis.add(jti)
        heappush(seen.by_expiry, (expires, jti))
        return True
