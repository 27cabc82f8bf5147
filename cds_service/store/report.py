"""Feedback counted: what became of the cards of each policy and criterion, and why they were overridden."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cds_service.fhir.encoding import decode
from cds_service.plan_definition.profile import Role
from cds_service.store.reviews import is_review
from cds_service.store.store import Filters, KeptFeedback, Store

__all__ = ["Counted", "count_feedback"]


@dataclass(frozen=True, slots=True, order=True)
class Counted:
    """How often one outcome, for one reason, was reported of cards about a policy and a criterion.

    `criterion` is one that kept it from being met; empty where none did, or it is not known any more. `policy` is
    `canonical|version`, empty for a card that is not known. `reason` is `system|code`, empty where none was given.
    """

    policy: str
    criterion: str
    determined: str
    feedback: str
    reason: str
    count: int


def count_feedback(store: Store, *, since: datetime | None = None) -> tuple[Counted, ...]:
    """Return the counts, by policy. A card on several determinations counts once for each criterion of each policy."""
    counts = Counter[tuple[str, str, str, str, str]]()
    for kept in store.feedback_kept(since=since):
        if is_review(kept.record):
            continue
        reason = "|".join(kept.record.reason or ())
        counts.update({(*about, kept.record.outcome, reason) for about in _subjects(store, kept)})
    return tuple(sorted(Counted(*key, count) for key, count in counts.items()))


def _subjects(store: Store, kept: KeptFeedback) -> Iterator[tuple[str, str, str]]:
    """Yield policy, criterion that was not fulfilled, and outcome of each determination that a card was about."""
    if not kept.known:
        yield "", "", ""
    for name in kept.determinations:
        found = store.search(Filters(caller=kept.record.caller, determination=name), limit=1).items
        whole = store.find(found[0].decision.exchange) if found else None
        if whole is None:
            continue
        one = next(one for one in whole.decision.determined if one.id == name)
        contents = whole.decision.contents
        report: Any = decode(contents.determinations) if contents is not None and contents.determinations else {}
        stated = next((found for found in report.get("determinations", ()) if found["id"] == name), {"criteria": ()})
        for criterion in _unfulfilled(stated["criteria"]) or ("",):
            yield str(one.policy), criterion, one.outcome


def _unfulfilled(criteria: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the criteria, groups aside, that are not in a state in which they let the determination be met."""
    groups = {one["parent"] for one in criteria}
    return [
        one["id"]
        for one in criteria
        if one["id"] not in groups and one["state"] not in _FULFILLED.get(one["role"], (one["state"],))
    ]


_FULFILLED: Final[Mapping[str, tuple[str, ...]]] = {
    Role.SCOPE: ("true",),
    Role.REQUIRED: ("true",),
    Role.ALTERNATIVE: ("true",),
    Role.CODE_FIT: ("true",),
    Role.EXCLUSION: ("false",),
    Role.CODE_CONFLICT: ("false", "unknown"),
}
