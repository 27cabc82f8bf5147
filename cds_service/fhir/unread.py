"""What of a chart was not read, and why: something may exist there unseen, so that its absence proves nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Unread", "Why"]


class Why(StrEnum):
    """Why a part of the chart was not read."""

    FAILED = "failed"
    MORE = "more"
    NO_RESOURCE = "no-resource"
    NOT_SENT = "not-sent"
    OTHER_PATIENT = "other-patient"
    OWN_KEY = "own-key"
    # what became of asking the EHR's own FHIR server
    CIRCUIT_OPEN = "circuit-open"
    FORBIDDEN = "forbidden"
    LOOP = "loop"
    NOT_ALLOWED = "not-allowed"
    NO_CONNECTION = "no-connection"
    NOT_GRANTED = "not-granted"
    SERVER_ERROR = "server-error"
    TIMEOUT = "timeout"
    TOO_LARGE = "too-large"
    TOO_MANY_PAGES = "too-many-pages"
    UNAUTHORIZED = "unauthorized"
    UNREADABLE = "unreadable"

    @property
    def words(self) -> str:
        """Return the reason as a clinician reads it."""
        return _WORDS[self]


_WORDS = {
    Why.FAILED: "the search failed",
    Why.MORE: "there is more than was sent",
    Why.NO_RESOURCE: "what stands there is no FHIR resource",
    Why.NOT_SENT: "it was not sent, and this service may not ask for it",
    Why.OTHER_PATIENT: "it is about another patient and was left out",
    Why.OWN_KEY: "it was sent under a prefetch key of the client's own, so that whether it is all is not known",
    Why.CIRCUIT_OPEN: "the EHR's server has failed repeatedly and is given a pause",
    Why.FORBIDDEN: "the EHR's server does not let this service read it",
    Why.LOOP: "the EHR's server returned the same page again",
    Why.NOT_ALLOWED: "this service is not set up to read this server",
    Why.NO_CONNECTION: "the EHR's server could not be reached",
    Why.NOT_GRANTED: "the access given covers part of it only",
    Why.SERVER_ERROR: "the EHR's server failed",
    Why.TIMEOUT: "the EHR's server did not answer in time",
    Why.TOO_LARGE: "there is more than this service reads",
    Why.TOO_MANY_PAGES: "there is more than this service reads",
    Why.UNAUTHORIZED: "the EHR's server did not accept the access given",
    Why.UNREADABLE: "the EHR's server did not answer in FHIR",
}


@dataclass(frozen=True, slots=True, order=True)
class Unread:
    """A part of the chart that was not read: where it should stand, why, and which type of resource it would hold."""

    place: str
    why: Why
    type: str | None = None
    """None where it might hold any."""

    def may_hold(self, types: Collection[str]) -> bool:
        """Return whether resources of one of these types, of this patient, may exist there unseen."""
        return self.why is not Why.OTHER_PATIENT and (self.type is None or self.type in types)
