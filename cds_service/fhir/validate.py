"""Resources against FHIR R4's structure, by fhir.resources, which is imported in this file only.

The library's models are R4B's; for what this service handles R4B differs from R4 4.0.1 by elements that it adds,
and those are refused here. It checks names, cardinality and the forms of primitive values. It does not check
bindings, invariants or what a reference points to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from cds_service.fhir.definitions import Element, element, elements_of, is_primitive, is_resource

__all__ = ["Issue", "validate"]

_ABSTRACT = ("Resource", "DomainResource")
_REASONS: Mapping[str, str] = {
    "bool_type": "must be true or false",
    "dict_type": "must be an object",
    "extra_forbidden": "is not an element of R4 here",
    "list_type": "must be an array, without null",
    "missing": "is required",
    "model_field_validation.missing": "is required",
    "model_type": "must be an object",
    "string_pattern_mismatch": "is not in the form of its type",
    "string_type": "must be a string",
}


@dataclass(frozen=True, slots=True)
class Issue:
    """What is wrong, and at which element; the value that stands there is never repeated."""

    path: str
    reason: str

    def __str__(self) -> str:
        """Return `path: reason`."""
        return f"{self.path}: {self.reason}"


def validate(resource: Mapping[str, Any]) -> tuple[Issue, ...]:
    """Return what keeps a resource, and what it holds, from being valid R4; nothing if it is. Never raises."""
    try:
        return tuple(dict.fromkeys(_issues(resource, "")))
    except RecursionError:
        return (Issue(str(resource.get("resourceType")), "is nested too deep"),)


def _issues(resource: object, place: str) -> Iterator[Issue]:
    if not isinstance(resource, Mapping):
        yield Issue(place, "must be a resource: an object")
        return
    kind = resource.get("resourceType")
    if type(kind) is not str or not is_resource(kind) or kind in _ABSTRACT:
        yield Issue(f"{place}.resourceType".removeprefix("."), "is no resource type of R4 that is known here")
        return
    place = place or kind
    yield from _unknown_elements(resource, kind, place)
    shell, held = _taken_apart(resource)
    yield from _model_issues(shell, kind, place)
    for where, one in held:
        yield from _issues(one, f"{place}.{where}")


def _unknown_elements(value: object, kind: str, place: str) -> Iterator[Issue]:
    """Yield the members that R4 does not have, those that only R4B has among them."""
    if not isinstance(value, Mapping):
        return
    known = {key: one for name in elements_of(kind) if (one := element(kind, name)) for key in one.keys}
    for key, member in value.items():
        found = known.get(key.removeprefix("_"))
        if found is None and (key != "resourceType" or not is_resource(kind)):
            yield Issue(f"{place}.{key}", "is not an element of R4 here")
        elif found is not None:
            yield from _within(member, found, key, f"{place}.{key}")


def _within(member: object, known: Element, key: str, place: str) -> Iterator[Issue]:
    kind = "Element" if key.startswith("_") else known.types[known.keys.index(key)]
    if is_primitive(kind) or kind in ("Resource", "Narrative"):
        return
    for i, one in enumerate(member if isinstance(member, list) else [member]):
        yield from _unknown_elements(one, kind, f"{place}[{i}]" if isinstance(member, list) else place)


def _taken_apart(resource: Mapping[str, Any]) -> tuple[dict[str, Any], list[tuple[str, object]]]:
    """Return the resource without the resources it holds, and those with their places: each is checked by itself."""
    shell, held = dict(resource), []
    contained = shell.get("contained")
    if isinstance(contained, list):
        held += [(f"contained[{i}]", one) for i, one in enumerate(contained)]
        del shell["contained"]
    entries = shell.get("entry") if shell.get("resourceType") == "Bundle" else None
    if isinstance(entries, list):
        shell["entry"] = [_without_resource(entry) for entry in entries]
        places = [(f"entry[{i}].resource", entry) for i, entry in enumerate(entries) if isinstance(entry, Mapping)]
        held += [(where, entry["resource"]) for where, entry in places if "resource" in entry]
    return shell, held


def _without_resource(entry: object) -> object:
    return {key: one for key, one in entry.items() if key != "resource"} if isinstance(entry, Mapping) else entry


def _model_issues(shell: Mapping[str, Any], kind: str, place: str) -> Iterator[Issue]:
    from fhir.resources.R4B import get_fhir_model_class
    from pydantic import ValidationError

    try:
        get_fhir_model_class(kind).model_validate(deepcopy(dict(shell)))
    except ValidationError as error:
        for one in error.errors(include_url=False, include_input=False, include_context=False):
            yield Issue(_path(place, one["loc"]), _reason(one["type"], one["msg"]))
    except Exception as error:  # KeyError, TypeError and more, for input that its authors did not think of
        yield Issue(place, f"cannot be read as R4 ({type(error).__name__})")


def _path(place: str, steps: tuple[str | int, ...]) -> str:
    return place + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)


def _reason(kind: str, message: str) -> str:
    """Return the library's complaint in our words; its own could quote the value."""
    if "but got multiple" in message:
        return "has more than one value for an element that has one of several types"
    if "Expect any of field value" in message:
        return "lacks an element that is required in one of several types"
    return _REASONS.get(kind, "is not a value of its type")
