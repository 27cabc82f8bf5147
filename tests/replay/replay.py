"""One request of the corpus, what it must be answered, and how such are written down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cds_service.fhir.encoding import encode
from tests.replay.clients import edit, ehr

MET, MISSING, NOT_MET = "criteria met", "information missing", "criteria not met on record"
MET_IN_PART = "criteria met on what was read"
OUTSIDE = "outside this policy"
NO_CODE, OTHER_PATIENT, NOT_READ = "no readable code", "names another patient", "could not be read"
OTHER_KIND = "of a kind that is not evaluated"
O1, O2 = "ServiceRequest/o1 replace", "ServiceRequest/o2 refit"
DRAFT = "context.draftOrders.entry.0.resource"

REFUSALS = {400: ("hook-9", "hook-10", "hook-13"), 412: ("P6", "P10", "hook-10"), 413: ("hook-10",)}
"""What a status of refusal shows."""

Answer = Mapping[str, str] | int
"""What the cards say, by order and code; of an order without a code, by order. Else the status of the refusal."""


@dataclass(frozen=True)
class Replay:
    """One request to the service of a hook, and what it is answered."""

    name: str
    body: bytes
    hook: str = "order-sign"
    answers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    at: str | None = None
    """Where the OperationOutcome says the fault is."""
    shows: tuple[str, ...] = ()
    """The requirements that it shows."""


def replay(
    name: str, body: Any, answer: Answer, at: str | None = None, *shows: str, hook: str = "order-sign"
) -> Replay:
    """Return what is sent, and what it shows: of a refusal what refusals have in common, else what is named."""
    written = body if isinstance(body, bytes) else encode(body)
    if isinstance(answer, int):
        return Replay(name, written, hook, status=answer, at=at, shows=REFUSALS[answer])
    return Replay(name, written, hook, answers=answer, shows=shows)


def signing(name: str, edits: dict[str, Any], answer: Answer, *shows: str, at: str | None = None) -> Replay:
    """Return the signing of an order, changed at these paths."""
    return replay(name, edit(ehr(), edits), answer, at, *shows)


def written(name: str, change: Callable[[bytes], bytes], answer: Answer, at: str | None = None) -> Replay:
    """Return the signing of an order whose bytes are changed."""
    return replay(name, change(encode(ehr())), answer, at)


def replaced(old: str, new: str) -> Callable[[bytes], bytes]:
    def change(body: bytes) -> bytes:
        assert old.encode() in body
        return body.replace(old.encode(), new.encode(), 1)

    return change
