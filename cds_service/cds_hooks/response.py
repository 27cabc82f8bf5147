"""A service's answer: cards for the clinician, actions for the system.

What we write is held to every rule of the standard when it is built.

Source: CDS Hooks 2.0.1, CDS Service Response.
"""

import re
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, StrictBool, model_validator

from cds_service.cds_hooks.errors import ProtocolError
from cds_service.cds_hooks.message import JsonObject, Message, Text, first_repeat

__all__ = ["Action", "Card", "Coding", "Link", "Response", "Source", "Suggestion"]

SUMMARY_LENGTH = 139
"""Characters: "<140-character summary". Source: Card Attributes."""

REFERENCE = re.compile(r"[A-Z][A-Za-z]*/[^\s/]+")


def _summary(value: str) -> str:
    if len(value) > SUMMARY_LENGTH:
        raise ProtocolError("", f"must have at most {SUMMARY_LENGTH} characters")
    if value.splitlines() != [value]:
        raise ProtocolError("", "must be one line")
    return value


def _url(value: str) -> str:
    """Return an absolute web address: a browser loads it. Source: Source; Link."""
    address = urlsplit(value)
    if address.scheme not in ("http", "https") or not address.hostname or re.search(r"\s", value):
        raise ProtocolError("", "must be an absolute http or https URL")
    return value


def _reference(value: str) -> str:
    """Return a relative reference. Source: Action, resourceId."""
    if not REFERENCE.fullmatch(value):
        raise ProtocolError("", "must be a reference of the form Type/id")
    return value


def _resource(value: JsonObject) -> JsonObject:
    if not isinstance(value.get("resourceType"), str):
        raise ProtocolError("resourceType", "is required")
    return value


Summary = Annotated[Text, AfterValidator(_summary)]
Url = Annotated[str, AfterValidator(_url)]
Reference = Annotated[str, AfterValidator(_reference)]
Resource = Annotated[JsonObject, AfterValidator(_resource)]


class Coding(Message):
    """A code of a code system. Source: CDS Hooks 2.0.1, Coding."""

    code: Text
    system: Text
    display: Text | None = None


class Source(Message):
    """Where the guidance of a card comes from."""

    label: Text
    url: Url | None = None
    icon: Url | None = None
    topic: Coding | None = None
    extension: JsonObject | None = None


class Link(Message):
    """A page (`absolute`) or a SMART app (`smart`) to open from a card.

    `app_context` is handed to a SMART app at its launch. A card with an
    `autolaunchable` link may never be seen.
    """

    label: Text
    url: Url
    type: Literal["absolute", "smart"]
    autolaunchable: StrictBool | None = None
    app_context: Text | None = None
    extension: JsonObject | None = None

    @model_validator(mode="after")
    def _app_context_is_for_apps(self) -> Self:
        if self.app_context is not None and self.type != "smart":
            raise ProtocolError("appContext", "is for smart links only")
        return self


class Action(Message):
    """A change to FHIR data, in a suggestion or as a system action.

    Create and update carry the whole `resource`; delete names a `resource_id`
    and may repeat the resource for clients that read only that. `description` is
    required of system actions too, as 2.0 has it.
    """

    type: Literal["create", "update", "delete"]
    description: Text
    resource: Resource | None = None
    resource_id: Reference | None = None
    extension: JsonObject | None = None

    @model_validator(mode="after")
    def _says_on_what(self) -> Self:
        match self.type:
            case "delete" if self.resource_id is None:
                raise ProtocolError("resourceId", "is required to delete")
            case "create" | "update" if self.resource is None:
                raise ProtocolError("resource", f"is required to {self.type}")
            case "create" | "update" if self.resource_id is not None:
                raise ProtocolError("resourceId", "is for delete only")
        return self


class Suggestion(Message):
    """Changes that the clinician may take, all `actions` together."""

    label: Text
    uuid: Text | None = None
    is_recommended: StrictBool | None = None
    actions: tuple[Action, ...] = ()
    extension: JsonObject | None = None


class Card(Message):
    """One piece of guidance. `detail` is GitHub Flavored Markdown.

    Without `uuid` a client cannot send feedback on the card.
    """

    uuid: Text | None = None
    summary: Summary
    detail: Text | None = None
    indicator: Literal["info", "warning", "critical"]
    source: Source
    suggestions: tuple[Suggestion, ...] = ()
    selection_behavior: Literal["at-most-one", "any"] | None = None
    override_reasons: tuple[Coding, ...] = ()
    links: tuple[Link, ...] = ()
    extension: JsonObject | None = None

    @model_validator(mode="after")
    def _suggestions_can_be_chosen(self) -> Self:
        """Source: Card Attributes, selectionBehavior; 3.0.0-ballot invariant cds-resp-1."""
        if self.suggestions and self.selection_behavior is None:
            raise ProtocolError("selectionBehavior", "is required when there are suggestions")
        recommended = [suggestion for suggestion in self.suggestions if suggestion.is_recommended]
        if self.selection_behavior == "at-most-one" and len(recommended) > 1:
            raise ProtocolError("suggestions", "may have one isRecommended at most")
        return self

    @model_validator(mode="after")
    def _override_reasons_can_be_read(self) -> Self:
        """Source: Reasons for rejecting a card, "CDS Services MUST provide" a display."""
        for position, reason in enumerate(self.override_reasons):
            if reason.display is None:
                raise ProtocolError(f"overrideReasons[{position}].display", "is required")
        return self


class Response(Message):
    """The body of a 200: cards, perhaps none, and actions that need no click."""

    cards: tuple[Card, ...]
    system_actions: tuple[Action, ...] = ()
    extension: JsonObject | None = None

    @model_validator(mode="after")
    def _uuids_are_unique(self) -> Self:
        uuids = [card.uuid or position for position, card in enumerate(self.cards)]
        position = first_repeat(uuids)
        if position is not None:
            raise ProtocolError(f"cards[{position}].uuid", "must be unique")
        return self
