"""From the content of an entry to the rows it is found by: written with it, and compared by `verify`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Table

from cds_service.store import tables
from cds_service.store.entries import Content, Purge, decision_of, feedback_of
from cds_service.store.model import Decision, FeedbackRecord

__all__ = ["column_text", "moment", "rows_of"]

Row = dict[str, Any]


def rows_of(content: Content, writer: int, sequence: int) -> Iterator[tuple[Table, Row]]:
    """Yield the rows of an entry that stands at a writer's sequence, each with its table."""
    place = {"writer": writer, "sequence": sequence}
    match content.kind:
        case "decision":
            decision = decision_of(content)
            yield tables.decision, place | _decision(decision)
            for ordinal, one in enumerate(decision.determined):
                yield (
                    tables.determination,
                    place
                    | {
                        "ordinal": ordinal,
                        "id": one.id,
                        "policy": one.policy.canonical,
                        "version": one.policy.version,
                        "system": column_text(one.system),
                        "code": column_text(one.code),
                        "outcome": one.outcome,
                    },
                )
            for uuid in dict.fromkeys(one.uuid for one in decision.cards):
                yield tables.card, place | {"uuid": uuid}
        case "feedback":
            yield tables.feedback, place | _feedback(feedback_of(content))
        case "purge":
            by = {"by_writer": writer, "by_sequence": sequence}
            for subject, at in msgspec.json.decode(content.body, type=Purge).subjects:
                yield tables.purged, {"writer": subject, "sequence": at} | by


def moment(time: datetime) -> str:
    """Return a time as the tables hold it: UTC, to the microsecond, in text that sorts by time."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def column_text(value: str) -> str:
    """Return text that a column of either database holds: PostgreSQL's has no U+0000."""
    return value.replace("\0", "\ufffd")


def _decision(one: Decision) -> Row:
    return {
        "exchange": one.exchange,
        "id": one.id,
        "received": moment(one.received),
        "service": column_text(one.service),
        "hook": column_text(one.hook),
        "hook_instance": column_text(one.hook_instance),
        "issuer": column_text(one.caller.issuer),
        "tenant": column_text(one.caller.tenant),
        "status": one.status,
    }


def _feedback(one: FeedbackRecord) -> Row:
    return {
        "issuer": column_text(one.caller.issuer),
        "tenant": column_text(one.caller.tenant),
        "card": column_text(one.card),
        "outcome": one.outcome,
        "timestamp": one.timestamp,
    }
