"""Determinations → CDS Hooks cards: one per policy group and outcome, for a busy reader first.

Markdown without tables and HTML (clients show them differently), chart text escaped, every card complete in itself.
Coverage is never stated here, and nothing is ever "denied": a physician decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, Literal
from urllib.parse import quote
from uuid import UUID, uuid5

from cds_service.cards.associated_resource import associated_resource
from cds_service.cards.detail import detail
from cds_service.cards.forms import form_for
from cds_service.cards.presentation import NAMESPACE, Presentation, Shown, source_of
from cds_service.cards.summary import summary
from cds_service.cds_hooks import Action, Card, Coding, Link, Suggestion
from cds_service.fhir.unread import Unread
from cds_service.necessity.model import Determination, Kind, Order, Outcome
from cds_service.necessity.reading import is_critical
from cds_service.plan_definition import model as plan_model
from cds_service.plan_definition.profile import Reason

__all__ = ["card_for_others", "render", "show"]


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


def card_for_others(
    determinations: Iterable[Determination], rest: Sequence[Shown], presentation: Presentation
) -> tuple[Shown, ...]:
    """Return what someone who is no clinician sees instead of the cards: that a clinician has to look, and no more.

    `rest` are the cards of what could not be judged.
    """
    judged = tuple(sorted({one.id for one in determinations}))
    if not judged and not rest:
        return ()
    card = Card(
        uuid=str(uuid5(NAMESPACE, f"no clinician {' '.join(judged)}")),
        summary=(
            "The medical need was checked; the result is for the clinicians who take care of this"
            if judged
            else "The medical need could not be checked; this is for the clinicians who take care of it"
        ),
        detail="A clinician can see the result and what it rests on. It is no coverage or payment decision.",
        indicator="info",
        source=source_of(presentation, "guideline"),
    )
    return (Shown(card, judged),)


def _group_key(determination: Determination) -> tuple[str, int, str]:
    return determination.plan.group, list(Outcome).index(determination.outcome), determination.kind or ""


def _card(group: Sequence[Determination], presentation: Presentation, unread: Sequence[Unread]) -> Shown:
    judged = tuple(one.id for one in group)
    identity = uuid5(NAMESPACE, " ".join(judged))
    follows = [*_suggestions(group, identity), *_forms(group, identity, presentation)]
    suggestions = tuple(suggestion for suggestion, _ in follows)
    asks = bool(suggestions) or group[0].outcome is Outcome.INFORMATION_MISSING
    card = Card(
        uuid=str(identity),
        summary=summary(group, unread),
        detail="\n".join(detail(group, sandbox=presentation.sandbox, unread=unread)),
        indicator=_indicator(group),
        source=source_of(presentation, _topic(group)),
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
