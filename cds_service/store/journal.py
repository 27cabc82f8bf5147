"""Entries written: chained, with the rows they are found by, in one transaction per group."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Final
from uuid import uuid4

import msgspec
from sqlalchemy import Connection, Engine, Executable, Table, bindparam, delete, insert, select, text, tuple_, update
from sqlalchemy.exc import DBAPIError

from cds_service import __version__
from cds_service.store import tables
from cds_service.store.chain import Head, hash_of, tips
from cds_service.store.engine import NOBODY_ELSE, name_of, refuses_content
from cds_service.store.entries import Entry, Opened, content_of, entry_of
from cds_service.store.errors import StoreError, StoreUnavailable
from cds_service.store.payload import Keys
from cds_service.store.projection import Row, rows_of
from cds_service.store.schema import upgrade

__all__ = ["INSERT", "Journal", "heads_in"]


_COLUMNS: Final = [column.name for column in tables.determination.c if column.name != "position"]
INSERT: Final[dict[Table, Executable]] = {table: insert(table) for table in tables.METADATA.sorted_tables} | {
    tables.determination: text(
        f"INSERT INTO determination (position, {', '.join(_COLUMNS)}) VALUES ("  # noqa: S608 - names of ours
        "(SELECT position FROM decision WHERE writer = :writer AND sequence = :sequence), "
        f"{', '.join(f':{name}' for name in _COLUMNS)})"
    )
}
_ADVANCE: Final = (
    update(tables.writer)
    .where(tables.writer.c.number == bindparam("at"))
    .where(tables.writer.c.sequence == bindparam("from_sequence"), tables.writer.c.hash == bindparam("from_hash"))
    .values(sequence=bindparam("to_sequence"), hash=bindparam("to_hash"))
)
"""Built once: to build a statement costs as much as to run it."""


class _Overtaken(Exception):
    """The writer's head is not where this process left it: another database, an older state, or another process."""


class Journal:
    """A writer of the chain, for one thread. It joins the chains of a database with its first entry."""

    def __init__(
        self, engine: Engine, clock: Callable[[], datetime], turn: AbstractContextManager[object] = NOBODY_ELSE
    ) -> None:
        """Write through `engine`; nothing is connected yet. `turn` is held while entries are committed."""
        self._engine = engine
        self._turn = turn
        self._clock = clock
        self._connection: Connection | None = None
        self.committed: Head | None = None
        """The last entry that was committed, None as long as there is none."""
        self._number = 0
        self._head: Head | None = None
        self._tried: Head | None = None

    def write(self, entries: Sequence[Entry]) -> list[bool | StoreError]:
        """Commit entries; return of each whether it is new, or why it alone cannot be kept.

        One whose id is there already is left out. Raises StoreUnavailable where nothing can be written now.
        """
        try:
            if entries:
                self._commit(entries)
        except DBAPIError:
            return [self._alone(one) for one in entries]
        return [True] * len(entries)

    def known(self, ids: Iterable[str]) -> set[str]:
        """Return those of the ids that are kept already. Raises StoreUnavailable."""
        try:
            connection = self._connected()
            with connection.begin():
                asked = select(tables.journal.c.id).where(tables.journal.c.id.in_(list(ids)))
                return set(connection.execute(asked).scalars())
        except DBAPIError as error:
            self.disconnect()
            raise StoreUnavailable(f"the database cannot be read ({name_of(error)})") from None

    def ping(self) -> None:
        """Take the right to write and give it back. Raises StoreUnavailable."""
        self.known(())

    def disconnect(self) -> None:
        """Give the connection up; the next use makes another."""
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None

    def _alone(self, entry: Entry) -> bool | StoreError:
        for _ in range(2):
            if self.known([entry.id]):
                return False
            try:
                self._commit([entry])
            except DBAPIError as error:
                fault = StoreError(f"the entry cannot be kept ({name_of(error)})")
            else:
                return True
        return fault

    def _commit(self, entries: Sequence[Entry]) -> None:
        """Commit entries; where the connection is lost, try once more, unless only the answer was lost.

        Raises StoreUnavailable, or DBAPIError where the database refuses what is in them.
        """
        target: Head | None = None
        for last in (False, True):
            try:
                connection = self._connected()
                if target is not None and target == self._head:
                    return
                with self._turn, connection.begin():
                    target = self._append(connection, entries)
            except _Overtaken:
                self.disconnect()
                if last:
                    raise StoreUnavailable("another process writes as this one") from None
            except DBAPIError as error:
                if refuses_content(error):
                    self._tried = None
                    raise
                self.disconnect()
                if last or not error.connection_invalidated:
                    raise StoreUnavailable(f"the database cannot be written ({name_of(error)})") from None
            else:
                self._head = self.committed = target
                self._tried = None
                return

    def _connected(self) -> Connection:
        if self._connection is None:
            upgrade(self._engine)
            self._connection = self._engine.connect()
            self._settle(self._connection)
        return self._connection

    def _settle(self, connection: Connection) -> None:
        """Find the place in the chain: where this writer left off, or, on another state of the database, anew."""
        with connection.begin():
            if self._head is not None:
                found = _head_of(connection, self._number)
                if found in (self._head, self._tried):
                    self._head, self._tried = found, None
                    return
            self._join(connection)

    def _join(self, connection: Connection) -> None:
        """Begin a chain. Its first entry names the ends of all others, and the one that this process knows of."""
        lost = self._head
        mine = Head(str(uuid4()))
        heads, named = heads_in(connection), _named(connection)
        if lost is not None and lost not in heads:
            heads = [*heads, lost]
        made = connection.execute(insert(tables.writer).values(id=mine.writer, sequence=mine.sequence, hash=mine.hash))
        (self._number,) = made.inserted_primary_key or (0,)
        self._head = mine
        opened = Opened(mine.writer, __version__, tips(heads, named))
        self._head = self._append(connection, [entry_of(opened, Keys(), recorded=self._clock())])

    def _append(self, connection: Connection, entries: Sequence[Entry]) -> Head:
        head = self._head
        if head is None:
            raise _Overtaken
        rows: dict[Table, list[Row]] = {tables.journal: [], tables.payload: []}
        sequence, previous = head.sequence, head.hash
        for entry in entries:
            sequence += 1
            place = {"writer": self._number, "sequence": sequence}
            current = hash_of(head.writer, sequence, previous, entry.content)
            stated = {"kind": entry.kind, "id": entry.id, "content": entry.content.decode()}
            rows[tables.journal].append(place | stated | {"previous": previous, "hash": current})
            if entry.payload is not None:
                sealed = entry.payload
                row = {"key": sealed.key, "patient": sealed.patient, "data": sealed.data}
                rows[tables.payload].append(place | row)
            for table, row in rows_of(content_of(entry.content), self._number, sequence):
                rows.setdefault(table, []).append(row)
            previous = current
        self._tried = Head(head.writer, sequence, previous)
        _advance(connection, self._number, head, self._tried)
        for table, some in rows.items():
            if some:
                connection.execute(INSERT[table], some)
        _drop_purged(connection, rows.get(tables.purged, ()))
        return self._tried


def heads_in(connection: Connection) -> list[Head]:
    """Return the last entry of each writer, in the order in which they began."""
    writer = tables.writer
    found = connection.execute(select(writer.c.id, writer.c.sequence, writer.c.hash).order_by(writer.c.number))
    return [Head(*row) for row in found]


def _head_of(connection: Connection, number: int) -> Head | None:
    writer = tables.writer
    found = connection.execute(
        select(writer.c.id, writer.c.sequence, writer.c.hash).where(writer.c.number == number)
    ).first()
    return Head(*found) if found else None


def _named(connection: Connection) -> Iterator[Head]:
    """Yield the heads that the first entries of writers name."""
    journal = tables.journal
    found = connection.execute(select(journal.c.content).where(journal.c.kind == "opened", tables.RARE)).scalars()
    for content in found:
        yield from msgspec.json.decode(content_of(content.encode()).body, type=Opened).heads


def _advance(connection: Connection, number: int, head: Head, target: Head) -> None:
    """Move a writer on from one head to another. Raises _Overtaken where it does not stand there."""
    here = {"at": number, "from_sequence": head.sequence, "from_hash": head.hash}
    there = {"to_sequence": target.sequence, "to_hash": target.hash}
    if connection.execute(_ADVANCE, here | there).rowcount != 1:
        raise _Overtaken


def _drop_purged(connection: Connection, rows: Sequence[Row]) -> None:
    payload = tables.payload
    if rows:
        places = [(row["writer"], row["sequence"]) for row in rows]
        connection.execute(delete(payload).where(tuple_(payload.c.writer, payload.c.sequence).in_(places)))
