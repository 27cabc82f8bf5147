"""The application that answers now: its policies can be read again while it serves, and the last good ones stay."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from cds_service.errors import ContentError
from cds_service.observability.metrics import count_reload, measure_policies, measure_store, measure_workers
from cds_service.observability.processes import is_lacking
from cds_service.observability.tracing import end_tracing
from cds_service.store.errors import StoreUnavailable
from cds_service.wiring import Application, policies_folder

__all__ = ["Serving"]

_MEASURE_SECONDS: Final = 2.0
_HEAD_ENTRIES: Final = 1000
_HEAD_SECONDS: Final = 600.0
"""After how many entries, or how long after the first one, the head of this process's chain is told anew."""
_logger = logging.getLogger(__name__)


class Serving:
    """Holds one reference, which a reload swaps: a request keeps the application that it began with."""

    def __init__(self, application: Application, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Answer by `application`; `clock` tells seconds and never goes back."""
        self.application = application
        self.stale = False
        """Whether the policies that were last read could not be used, so that older ones decide."""
        self._reloading = asyncio.Lock()
        self._clock = clock
        self._told, self._told_at = 0, clock()
        self._kept = ""
        """The revision of the policies that were kept last."""
        self._refused = ""
        """The revision of the policies that a database which takes decisions did not take."""

    async def reload(self) -> bool:
        """Read the policies again and return whether they decide now; else those from before go on deciding."""
        async with self._reloading:
            before = self.application.policies.revision
            try:
                self.application = await asyncio.to_thread(_read_again, self.application)
            except Exception as error:  # whatever it is, what serves is left as it is
                self.stale = True
                count_reload(used=False)
                measure_policies(before, stale=True)
                fields = {"error": type(error).__name__, "revision": before}
                if isinstance(error, ContentError):
                    fields |= {"canonical": error.canonical or "", "element": error.element or "", "rule": error.rule}
                _logger.error("policies not reloaded", extra=fields)
                return False
            self.stale = False
            policies = self.application.policies
            count_reload(used=True)
            measure_policies(policies.revision, before=before)
            _logger.info("policies reloaded", extra={"revision": policies.revision, "policies": len(policies.plans)})
            return True

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Have the store measured, and the policies read again on SIGHUP and, where set, when their folder changes."""
        settings = self.application.settings
        loop, tasks = asyncio.get_running_loop(), set[asyncio.Task[object]]()

        def hang_up() -> None:
            task = loop.create_task(self.reload())
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        with suppress(ValueError, RuntimeError, NotImplementedError):  # a thread of somebody else's process
            loop.add_signal_handler(signal.SIGHUP, hang_up)
        policies = self.application.policies
        measure_policies(policies.revision)
        tasks.add(loop.create_task(self._measure()))
        if settings.policies_poll_seconds:
            watching = self._watch(policies_folder(settings.policies), settings.policies_poll_seconds)
            tasks.add(loop.create_task(watching))
        _logger.info("serving", extra={"revision": policies.revision, "policies": len(policies.plans)})
        try:
            yield
        finally:
            _logger.info("shutting down")
            await asyncio.to_thread(end_tracing)
            with suppress(ValueError, RuntimeError, NotImplementedError):
                loop.remove_signal_handler(signal.SIGHUP)
            for task in list(tasks):
                task.cancel()

    async def _measure(self) -> None:
        """Note how the store is, again and again: no request need come for an alarm."""
        well = True
        while True:
            state = self.application.store.state()
            measure_store(writable=state.writable, queued=state.queued, spilled=state.spilled, damaged=state.damaged)
            if well is not (state.writable and not state.spilled):
                well = not well
                waiting = {"queued": state.queued, "spilled": state.spilled}
                if well:
                    _logger.info("store well", extra=waiting)
                else:
                    _logger.error("store fault", extra=waiting)
            measure_workers(lacking=is_lacking())
            await asyncio.to_thread(self.keep_policies)
            self.tell_head()
            await asyncio.sleep(_MEASURE_SECONDS)

    def keep_policies(self) -> None:
        """Keep the policies that decide now, if they are not kept yet; where the database is away, try again later."""
        application = self.application
        revision = application.policies.revision
        if revision == self._kept:
            return
        try:
            application.keep_policies()
        except StoreUnavailable:
            if application.store.state().writable and revision != self._refused:  # else the store's own alarm is told
                self._refused = revision
                _logger.warning("policies not kept", extra={"revision": revision, "rule": "store"})
            return
        except ContentError as error:
            _logger.warning("policies not kept", extra={"revision": revision, "rule": error.rule})
        self._kept = revision

    def tell_head(self, *, now: bool = False) -> None:
        """Log the head of this process's chain, if it is time or `now`: a log that is kept elsewhere is a witness."""
        head, moment = self.application.store.state().head, self._clock()
        if head is None or head.sequence == self._told:
            self._told_at = moment
        elif now or head.sequence >= self._told + _HEAD_ENTRIES or moment >= self._told_at + _HEAD_SECONDS:
            self._told, self._told_at = head.sequence, moment
            _logger.info("chain head", extra={"writer": head.writer, "sequence": head.sequence, "hash": head.hash})

    async def _watch(self, place: Path, seconds: float) -> None:
        """Reload each time that what is at `place` has changed and then rested for a round."""
        known = before = await asyncio.to_thread(_look_of, place)
        while True:
            await asyncio.sleep(seconds)
            now = await asyncio.to_thread(_look_of, place)
            if now != known and now == before:
                known = now
                await self.reload()
            before = now


def _read_again(application: Application) -> Application:
    fresh = application.read_again()
    fresh.prepare()
    return fresh


def _look_of(place: Path) -> tuple[tuple[str, int, int], ...]:
    """Return names, sizes and times of change of all files at `place`: other ones where any has changed."""
    found = []
    for one in sorted((place, *place.rglob("*"))):
        with suppress(OSError):
            status = one.stat()
            found.append((str(one), status.st_size, status.st_mtime_ns))
    return tuple(found)
