"""What is kept, read back: one decision, lists of them, feedback."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, func, select, tuple_

from cds_service.store import tables
from cds_service.store.entries import Content, content_of, contents_of, decision_of, feedback_of, viewing_of
from cds_service.store.errors import Unreadable
from cds_service.store.listing import NO_DETERMINATION, names_few, of_determination, positions
from cds_service.store.model import Caller, Contents, FeedbackRecord
from cds_service.store.payload import Keys, Sealed, unpack
from cds_service.store.projection import column_text, moment
from cds_service.store.store import Filters, Kept, KeptFeedback, KeptViewing, Page

__all__ = [
    "Place",
    "count",
    "count_outcomes",
    "decisions_after",
    "feedback_kept",
    "find",
    "opened",
    "sealed_at",
    "search",
    "viewings",
]

Place = tuple[int, int]
"""A writer's number and a sequence."""

_Row = Row[*tuple[Any, ...]]
_CHUNK: Final = 200


def _beside(table: Table, other: Table) -> ColumnElement[bool]:
    return and_(table.c.writer == other.c.writer, table.c.sequence == other.c.sequence)


_LISTED: Final = (
    select(
        tables.decision.c.position,
        tables.writer.c.id.label("chain"),
        tables.journal.c.writer,
        tables.journal.c.sequence,
        tables.journal.c.hash,
        tables.journal.c.content,
        tables.purged.c.by_sequence,
    )
    .select_from(tables.decision)
    .join(tables.journal, _beside(tables.journal, tables.decision))
    .join(tables.writer, tables.writer.c.number == tables.decision.c.writer)
    .outerjoin(tables.purged, _beside(tables.purged, tables.decision))
)


def find(connection: Connection, keys: Keys, name: str, caller: Caller | None) -> Kept | None:
    """Return the decision of an exchange, else the first of a decision's id, with its contents."""
    decision = tables.decision
    mine = list(_conditions(Filters(caller=caller), keys))
    for named in (decision.c.exchange == name, decision.c.id == name):
        row = connection.execute(_LISTED.where(named, *mine).order_by(decision.c.position).limit(1)).first()
        if row is not None:
            return _kept([row], sealed_at(connection, [(row.writer, row.sequence)]), keys)[0]
    return None


def search(connection: Connection, keys: Keys, filters: Filters, *, following: int | None, limit: int) -> Page:
    """Return a page of decisions, the latest first, without their contents."""
    latest = positions(connection, filters, list(_conditions(replace(filters, **NO_DETERMINATION), keys)))
    if following is not None:
        latest = latest.where(latest.selected_columns.position < following)
    found = connection.execute(latest.order_by(latest.selected_columns.position.desc()).limit(limit + 1)).scalars()
    position = tables.decision.c.position
    rows = connection.execute(_LISTED.where(position.in_(list(found))).order_by(position.desc())).all()
    items = tuple(_listed(row) for row in rows[:limit])
    return Page(items, items[-1].position if len(rows) > limit else None)


def decisions_after(connection: Connection, keys: Keys, filters: Filters, position: int) -> list[Kept]:
    """Return the next decisions in the order of arrival, with their contents; none at the end."""
    column = tables.decision.c.position
    asked = _LISTED.where(column > position, *_conditions(filters, keys)).order_by(column).limit(_CHUNK)
    rows = connection.execute(asked).all()
    return _kept(rows, sealed_at(connection, [(row.writer, row.sequence) for row in rows]), keys)


def count(connection: Connection, keys: Keys, filters: Filters) -> int:
    """Return how many decisions there are."""
    asked = select(func.count()).select_from(tables.decision).where(*_conditions(filters, keys))
    return int(connection.execute(asked).scalar_one())


def count_outcomes(
    connection: Connection, keys: Keys, filters: Filters, outcomes: Iterable[str], most: int
) -> dict[str, int]:
    """Return how many determinations there are of each outcome; of more than `most` only that many are counted."""
    rest = replace(filters, since=None, until=None, **NO_DETERMINATION)
    counted = positions(connection, filters, list(_conditions(rest, keys)), each=True)
    found = {}
    for one in outcomes:
        some = counted.where(tables.determination.c.outcome == column_text(one)).limit(most).subquery()
        found[one] = int(connection.execute(select(func.count()).select_from(some)).scalar_one())
    return found


def feedback_kept(
    connection: Connection, keys: Keys, cards: Collection[str] | None, after: Place
) -> list[tuple[Place, KeptFeedback]]:
    """Return the next feedback in the order of the chain, each with its place; none at the end."""
    journal, feedback = tables.journal, tables.feedback
    place = tuple_(journal.c.writer, journal.c.sequence)
    asked = select(journal.c.writer, journal.c.sequence, journal.c.content).join(feedback, _beside(journal, feedback))
    asked = asked.where(place > tuple_(*after)).order_by(journal.c.writer, journal.c.sequence).limit(_CHUNK)
    if cards is not None:
        asked = asked.where(feedback.c.card.in_(list(map(column_text, cards))))
    rows = connection.execute(asked).all()
    payloads = sealed_at(connection, [(row.writer, row.sequence) for row in rows])
    found = []
    for row in rows:
        content = content_of(row.content.encode())
        at = (row.writer, row.sequence)
        record = feedback_of(content, _comment(content, payloads.get(at, ()), keys))
        found.append((at, KeptFeedback(record, _determinations(connection, record))))
    return found


def viewings(connection: Connection, after: Place) -> list[tuple[Place, KeptViewing]]:
    """Return who looked next in the order of the chain, each with the place of its entry; none at the end."""
    journal = tables.journal
    place = tuple_(journal.c.writer, journal.c.sequence)
    asked = select(journal).where(journal.c.kind == "viewing", tables.RARE, place > tuple_(*after))
    found = []
    for row in connection.execute(asked.order_by(journal.c.writer, journal.c.sequence).limit(_CHUNK)):
        content = content_of(row.content.encode())
        found.append(((row.writer, row.sequence), KeptViewing(content.id, content.recorded, viewing_of(content))))
    return found


def sealed_at(connection: Connection, places: Sequence[Place]) -> Mapping[Place, list[Sealed]]:
    """Return the payloads of entries, under each key that they are there."""
    payload, found = tables.payload, dict[Place, list[Sealed]]()
    if places:
        asked = select(payload).where(tuple_(payload.c.writer, payload.c.sequence).in_(places))
        for row in connection.execute(asked):
            found.setdefault((row.writer, row.sequence), []).append(Sealed(row.key, row.patient, row.data))
    return found


def opened(content: Content, payloads: Iterable[Sealed], keys: Keys) -> bytes | None:
    """Return the packed parts of an entry's payload, None where it has none any more. Raises Unreadable."""
    fault: Unreadable | None = None
    for sealed in payloads:
        try:
            if content.payload is None:
                raise Unreadable("the entry says of no payload")
            return keys.open(sealed, about=content.id, digest=content.payload.digest, size=content.payload.size)
        except Unreadable as error:
            fault = error
    if fault is not None:
        raise fault
    return None


def _kept(rows: Sequence[_Row], payloads: Mapping[Place, list[Sealed]], keys: Keys) -> list[Kept]:
    kept = []
    for row in rows:
        content = content_of(row.content.encode())
        try:
            packed = opened(content, payloads.get((row.writer, row.sequence), ()), keys)
        except Unreadable as error:
            raise type(error)(f"decision `{content.id}`: {error}") from None
        if packed is None and content.payload is not None and row.by_sequence is None:
            raise Unreadable(f"decision `{content.id}`: the payload is missing, and no purge of it is on record")
        kept.append(_listed(row, contents_of(packed) if packed is not None else None))
    return kept


def _listed(row: _Row, contents: Contents | None = None) -> Kept:
    content = content_of(row.content.encode())
    return Kept(
        position=row.position,
        writer=row.chain,
        sequence=row.sequence,
        hash=row.hash,
        recorded=content.recorded,
        decision=decision_of(content, contents),
        purged=row.by_sequence is not None,
    )


def _comment(content: Content, payloads: Iterable[Sealed], keys: Keys) -> str | None:
    packed = opened(content, payloads, keys)
    return str(unpack(packed)["comment"]) if packed is not None else None


def _determinations(connection: Connection, record: FeedbackRecord) -> tuple[str, ...]:
    """Return the determinations of a card, as it was first given to this caller."""
    filters = Filters(caller=record.caller, card=record.card)
    asked = _LISTED.where(*_conditions(filters, Keys())).order_by(tables.decision.c.position).limit(1)
    row = connection.execute(asked).first()
    cards = _listed(row).decision.cards if row is not None else ()
    return next((card.determinations for card in cards if card.uuid == record.card), ())


def _conditions(filters: Filters, keys: Keys) -> Iterator[ColumnElement[bool]]:
    decision, determination, card = tables.decision, tables.determination, tables.card
    stated = (
        (decision.c.service, filters.service),
        (decision.c.hook, filters.hook),
        (decision.c.hook_instance, filters.hook_instance),
        (decision.c.issuer, filters.caller.issuer if filters.caller else None),
        (decision.c.tenant, filters.caller.tenant if filters.caller else None),
    )
    for column, value in stated:
        if value is not None:
            yield (column.concat("") if names_few(filters) else column) == column_text(value)
    if filters.since is not None:
        yield decision.c.received >= moment(filters.since)
    if filters.until is not None:
        yield decision.c.received < moment(filters.until)
    if filters.failed is not None:
        yield decision.c.status >= _FAILED if filters.failed else decision.c.status < _FAILED
    named = of_determination(filters)
    if named:
        yield _any(determination, *named)
    if filters.card is not None:
        yield _any(card, card.c.uuid == column_text(filters.card))
    if filters.patient is not None:
        payload = tables.payload
        of_patient = select(payload.c.writer, payload.c.sequence).where(
            payload.c.patient.in_(keys.patients(filters.patient)), tables.FOUND
        )
        yield tuple_(decision.c.writer, decision.c.sequence).in_(of_patient)


_FAILED: Final = 400


def _any(table: Table, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return whether a decision has a row of a table that fulfils all the conditions at once."""
    return select(table.c.writer).where(_beside(table, tables.decision), *conditions).exists()
