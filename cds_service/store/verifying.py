"""What is kept, verified: the chains, the rows that things are found by, the payloads."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, Table, select, text
from sqlalchemy.exc import DBAPIError

from cds_service.store import tables
from cds_service.store.chain import Fault, Finding, Head, Link, missing_heads, walk
from cds_service.store.engine import name_of
from cds_service.store.entries import Content, Opened, content_of
from cds_service.store.errors import NoKey, Unreadable
from cds_service.store.payload import Keys, Sealed, unpack
from cds_service.store.projection import rows_of
from cds_service.store.reading import Place, opened

__all__ = ["verify"]

_Row = Row[*tuple[Any, ...]]
_CHUNK: Final = 200
_BY_PLACE: Final = (tables.decision, tables.determination, tables.card, tables.feedback)
_CORRUPT: Final = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


def verify(
    connection: Connection,
    keys: Keys,
    *,
    anchors: Iterable[Head],
    payloads: bool,
    progress: Callable[[int], None],
) -> Iterator[Finding]:
    """Yield all that is wrong, in one snapshot of the database. Raises DBAPIError where it cannot be read."""
    try:
        if connection.dialect.name == "sqlite":
            yield from _damage(connection)
        yield from _Verification(connection, keys, payloads, progress).findings(anchors)
    except DBAPIError as error:
        if not name_of(error).startswith(_CORRUPT):
            raise
        yield Finding(Fault.DAMAGED, "", 0, None, "the file is not as SQLite wrote it")


def _damage(connection: Connection) -> Iterator[Finding]:
    for line in connection.execute(text("PRAGMA integrity_check(20)")).scalars():
        if line != "ok":
            yield Finding(Fault.DAMAGED, "", 0, None, "the file is not as SQLite wrote it")
            return


@dataclass(slots=True)
class _Verification:
    connection: Connection
    keys: Keys
    payloads: bool
    progress: Callable[[int], None]
    named: list[Head] = field(default_factory=list)
    purges: dict[Place, Place] = field(default_factory=dict)
    purged: dict[Place, Place] = field(default_factory=dict)

    def findings(self, anchors: Iterable[Head]) -> Iterator[Finding]:
        writer, purged = tables.writer, tables.purged
        heads = {
            row.number: Head(row.id, row.sequence, row.hash)
            for row in self.connection.execute(select(writer).order_by(writer.c.number))
        }
        self.purged = {
            (row.writer, row.sequence): (row.by_writer, row.by_sequence)
            for row in self.connection.execute(select(purged))
        }
        for number, head in heads.items():
            beside = list[Finding]()
            yield from walk(self._links(number, head, beside), head)
            yield from beside
        yield from self._unexplained(heads)
        yield from self._purges_differ(heads)
        numbers = {head.writer: number for number, head in heads.items()}
        yield from missing_heads(chain(self.named, anchors), lambda head: self._hash_at(numbers.get(head.writer), head))

    def _links(self, number: int, head: Head, beside: list[Finding]) -> Iterator[Link]:
        """Yield the entries of a writer; what is wrong with what belongs to them is added to `beside`."""
        journal, after = tables.journal, 0
        while True:
            asked = select(journal).where(journal.c.writer == number, journal.c.sequence > after)
            rows = self.connection.execute(asked.order_by(journal.c.sequence).limit(_CHUNK)).all()
            upto = rows[-1].sequence if len(rows) == _CHUNK else None
            beside += self._beside(number, head, rows, after, upto)
            for row in rows:
                yield Link(row.sequence, row.id, row.content.encode(), row.previous, row.hash)
            self.progress(len(rows))
            if upto is None:
                return
            after = upto

    def _beside(self, number: int, head: Head, rows: Sequence[_Row], after: int, upto: int | None) -> Iterator[Finding]:
        """Yield what is wrong with the rows and payloads of entries after one sequence, up to another."""
        expected, contents = self._expected(number, rows)
        actual = {table: self._rows(table, number, after, upto) for table in _BY_PLACE}
        names = {row.sequence: row.id for row in rows}
        for table, found in actual.items():
            wanted = expected[table]
            for sequence in sorted(found.keys() | wanted.keys()):
                if sequence not in names:
                    yield Finding(Fault.UNEXPLAINED, head.writer, sequence, None, f"a row in `{table.name}`")
                elif Counter(found.get(sequence, ())) != Counter(wanted.get(sequence, ())):
                    yield Finding(Fault.INDEX_DIFFERS, head.writer, sequence, names[sequence], f"in `{table.name}`")
        for row in rows:
            content = contents.get(row.sequence)
            if content is None or (content.kind, content.id) != (row.kind, row.id):
                yield Finding(Fault.INDEX_DIFFERS, head.writer, row.sequence, row.id, "in `journal`")
        sealed = self._sealed(number, after, upto)
        for sequence in sorted(sealed.keys() | contents.keys()):
            for fault, detail in self._payload_faults(contents.get(sequence), sealed[sequence], (number, sequence)):
                yield Finding(fault, head.writer, sequence, names.get(sequence), detail)

    def _expected(self, number: int, rows: Sequence[_Row]) -> tuple[Mapping[Table, _Rows], dict[int, Content]]:
        expected: dict[Table, _Rows] = defaultdict(lambda: defaultdict(list))
        contents = {}
        for row in rows:
            try:
                content = content_of(row.content.encode())
                stated = list(rows_of(content, number, row.sequence))
                if content.kind == "opened":
                    self.named += msgspec.json.decode(content.body, type=Opened).heads
            except (msgspec.DecodeError, UnicodeEncodeError):
                continue
            contents[row.sequence] = content
            for table, one in stated:
                if table is tables.purged:
                    self.purges[one["writer"], one["sequence"]] = (number, row.sequence)
                else:
                    expected[table][row.sequence].append(_values(table, one))
        return expected, contents

    def _rows(self, table: Table, number: int, after: int, upto: int | None) -> _Rows:
        found: _Rows = defaultdict(list)
        columns = [column for column in table.c if column.name != "position"]
        asked = select(*columns).where(table.c.writer == number, table.c.sequence > after)
        if upto is not None:
            asked = asked.where(table.c.sequence <= upto)
        for row in self.connection.execute(asked.order_by(*(table.primary_key.columns))):
            found[row.sequence].append(tuple(row))
        return found

    def _sealed(self, number: int, after: int, upto: int | None) -> Mapping[int, list[Sealed]]:
        payload, found = tables.payload, defaultdict[int, list[Sealed]](list)
        columns = (payload.c.sequence, payload.c.key, payload.c.patient, *((payload.c.data,) if self.payloads else ()))
        asked = select(*columns).where(payload.c.writer == number, payload.c.sequence > after)
        if upto is not None:
            asked = asked.where(payload.c.sequence <= upto)
        for row in self.connection.execute(asked):
            found[row.sequence].append(Sealed(row.key, row.patient, row.data if self.payloads else b""))
        return found

    def _payload_faults(
        self, content: Content | None, sealed: Sequence[Sealed], place: Place
    ) -> Iterator[tuple[Fault, str]]:
        gone = place in self.purged
        if content is None or content.payload is None or gone:
            if sealed:
                yield Fault.UNEXPLAINED, "a payload that was purged" if gone else "a payload"
            return
        if not sealed:
            yield Fault.PAYLOAD_MISSING, ""
        for one in sealed if self.payloads else ():
            try:
                packed = opened(content, [one], self.keys)
                patient = unpack(packed).get("patient", "") if packed is not None and content.kind == "decision" else ""
            except NoKey as error:
                yield Fault.PAYLOAD_UNREADABLE, str(error)
            except Unreadable:
                yield Fault.PAYLOAD_CHANGED, ""
            else:
                if one.patient not in (self.keys.patients(str(patient)) or ("",)):
                    yield Fault.INDEX_DIFFERS, "in `payload`"

    def _unexplained(self, heads: Mapping[int, Head]) -> Iterator[Finding]:
        """Yield rows of writers that are not on record."""
        for table in (tables.journal, tables.payload, *_BY_PLACE):
            asked = select(table.c.writer).where(table.c.writer.not_in(list(heads))).distinct()
            for number in self.connection.execute(asked).scalars():
                yield Finding(Fault.UNEXPLAINED, f"#{number}", 0, None, f"rows in `{table.name}` of an unknown writer")

    def _purges_differ(self, heads: Mapping[int, Head]) -> Iterator[Finding]:
        for number, sequence in sorted({*self.purges, *self.purged}):
            if self.purges.get((number, sequence)) != self.purged.get((number, sequence)):
                writer = heads[number].writer if number in heads else f"#{number}"
                yield Finding(Fault.INDEX_DIFFERS, writer, sequence, None, "in `purged`")

    def _hash_at(self, number: int | None, head: Head) -> str | None:
        journal = tables.journal
        asked = select(journal.c.hash).where(journal.c.writer == number, journal.c.sequence == head.sequence)
        found = self.connection.execute(asked).scalar()
        return str(found) if found is not None else None


_Rows = defaultdict[int, list[tuple[Any, ...]]]


def _values(table: Table, row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[column.name] for column in table.c if column.name != "position")
