"""What is kept of an exchange: the decision with all that it was made of, and the feedback on its cards.

Source: Da Vinci CRD 2.2.1 found-37 (logs of all invocations and responses); CDS Hooks 2.0.1, Feedback.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import uuid4

import msgspec

from cds_service import __version__
from cds_service.cards import Shown
from cds_service.cds_hooks import Feedback
from cds_service.fhir.encoding import encode
from cds_service.fhir.query import Fetched
from cds_service.fhir.temporal import Date
from cds_service.necessity.report import determinations_report
from cds_service.security import Client
from cds_service.services import Service
from cds_service.services.evaluation import Evaluation
from cds_service.store.model import Caller, Contents, Decision, FeedbackRecord, Guidance, in_short, parameters_of

__all__ = ["SHAPING", "Circumstances", "Reply", "decision_of", "feedback_records", "refusal_of"]

SHAPING: Final = frozenset(
    {
        "fhir_code_filters",
        "fhir_fetch",
        "fhir_servers",
        "organization",
        "payer_authorization",
        "payer_contact",
        "payer_identifiers",
        "payer_strict",
        "public_base_url",
        "review_valid_months",
    }
)
"""The settings that an answer depends on, beside the mode and the policies."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The body of an answer, and what it was made of."""

    body: bytes
    evaluation: Evaluation
    shown: tuple[Shown, ...] = ()
    hook_instance: str | None = None
    fetched: tuple[Fetched, ...] = ()


@dataclass(frozen=True, slots=True)
class Circumstances:
    """When a request came, in UTC and as the day where the service runs, and what answered it.

    `settings` are those that shape answers.
    """

    received: datetime
    day: Date
    mode: str
    policy_revision: str
    settings: Mapping[str, object]


def decision_of(
    reply: Reply,
    service: Service,
    request: bytes,
    client: Client | None,
    *,
    kept: Circumstances,
) -> Decision:
    """Return the decision that is kept of an answered request."""
    evaluation = reply.evaluation
    report = determinations_report(
        evaluation.determinations,
        as_of=evaluation.as_of,
        not_covered=evaluation.not_covered,
        unread=evaluation.unread,
        outlook=False,
    )
    return Decision(
        exchange=str(uuid4()),
        service=service.id,
        hook=service.hook,
        received=kept.received,
        mode=kept.mode,
        engine=__version__,
        caller=_caller(client),
        hook_instance=reply.hook_instance or "",
        as_of=str(evaluation.as_of),
        policy_revision=kept.policy_revision,
        parameters=parameters_of(evaluation.determinations),
        determined=in_short(evaluation.determinations),
        cards=tuple(_guidance(one) for one in reply.shown),
        contents=Contents(
            patient=evaluation.record.patient_id,
            request=request,
            response=reply.body,
            determinations=encode(report),
            fetched=_pages(reply.fetched),
            circumstances=_circumstances(kept, client),
        ),
    )


def refusal_of(
    status: int,
    body: bytes,
    service: Service,
    request: bytes,
    client: Client | None,
    *,
    kept: Circumstances,
) -> Decision:
    """Return what is kept of a request that was not evaluated: `body` is the error that it was answered with."""
    return Decision(
        exchange=str(uuid4()),
        service=service.id,
        hook=service.hook,
        received=kept.received,
        mode=kept.mode,
        engine=__version__,
        caller=_caller(client),
        status=status,
        policy_revision=kept.policy_revision,
        contents=Contents("", request, body, circumstances=_circumstances(kept, client)),
    )


def feedback_records(
    feedback: Feedback, service: Service, client: Client | None, *, received: datetime
) -> list[FeedbackRecord]:
    """Return what is kept of a report on cards, an entry each."""
    records = []
    for one in feedback.entries:
        override = one.override_reason
        reason = override.reason if override else None
        records.append(
            FeedbackRecord(
                caller=_caller(client),
                service=service.id,
                card=one.card,
                outcome=one.outcome,
                timestamp=one.outcome_timestamp,
                received=received,
                suggestions=tuple(accepted.id for accepted in one.accepted_suggestions),
                reason=(reason.system, reason.code) if reason else None,
                comment=override.user_comment if override else None,
            )
        )
    return records


def _caller(client: Client | None) -> Caller:
    return Caller(client.iss, client.tenant or "") if client else Caller()


def _circumstances(kept: Circumstances, client: Client | None) -> bytes:
    """Return what else an answer rests on, with the FHIR servers that this client's requests may name."""
    servers = {"fhir_servers": client.fhir_servers} if client else {}
    return encode({"day": str(kept.day), "settings": {**kept.settings, **servers}})


def _guidance(one: Shown) -> Guidance:
    follows = {name: (determination,) for name, determination in one.suggestions.items()}
    return Guidance(str(one.card.uuid), one.determinations, follows)


def _pages(fetched: Sequence[Fetched]) -> bytes:
    """Return what the EHR's server answered, by query, as it came; nothing where it was not asked."""
    return encode([_page(one) for one in fetched]) if fetched else b""


def _page(one: Fetched) -> dict[str, object]:
    return {"url": one.query.url, "why": one.why, "pages": [_raw(page) for page in one.pages]}


def _raw(page: bytes) -> object:
    """Return a page as it came, for JSON to hold: as text where it is no JSON itself."""
    try:
        msgspec.json.decode(page)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return page.decode("utf-8", "replace")
    return msgspec.Raw(page)
