"""Two charts of the latest decisions: outcomes day by day, and what was missing most often. Geometry, no drawing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from cds_service.fhir.encoding import decode
from cds_service.necessity.model import Outcome
from cds_service.plan_definition.policies import Policies
from cds_service.store.errors import Unreadable
from cds_service.store.store import Filters, Kept, Store

__all__ = ["charts"]

_EXCHANGES: Final = 2000
_READ: Final = 100
_DAYS: Final = 30
_MISSING: Final = 12
HEIGHT, STEP, WIDTH = 160, 22, 300


def charts(store: Store, policies: Policies) -> dict[str, Any]:
    """Return both charts: counts for a table, and the bars that show them.

    Outcomes are of the last 2,000 exchanges; what was missing is of the last 100 to which information was missing.
    """
    latest = list(_latest(store, Filters(), _EXCHANGES))
    return {
        "exchanges": len(latest),
        "days": _days(latest),
        "missing": _missing(store, policies),
    }


def _days(latest: list[Kept]) -> list[dict[str, Any]]:
    """Return the last days on which anything was determined, the earliest first."""
    counts: dict[str, Counter[str]] = {}
    for kept in latest:
        day = kept.decision.received.date().isoformat()
        counts.setdefault(day, Counter()).update(one.outcome for one in kept.decision.determined)
    days = sorted(day for day, count in counts.items() if count)[-_DAYS:]
    most = max((counts[day].total() for day in days), default=1)
    return [
        {"day": day, "counts": _told(counts[day]), "bars": list(_stacked(counts[day], i * STEP, HEIGHT / most))}
        for i, day in enumerate(days)
    ]


def _told(count: Counter[str]) -> dict[str, int]:
    return {str(one): count[one] for one in Outcome}


def _stacked(count: Counter[str], x: float, scale: float) -> Iterator[dict[str, Any]]:
    """Yield the bars of a day, one on the other, from the ground."""
    top = float(HEIGHT)
    for one in Outcome:
        height = count[one] * scale
        if height:
            top -= height
            yield {"outcome": str(one), "x": x, "y": round(top, 2), "height": round(height, 2)}


def _missing(store: Store, policies: Policies) -> list[dict[str, Any]]:
    titles = {(plan.canonical, one.id): one.title for plan in policies.plans for one in plan.walk()}
    counts = Counter(_missing_in(store))
    most = max(counts.values(), default=1)
    return [
        {
            "policy": policy,
            "criterion": criterion,
            "title": titles.get((policy, criterion), criterion),
            "count": count,
            "width": round(count * WIDTH / most, 2),
            "y": i * STEP,
        }
        for i, ((policy, criterion), count) in enumerate(counts.most_common(_MISSING))
    ]


def _missing_in(store: Store) -> Iterator[tuple[str, str]]:
    """Yield policy and criterion of every question that kept a determination open."""
    for kept in _latest(store, Filters(outcome=Outcome.INFORMATION_MISSING), _READ):
        try:
            whole = store.find(kept.decision.exchange)
        except Unreadable:
            continue
        contents = whole.decision.contents if whole else None
        report: Any = decode(contents.determinations) if contents is not None and contents.determinations else {}
        for one in report.get("determinations", ()):
            if one["outcome"] == Outcome.INFORMATION_MISSING:
                asked = (criterion["id"] for criterion in one["criteria"] if criterion["missing"])
                yield from ((one["policy"]["canonical"], name) for name in asked)


def _latest(store: Store, filters: Filters, most: int) -> Iterator[Kept]:
    following: int | None = None
    left = most
    while left > 0:
        page = store.search(filters, following=following, limit=min(left, 200))
        yield from page.items
        left -= len(page.items)
        following = page.following
        if following is None:
            return
