"""The store of a sandbox and of tests: in memory, and of bounded size."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Final
from uuid import uuid4

from cds_service.store.chain import Finding, Head, Link, hash_of, missing_heads, walk
from cds_service.store.entries import entry_of
from cds_service.store.errors import StoreUnavailable
from cds_service.store.model import Caller, Decision, Determined, FeedbackRecord, Viewing
from cds_service.store.payload import Keys
from cds_service.store.store import Filters, Kept, KeptFeedback, KeptViewing, Page, Receipt, State

__all__ = ["InMemoryStore"]

_NO_KEYS: Final = Keys()


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class _Held:
    link: Link
    thing: Decision | FeedbackRecord | Viewing
    recorded: datetime


class InMemoryStore:
    """The last `bound` decisions and reports of feedback; what is older is forgotten."""

    token_uses: None = None

    def __init__(self, bound: int = 1000, clock: Callable[[], datetime] = _now) -> None:
        """Hold nothing yet."""
        self._held: deque[_Held] = deque()
        self._ids: set[str] = set()
        self._bound = bound
        self._clock = clock
        self._forgotten = self._head = Head(str(uuid4()))
        self._policies: dict[str, tuple[datetime, bytes]] = {}
        self._lock = threading.Lock()
        self._closed = False

    async def append(self, decision: Decision) -> Receipt:
        """Keep a decision."""
        return self._keep(decision)

    def append_now(self, decision: Decision) -> Receipt:
        """Keep a decision."""
        return self._keep(decision)

    async def feedback(self, records: Sequence[FeedbackRecord]) -> tuple[Receipt, ...]:
        """Keep feedback."""
        return tuple(map(self._keep, records))

    def feedback_now(self, records: Sequence[FeedbackRecord]) -> tuple[Receipt, ...]:
        """Keep feedback."""
        return tuple(map(self._keep, records))

    def find(self, name: str, caller: Caller | None = None) -> Kept | None:
        """Return a decision with its contents."""
        mine = list(self.each(Filters(caller=caller)))
        named = (one for one in mine if one.decision.exchange == name)
        return next(chain(named, (one for one in mine if one.decision.id == name)), None)

    def search(self, filters: Filters, *, following: int | None = None, limit: int = 50) -> Page:
        """Return decisions, the latest first."""
        found = [one for one in self.each(filters) if following is None or one.position < following]
        latest = (replace(one, decision=replace(one.decision, contents=None)) for one in reversed(found))
        items = tuple(islice(latest, limit))
        return Page(items, items[-1].position if len(found) > limit else None)

    def each(self, filters: Filters) -> Iterator[Kept]:
        """Yield decisions with their contents, in the order of arrival."""
        for one in self._copy():
            if isinstance(one.thing, Decision) and _fulfils(one.thing, filters):
                at = one.link.sequence
                yield Kept(at, self._head.writer, at, one.link.hash, one.recorded, one.thing)

    def count(self, filters: Filters) -> int:
        """Return how many decisions there are."""
        return sum(1 for _ in self.each(filters))

    def count_outcomes(self, filters: Filters, outcomes: Iterable[str], *, most: int) -> Mapping[str, int]:
        """Return how many determinations there are of each outcome, `most` at most."""
        found = (one for kept in self.each(filters) for one in kept.decision.determined if _takes(filters, one))
        counts = Counter(one.outcome for one in found)
        return {one: min(counts[one], most) for one in outcomes}

    def feedback_kept(
        self, *, since: datetime | None = None, cards: Collection[str] | None = None
    ) -> Iterator[KeptFeedback]:
        """Yield feedback in the order of arrival."""
        for one in self._copy():
            record = one.thing
            if not isinstance(record, FeedbackRecord) or (cards is not None and record.card not in cards):
                continue
            if since is None or record.received >= since:
                yield KeptFeedback(record, self._determinations(record))

    async def viewed(self, viewing: Viewing) -> None:
        """Keep a viewing."""
        self._keep(viewing)

    def viewings(self, *, since: datetime | None = None, until: datetime | None = None) -> Iterator[KeptViewing]:
        """Yield who looked at what, in the order of arrival."""
        for one in self._copy():
            here = (since is None or one.recorded >= since) and (until is None or one.recorded < until)
            if here and isinstance(one.thing, Viewing):
                yield KeptViewing(one.link.entry, one.recorded, one.thing)

    def keep_policies(self, revision: str, package: bytes) -> None:
        """Keep a set of policies, once."""
        self._policies.setdefault(revision, (self._clock(), package))

    def policies_kept(self) -> Mapping[str, datetime]:
        """Return since when which sets of policies are kept."""
        return {revision: recorded for revision, (recorded, _) in self._policies.items()}

    def policies_of(self, revision: str) -> bytes | None:
        """Return the package that is kept under a revision."""
        return self._policies[revision][1] if revision in self._policies else None

    def heads(self) -> tuple[Head, ...]:
        """Return the last entry."""
        return (self._head,)

    def verify(
        self,
        *,
        anchors: Iterable[Head] = (),
        payloads: bool = True,  # noqa: ARG002 - in memory they are not sealed
        progress: Callable[[int], None] | None = None,
    ) -> Iterator[Finding]:
        """Yield what is wrong with the chain, as far as it is not forgotten."""
        held = self._copy()
        yield from walk((one.link for one in held), self._head, after=self._forgotten)
        if progress is not None:
            progress(len(held))
        hashes = {one.link.sequence: one.link.hash for one in held}
        remembered = (one for one in anchors if one.sequence > self._forgotten.sequence)
        yield from missing_heads(
            remembered, lambda one: hashes.get(one.sequence) if one.writer == self._head.writer else None
        )

    def state(self) -> State:
        """Return that it can be written."""
        return State(writable=not self._closed)

    def close(self) -> None:
        """Take no more."""
        self._closed = True

    def _keep(self, thing: Decision | FeedbackRecord | Viewing) -> Receipt:
        recorded = self._clock()
        entry = entry_of(thing, _NO_KEYS, recorded=recorded)
        with self._lock:
            if self._closed:
                raise StoreUnavailable("the store is closed")
            if entry.id in self._ids:
                return Receipt(entry.id, fresh=False)
            previous, at = self._head, self._head.sequence + 1
            current = hash_of(previous.writer, at, previous.hash, entry.content)
            self._held.append(_Held(Link(at, entry.id, entry.content, previous.hash, current), thing, recorded))
            self._ids.add(entry.id)
            self._head = Head(previous.writer, at, current)
            if len(self._held) > self._bound:
                oldest = self._held.popleft().link
                self._ids.discard(oldest.entry)
                self._forgotten = Head(previous.writer, oldest.sequence, oldest.hash)
        return Receipt(entry.id)

    def _copy(self) -> list[_Held]:
        with self._lock:
            return list(self._held)

    def _determinations(self, record: FeedbackRecord) -> tuple[str, ...]:
        given = self.each(Filters(caller=record.caller, card=record.card))
        cards = (card for one in given for card in one.decision.cards if card.uuid == record.card)
        return next((card.determinations for card in cards), ())


def _fulfils(decision: Decision, filters: Filters) -> bool:
    stated = (
        (decision.service, filters.service),
        (decision.hook, filters.hook),
        (decision.hook_instance, filters.hook_instance),
        (decision.caller, filters.caller),
        (decision.contents.patient if decision.contents else "", filters.patient),
        (decision.status >= 400, filters.failed),
    )
    return (
        all(value == wanted for value, wanted in stated if wanted is not None)
        and (filters.since is None or decision.received >= filters.since)
        and (filters.until is None or decision.received < filters.until)
        and (filters.card is None or any(card.uuid == filters.card for card in decision.cards))
        and _fulfils_one(decision, filters)
    )


def _fulfils_one(decision: Decision, filters: Filters) -> bool:
    wanted = (filters.policy, filters.code, filters.outcome, filters.determination)
    return wanted == (None,) * len(wanted) or any(_takes(filters, one) for one in decision.determined)


def _takes(filters: Filters, one: Determined) -> bool:
    stated = (
        (filters.policy, one.policy.canonical),
        (filters.code, one.code),
        (filters.outcome, one.outcome),
        (filters.determination, one.id),
    )
    return all(wanted in (None, value) for wanted, value in stated)
