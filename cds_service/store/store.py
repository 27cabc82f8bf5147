"""What a store does, whichever database is behind it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from cds_service.store.chain import Finding, Head
from cds_service.store.model import Caller, Decision, FeedbackRecord, Viewing

__all__ = ["Filters", "Kept", "KeptFeedback", "KeptViewing", "Page", "Receipt", "State", "Store", "TokenUses"]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was given is kept, under this id. `fresh` is False where it was there already.

    `spilled`: it is in the spill file, for the database was away, and goes into the database later.
    """

    id: str
    fresh: bool = True
    spilled: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """A decision with its place: `position` in the order of arrival, and its entry in a writer's chain."""

    position: int
    writer: str
    sequence: int
    hash: str
    recorded: datetime
    decision: Decision
    purged: bool = False


@dataclass(frozen=True, slots=True)
class KeptFeedback:
    """Feedback, and which determinations its card was about; none where no such card is known of that caller."""

    record: FeedbackRecord
    determinations: tuple[str, ...]

    @property
    def known(self) -> bool:
        """Return whether the card is one that was given to this caller."""
        return bool(self.determinations)


@dataclass(frozen=True, slots=True)
class KeptViewing:
    """A viewing, the id of its entry, and when it was recorded."""

    id: str
    recorded: datetime
    viewing: Viewing


@dataclass(frozen=True, slots=True)
class Filters:
    """Which decisions: those that fulfil all that is not None. Times are of receipt, `until` not included."""

    since: datetime | None = None
    until: datetime | None = None
    caller: Caller | None = None
    service: str | None = None
    hook: str | None = None
    hook_instance: str | None = None
    policy: str | None = None
    code: str | None = None
    outcome: str | None = None
    determination: str | None = None
    card: str | None = None
    patient: str | None = None
    failed: bool | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Decisions, without contents; `following` continues the list, None where it ends."""

    items: tuple[Kept, ...]
    following: int | None = None


@dataclass(frozen=True, slots=True)
class State:
    """How a store is, for readiness and metrics. `spilled` entries wait in spill files: an alarm while there are any.

    `damaged` counts lines of spill files that cannot be read; `fault` names what keeps it from writing. `head` is the
    last entry that this process committed to a database, None before the first.
    """

    writable: bool
    queued: int = 0
    spilled: int = 0
    damaged: int = 0
    fault: str | None = None
    head: Head | None = None


class TokenUses(Protocol):
    """What remembers the tokens of clients for all processes that share a database."""

    async def first_use(self, iss: str, jti: str, expires: float) -> bool:
        """Return whether a token was not seen before, and remember it. Raises StoreUnavailable."""
        ...


class Store(Protocol):
    """Decisions and feedback, added and never changed."""

    @property
    def token_uses(self) -> TokenUses | None:
        """Return what remembers tokens; None where each process has to do that itself."""

    async def append(self, decision: Decision) -> Receipt:
        """Return once the decision is kept: a response may leave then. Raises StoreUnavailable."""

    def append_now(self, decision: Decision) -> Receipt:
        """Do the same where there is no event loop."""

    async def feedback(self, records: Sequence[FeedbackRecord]) -> tuple[Receipt, ...]:
        """Return once the feedback is kept, unknown cards included. Raises StoreUnavailable."""

    def feedback_now(self, records: Sequence[FeedbackRecord]) -> tuple[Receipt, ...]:
        """Do the same where there is no event loop."""

    def find(self, name: str, caller: Caller | None = None) -> Kept | None:
        """Return the decision of an exchange, or the first of a decision's id, with its contents unless purged.

        With `caller`, only one of theirs. Raises Unreadable where no key at hand opens the contents.
        """

    def search(self, filters: Filters, *, following: int | None = None, limit: int = 50) -> Page:
        """Return decisions, the latest first."""

    def each(self, filters: Filters) -> Iterator[Kept]:
        """Yield decisions with their contents, in the order of arrival."""

    def count(self, filters: Filters) -> int:
        """Return how many decisions there are."""

    def count_outcomes(self, filters: Filters, outcomes: Iterable[str], *, most: int) -> Mapping[str, int]:
        """Return how many determinations there are of each outcome; of more than `most` only that many are counted.

        Times hold for the order of arrival: what came between the first and the last of the time asked for counts.
        """

    def feedback_kept(
        self, *, since: datetime | None = None, cards: Collection[str] | None = None
    ) -> Iterator[KeptFeedback]:
        """Yield feedback in the order of arrival, on these cards or on all."""

    async def viewed(self, viewing: Viewing) -> None:
        """Return once it is kept that somebody looks: what they look at is given then. Raises StoreUnavailable."""

    def viewings(self, *, since: datetime | None = None, until: datetime | None = None) -> Iterator[KeptViewing]:
        """Yield who looked at what, in the order of the chain; `until` is not included."""

    def keep_policies(self, revision: str, package: bytes) -> None:
        """Keep a set of policies under its revision, as a FHIR package, once. Raises StoreUnavailable."""

    def policies_kept(self) -> Mapping[str, datetime]:
        """Return since when which sets of policies are kept, by revision, the first ones first."""

    def policies_of(self, revision: str) -> bytes | None:
        """Return the package that is kept under a revision; None where none is."""

    def heads(self) -> tuple[Head, ...]:
        """Return the last entry of each writer: noted elsewhere, they prove later that nothing before was lost."""

    def verify(
        self,
        *,
        anchors: Iterable[Head] = (),
        payloads: bool = True,
        progress: Callable[[int], None] | None = None,
    ) -> Iterator[Finding]:
        """Yield all that is wrong with what is kept; nothing if all is as it was stored.

        `anchors` are heads noted earlier; `progress` hears how many entries were looked at.
        """

    def state(self) -> State:
        """Return how the store is, without asking the database."""

    def close(self) -> None:
        """Keep what is still waiting, and end."""
