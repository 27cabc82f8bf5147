"""What reviewers say of determinations: kept as feedback is, beside them, so that no determination is ever changed.

A review is a FeedbackRecord with an outcome that no EHR can report (CDS Hooks knows `accepted` and `overridden`). So it
is appended to the same hash chain, its reason sealed as a chart is, and every store can keep it as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal
from uuid import NAMESPACE_URL, uuid5

from cds_service.fhir.encoding import canonical
from cds_service.plan_definition.profile import CANONICAL_BASE
from cds_service.store.model import Caller, FeedbackRecord
from cds_service.store.store import Store

__all__ = [
    "REVIEWED",
    "Review",
    "is_review",
    "record_of",
    "reviews_by_subject",
    "reviews_of",
    "standing_of",
    "subject_of",
]

REVIEWED: Final = ("agreed", "disagreed")
_ISSUER: Final = "urn:cds-service:reviewer"
_SERVICE: Final = "review"

Standing = Literal["open", "agreed", "disagreed"]


@dataclass(frozen=True, slots=True)
class Review:
    """What a person said of a determination, and when."""

    by: str
    outcome: str
    when: str
    reason: str

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {"by": self.by, "outcome": self.outcome, "when": self.when, "reason": self.reason or None}


def subject_of(caller: Caller, determination: str) -> str:
    """Return what a review is about: a determination as one client got it, however often it did."""
    parts = canonical([caller.issuer, caller.tenant, determination]).decode()
    return str(uuid5(NAMESPACE_URL, f"{CANONICAL_BASE}/reviewed/{parts}"))


def record_of(subject: str, by: str, outcome: str, reason: str, *, made: int, received: datetime) -> FeedbackRecord:
    """Return what is kept of a review. The same form, made at `made` (in ms since 1970), is one record."""
    return FeedbackRecord(
        caller=Caller(_ISSUER, by),
        service=_SERVICE,
        card=subject,
        outcome=outcome,
        timestamp=datetime.fromtimestamp(made / 1000, UTC).isoformat(timespec="milliseconds"),
        received=received,
        comment=reason or None,
    )


def is_review(record: FeedbackRecord) -> bool:
    """Return whether a record is a reviewer's, not an EHR's report on a card."""
    return record.service == _SERVICE and record.caller.issuer == _ISSUER


def reviews_of(store: Store, subject: str) -> tuple[Review, ...]:
    """Return what was said of a determination, in the order in which the forms were given out."""
    return reviews_by_subject(store, [subject]).get(subject, ())


def reviews_by_subject(store: Store, subjects: Collection[str]) -> Mapping[str, tuple[Review, ...]]:
    """Return what was said of determinations, by subject; of which nothing was said is left out."""
    kept = filter(is_review, (one.record for one in store.feedback_kept(cards=subjects)))
    found: dict[str, tuple[Review, ...]] = {}
    for one in sorted(kept, key=lambda one: one.timestamp):
        review = Review(one.caller.tenant, one.outcome, one.timestamp, one.comment or "")
        found[one.card] = (*found.get(one.card, ()), review)
    return found


def standing_of(reviews: Iterable[Review]) -> Standing:
    """Return what the last word of each reviewer comes to: one who disagrees outweighs those who agree."""
    last = {one.by: one.outcome for one in reviews}.values()
    return "disagreed" if "disagreed" in last else "agreed" if "agreed" in last else "open"
