"""Decisions for other systems: FHIR as NDJSON, and a table as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Final

from cds_service.fhir.encoding import encode
from cds_service.store.fhir_views import fhir_views
from cds_service.store.projection import moment
from cds_service.store.store import Kept

__all__ = ["COLUMNS", "to_csv", "to_ndjson"]

COLUMNS: Final = (
    "exchange",
    "decision",
    "received",
    "service",
    "hook",
    "issuer",
    "tenant",
    "status",
    "mode",
    "engine",
    "as_of",
    "determination",
    "policy",
    "version",
    "hash",
    "system",
    "code",
    "outcome",
    "kind",
)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def to_ndjson(decisions: Iterable[Kept]) -> Iterator[bytes]:
    """Yield lines: a GuidanceResponse and a Provenance per determination, and an AuditEvent per exchange."""
    for kept in decisions:
        for resource in fhir_views(kept):
            yield encode(resource) + b"\n"


def to_csv(decisions: Iterable[Kept]) -> Iterator[str]:
    """Yield lines: the names of the columns, then one per determination, or one for an exchange without any.

    They hold nothing of a chart beyond the ordered codes. A cell that a spreadsheet would take for a formula begins
    with an apostrophe.
    """
    yield _line(COLUMNS)
    for kept in decisions:
        yield from map(_line, _rows(kept))


def _rows(kept: Kept) -> Iterator[tuple[object, ...]]:
    one = kept.decision
    named = (one.exchange, one.id, moment(one.received), one.service, one.hook)
    exchange = (*named, one.caller.issuer, one.caller.tenant, one.status, one.mode, one.engine, one.as_of)
    for found in one.determined:
        policy = found.policy
        judged = (policy.canonical, policy.version, policy.hash, found.system, found.code, found.outcome, found.kind)
        yield (*exchange, found.id, *judged)
    if not one.determined:
        yield (*exchange, *(None for _ in COLUMNS[len(exchange) :]))


def _line(cells: Iterable[object]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerow([_cell(one) for one in cells])
    return written.getvalue()


def _cell(value: object) -> object:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
