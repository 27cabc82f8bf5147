"""How cards present themselves: whose they are, where their links lead, and what a card shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from cds_service.cds_hooks import Card, Coding, Source

__all__ = ["NAMESPACE", "Presentation", "Shown", "source_of"]

NAMESPACE = UUID("6b1f5a54-6f0e-5d0c-9a44-6f6f3c1b7a10")
"""Of the uuids of cards: equal content, equal uuid."""
_TOPIC_NAMES = {
    "guideline": "Guideline",
    "off-guideline": "Off guideline",
    "claim": "Claim",
    "contraindication": "Contraindication",
}


@dataclass(frozen=True, slots=True)
class Presentation:
    """Whose cards these are and where their links lead."""

    label: str
    base_url: str
    sandbox: bool
    card_types: str = "http://terminology.hl7.org/CodeSystem/cdshooks-card-type"
    """The code system of the topics of cards."""
    crd: bool = False
    """Whether every card has the shape of one of CRD's response types: a payer's coverage-information names the form
    of open questions, and links to the policy are for cards that ask for nothing. Source: CRD 2.2.1, Response types."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A card with the determinations that it shows, and the determination that each of its suggestions follows from."""

    card: Card
    determinations: tuple[str, ...] = ()
    suggestions: Mapping[str, str] = field(default_factory=dict)
    """uuid of a suggestion → id of a determination."""


def source_of(presentation: Presentation, topic: str) -> Source:
    """Return whose guidance a card is, with its topic as CDS Hooks codes it."""
    return Source(
        label=presentation.label,
        url=presentation.base_url,
        topic=Coding(system=presentation.card_types, code=topic, display=_TOPIC_NAMES[topic]),
    )
