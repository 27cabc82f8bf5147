"""The reason of an answer in words: the code, the result, what it turns on, under which policy, on which conditions."""

from __future__ import annotations

from collections.abc import Iterator

from cds_service.crd.answers import Answer
from cds_service.crd.coverage_information import StatedReason
from cds_service.necessity.model import Determination, Outcome
from cds_service.necessity.reading import deciding, open_questions
from cds_service.necessity.wording import printable, stamp_of
from cds_service.plan_definition.profile import Reason

__all__ = ["reason_of"]

_MOST_NAMED = 10


def reason_of(determination: Determination, answer: Answer) -> StatedReason:
    """Return why a determination is answered so. What no clinician approved says so first."""
    named = list(dict.fromkeys(printable(one) for one in _turns_on(determination, answer)))
    more = f"; and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
    listed = f": {'; '.join(named[:_MOST_NAMED])}{more}" if named else ""
    conditions = "".join(f" Condition: {printable(note.text)}" for note in determination.conditions)
    stamp = stamp_of(determination)
    text = (
        f"{stamp + '. ' if stamp else ''}{printable(determination.order.code)}: {answer.says}{listed} "
        f"(policy {determination.plan.reference}).{conditions}"
    )
    return StatedReason(text, answer.code)


def _turns_on(determination: Determination, answer: Answer) -> Iterator[str]:
    """Yield each criterion that is open, or that failed with what the policy says of it."""
    if determination.outcome is Outcome.NOT_EVALUATED and determination.refusal is not None:
        yield determination.refusal.reason
    if determination.outcome is Outcome.INFORMATION_MISSING:
        failed = answer.code is not None
        for one in open_questions(determination):
            if not failed or one.reason is Reason.UNREADABLE:
                yield one.criterion.title
    for one in deciding(determination):
        yield f"{one.criterion.title} - {one.text}" if one.text else one.criterion.title
