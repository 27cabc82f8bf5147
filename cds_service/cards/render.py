"""Determinations → CDS Hooks cards: one per policy group and outcome, for a busy reader first.

Markdown without tables and HTML (clients show them differently), chart text escaped, every card complete in itself.
Coverage is never stated here, and nothing is ever "denied": a physician decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Literal
from urllib.parse import quote
from uuid import UUID, uuid5

from cds_service.cards.associated_resource import associated_resource
from cds_service.cards.detail import NOTICE, detail
from cds_service.cards.forms import form_for
from cds_service.cards.summary import summary
from cds_service.cards.text import code
from cds_service.cds_hooks import Action, Card, Coding, Link, Source, Suggestion
from cds_service.fhir.unread import Unread
from cds_service.necessity.model import Determination, Kind, Order, Outcome
from cds_service.necessity.orders import NotCovered, Why
from cds_service.necessity.reading import is_critical
from cds_service.plan_definition import model as plan_model
from cds_service.plan_definition.profile import Reason

__all__ = ["Presentation", "Shown", "card_for_others", "cards_of_the_rest", "render", "show"]

_NAMESPACE = UUID("6b1f5a54-6f0e-5d0c-9a44-6f6f3c1b7a10")
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


def render(
    determinations: Iterable[Determination], presentation: Presentation, *, unread: Sequence[Unread] = ()
) -> tuple[Card, ...]:
    """Return the cards, most severe first: one per policy folder, outcome and kind. `unread` names what is unseen."""
    return tuple(one.card for one in show(determinations, presentation, unread=unread))


def show(
    determinations: Iterable[Determination], presentation: Presentation, *, unread: Sequence[Unread] = ()
) -> tuple[Shown, ...]:
    """Return the same cards, each with the determinations that it shows."""
    ordered = sorted(determinations, key=_group_key)
    cards = [_card(list(group), presentation, unread) for _, group in groupby(ordered, key=_group_key)]
    severity = ("critical", "warning", "info")
    return tuple(sorted(cards, key=lambda one: severity.index(one.card.indicator)))


def cards_of_the_rest(not_covered: Iterable[NotCovered], presentation: Presentation) -> tuple[Shown, ...]:
    """Return cards for the orders that could not be judged although a policy may decide on them.

    Silence would look like clearance. An order on which no policy decides, or that is not to be done, has no card.
    """
    rest = tuple(not_covered)
    cards = (_card_of(why, [one.reference for one in rest if one.reason is why], presentation) for why in _UNJUDGED)
    return tuple(Shown(card) for card in cards if card is not None)


def card_for_others(determinations: Iterable[Determination], presentation: Presentation) -> tuple[Shown, ...]:
    """Return what someone who is no clinician sees instead of the cards: that a clinician has to look, and no more."""
    judged = tuple(sorted({one.id for one in determinations}))
    if not judged:
        return ()
    card = Card(
        uuid=str(uuid5(_NAMESPACE, f"no clinician {' '.join(judged)}")),
        summary="The medical need was checked; the result is for the clinicians who take care of this",
        detail="A clinician can see the result and what it rests on. It is no coverage or payment decision.",
        indicator="info",
        source=_source(presentation, "guideline"),
    )
    return (Shown(card, judged),)


@dataclass(frozen=True, slots=True)
class _Words:
    one: str
    several: str
    bullet: str
    what_to_do: str
    indicator: Literal["info", "warning", "critical"]
    topic: str


_UNJUDGED = {
    Why.OTHER_PATIENT: _Words(
        one="1 order names another patient: verify the patient before signing. Necessity was not evaluated.",
        several="orders name another patient: verify the patient before signing. Necessity was not evaluated.",
        bullet="its subject is not the patient whose orders are being signed",
        what_to_do="Nothing of this patient's chart was held against them.",
        indicator="critical",
        topic="contraindication",
    ),
    Why.NO_CODE: _Words(
        one="1 order has no readable code: necessity was not evaluated. This is not a denial.",
        several="orders have no readable code: necessity was not evaluated. This is not a denial.",
        bullet="the code is missing, has no system, is text only, or is not written as its code system has it",
        what_to_do="Add a code with its system (such as CPT) to have the order evaluated.",
        indicator="info",
        topic="guideline",
    ),
    Why.NOT_HAD: _Words(
        one="1 order could not be read: necessity was not evaluated. This is not a denial.",
        several="orders could not be read: necessity was not evaluated. This is not a denial.",
        bullet="it was not sent, and the EHR did not give it",
        what_to_do="Look it up before it is sent on.",
        indicator="warning",
        topic="guideline",
    ),
    Why.UNREADABLE: _Words(
        one="Part of the orders could not be read: its necessity was not evaluated. This is not a denial.",
        several="parts of the orders could not be read: their necessity was not evaluated. This is not a denial.",
        bullet="what stands there is no FHIR resource, or there is more than was sent",
        what_to_do="Look it up before it is signed.",
        indicator="warning",
        topic="guideline",
    ),
}


def _card_of(why: Why, references: Sequence[str], presentation: Presentation) -> Card | None:
    if not references:
        return None
    words = _UNJUDGED[why]
    bullets = [f"- {code(reference)}: {words.bullet}" for reference in references]
    return Card(
        uuid=str(uuid5(_NAMESPACE, f"{why.name} {' '.join(references)}")),
        summary=words.one if len(references) == 1 else f"{len(references)} {words.several}",
        detail="\n".join([*bullets, "", words.what_to_do, "", NOTICE]),
        indicator=words.indicator,
        source=_source(presentation, words.topic),
    )


def _group_key(determination: Determination) -> tuple[str, int, str]:
    return determination.plan.group, list(Outcome).index(determination.outcome), determination.kind or ""


def _card(group: Sequence[Determination], presentation: Presentation, unread: Sequence[Unread]) -> Shown:
    judged = tuple(one.id for one in group)
    identity = uuid5(_NAMESPACE, " ".join(judged))
    follows = [*_suggestions(group, identity), *_forms(group, identity, presentation)]
    suggestions = tuple(suggestion for suggestion, _ in follows)
    asks = bool(suggestions) or group[0].outcome is Outcome.INFORMATION_MISSING
    card = Card(
        uuid=str(identity),
        summary=summary(group, unread),
        detail="\n".join(detail(group, sandbox=presentation.sandbox, unread=unread)),
        indicator=_indicator(group),
        source=_source(presentation, _topic(group)),
        suggestions=suggestions,
        selection_behavior="any" if suggestions else None,
        override_reasons=_override_reasons(group),
        links=tuple(_links(group, presentation)) if not (presentation.crd and asks) else (),
        extension=associated_resource(one.order for one in group) or None,
    )
    return Shown(card, judged, {str(suggestion.uuid): determination.id for suggestion, determination in follows})


# -- the frame ------------------------------------------------------------------------------------------------


def _indicator(group: Sequence[Determination]) -> Literal["info", "warning", "critical"]:
    if any(is_critical(one) for one in group):
        return "critical"
    outcome = group[0].outcome
    return "warning" if outcome in (Outcome.NOT_MET, Outcome.INFORMATION_MISSING) else "info"


def _topic(group: Sequence[Determination]) -> str:
    first = group[0]
    if first.outcome is not Outcome.NOT_MET:
        return "guideline"
    if _indicator(group) == "critical":
        return "contraindication"
    return "claim" if first.kind is Kind.CODING else "off-guideline"


def _source(presentation: Presentation, topic: str) -> Source:
    return Source(
        label=presentation.label,
        url=presentation.base_url,
        topic=Coding(system=presentation.card_types, code=topic, display=_TOPIC_NAMES[topic]),
    )


def _override_reasons(group: Sequence[Determination]) -> tuple[Coding, ...]:
    if group[0].outcome not in (Outcome.NOT_MET, Outcome.INFORMATION_MISSING):
        return ()
    reasons = {(one["system"], one["code"]): one for each in group for one in each.plan.override_reasons}
    return tuple(Coding(system=one["system"], code=one["code"], display=one["display"]) for one in reasons.values())


def _links(group: Sequence[Determination], presentation: Presentation) -> Iterator[Link]:
    seen = set()
    for one in group:
        if one.plan.canonical not in seen:
            seen.add(one.plan.canonical)
            url = f"{presentation.base_url}/policies/{quote(one.plan.group)}#{quote(one.order.code)}"
            yield Link(label=f"Policy: {one.plan.title}, {one.plan.version}", url=url, type="absolute")


def _suggestions(group: Sequence[Determination], identity: UUID) -> Iterator[tuple[Suggestion, Determination]]:
    for one in group:
        for suggestion in one.plan.suggestions:
            if _applies(suggestion, one) and (suggestion.activity is not None or _can_be_deleted(one.order)):
                offered = Suggestion(
                    label=suggestion.label,
                    uuid=str(uuid5(identity, f"{one.order.reference} {suggestion.label}")),
                    actions=(_action(suggestion, one),),
                )
                yield offered, one


def _forms(
    group: Sequence[Determination], identity: UUID, presentation: Presentation
) -> Iterator[tuple[Suggestion, Determination]]:
    for one in group if not presentation.crd else ():
        form = form_for(one, identity)
        if form is not None:
            yield form, one


def _can_be_deleted(order: Order) -> bool:
    """Return whether it is a draft, and a client knows it by the reference that would delete it."""
    kind, name = order.resource.get("resourceType"), order.resource.get("id")
    known = type(name) is str and re.fullmatch(r"[A-Za-z0-9\-.]{1,64}", name) is not None
    return known and order.reference == f"{kind}/{name}" and order.resource.get("status") == "draft"


def _applies(suggestion: plan_model.Suggestion, determination: Determination) -> bool:
    """Return whether the state of affairs is the suggestion's. What could not be read is none: it may be there."""
    if suggestion.outcome is not None and suggestion.outcome != determination.outcome:
        return False
    if suggestion.criterion is None:
        return suggestion.outcome is not None
    named = (one for one in determination.results if one.criterion.id == suggestion.criterion)
    return any(one.state_name == suggestion.state and one.reason is not Reason.UNREADABLE for one in named)


def _action(suggestion: plan_model.Suggestion, determination: Determination) -> Action:
    order = determination.order
    if suggestion.activity is None:
        return Action(type="delete", description=suggestion.label, resource_id=order.reference)
    activity = suggestion.activity
    request: dict[str, Any] = {"resourceType": str(activity["kind"]), "status": "draft"}
    request["intent"] = activity.get("intent", "order")
    request["code"] = activity["code"]
    request["authoredOn"] = str(determination.as_of)
    request |= {name: order.resource[name] for name in ("subject", "encounter", "requester") if name in order.resource}
    return Action(type="create", description=suggestion.label, resource=request)
