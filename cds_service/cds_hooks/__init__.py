"""CDS Hooks 2.0.1: the messages between an EHR and a decision support service.

Models only, no transport. This package stands alone: it needs pydantic and the
standard library, and nothing else of ours.

`parse` and `parse_feedback` read what clients send, and are tolerant where clients
are known to stray; `Response` and `Discovery` are what a service sends, and are
strict. `to_json_object` writes any of them. Whatever is wrong is a `ProtocolError`.

Source: https://cds-hooks.hl7.org/2.0/
"""

from cds_service.cds_hooks.discovery import Discovery, Service
from cds_service.cds_hooks.errors import ProtocolError
from cds_service.cds_hooks.feedback import (
    AcceptedSuggestion,
    Feedback,
    FeedbackEntry,
    OverrideReason,
    parse_feedback,
)
from cds_service.cds_hooks.hooks import (
    CONTEXTS,
    AppointmentBookContext,
    EncounterDischargeContext,
    EncounterStartContext,
    HookContext,
    OrderDispatchContext,
    OrderSelectContext,
    OrderSignContext,
    PatientViewContext,
)
from cds_service.cds_hooks.message import Message, to_json_object
from cds_service.cds_hooks.prefetch import PrefetchState, check, fill, state_of, tokens
from cds_service.cds_hooks.request import FhirAuthorization, Request, parse
from cds_service.cds_hooks.response import Action, Card, Coding, Link, Response, Source, Suggestion

__all__ = [
    "CONTEXTS",
    "AcceptedSuggestion",
    "Action",
    "AppointmentBookContext",
    "Card",
    "Coding",
    "Discovery",
    "EncounterDischargeContext",
    "EncounterStartContext",
    "Feedback",
    "FeedbackEntry",
    "FhirAuthorization",
    "HookContext",
    "Link",
    "Message",
    "OrderDispatchContext",
    "OrderSelectContext",
    "OrderSignContext",
    "OverrideReason",
    "PatientViewContext",
    "PrefetchState",
    "ProtocolError",
    "Request",
    "Response",
    "Service",
    "Source",
    "Suggestion",
    "check",
    "fill",
    "parse",
    "parse_feedback",
    "state_of",
    "to_json_object",
    "tokens",
]
