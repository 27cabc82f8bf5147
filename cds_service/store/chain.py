"""The hash chain: each writer's entries are numbered, and each bears the hash of the one before.

A writer is one process of the service. Its first entry names the last ones of the writers before it, so that a
writer that is gone altogether is missed, too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Final

__all__ = ["GENESIS", "Fault", "Finding", "Head", "Link", "hash_of", "missing_heads", "tips", "walk"]

GENESIS: Final = "0" * 64
"""What the first entry of a chain has for the hash of the one before."""

_MANY: Final = 64
"""Entries among which a cause is looked for, beyond the one at hand."""


class Fault(StrEnum):
    """What can be wrong with what is kept."""

    CHANGED = "changed"
    MISSING = "missing"
    REORDERED = "reordered"
    FORK = "fork"
    PAYLOAD_CHANGED = "payload-changed"
    PAYLOAD_MISSING = "payload-missing"
    PAYLOAD_UNREADABLE = "payload-unreadable"
    INDEX_DIFFERS = "index-differs"
    DAMAGED = "damaged"
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault and the entry it was found at: by writer and sequence, and by its id where it still has one."""

    fault: Fault
    writer: str
    sequence: int
    entry: str | None = None
    detail: str = ""

    def __str__(self) -> str:
        """Return one line."""
        place = f"entry {self.sequence} of writer {self.writer}" if self.writer else "the database"
        named = f" ({self.entry})" if self.entry else ""
        return f"{self.fault}: {place}{named}" + (f": {self.detail}" if self.detail else "")


@dataclass(frozen=True, slots=True)
class Link:
    """An entry in its place in a chain."""

    sequence: int
    entry: str
    content: bytes
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry of a writer. Kept elsewhere, it proves later that nothing up to it was changed or lost."""

    writer: str
    sequence: int = 0
    hash: str = GENESIS


def hash_of(writer: str, sequence: int, previous: str, content: bytes) -> str:
    """Return the hash of an entry: SHA-256 over writer, sequence, the hash before, and the hash of the content."""
    return sha256(f"{writer}\n{sequence}\n{previous}\n{sha256(content).hexdigest()}".encode()).hexdigest()


def walk(links: Iterable[Link], head: Head, *, after: Head | None = None) -> Iterator[Finding]:
    """Yield what is wrong with the chain of a writer, its links by sequence, and `head` the last that it should have.

    It begins with the first entry, or behind `after`. An entry put in another's place is told from a changed one by
    its hash, which still is that of its own place.
    """
    writer, start = head.writer, after or Head(head.writer)
    last, odd = Link(start.sequence, "", b"", "", start.hash), list[Link]()
    recent = deque[Link](maxlen=_MANY)
    for link in links:
        sound = link.hash == hash_of(writer, link.sequence, link.previous, link.content)
        if not sound:
            odd.append(link)
        if link.sequence == last.sequence:
            yield Finding(Fault.FORK, writer, link.sequence, link.entry, "two entries have this place")
        elif link.sequence > last.sequence + 1:
            yield _gap(writer, last.sequence, link.sequence)
        elif link.previous != last.hash and sound and last not in odd[-1:]:
            yield _broken(writer, recent, last, link)
        recent.append(link)
        last = link
    yield from _told(writer, odd)
    if head.sequence > last.sequence:
        yield _gap(writer, last.sequence, head.sequence + 1)
    elif (head.sequence, head.hash) != (last.sequence, last.hash) and last not in odd[-1:]:
        yield Finding(Fault.CHANGED, writer, last.sequence, last.entry or None, "the writer noted another hash for it")


def missing_heads(heads: Iterable[Head], hash_at: Callable[[Head], str | None]) -> Iterator[Finding]:
    """Yield the heads, noted earlier, whose entry is gone or another; `hash_at` gives the hash at their place now."""
    for head in heads:
        found = hash_at(head)
        if head.sequence and found != head.hash:
            fault = Fault.MISSING if found is None else Fault.CHANGED
            yield Finding(fault, head.writer, head.sequence, None, "it was noted with another hash" if found else "")


def tips(heads: Sequence[Head], named: Iterable[Head]) -> tuple[Head, ...]:
    """Return the heads that no entry names yet, in their order."""
    known = {(one.writer, one.sequence) for one in named}
    return tuple(one for one in heads if one.sequence and (one.writer, one.sequence) not in known)


def _gap(writer: str, before: int, after: int) -> Finding:
    count = after - before - 1
    return Finding(Fault.MISSING, writer, before + 1, None, "" if count == 1 else f"{count} entries, to {after - 1}")


def _broken(writer: str, recent: Iterable[Link], last: Link, link: Link) -> Finding:
    for one in recent:
        if one.previous == link.previous:
            return Finding(
                Fault.FORK, writer, link.sequence, link.entry, f"it follows the same as entry {one.sequence}"
            )
    return Finding(Fault.CHANGED, writer, last.sequence, last.entry or None, "the next entry names another hash for it")


def _told(writer: str, odd: Sequence[Link]) -> Iterator[Finding]:
    """Yield entries whose hash is not that of their place: moved here from another's place, or changed."""
    places = [one.sequence for one in odd]
    for link in odd:
        near = places if len(odd) <= _MANY else range(link.sequence - 2, link.sequence + 3)
        home = next((at for at in near if link.hash == hash_of(writer, at, link.previous, link.content)), None)
        if home is None:
            yield Finding(Fault.CHANGED, writer, link.sequence, link.entry)
        else:
            yield Finding(Fault.REORDERED, writer, link.sequence, link.entry, f"it was written as entry {home}")
