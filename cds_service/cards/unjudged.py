"""Orders without a determination → a card for each reason that leaves open whether a policy decides on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import uuid5

from cds_service.cards.detail import NOTICE
from cds_service.cards.presentation import NAMESPACE, Presentation, Shown, source_of
from cds_service.cards.text import code
from cds_service.cds_hooks import Card
from cds_service.necessity.orders import NotCovered, NotJudged

__all__ = ["cards_of_the_rest"]


_MOST_NAMED = 20
"""How many orders a card names; of the others it says how many they are."""


def cards_of_the_rest(not_covered: Iterable[NotCovered], presentation: Presentation) -> tuple[Shown, ...]:
    """Return cards for the orders that could not be judged although a policy may decide on them.

    Silence would look like clearance. An order on which no policy decides, or that is not to be done, has no card.
    """
    rest = tuple(not_covered)
    cards = (_card_of(why, [one.reference for one in rest if one.reason is why], presentation) for why in _WORDS)
    return tuple(Shown(card) for card in cards if card is not None)


def _card_of(why: NotJudged, references: Sequence[str], presentation: Presentation) -> Card | None:
    if not references:
        return None
    words = _WORDS[why]
    bullets = [f"- {code(reference)}: {words.bullet}" for reference in references[:_MOST_NAMED]]
    if len(references) > _MOST_NAMED:
        bullets.append(f"- and {len(references) - _MOST_NAMED} more")
    return Card(
        uuid=str(uuid5(NAMESPACE, f"{why.name} {' '.join(references)}")),
        summary=words.one if len(references) == 1 else f"{len(references)} {words.several}",
        detail="\n".join([*bullets, "", words.what_to_do, "", NOTICE]),
        indicator=words.indicator,
        source=source_of(presentation, words.topic),
    )


@dataclass(frozen=True, slots=True)
class _Words:
    one: str
    several: str
    bullet: str
    what_to_do: str
    indicator: Literal["info", "warning", "critical"]
    topic: str


_WORDS = {
    NotJudged.OTHER_PATIENT: _Words(
        one="1 order names another patient: verify the patient before signing. Necessity was not evaluated.",
        several="orders name another patient: verify the patient before signing. Necessity was not evaluated.",
        bullet="its subject is not the patient whose orders are being signed",
        what_to_do="Nothing of this patient's chart was held against them.",
        indicator="critical",
        topic="contraindication",
    ),
    NotJudged.NO_CODE: _Words(
        one="1 order has no readable code: necessity was not evaluated. This is not a denial.",
        several="orders have no readable code: necessity was not evaluated. This is not a denial.",
        bullet="the code is missing, has no system, is text only, or is not written as its code system has it",
        what_to_do="Add a code with its system (such as CPT) to have the order evaluated.",
        indicator="info",
        topic="guideline",
    ),
    NotJudged.NOT_HAD: _Words(
        one="1 order could not be read: necessity was not evaluated. This is not a denial.",
        several="orders could not be read: necessity was not evaluated. This is not a denial.",
        bullet="it was not sent, and the EHR did not give it",
        what_to_do="Look it up before it is sent on.",
        indicator="warning",
        topic="guideline",
    ),
    NotJudged.UNREADABLE: _Words(
        one="Part of the orders could not be read: its necessity was not evaluated. This is not a denial.",
        several="parts of the orders could not be read: their necessity was not evaluated. This is not a denial.",
        bullet="what stands there is no FHIR resource, or there is more than was sent",
        what_to_do="Look it up before it is signed.",
        indicator="warning",
        topic="guideline",
    ),
    NotJudged.SUBJECT_UNCLEAR: _Words(
        one="1 order does not say readably whose it is: verify the patient. Necessity was not evaluated.",
        several="orders do not say readably whose they are: verify the patient. Necessity was not evaluated.",
        bullet="its subject is no reference to a patient",
        what_to_do="Nothing of this patient's chart was held against them.",
        indicator="warning",
        topic="guideline",
    ),
    NotJudged.NOT_UNDERSTOOD: _Words(
        one="1 order has a modifier extension that is not understood: necessity was not evaluated.",
        several="orders have modifier extensions that are not understood: necessity was not evaluated.",
        bullet="an extension changes what it means, and nothing here knows how",
        what_to_do="Look it up before it is signed. This is not a denial.",
        indicator="warning",
        topic="guideline",
    ),
    NotJudged.OTHER_TYPE: _Words(
        one="1 order is of a kind that is not evaluated for necessity here. This is not a denial.",
        several="orders are of a kind that is not evaluated for necessity here. This is not a denial.",
        bullet="its kind is none of those whose codes are read, nor is what it groups or contains",
        what_to_do="Order what it asks for by itself (such as a ServiceRequest) to have it evaluated.",
        indicator="info",
        topic="guideline",
    ),
    NotJudged.NOT_ON_THAT_DAY: _Words(
        one="1 order is of a day before or after its policy: necessity was not evaluated. This is not a denial.",
        several="orders are of days before or after their policies: necessity was not evaluated. This is not a denial.",
        bullet="no version of its policy counts on the day on which it was authored",
        what_to_do="Check the day of the order; if it is right, ask who keeps the policies.",
        indicator="info",
        topic="guideline",
    ),
}
