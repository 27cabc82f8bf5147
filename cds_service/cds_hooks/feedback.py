"""Feedback: what became of a card.

Source: CDS Hooks 2.0.1, Feedback.
"""

import re
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema, model_validator

from cds_service.cds_hooks.errors import ProtocolError
from cds_service.cds_hooks.message import Message, Text
from cds_service.cds_hooks.response import Coding

__all__ = ["AcceptedSuggestion", "Feedback", "FeedbackEntry", "OverrideReason", "parse_feedback"]

DATE_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d):(\d\d)(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)",
    re.ASCII | re.IGNORECASE,
)
"""RFC 3339, section 5.6, date-time, to the nanosecond."""

LEAP_SECOND = "60"


def _timestamp(value: str) -> str:
    parts = DATE_TIME.fullmatch(value)
    if not parts or not _is_on_the_calendar(parts[1], parts[2], parts[3]):
        raise ProtocolError("", "must be a date and time as in RFC 3339, such as 1985-04-12T23:20:50.52Z")
    return value


def _is_on_the_calendar(date: str, minute: str, second: str) -> bool:
    """Tell whether the moment exists; a leap second may, and datetime knows none."""
    try:
        datetime.fromisoformat(f"{date}T{minute}:{'59' if second == LEAP_SECOND else second}+00:00")
    except ValueError:
        return False
    return True


Timestamp = Annotated[str, AfterValidator(_timestamp), WithJsonSchema({"type": "string", "format": "date-time"})]


class AcceptedSuggestion(Message):
    """A suggestion the clinician took; `id` is its uuid."""

    id: Text


class OverrideReason(Message):
    """Why a card was dismissed: a listed reason, a comment, or both.

    A reason comes back without its display from some clients.
    """

    reason: Coding | None = None
    user_comment: str | None = None


class FeedbackEntry(Message):
    """What became of one card; `card` is its uuid.

    `outcome_timestamp` is as sent. The same card may be reported again.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"outcome": {"const": "accepted"}}},
            "then": {"required": ["acceptedSuggestions"], "properties": {"acceptedSuggestions": {"minItems": 1}}},
        }
    )

    card: Annotated[Text, Field(max_length=256)]
    outcome: Literal["accepted", "overridden"]
    accepted_suggestions: tuple[AcceptedSuggestion, ...] = ()
    override_reason: OverrideReason | None = None
    outcome_timestamp: Timestamp

    @model_validator(mode="after")
    def _says_what_was_accepted(self) -> Self:
        """Source: Feedback, acceptedSuggestions, "Required for `accepted` outcomes"."""
        if self.outcome == "accepted" and not self.accepted_suggestions:
            raise ProtocolError("acceptedSuggestions", "is required when the outcome is accepted")
        return self


class Feedback(Message):
    """The body of a feedback call: one entry or more, of any cards."""

    entries: Annotated[tuple[FeedbackEntry, ...], Field(min_length=1)] = Field(alias="feedback")


def parse_feedback(body: object) -> Feedback:
    """Return the feedback in a decoded JSON body; raises `ProtocolError` where it is none."""
    return Feedback.read(body)
