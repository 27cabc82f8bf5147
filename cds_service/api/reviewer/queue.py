"""The queue: determinations by outcome, the latest first, filtered and counted, a page at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias
from urllib.parse import urlencode

from cds_service.api.reviewer.refusal import Refusal
from cds_service.necessity.model import Outcome
from cds_service.store.model import Caller, Determined
from cds_service.store.reviews import Review, reviews_by_subject, standing_of, subject_of
from cds_service.store.store import Filters, Kept, Store

__all__ = ["Asked", "asked_of", "queue"]

Reviews: TypeAlias = Mapping[str, tuple[Review, ...]]

_ROWS: Final = 50
_LOOKED_THROUGH: Final = 500
"""Exchanges that are looked through for one page where few of them fit."""
_DAYS_COUNTED: Final = 30
_COUNTED_TO: Final = 10_000
_STANDINGS: Final = ("open", "agreed", "disagreed")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a reader asked for; empty where anything will do. `client` is `issuer|tenant`, `until` the last day."""

    outcome: str = ""
    policy: str = ""
    code: str = ""
    client: str = ""
    review: str = ""
    since: str = ""
    until: str = ""
    following: int | None = None

    def url(self, path: str = "/review", **changed: object) -> str:
        """Return the address of the queue as asked for, with some of it changed."""
        stated = {name: getattr(self, name) for name in self.__slots__} | changed
        query = urlencode({name: value for name, value in stated.items() if value not in ("", None)})
        return f"{path}?{query}" if query else path

    @property
    def filters(self) -> Filters:
        """Return what the store is asked for. Raises Refusal."""
        issuer, _, tenant = self.client.rpartition("|")
        return Filters(
            since=_day(self.since) if self.since else None,
            until=_day(self.until, after=1) if self.until else None,
            caller=Caller(issuer, tenant) if self.client else None,
            policy=self.policy or None,
            code=self.code or None,
            outcome=self.outcome or None,
        )

    def takes(self, one: Determined) -> bool:
        """Return whether a determination of an exchange that was found is one of those asked for."""
        stated = ((one.outcome, self.outcome), (one.policy.canonical, self.policy), (one.code, self.code))
        return all(wanted in ("", value) for value, wanted in stated)


_TEXTS: Final = ("outcome", "policy", "code", "client", "review", "since", "until")


def asked_of(query: Mapping[str, str]) -> Asked:
    """Return what the query of an address asks for. Raises Refusal."""
    outcome, policy, code, client, review, since, until = (query.get(name, "").strip() for name in _TEXTS)
    following = query.get("following", "")
    asked = Asked(outcome, policy, code, client, review, since, until)
    if asked.outcome and asked.outcome not in tuple(Outcome):
        raise _not_understood("outcome", ", ".join(Outcome))
    if asked.review and asked.review not in _STANDINGS:
        raise _not_understood("review", ", ".join(_STANDINGS))
    if following and not (following.isascii() and following.isdecimal() and len(following) < 19):
        raise _not_understood("following", "a number, as the page before names it")
    _ = asked.filters
    return replace(asked, following=int(following)) if following else asked


def queue(store: Store, asked: Asked, *, now: datetime) -> dict[str, Any]:
    """Return a page of the queue: `items`, `counts` by outcome, and in `next` the address of what follows.

    What is counted is of the days asked for, or else of the last 30: a store may hold the decisions of years. A count
    above `countedTo` says that there are more than that.
    """
    items, following = _rows(store, asked)
    since = asked.filters.since or now - timedelta(days=_DAYS_COUNTED)
    counted = replace(asked.filters, since=since, outcome=None)
    return {
        "asked": {name: getattr(asked, name) for name in asked.__slots__},
        "counts": store.count_outcomes(counted, map(str, Outcome), most=_COUNTED_TO + 1),
        "countedTo": _COUNTED_TO,
        "items": items,
        "next": asked.url(following=following) if following is not None else None,
    }


def _rows(store: Store, asked: Asked) -> tuple[list[dict[str, Any]], int | None]:
    rows: list[dict[str, Any]] = []
    looked, following = 0, asked.following
    while True:
        page = store.search(asked.filters, following=following, limit=_ROWS)
        reviews = _reviews(store, page.items)
        for kept in page.items:
            rows += _rows_of(kept, reviews, asked)
            looked, following = looked + 1, kept.position
            if len(rows) >= _ROWS or looked >= _LOOKED_THROUGH:
                more = page.following is not None or kept is not page.items[-1]
                return rows, following if more else None
        if page.following is None:
            return rows, None


def _reviews(store: Store, items: Iterable[Kept]) -> Reviews:
    subjects = {subject_of(kept.decision.caller, one.id) for kept in items for one in kept.decision.determined}
    return reviews_by_subject(store, subjects)


def _rows_of(kept: Kept, reviews: Reviews, asked: Asked) -> Iterator[dict[str, Any]]:
    decision = kept.decision
    for one in decision.determined:
        if not asked.takes(one):
            continue
        standing = standing_of(reviews.get(subject_of(decision.caller, one.id), ()))
        if asked.review in ("", standing):
            yield {
                "exchange": decision.exchange,
                "determination": one.id,
                "received": decision.received.isoformat(timespec="seconds"),
                "outcome": one.outcome,
                "kind": one.kind,
                "code": one.code,
                "policy": one.policy.canonical,
                "version": one.policy.version,
                "hook": decision.hook,
                "client": f"{decision.caller.issuer}|{decision.caller.tenant}" if decision.caller.issuer else None,
                "review": standing,
                "purged": kept.purged,
                "url": f"/review/{decision.exchange}#d-{one.id}",
            }


def _day(text: str, *, after: int = 0) -> datetime:
    try:
        if len(text) != len("2026-01-15"):
            raise ValueError
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC) + timedelta(days=after)
    except (ValueError, OverflowError):
        raise _not_understood("since and until", "days such as 2026-01-15") from None


def _not_understood(name: str, wanted: str) -> Refusal:
    return Refusal(400, "invalid", f"`{name}` takes {wanted}")
