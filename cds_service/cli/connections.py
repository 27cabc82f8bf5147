"""Connections that ask for nothing, or without end: ended, so that who holds them keeps nobody else out."""

from __future__ import annotations

import asyncio
import resource
from contextlib import suppress
from http import HTTPStatus
from typing import Any, ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from cds_service.refusals import operation_outcome

__all__ = ["Connection", "allow_many_connections"]

_BUSY: Final = object()
_MOST_FILES: Final = 65_536


class Connection(HttpToolsProtocol):
    """uvicorn's, closed where between two looks no request came whole in its head, and none was being answered.

    So end clients that connect and say nothing, that send a head or what follows an answer drop by drop, after one to
    two times `seconds`. A body that is waited for has a limit of its own (`CDS_BODY_SECONDS`).

    More than `head_bytes` that neither end a head nor are of a body are answered 431: of a head or a trailer there is
    never more in memory than that and what comes at once.
    """

    head_bytes: ClassVar[int] = 65_536
    _head: int = 0
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

    def data_received(self, data: bytes) -> None:
        """Read on, unless there is no end to a head."""
        self._head += len(data)
        super().data_received(data)
        if self._head > self.head_bytes and not self.transport.is_closing():
            most = f"the head of the request is larger than the {self.head_bytes} bytes that are read"
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "too-long", most)

    def on_headers_complete(self) -> None:
        """Begin to count anew: the head has ended."""
        self._head = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Begin to count anew: this is no head."""
        self._head = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Begin to count anew: the trailer has ended."""
        self._head = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP."""
        self._refuse(HTTPStatus.BAD_REQUEST, "structure", msg)

    def _refuse(self, status: HTTPStatus, code: str, text: str) -> None:
        """End the connection by an answer, unless another one has begun; one that has not will not."""
        if self.cycle is not None:
            self.cycle.disconnected = True
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            body = operation_outcome(code, text)
            head = (
                f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/json\r\n"
                f"Cache-Control: no-store\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            )
            self.transport.write(head.encode() + body)
        self.transport.close()

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
