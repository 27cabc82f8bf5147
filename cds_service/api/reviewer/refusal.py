"""Why a page is not given, whether it is asked for as HTML or as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Refusal", "no_such_page"]


@dataclass
class Refusal(Exception):
    """A page that is not given: the status, FHIR's `issue-type`, and what to do, which is no text of the caller's."""

    status: int
    code: str
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)


def no_such_page() -> Refusal:
    """Return the refusal of what is not there, or is not to be known of."""
    return Refusal(404, "not-found", "there is nothing at this address")
