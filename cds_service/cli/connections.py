"""Connections that ask for nothing: ended after a time, so that who holds them keeps nobody else out."""

from __future__ import annotations

import asyncio
import resource
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, Final

from uvicorn.protocols.http.auto import AutoHTTPProtocol

__all__ = ["Connection", "allow_many_connections"]

if TYPE_CHECKING:
    from uvicorn.protocols.http.h11_impl import H11Protocol as _Protocol
else:
    _Protocol = AutoHTTPProtocol

_BUSY: Final = object()
_MOST_FILES: Final = 65_536


class Connection(_Protocol):
    """uvicorn's, closed where between two looks no request came whole in its head, and none was being answered.

    So end clients that connect and say nothing, that send a head or what follows an answer drop by drop, after one to
    two times `seconds`. A body that is waited for has a limit of its own (`CDS_BODY_SECONDS`).
    """

    seconds: ClassVar[float] = 10.0
    _last: object = None
    _look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to look."""
        super().connection_made(transport)
        self._look = self.loop.call_later(self.seconds, self._look_after)

    def connection_lost(self, exc: Exception | None) -> None:
        """Look no longer."""
        if self._look is not None:
            self._look.cancel()
        super().connection_lost(exc)

    def _look_after(self) -> None:
        now: object = self.cycle if self.cycle is None or self.cycle.response_complete else _BUSY
        if now is self._last and now is not _BUSY:
            self.transport.close()
            return
        self._last = now
        self._look = self.loop.call_later(self.seconds, self._look_after)


def allow_many_connections() -> None:
    """Let this process, and those that it starts, hold as many files open as the system lets it, up to 65,536."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if most == resource.RLIM_INFINITY else min(most, _MOST_FILES)
    if allowed < wanted:
        with suppress(ValueError, OSError):  # what the system refuses stays as it was
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
