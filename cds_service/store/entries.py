"""Entries: whatever is kept, in the one form in which it is appended, hashed and read back.

The content is JSON without anything of the chart; what is of the chart is in the payload, and the content holds a
digest of it. So the payload can be encrypted anew, or purged, and the chain of hashes still holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Final
from uuid import uuid4

import msgspec

from cds_service.store.chain import Head
from cds_service.store.model import Contents, Decision, FeedbackRecord, Viewing
from cds_service.store.payload import Keys, Packed, Sealed, pack, unpack

__all__ = [
    "Commitment",
    "Content",
    "Entry",
    "Hold",
    "Keepable",
    "Opened",
    "Purge",
    "Release",
    "content_of",
    "contents_of",
    "decision_of",
    "entry_of",
    "feedback_of",
    "hold_of",
    "viewing_of",
]


@dataclass(frozen=True, slots=True)
class Opened:
    """A writer began; `heads` are the last entries of the writers before it that no entry names yet."""

    writer: str
    engine: str
    heads: tuple[Head, ...] = ()


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold: what it covers is not purged. It covers one exchange, or a patient, or everything."""

    reason: str
    exchange: str | None = None
    patient: str | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """A legal hold ended, by the id of its entry."""

    hold: str
    reason: str


@dataclass(frozen=True, slots=True)
class Purge:
    """Payloads removed: of entries by the number of their writer and their sequence."""

    reason: str
    before: datetime
    subjects: tuple[tuple[int, int], ...]


Keepable = Decision | FeedbackRecord | Hold | Opened | Purge | Release | Viewing


@dataclass(frozen=True, slots=True)
class Commitment:
    """What the content says of the payload: its digest and size, uncompressed."""

    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class Content:
    """The content of an entry, read back. `body` is the JSON of what `kind` says; `spilled` that it came late."""

    kind: str
    id: str
    recorded: datetime
    body: msgspec.Raw
    payload: Commitment | None = None
    spilled: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """What is appended: its content as bytes, and its payload, sealed."""

    kind: str
    id: str
    content: bytes
    payload: Sealed | None = None


_KINDS: Final[Mapping[type, str]] = {
    Decision: "decision",
    FeedbackRecord: "feedback",
    Hold: "hold",
    Opened: "opened",
    Purge: "purge",
    Release: "release",
    Viewing: "viewing",
}
_SEALED: Final = frozenset({"contents", "comment", "patient"})
"""Fields that stand in the payload and not in the content."""

_encoder = msgspec.json.Encoder(decimal_format="number")
_content = msgspec.json.Decoder(Content)
_decision = msgspec.json.Decoder(Decision)
_feedback = msgspec.json.Decoder(FeedbackRecord)
_hold = msgspec.json.Decoder(Hold)
_viewing = msgspec.json.Decoder(Viewing)


def entry_of(thing: Keepable, keys: Keys, *, recorded: datetime, spilled: bool = False) -> Entry:
    """Return the entry that keeps a thing. Decisions and feedback have ids of their own, the others get one."""
    kind, name = _KINDS[type(thing)], _id(thing)
    packed, patient = _payload(thing)
    stated: dict[str, object] = {"kind": kind, "id": name, "recorded": recorded, "body": _body(thing)}
    if packed is not None:
        stated["payload"] = {"digest": packed.digest, "size": packed.size}
    if spilled:
        stated["spilled"] = True
    sealed = keys.seal(packed, about=name, patient=patient) if packed else None
    return Entry(kind, name, _encoder.encode(stated), sealed)


def content_of(content: bytes) -> Content:
    """Return the content of an entry. Raises msgspec.ValidationError or msgspec.DecodeError where it is none."""
    return _content.decode(content)


def decision_of(content: Content, contents: Contents | None = None) -> Decision:
    """Return the decision that an entry keeps, with its contents if they are given."""
    decision = _decision.decode(content.body)
    if contents is not None:
        object.__setattr__(decision, "contents", contents)
    return decision


def feedback_of(content: Content, comment: str | None = None) -> FeedbackRecord:
    """Return the feedback that an entry keeps, with its comment if it is given."""
    record = _feedback.decode(content.body)
    if comment is not None:
        object.__setattr__(record, "comment", comment)
    return record


def hold_of(content: Content, patient: str | None = None) -> Hold:
    """Return the legal hold that an entry keeps, with its patient if it is given."""
    hold = _hold.decode(content.body)
    return Hold(hold.reason, hold.exchange, patient)


def viewing_of(content: Content) -> Viewing:
    """Return the viewing that an entry keeps."""
    return _viewing.decode(content.body)


def contents_of(packed: bytes) -> Contents:
    """Return what a decision holds of the chart, from its packed parts."""
    return msgspec.convert(unpack(packed), Contents)


def _id(thing: Keepable) -> str:
    if isinstance(thing, Decision):
        return thing.exchange
    return thing.id if isinstance(thing, FeedbackRecord) else str(uuid4())


def _body(thing: Keepable) -> dict[str, object]:
    values = {one.name: getattr(thing, one.name) for one in fields(thing) if one.name not in _SEALED}
    return {name: value for name, value in values.items() if value is not None}


def _payload(thing: Keepable) -> tuple[Packed | None, str]:
    """Return what of a thing is sealed, and the patient it is found by."""
    match thing:
        case Decision(contents=Contents() as held):
            return pack((one.name, getattr(held, one.name)) for one in fields(held)), held.patient
        case FeedbackRecord(comment=str(comment)):
            return pack([("comment", comment)]), ""
        case Hold(patient=str(patient)):
            return pack([("patient", patient)]), ""
    return None, ""
