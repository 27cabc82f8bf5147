"""Several processes that answer at one address, each with a writer of its own; one that ends is replaced."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from multiprocessing import parent_process
from socket import socket

from uvicorn import Config
from uvicorn.supervisors.multiprocess import Multiprocess

from cds_service.observability.metrics import forget_worker

__all__ = ["end_with_parent", "run_workers"]


def run_workers(config: Config, listener: socket) -> None:
    """Answer until told to stop by SIGTERM or SIGINT; the requests in each worker are answered first."""
    _Workers(config, [listener]).run()


class _Workers(Multiprocess):
    """uvicorn's, with SIGHUP handed on: each worker reads its policies again, and none is restarted for it."""

    def handle_hup(self) -> None:
        for pid in self._pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGHUP)

    def keep_subprocess_alive(self) -> None:
        before = self._pids()
        super().keep_subprocess_alive()
        for pid in before - self._pids():
            forget_worker(pid)

    def _pids(self) -> set[int]:
        return {one.pid for one in self.processes if one.pid is not None}


def end_with_parent() -> None:
    """End this process, as SIGTERM would, once the one that started it is gone: nobody could stop it any more."""
    parent = parent_process()  # known from the start, so that one that is gone by now is noticed, too

    def watch() -> None:
        if parent is not None:
            parent.join()
            os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="cds-parent", daemon=True).start()
