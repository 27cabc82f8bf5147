"""CRD's configuration: what a client may switch off call by call, as discovery offers it and as a request asks for it.

Source: CRD 2.2.1, New hook configuration mechanism (dev-4 to dev-17).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cds_service.cds_hooks import Card
from cds_service.crd.versions import VERSIONS

__all__ = ["OPTIONS", "Configuration", "Option", "discovery_extension", "read_configuration"]

CONFIGURATION = "davinci-crd.configuration"


@dataclass(frozen=True, slots=True)
class Option:
    """One thing that a client may set. The code is the card type that it is about, where it is about one."""

    code: str
    type: Literal["boolean", "integer"]
    name: str
    description: str
    default: bool | int
    payer: bool = False
    """Whether it means something only where a payer answers."""


OPTIONS = (
    Option(
        "coverage-info",
        "boolean",
        "Coverage information",
        "Whether an order is covered and needs an authorization or documents, written onto the order.",
        True,
        payer=True,
    ),
    Option(
        "unsolicited-determ",
        "boolean",
        "Unsolicited determination",
        "Whether an authorization may be granted that nobody asked for. Switch it off to ask what would be.",
        True,
        payer=True,
    ),
    Option(
        "guideline",
        "boolean",
        "Criteria and policy",
        "Cards of orders whose criteria are met or open, with the evidence and a link to the policy.",
        True,
    ),
    Option(
        "off-guideline",
        "boolean",
        "Criteria not met",
        "Cards of orders whose criteria are not met on record. A physician reviews each of them.",
        True,
    ),
    Option(
        "claim",
        "boolean",
        "Procedure code",
        "Cards of orders whose code does not fit what the chart shows.",
        True,
    ),
    Option(
        "contraindication",
        "boolean",
        "Wrong site or patient",
        "Cards of orders that name another side, level or patient than the chart. They may be critical.",
        True,
    ),
    Option(
        "max-cards",
        "integer",
        "Maximum cards",
        "The most cards in an answer. The most important come first, the others are left out.",
        50,
    ),
)

_SEVERITY = ("critical", "warning", "info")
_MOST_CARDS = next(int(option.default) for option in OPTIONS if option.code == "max-cards")


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a client asked for in one call."""

    off: frozenset[str] = frozenset()
    """The codes of what it does not want."""
    max_cards: int = _MOST_CARDS

    def wants(self, code: str) -> bool:
        """Return whether an option is on."""
        return code not in self.off

    def chosen(self, cards: Iterable[Card]) -> tuple[Card, ...]:
        """Return the cards that the client wants, the most severe first, else in their order."""
        wanted = (card for card in cards if card.source.topic is None or self.wants(card.source.topic.code))
        return tuple(sorted(wanted, key=lambda card: _SEVERITY.index(card.indicator))[: self.max_cards])


def read_configuration(extension: Mapping[str, Any] | None) -> Configuration:
    """Return what a request's `extension` configures. What is absent, unknown or of another type stays as it is."""
    asked = (extension or {}).get(CONFIGURATION)
    if type(asked) is not dict:
        return Configuration()
    off = frozenset(option.code for option in OPTIONS if option.type == "boolean" and asked.get(option.code) is False)
    most = asked.get("max-cards")
    return Configuration(off, most if type(most) is int and most >= 0 else _MOST_CARDS)


def discovery_extension(*, payer: bool) -> dict[str, Any]:
    """Return the `extension` of a service in discovery: its options and, where a payer answers, CRD's versions."""
    options = [
        {name: getattr(option, name) for name in ("code", "type", "name", "description", "default")}
        for option in OPTIONS
        if payer or not option.payer
    ]
    versions = {"davinci-crd.version": list(VERSIONS)} if payer else {}
    return {**versions, "davinci-crd.configuration-options": options}
