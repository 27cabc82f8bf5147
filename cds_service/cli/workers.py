"""Several processes that answer at one address, each with a writer of its own; one that ends is replaced."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import parent_process
from socket import socket
from typing import Final

from uvicorn import Config
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors.multiprocess import Multiprocess, Process

from cds_service.cli.failure import Exit, Failure
from cds_service.errors import CdsServiceError, ContentError
from cds_service.observability.metrics import forget_worker
from cds_service.observability.processes import note_lacking

__all__ = ["end_with_parent", "run_workers", "telling_why"]

_PAUSES: Final = (1.0, 60.0)
"""Seconds before a worker that did not come to serve is started again: at first, and at most."""
_ANSWER: Final = 0.5
"""Seconds that a worker is given to answer at a time; one that is busy answers the next time."""
_logger = logging.getLogger(__name__)


def run_workers(config: Config, listener: socket) -> None:
    """Answer until told to stop by SIGTERM or SIGINT; the requests in each worker are answered first."""
    _Workers(config, [listener]).run()


@dataclass(slots=True)
class _Place:
    """Where a worker stands, or will: `again_at` is when it is started, None where one is there.

    `heard_at` is when it last said that it lives; all times are of the monotonic clock, in seconds.
    """

    heard_at: float
    serving: bool = False
    pause: float = 0.0
    again_at: float | None = None


class _Workers(Multiprocess):
    """uvicorn's, with SIGHUP handed on, and with patience: what cannot be started leaves the others as they are."""

    def __init__(self, config: Config, sockets: list[socket]) -> None:
        super().__init__(config, sockets)
        self._places = [_Place(time.monotonic()) for _ in range(self.processes_num)]
        self._served = False

    def handle_hup(self) -> None:
        """Have each worker read its policies again, and those that are lacking be started now."""
        for process, place in zip(self.processes, self._places, strict=True):
            if place.again_at is not None:
                place.again_at = 0.0
            elif process.pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGHUP)

    def keep_subprocess_alive(self) -> None:
        """Replace workers that have ended or hang: at once those that served, after a growing pause the others."""
        for i, place in enumerate(self._places):
            if self.should_exit.is_set():
                return
            if place.again_at is None:
                self._look_after(self.processes[i], place)
            if place.again_at is not None and time.monotonic() >= place.again_at:
                place.heard_at, place.serving, place.again_at = time.monotonic(), False, None
                self.processes[i] = Process(self.config, self.sockets)
                self.processes[i].start()
        note_lacking(lacking=any(place.pause for place in self._places))

    def _look_after(self, process: Process, place: _Place) -> None:
        now = time.monotonic()
        if process.is_alive(timeout=_ANSWER):  # one that ends just then would be waited for in vain
            place.heard_at = now
            if not place.serving and process.is_ready(timeout=_ANSWER):
                place.serving, place.pause, self._served = True, 0.0, True
        elif process.exitcode is not None or now > place.heard_at + self.config.timeout_worker_healthcheck:
            self._bury(process, place)

    def _bury(self, process: Process, place: _Place) -> None:
        process.kill()
        process.join()
        if process.pid is not None:
            forget_worker(process.pid)
        least, most = _PAUSES
        place.pause = 0.0 if place.serving else min(most, max(least, 2 * place.pause))
        place.again_at = time.monotonic() + place.pause
        if process.exitcode == STARTUP_FAILURE and not self._served:
            self.should_exit.set()  # the next one would fail as well
        _logger.error("worker ended", extra={"exit_code": process.exitcode, "again_in_s": place.pause})


@contextmanager
def telling_why() -> Iterator[None]:
    """End a worker that cannot be made with a line in the log, and not with a traceback."""
    try:
        yield
    except (CdsServiceError, Failure) as error:
        fields = {"error": type(error).__name__}
        if isinstance(error, ContentError):
            fields |= {"canonical": error.canonical or "", "element": error.element or "", "rule": error.rule}
        _logger.error("worker not started", extra=fields)
        raise SystemExit(Exit.CONTENT if isinstance(error, ContentError) else Exit.USAGE) from None


def end_with_parent() -> None:
    """End this process, as SIGTERM would, once the one that started it is gone: nobody could stop it any more."""
    parent = parent_process()  # known from the start, so that one that is gone by now is noticed, too

    def watch() -> None:
        if parent is not None:
            parent.join()
            os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="cds-parent", daemon=True).start()
