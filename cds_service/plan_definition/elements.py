"""Elements and extensions of an artifact, read from FHIR's JSON. What is not as FHIR writes it is a ContentError."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cds_service.errors import ContentError
from cds_service.fhir.temporal import Date, parse_date

__all__ = [
    "Json",
    "all_actions",
    "date_of",
    "extensions_of",
    "object_of",
    "objects_of",
    "part_of",
    "text_of",
    "value_of",
]

Json = Mapping[str, Any]

_JSON_TYPES: Mapping[str, type] = {
    "valueBoolean": bool,
    "valueCanonical": str,
    "valueCode": str,
    "valueDate": str,
    "valueId": str,
    "valuePositiveInt": int,
    "valueString": str,
}


def objects_of(holder: Json, name: str) -> list[Json]:
    """Return the objects in an array element; none if it is absent."""
    found = holder.get(name)
    if found is None:
        return []
    if type(found) is not list or not all(isinstance(one, Mapping) for one in found):
        raise _malformed(f"`{name}` must be an array of objects")
    return found


def object_of(holder: Json, name: str) -> Json:
    """Return the object in an element; an empty one if it is absent."""
    found = holder.get(name, {})
    if not isinstance(found, Mapping):
        raise _malformed(f"`{name}` must be an object")
    return found


def text_of(holder: Json, name: str, place: str = "PlanDefinition") -> str:
    """Return the text of an element that must be there."""
    value = holder.get(name)
    if type(value) is not str or not value:
        raise ContentError(f"`{name}` is missing", element=place, rule="element-missing")
    return value


def maybe_text_of(holder: Json, name: str) -> str:
    """Return the text of an element, empty if it is absent."""
    value = holder.get(name) or ""
    if type(value) is not str:
        raise _malformed(f"`{name}` must be a text")
    return value


def date_of(holder: Json, name: str) -> Date | None:
    """Return the day in an element, None if it is absent."""
    value = holder.get(name)
    if value is None:
        return None
    parsed = parse_date(str(value)[:10])
    if parsed is None:
        raise _malformed(f"`{name}` is no date", "PlanDefinition")
    return parsed


def extensions_of(holder: Json, url: str) -> list[Json]:
    """Return the extensions of that address."""
    return [one for one in objects_of(holder, "extension") if one.get("url") == url]


def value_of(holder: Json, url: str, value: str) -> Any:
    """Return the value of the first extension of that address, None if there is none."""
    found = next((one.get(value) for one in extensions_of(holder, url)), None)
    kind = _JSON_TYPES.get(value)
    if found is not None and kind and type(found) is not kind:
        raise _malformed(f"`{value}` of the extension `{url}` is not of its type")
    return found


def part_of(extension: Json, name: str, value: str) -> Any:
    """Return the value of a complex extension's part; parts are named by a bare url."""
    return value_of(extension, name, value)


def all_actions(plan: Json) -> Iterator[Json]:
    """Yield the actions of a plan at any depth, each before those inside it."""
    for action in objects_of(plan, "action"):
        yield action
        yield from all_actions(action)


def _malformed(reason: str, element: str | None = None) -> ContentError:
    return ContentError(reason, element=element, rule="element-malformed")
