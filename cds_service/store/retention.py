"""How long what is of a chart is kept, and what a legal hold keeps longer.

A purge removes payloads; the entries and their hashes stay, so that the chain still verifies and shows what was
purged, when and why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec
from sqlalchemy import Connection, and_, select, tuple_

from cds_service.store import tables
from cds_service.store.entries import Content, Hold, Purge, Release, content_of, decision_of, feedback_of, hold_of
from cds_service.store.errors import StoreError, Unreadable
from cds_service.store.payload import Keys, unpack
from cds_service.store.reading import Place, opened, sealed_at
from cds_service.store.sql import SqlStore

__all__ = ["ActiveHold", "Purged", "active_holds", "hold", "purge", "release"]

_CHUNK: Final = 200


@dataclass(frozen=True, slots=True)
class ActiveHold:
    """A legal hold that was not released. `readable` is False where no key at hand tells the patient it is for."""

    id: str
    placed: datetime
    hold: Hold
    readable: bool = True

    @property
    def covers_all(self) -> bool:
        """Return whether nothing may be purged: it is for everything, or nobody can tell what it is for."""
        return not self.readable or (self.hold.exchange is None and self.hold.patient is None)


@dataclass(frozen=True, slots=True)
class Purged:
    """What a purge removed, or would remove: payloads of decisions and of feedback; and what holds kept."""

    decisions: int = 0
    feedback: int = 0
    held: int = 0


def hold(store: SqlStore, reason: str, *, exchange: str | None = None, patient: str | None = None) -> str:
    """Return the id of a legal hold on an exchange, on all of a patient's now and later, or on everything.

    Raises StoreError for an exchange that is not there, and StoreUnavailable.
    """
    if exchange is not None and store.find(exchange) is None:
        raise StoreError("there is no such exchange to hold")
    return store.keep(Hold(reason, exchange, patient)).id


def release(store: SqlStore, hold_id: str, reason: str) -> None:
    """End a legal hold. Raises StoreError where there is none of that id, and StoreUnavailable."""
    if all(one.id != hold_id for one in active_holds(store)):
        raise StoreError("there is no such legal hold in force")
    store.keep(Release(hold_id, reason))


def active_holds(store: SqlStore) -> tuple[ActiveHold, ...]:
    """Return the legal holds in force, in the order of the chain."""
    with store.reading() as connection:
        return _active_holds(connection, store.keys)


def purge(
    store: SqlStore,
    *,
    before: datetime,
    reason: str,
    dry_run: bool = True,
    progress: Callable[[int], None] | None = None,
) -> Purged:
    """Remove the payloads of what was received and recorded `before`, save what is on hold; return how many.

    A dry run counts only. `progress` hears how many payloads were looked at. Raises StoreUnavailable, also where the
    role of the database may not purge.
    """
    holds, done, after = active_holds(store), Purged(), (0, 0)
    while True:
        with store.reading() as connection:
            some = list(_payloads(connection, after))
            due = [one for one in some if one.latest < before]
            free = [one for one in due if not _is_held(connection, one, holds, store.keys)]
        if not some:
            break
        if free and not dry_run:
            store.keep(Purge(reason, before, tuple(one.place for one in free)))
        decisions = sum(1 for one in free if one.exchange is not None)
        done = Purged(
            done.decisions + decisions,
            done.feedback + len(free) - decisions,
            done.held + len(due) - len(free),
        )
        if progress is not None:
            progress(len(some))
        after = some[-1].place
    if not dry_run:
        store.checkpoint()
    return done


@dataclass(frozen=True, slots=True)
class _Payload:
    """A payload, and what decides whether it may go: a decision has an exchange, feedback a card."""

    place: Place
    latest: datetime
    exchange: str | None
    card: str | None
    keys: frozenset[str]
    patients: frozenset[str]


def _payloads(connection: Connection, after: Place) -> Iterator[_Payload]:
    journal, payload = tables.journal, tables.payload
    place = tuple_(journal.c.writer, journal.c.sequence)
    asked = (
        select(journal.c.writer, journal.c.sequence, journal.c.content)
        .where(place > tuple_(*after), journal.c.kind.in_(("decision", "feedback")))
        .where(
            select(payload.c.writer)
            .where(payload.c.writer == journal.c.writer, payload.c.sequence == journal.c.sequence)
            .exists()
        )
        .order_by(journal.c.writer, journal.c.sequence)
        .limit(_CHUNK)
    )
    rows = connection.execute(asked).all()
    sealed = sealed_at(connection, [(row.writer, row.sequence) for row in rows])
    for row in rows:
        at, content = (row.writer, row.sequence), content_of(row.content.encode())
        received, exchange, card = _about(content)
        yield _Payload(
            at,
            max(received, content.recorded),
            exchange,
            card,
            frozenset(one.key for one in sealed[at]),
            frozenset(one.patient for one in sealed[at]),
        )


def _about(content: Content) -> tuple[datetime, str | None, str | None]:
    if content.kind == "decision":
        return decision_of(content).received, content.id, None
    record = feedback_of(content)
    return record.received, None, record.card


def _is_held(connection: Connection, one: _Payload, holds: tuple[ActiveHold, ...], keys: Keys) -> bool:
    if any(found.covers_all for found in holds):
        return True
    if not holds:
        return False
    if one.card is not None:
        return any(_is_held(connection, given, holds, keys) for given in _given(connection, one))
    patients = [found.hold.patient for found in holds if found.hold.patient is not None]
    if patients and not one.keys <= {*keys.names, ""}:
        return True
    named = {found for patient in patients for found in keys.patients(patient)}
    return bool(named & one.patients) or any(found.hold.exchange == one.exchange for found in holds)


def _given(connection: Connection, feedback: _Payload) -> Iterator[_Payload]:
    """Yield the decisions that gave the card which feedback is about."""
    card, decision, payload = tables.card, tables.decision, tables.payload
    same = and_(decision.c.writer == card.c.writer, decision.c.sequence == card.c.sequence)
    sealed = and_(payload.c.writer == card.c.writer, payload.c.sequence == card.c.sequence)
    asked = (
        select(card.c.writer, card.c.sequence, decision.c.exchange, payload.c.key, payload.c.patient)
        .join(decision, same)
        .join(payload, sealed)
        .where(card.c.uuid == feedback.card)
    )
    for row in connection.execute(asked):
        place = (row.writer, row.sequence)
        yield _Payload(place, feedback.latest, row.exchange, None, frozenset({row.key}), frozenset({row.patient}))


def _active_holds(connection: Connection, keys: Keys) -> tuple[ActiveHold, ...]:
    journal = tables.journal
    asked = select(journal).where(journal.c.kind.in_(("hold", "release")), tables.RARE)
    rows = connection.execute(asked.order_by(journal.c.writer, journal.c.sequence)).all()
    sealed = sealed_at(connection, [(row.writer, row.sequence) for row in rows])
    holds, released = [], set[str]()
    for row in rows:
        content = content_of(row.content.encode())
        if content.kind == "release":
            released.add(msgspec.json.decode(content.body, type=Release).hold)
            continue
        try:
            packed = opened(content, sealed.get((row.writer, row.sequence), ()), keys)
        except Unreadable:
            holds.append(ActiveHold(content.id, content.recorded, hold_of(content), readable=False))
            continue
        patient = str(unpack(packed)["patient"]) if packed is not None else None
        readable = packed is not None or content.payload is None
        holds.append(ActiveHold(content.id, content.recorded, hold_of(content, patient), readable))
    return tuple(one for one in holds if one.id not in released)
