"""One thread that writes, and all who wait for it: what arrives while a group is committed goes into the next.

A commit costs the same for one entry as for hundreds; so entries queue, and whoever gave one is told after its commit.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from cds_service.store.entries import Entry, Keepable, entry_of
from cds_service.store.errors import StoreError, StoreUnavailable
from cds_service.store.journal import Journal
from cds_service.store.model import Decision, FeedbackRecord
from cds_service.store.payload import Keys
from cds_service.store.spill import Spill
from cds_service.store.store import Receipt, State

__all__ = ["Writer"]

GROUP: Final = 256
"""Entries in one transaction at most."""
_PAUSES: Final = (0.05, 2.0)
"""Seconds between attempts to reach a database that is away: at first, and at most."""
_SPILLED: Final = (Decision, FeedbackRecord)
_LOOK_ROUND: Final = 60.0
"""Seconds after which an idle writer looks for what other processes left behind."""


@dataclass(slots=True, eq=False)
class _Waiting:
    thing: Keepable
    told: Future[Receipt] = field(default_factory=Future)


class Writer:
    """The thread, begun with the first thing that is put."""

    def __init__(
        self,
        journal: Journal,
        keys: Keys,
        clock: Callable[[], datetime],
        *,
        spill: Spill | None = None,
        room: int = 4096,
    ) -> None:
        """Write by `journal`; what it cannot take goes to `spill`, if there is one. `room` bounds the queue."""
        self._journal = journal
        self._keys = keys
        self._clock = clock
        self._spill = spill
        self._queue: queue.Queue[_Waiting | None] = queue.Queue(room)
        self._thread = threading.Thread(target=self._run, name="cds-store", daemon=True)
        self._begun = threading.Lock()
        self._closed = False
        self._going = True
        self._fault: str | None = None
        self._notice: str | None = None
        self._pause, self._retry_at, self._look_at = 0.0, 0.0, 0.0

    @property
    def state(self) -> State:
        """Return how writing goes."""
        spilled, damaged = (self._spill.waiting, self._spill.damaged) if self._spill else (0, 0)
        writable = self._fault is None and not self._closed
        return State(
            writable, self._queue.qsize(), spilled, damaged, self._fault or self._notice, self._journal.committed
        )

    def put(self, thing: Keepable) -> Future[Receipt]:
        """Return what tells when a thing is kept, or why not. Raises StoreUnavailable where the queue is full."""
        waiting = _Waiting(thing)
        with self._begun:
            if self._closed:
                raise StoreUnavailable("the store is closed")
            if not self._thread.is_alive():
                self._thread.start()
            try:
                self._queue.put_nowait(waiting)
            except queue.Full:
                raise StoreUnavailable("more waits to be kept than there is room for") from None
        return waiting.told

    def begin(self) -> None:
        """Start the thread now, so that it takes in what was spilled before."""
        with self._begun:
            if not self._closed and not self._thread.is_alive():
                self._thread.start()

    def close(self) -> None:
        """Keep what waits, and end the thread."""
        with self._begun:
            if self._closed:
                return
            self._closed = True
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    def _run(self) -> None:
        while self._going:
            wake = self._retry_at if self._fault else self._look_at
            group = self._arrived(wait=max(0.0, wake - time.monotonic()))
            try:
                self._look_round()
                self._keep(group)
            except Exception as error:  # a fault of ours: the thread must live, and whoever waits must hear of it
                self._journal.disconnect()
                self._away(f"an unforeseen fault ({type(error).__name__})")
                _tell_all(group, StoreUnavailable(self._fault))
        self._journal.disconnect()
        if self._spill:
            self._spill.close()

    def _arrived(self, *, wait: float = 0.0) -> list[_Waiting]:
        """Return what waits to be kept, at most a group; where nothing does, what comes within `wait` seconds."""
        group = list[_Waiting]()
        with suppress(queue.Empty):
            waiting = self._queue.get(timeout=wait) if wait else self._queue.get_nowait()
            while waiting is not None:
                group.append(waiting)
                if len(group) == GROUP:
                    return group
                waiting = self._queue.get_nowait()
            self._going = False
        return group

    def _look_round(self) -> None:
        """If it is time, see whether a database that was away is back, and bring in what was spilled."""
        now = time.monotonic()
        if now < (self._retry_at if self._fault else self._look_at):
            return
        self._look_at = now + _LOOK_ROUND
        try:
            if self._fault:
                self._journal.ping()
            if self._spill:
                self._spill.bring_in(self._bring_in)
        except StoreUnavailable as error:
            self._away(str(error))
        except OSError as error:
            self._there(f"what was spilled cannot be brought in ({error.strerror})")
        else:
            self._there()

    def _bring_in(self, entries: Sequence[Entry]) -> bool:
        """Write entries that are not there yet; return whether all of them are now. What arrived meanwhile is first."""
        self._keep(self._arrived())
        known = self._journal.known(one.id for one in entries)
        fresh = {one.id: one for one in entries if one.id not in known}
        return not any(isinstance(one, StoreError) for one in self._journal.write(list(fresh.values())))

    def _keep(self, group: Sequence[_Waiting]) -> None:
        if not group:
            return
        made = [(one, entry) for one in group if (entry := self._entry(one)) is not None]
        waiting = [one for one, _ in made]
        if self._fault and time.monotonic() < self._retry_at:
            self._put_aside(waiting, self._fault)
            return
        try:
            kept = self._journal.write([entry for _, entry in made])
        except StoreUnavailable as error:
            self._away(str(error))
            self._put_aside(waiting, str(error))
        else:
            self._there()
            for (one, entry), fresh in zip(made, kept, strict=True):
                _tell(one, fresh if isinstance(fresh, StoreError) else Receipt(entry.id, fresh=fresh))

    def _entry(self, waiting: _Waiting, *, spilled: bool = False) -> Entry | None:
        """Return the entry of a thing; of one that cannot be written down, whoever gave it is told."""
        try:
            return entry_of(waiting.thing, self._keys, recorded=self._clock(), spilled=spilled)
        except (TypeError, ValueError, OverflowError) as error:
            _tell(waiting, StoreError(f"it cannot be written down ({type(error).__name__})"))
            return None

    def _put_aside(self, group: Sequence[_Waiting], fault: str) -> None:
        """Spill what the database did not take, or tell those who wait that it is not kept."""
        if self._spill is None or not all(isinstance(one.thing, _SPILLED) for one in group):
            _tell_all(group, StoreUnavailable(fault))
            return
        made = [(one, entry) for one in group if (entry := self._entry(one, spilled=True)) is not None]
        try:
            self._spill.put([entry for _, entry in made])
        except OSError as error:
            _tell_all(group, StoreUnavailable(f"{fault}, and the spill file cannot be written ({error.strerror})"))
        else:
            for one, entry in made:
                _tell(one, Receipt(entry.id, spilled=True))

    def _away(self, fault: str) -> None:
        least, most = _PAUSES
        self._fault = fault
        self._pause = min(most, max(least, 2 * self._pause))
        self._retry_at = time.monotonic() + self._pause

    def _there(self, notice: str | None = None) -> None:
        self._fault, self._pause, self._notice = None, 0.0, notice


def _tell_all(group: Sequence[_Waiting], error: StoreError) -> None:
    for one in group:
        _tell(one, error)


def _tell(waiting: _Waiting, outcome: Receipt | StoreError) -> None:
    """Tell the one who waits, unless it waits no longer."""
    with suppress(InvalidStateError):
        if isinstance(outcome, Receipt):
            waiting.told.set_result(outcome)
        else:
            waiting.told.set_exception(outcome)
