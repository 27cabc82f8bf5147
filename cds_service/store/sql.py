"""The store in a database: SQLite, or PostgreSQL."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

from sqlalchemy import Connection, select, text
from sqlalchemy.exc import DBAPIError

from cds_service.store import reading, tables, verifying
from cds_service.store.chain import Finding, Head
from cds_service.store.engine import NOBODY_ELSE, connect_to, database_url, name_of
from cds_service.store.entries import Keepable
from cds_service.store.errors import SchemaUnknown, StoreUnavailable
from cds_service.store.journal import Journal, heads_in
from cds_service.store.model import Caller, Decision, FeedbackRecord, Viewing
from cds_service.store.payload import Keys
from cds_service.store.projection import moment
from cds_service.store.schema import upgrade
from cds_service.store.spill import Spill
from cds_service.store.store import Filters, Kept, KeptFeedback, KeptViewing, Page, Receipt, State
from cds_service.store.token_uses import SqlTokenUses
from cds_service.store.writer import Writer

__all__ = ["SqlStore"]


_FACTOR: Final = 3
_GRACE: Final = 5.0
"""A writer ends each attempt within `patience`; who waits gives up only where it does not."""
_AT_START: Final = 30.0
"""Seconds: several processes may start at once, and one of them makes the tables."""
_NO_ANSWER: Final = "the database did not answer in time"


_AT_A_TIME: Final = 64
"""Reports of one call that wait to be kept at once: a long one must not keep decisions waiting."""
_NO_KEYS: Final = Keys()
_KEEP_POLICIES: Final = text(
    "INSERT INTO policy_package (revision, recorded, package) VALUES (:r, :t, :p) ON CONFLICT DO NOTHING"
)


def _now() -> datetime:
    return datetime.now(UTC)


class SqlStore:
    """Decisions in a database; one per process, for its thread and its place in the chain are its own."""

    def __init__(
        self,
        url: str,
        *,
        keys: Keys = _NO_KEYS,
        spill: Path | None = None,
        patience: float = 2.0,
        room: int = 4096,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        """Open a database at `url`, its schema brought up to date.

        Without `spill` the store is fail-closed: what cannot be kept raises. With it, entries go to a file in that
        folder while the database is away. `patience` is how many seconds a lock or a lost connection is waited for,
        `room` how many entries may wait. Raises SchemaUnknown, StoreUnavailable, or StoreError for a wrong address.
        """
        address, files = database_url(url), _spill_in(spill)
        self.keys = keys
        self._clock = clock
        self._limit = _FACTOR * patience + _GRACE
        # Threads of one process take turns: SQLite would have one sleep until the other may be done.
        turn = threading.Lock() if address.get_backend_name() == "sqlite" else NOBODY_ELSE
        self.token_uses = SqlTokenUses(address, patience=patience, turn=turn)
        self._reading = connect_to(address, patience=patience)
        self._writing = connect_to(address, patience=patience, writing=True)
        try:
            upgrade(self._writing, wait=_AT_START if files is None else 0.0)
        except StoreUnavailable as error:
            if files is None or isinstance(error, SchemaUnknown):
                self._dispose()
                raise
        self._writer = Writer(Journal(self._writing, clock, turn), keys, clock, spill=files, room=room)
        if files is not None:
            self._writer.begin()

    def __enter__(self) -> Self:
        """Return the store, to be closed."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the store."""
        self.close()

    async def append(self, decision: Decision) -> Receipt:
        """Return once the decision is committed. Raises StoreUnavailable."""
        return (await self._told([self._writer.put(decision)]))[0]

    def append_now(self, decision: Decision) -> Receipt:
        """Do the same where there is no event loop."""
        return self.keep(decision)

    async def feedback(self, records: Sequence[FeedbackRecord]) -> tuple[Receipt, ...]:
        """Return once the feedback is committed. Raises StoreUnavailable."""
        receipts = list[Receipt]()
        for begin in range(0, len(records), _AT_A_TIME):
            some = records[begin : begin + _AT_A_TIME]
            receipts += await self._told([self._writer.put(one) for one in some])
        return tuple(receipts)

    def feedback_now(self, records: Sequence[FeedbackRecord]) -> tuple[Receipt, ...]:
        """Do the same where there is no event loop."""
        return tuple(map(self.keep, records))

    def keep(self, thing: Keepable) -> Receipt:
        """Return once anything that can be kept is committed. Raises StoreUnavailable."""
        try:
            return self._writer.put(thing).result(self._limit)
        except TimeoutError:
            raise StoreUnavailable(_NO_ANSWER) from None

    def find(self, name: str, caller: Caller | None = None) -> Kept | None:
        """Return a decision with its contents. Raises Unreadable."""
        with self.reading() as connection:
            return reading.find(connection, self.keys, name, caller)

    def search(self, filters: Filters, *, following: int | None = None, limit: int = 50) -> Page:
        """Return decisions, the latest first."""
        with self.reading() as connection:
            return reading.search(connection, self.keys, filters, following=following, limit=limit)

    def each(self, filters: Filters) -> Iterator[Kept]:
        """Yield decisions with their contents, in the order of arrival. Raises Unreadable."""
        position = 0
        while True:
            with self.reading() as connection:
                some = reading.decisions_after(connection, self.keys, filters, position)
            if not some:
                return
            yield from some
            position = some[-1].position

    def count(self, filters: Filters) -> int:
        """Return how many decisions there are."""
        with self.reading() as connection:
            return reading.count(connection, self.keys, filters)

    def count_outcomes(self, filters: Filters, outcomes: Iterable[str], *, most: int) -> Mapping[str, int]:
        """Return how many determinations there are of each outcome, `most` at most."""
        with self.reading() as connection:
            return reading.count_outcomes(connection, self.keys, filters, outcomes, most)

    def feedback_kept(
        self, *, since: datetime | None = None, cards: Collection[str] | None = None
    ) -> Iterator[KeptFeedback]:
        """Yield feedback in the order of the chain; `since` is of its receipt."""
        place = (0, 0)
        while True:
            with self.reading() as connection:
                some = reading.feedback_kept(connection, self.keys, cards, place)
            if not some:
                return
            yield from (one for _, one in some if since is None or one.record.received >= since)
            place = some[-1][0]

    async def viewed(self, viewing: Viewing) -> None:
        """Return once the viewing is committed. Raises StoreUnavailable."""
        await self._told([self._writer.put(viewing)])

    def viewings(self, *, since: datetime | None = None, until: datetime | None = None) -> Iterator[KeptViewing]:
        """Yield who looked at what, in the order of the chain."""
        place = (0, 0)
        while True:
            with self.reading() as connection:
                some = reading.viewings(connection, place)
            if not some:
                return
            for _, one in some:
                if (since is None or one.recorded >= since) and (until is None or one.recorded < until):
                    yield one
            place = some[-1][0]

    def keep_policies(self, revision: str, package: bytes) -> None:
        """Keep a set of policies, once. Raises StoreUnavailable."""
        if self.policies_of(revision) is None:
            with self.changing() as connection:
                connection.execute(_KEEP_POLICIES, {"r": revision, "t": moment(self._clock()), "p": package})

    def policies_kept(self) -> Mapping[str, datetime]:
        """Return since when which sets of policies are kept."""
        kept = tables.policy_package.c
        query = select(kept.revision, kept.recorded).order_by(kept.recorded, kept.revision)
        with self.reading() as connection:
            return {row.revision: datetime.fromisoformat(row.recorded) for row in connection.execute(query)}

    def policies_of(self, revision: str) -> bytes | None:
        """Return the package that is kept under a revision."""
        kept = tables.policy_package.c
        with self.reading() as connection:
            found = connection.execute(select(kept.package).where(kept.revision == revision)).scalar_one_or_none()
        return None if found is None else bytes(found)

    def heads(self) -> tuple[Head, ...]:
        """Return the last entry of each writer."""
        with self.reading() as connection:
            return tuple(heads_in(connection))

    def verify(
        self,
        *,
        anchors: Iterable[Head] = (),
        payloads: bool = True,
        progress: Callable[[int], None] | None = None,
    ) -> Iterator[Finding]:
        """Yield all that is wrong, in one snapshot; without `payloads` only whether they are there."""
        with self.reading(snapshot=True) as connection:
            yield from verifying.verify(
                connection, self.keys, anchors=anchors, payloads=payloads, progress=progress or (lambda _: None)
            )

    def state(self) -> State:
        """Return how writing goes."""
        return self._writer.state

    def close(self) -> None:
        """Commit what waits, and end."""
        self._writer.close()
        self._dispose()

    @contextmanager
    def reading(self, *, snapshot: bool = False) -> Iterator[Connection]:
        """Give a connection to read by. Raises StoreUnavailable where the database cannot be read."""
        try:
            with self._reading.connect() as connection:
                if snapshot and connection.dialect.name == "postgresql":
                    connection = connection.execution_options(isolation_level="REPEATABLE READ")
                yield connection
        except DBAPIError as error:
            raise StoreUnavailable(f"the database cannot be read ({name_of(error)})") from None

    @contextmanager
    def changing(self) -> Iterator[Connection]:
        """Give a transaction to write in, beside the journal. Raises StoreUnavailable."""
        try:
            with self._writing.begin() as connection:
                yield connection
        except DBAPIError as error:
            raise StoreUnavailable(f"the database cannot be written ({name_of(error)})") from None

    def checkpoint(self) -> None:
        """Have SQLite move its log into the database, so that what was deleted is in neither."""
        if self._writing.dialect.name == "sqlite":
            with closing(self._writing.raw_connection()) as connection:
                connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _dispose(self) -> None:
        self.token_uses.close()
        self._reading.dispose()
        self._writing.dispose()

    async def _told(self, told: Sequence[Future[Receipt]]) -> tuple[Receipt, ...]:
        try:
            async with asyncio.timeout(self._limit):
                return tuple([await asyncio.wrap_future(one) for one in told])
        except TimeoutError:
            raise StoreUnavailable(_NO_ANSWER) from None


def _spill_in(folder: Path | None) -> Spill | None:
    try:
        return Spill(folder) if folder is not None else None
    except OSError as error:
        raise StoreUnavailable(f"the spill folder `{folder}` cannot be used ({error.strerror})") from None
