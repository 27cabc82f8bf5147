"""The invariants of CDS Hooks' logical models, and their cardinalities, in FHIRPath, restated.

FHIRPath walks FHIR's types, so a message is read as Parameters: a member is a parameter of its name, an object has
parts, an array is a parameter for each of its items. `_the("cards")` is what an expression says for the member.

Source: CDS Hooks 3.0 ballot, logical models CDSHooksServices, CDSHooksRequest and CDSHooksResponse.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from cds_service.expressions.language import Environment, Scope
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.temporal import Date
from cds_service.fhirpath import FhirPath, compile_fhirpath

__all__ = ["CARDINALITIES", "INVARIANTS", "Invariant", "judged"]


def _the(member: str) -> str:
    return f"part.where(name = '{member}')"


def _has(member: str) -> str:
    return f"{_the(member)}.exists()"


def _one(*members: str) -> str:
    return " and ".join(f"{_the(member)}.value.count() = 1" for member in members)


def _in(member: str, *codes: str) -> str:
    return f"{_the(member)}.value.all($this in ({' | '.join(map(repr, codes))}))"


def _uuid(member: str) -> str:
    return f"{_the(member)}.value.all($this.matches('^[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}$'))"


@dataclass(frozen=True)
class Invariant:
    """What must be true of each part of a message that stands at one of the paths, and the requirements it shows."""

    expression: str
    paths: tuple[str, ...]
    shows: tuple[str, ...] = ()


_CARDS = ("cards",)
_SUGGESTIONS = ("cards.suggestions",)
_ACTIONS = ("cards.suggestions.actions", "systemActions")
_SELECTION = ("at-most-one", "any")

INVARIANTS: Mapping[str, Invariant] = {
    "cds-r-1": Invariant(f"{_has('fhirAuthorization')} implies {_has('fhirServer')}", ("",)),
    "cds-resp-1": Invariant(
        f"{_the('selectionBehavior')}.value = 'at-most-one' implies "
        f"{_the('suggestions')}.where({_the('isRecommended')}.value = true).count() <= 1",
        _CARDS,
    ),
    "cds-resp-2": Invariant(
        f"{_the('type')}.value = 'delete' implies ({_has('resourceId')} and {_has('resource')}.not())", _ACTIONS
    ),
    "cds-resp-3": Invariant(f"{_the('type')}.value != 'smart' implies {_has('appContext')}.not()", ("cards.links",)),
    "cds-resp-4": Invariant(_has("display"), ("cards.overrideReasons",)),
    "cds-resp-5": Invariant(f"{_the('actions')}.all({_has('description')})", _SUGGESTIONS),
    "cds-resp-6": Invariant(f"{_has('suggestions')} implies {_has('selectionBehavior')}", _CARDS),
    "cds-resp-7": Invariant(_in("actionSelectionBehavior", "all", "any", "at-most-one"), _SUGGESTIONS),
    "cds-fb-1": Invariant(f"{_has('outcome')} and {_in('outcome', 'accepted', 'overridden')}", ("feedback",)),
    "cds-fb-2": Invariant(f"{_the('outcome')}.value = 'accepted' implies {_has('acceptedSuggestions')}", ("feedback",)),
    "cds-fb-3": Invariant(f"{_has('reason')} or {_has('userComment')}", ("feedback.overrideReason",)),
}

CARDINALITIES: Mapping[str, Invariant] = {
    "a service": Invariant(_one("hook", "id", "description"), ("services",), ("D2",)),
    "a service's id": Invariant(f"{_the('id')}.value.matches('^\\\\S+$')", ("services",), ("D3",)),
    "a card": Invariant(f"{_one('summary', 'indicator')} and {_the('source')}.count() = 1", _CARDS, ("C3",)),
    "a card's summary": Invariant(f"{_the('summary')}.value.length() < 140", _CARDS, ("C2",)),
    "a card's codes": Invariant(
        f"{_in('indicator', 'info', 'warning', 'critical')} and {_in('selectionBehavior', *_SELECTION)}",
        _CARDS,
        ("C3", "C7"),
    ),
    "a card's uuid": Invariant(f"{_one('uuid')} and {_uuid('uuid')}", _CARDS, ("C5", "resp-3")),
    "a source": Invariant(_one("label"), ("cards.source",), ("C3",)),
    "a topic": Invariant(_one("code", "system"), ("cards.source.topic",), ("C6", "resp-5")),
    "a suggestion": Invariant(f"{_one('label', 'uuid')} and {_uuid('uuid')}", _SUGGESTIONS, ("C8", "resp-3")),
    "an action": Invariant(
        f"{_one('type', 'description')} and {_in('type', 'create', 'update', 'delete')} and "
        f"({_the('type')}.value in ('create' | 'update') implies {_the('resource')}.resource.count() = 1)",
        _ACTIONS,
        ("C9", "C12"),
    ),
    "a link": Invariant(
        f"{_one('label', 'url', 'type')} and {_in('type', 'absolute', 'smart')} and "
        f"{_the('url')}.value.matches('^https?://\\\\S+$')",
        ("cards.links",),
        ("C11",),
    ),
    "a reason": Invariant(_one("code", "system", "display"), ("cards.overrideReasons",), ("C10",)),
}


def judged(invariant: Invariant, message: Mapping[str, Any]) -> list[bool]:
    """Return what the invariant says of each part of a message; a part on which it says nothing fails it."""
    environment = Environment(PatientRecord("", []), Date((2026, 1, 15)), values={}, defined={})
    environment.focus = {"resourceType": "Parameters", "parameter": [_parameter("message", message)]}
    answers = (list(_compiled(invariant, path).items(environment)) for path in invariant.paths)
    return [said == "yes" for found in answers for said in found]


@cache
def _compiled(invariant: Invariant, path: str) -> FhirPath:
    at = "".join(f".{_the(step)}" for step in path.split(".") if step)
    said = f"iif({invariant.expression}, 'yes', 'no')"
    return compile_fhirpath(f"parameter{at}.select({said})", Scope(context=("Parameters",), strict=False))


def _parameter(name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        if "resourceType" in value:
            return {"name": name, "resource": value}
        return {"name": name, "part": [one for key, held in value.items() for one in _parameters(key, held)]}
    kind = "Boolean" if isinstance(value, bool) else "String" if isinstance(value, str) else "Decimal"
    return {"name": name} if value is None else {"name": name, f"value{kind}": value}


def _parameters(name: str, value: Any) -> Iterator[dict[str, Any]]:
    items: Sequence[Any] = value if isinstance(value, list) else [value]
    yield from (_parameter(name, one) for one in items)
