"""Payloads encrypted anew, under the key that writes: after that the other keys can be thrown away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection, delete, func, insert, select, tuple_

from cds_service.store import tables
from cds_service.store.entries import content_of
from cds_service.store.errors import Unreadable
from cds_service.store.payload import Keys, Packed, Sealed, unpack
from cds_service.store.reading import Place
from cds_service.store.sql import SqlStore

__all__ = ["count_old", "encrypt_anew"]

_CHUNK: Final = 100


def count_old(store: SqlStore) -> int:
    """Return how many payloads are not under the key that writes."""
    payload = tables.payload
    with store.reading() as connection:
        asked = select(func.count()).select_from(payload).where(payload.c.key != store.keys.writing)
        return int(connection.execute(asked).scalar_one())


def encrypt_anew(store: SqlStore, progress: Callable[[int], None] | None = None) -> int:
    """Put every payload under the key that writes, and return how many were not.

    What is written meanwhile has that key already, and an interrupted run goes on where it was. Raises Unreadable
    where no key at hand opens a payload, and StoreUnavailable.
    """
    done, after = 0, (0, 0)
    while True:
        with store.changing() as connection:
            places = _encrypt_some(connection, store.keys, after)
        if not places:
            break
        done, after = done + len(places), places[-1]
        if progress is not None:
            progress(len(places))
    store.checkpoint()
    return done


def _encrypt_some(connection: Connection, keys: Keys, after: Place) -> list[Place]:
    payload, journal = tables.payload, tables.journal
    place = tuple_(payload.c.writer, payload.c.sequence)
    asked = (
        select(payload, journal.c.content)
        .join(journal, (journal.c.writer == payload.c.writer) & (journal.c.sequence == payload.c.sequence))
        .where(place > tuple_(*after), payload.c.key != keys.writing)
        .order_by(payload.c.writer, payload.c.sequence)
        .limit(_CHUNK)
    )
    places = []
    for row in connection.execute(asked).all():
        here = (payload.c.writer == row.writer) & (payload.c.sequence == row.sequence)
        sealed = _anew(row.content.encode(), Sealed(row.key, row.patient, row.data), keys)
        new = {"key": sealed.key, "patient": sealed.patient, "data": sealed.data}
        connection.execute(insert(payload), [{"writer": row.writer, "sequence": row.sequence} | new])
        connection.execute(delete(payload).where(here, payload.c.key == row.key))
        places.append((row.writer, row.sequence))
    return places


def _anew(written: bytes, sealed: Sealed, keys: Keys) -> Sealed:
    content = content_of(written)
    if content.payload is None:
        raise Unreadable(f"entry `{content.id}` says of no payload")
    data = keys.open(sealed, about=content.id, digest=content.payload.digest, size=content.payload.size)
    patient = str(unpack(data).get("patient", "")) if content.kind == "decision" else ""
    return keys.seal(Packed(data, content.payload.digest), about=content.id, patient=patient)
