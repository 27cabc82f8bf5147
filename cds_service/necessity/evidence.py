"""Elements of the chart → evidence: path, value in words, date and status of the source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from cds_service.fhir.dating import dated
from cds_service.fhir.element import Location, label
from cds_service.fhir.record import code_element
from cds_service.necessity.chart import status_of
from cds_service.necessity.model import Evidence

__all__ = ["gather_evidence", "words_of"]


def gather_evidence(places: Iterable[Location]) -> tuple[Evidence, ...]:
    """Return one Evidence per place in the record, in order, each path once. Computed values stand nowhere: none."""
    found: dict[str, Evidence] = {}
    labels: dict[int, str] = {}
    for place in places:
        owner = place.owner
        if type(owner) is not dict or "resourceType" not in owner:
            continue
        name = labels.get(id(owner)) or labels.setdefault(id(owner), label(owner))
        path = place.within(name)
        if path not in found:
            day = dated(owner)
            value = words_of(_about(owner) if place.parent is None else place.value)
            found[path] = Evidence(path, value, str(day) if day else None, status_of(owner), place.value)
    return tuple(found.values())


def _about(resource: Mapping[str, Any]) -> Any:
    """Return what a whole resource says: its value if it has one, else what it is about."""
    for key, value in resource.items():
        if key.startswith("value"):
            return value
    about = code_element(str(resource["resourceType"]))
    return resource.get(about) or resource.get(f"{about}CodeableConcept") or resource.get("birthDate")


def words_of(value: Any) -> str | None:
    """Return a value as a reader sees it: a code's display, a quantity with its unit, a date, a text."""
    if type(value) is dict and type(codings := value.get("coding")) is list:
        return next((one for one in map(words_of, codings) if one), _text(value, "text"))
    match value:
        case bool():
            return "yes" if value else "no"
        case str() | int() | Decimal():
            return str(value)
        case list():
            words = [one for one in map(words_of, value) if one]
            return ", ".join(words) or None
        case {"value": int() | Decimal() as number} if not isinstance(number, bool):
            unit = _text(value, "unit") or _text(value, "code")
            return f"{_text(value, 'comparator') or ''}{number}{f' {unit}' if unit else ''}"
        case {"code": str() as code}:
            return _text(value, "display") or code
        case {"start": _} | {"end": _}:
            return f"{_text(value, 'start') or '…'} to {_text(value, 'end') or '…'}"
        case {"text": str() as text}:
            return text
        case {"reference": str() as reference}:
            return _text(value, "display") or reference
        case {"display": str() as display}:
            return display
        case {"value": inner}:
            return words_of(inner)
    return None


def _text(holder: Mapping[str, Any], name: str) -> str | None:
    text = holder.get(name)
    return text if type(text) is str and text else None
