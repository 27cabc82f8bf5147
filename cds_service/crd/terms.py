"""The two sides of an answer: what the payer has settled for all orders, and what the client asked in this call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cds_service.crd.configuration import Configuration, read_configuration
from cds_service.crd.versions import Version, requested_version
from cds_service.fhir.unread import Unread
from cds_service.plan_definition.model import PlanDefinition

__all__ = ["Authorization", "Call", "Terms"]

_PRIMARY_HOOKS = ("order-sign", "order-dispatch", "appointment-book")
_SIGNED_BEFORE = ("order-dispatch", "appointment-book")


class Authorization(StrEnum):
    """What a payer's prior authorization comes to for an order whose criteria are met."""

    NEEDED = "needed"
    """It is to be filed; a reviewer decides."""
    NOT_NEEDED = "not-needed"
    GRANTED = "granted"
    """It is given with the answer, unless something asks for a second look."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the payer has settled once for all orders."""

    authorization: Authorization = Authorization.NEEDED
    review_contact: str | None = None
    """Whom to ask about what is not met: a URI such as `tel:+1-555-0100`."""
    policies_url: str | None = None
    """Where the policies stand in words: `{policies_url}/{folder}#{code}`."""
    questionnaire: Callable[[PlanDefinition], str | None] = lambda _: None
    """Tells the canonical of the form that asks what a policy leaves open."""


@dataclass(frozen=True, slots=True)
class Call:
    """What the client asked, and how."""

    hook: str
    version: Version
    configuration: Configuration
    unread: tuple[Unread, ...] = ()
    """What of the chart was not read."""

    @classmethod
    def of(cls, hook: str, extension: Mapping[str, Any] | None, unread: Iterable[Unread] = ()) -> Call:
        """Return the call that a request's `extension` makes of a hook."""
        return cls(hook, requested_version(extension), read_configuration(extension), tuple(unread))

    @property
    def may_ask_for_documents(self) -> bool:
        """Return whether the hook is one at which documents may be asked for. Source: CRD 2.2.1 hook-19."""
        return self.hook in _PRIMARY_HOOKS

    @property
    def signs_now(self) -> bool:
        """Return whether the orders are of the day that they state, rather than of the day of the call."""
        return self.hook not in _SIGNED_BEFORE
