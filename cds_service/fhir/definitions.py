"""What FHIR R4 (4.0.1) says of its types: which elements there are, of what type, once or many times."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

__all__ = [
    "Element",
    "base_of",
    "element",
    "elements_of",
    "is_a",
    "is_known_element",
    "is_primitive",
    "is_resource",
    "type_names",
]


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a type: its types (several for a choice element), and its keys in JSON, one per type."""

    name: str
    types: tuple[str, ...]
    keys: tuple[str, ...]
    many: bool

    @property
    def choice(self) -> bool:
        """Return whether the JSON key carries the type, as `value[x]` does."""
        return len(self.types) > 1


_OUR_OWN: Mapping[str, tuple[str | None, dict[str, str]]] = {
    # What expressions may read beside FHIR: a resource that may not be used, and a cluster of dated resources.
    "Rejected": ("Element", {"reason": "code", "resource": "Resource"}),
    "Episode": ("Element", {"start": "date", "item": "Resource*"}),
    # What FHIRPath's `type()` answers.
    "TypeInfo": ("Element", {"namespace": "string", "name": "string"}),
}


@cache
def _table() -> Mapping[str, tuple[str | None, dict[str, str]]]:
    text = files("cds_service.fhir").joinpath("r4_types.json").read_text(encoding="utf-8")
    return {**json.loads(text), **_OUR_OWN}


def type_names() -> frozenset[str]:
    """Return the names of all known types; a nested element is named by its path, as `Condition.evidence`."""
    return frozenset(_table())


def base_of(type_name: str) -> str | None:
    """Return the type that `type_name` specialises, or None at the top and for an unknown type."""
    entry = _table().get(type_name)
    return entry[0] if entry else None


@cache
def _ancestors() -> Mapping[str, frozenset[str]]:
    def lineage(type_name: str | None) -> Iterator[str]:
        while type_name is not None:
            yield type_name
            type_name = base_of(type_name)

    return {name: frozenset(lineage(name)) for name in _table()}


def is_a(type_name: str, ancestor: str) -> bool:
    """Return whether `type_name` is `ancestor` or specialises it."""
    return type_name == ancestor or ancestor in _ancestors().get(type_name, ())


def is_resource(type_name: str) -> bool:
    """Return whether `type_name` is a resource type, abstract ones included."""
    return is_a(type_name, "Resource")


def is_primitive(type_name: str) -> bool:
    """Return whether values of the type are JSON scalars; R4 writes primitive types with a small letter."""
    return type_name[:1].islower() and type_name in _table()


def elements_of(type_name: str) -> tuple[str, ...]:
    """Return the names of the elements of a type and of its ancestors."""
    names: list[str] = []
    at: str | None = type_name
    while at is not None and at in _table():
        at, elements = _table()[at]
        names += elements
    return tuple(names)


@cache
def _element_names() -> frozenset[str]:
    return frozenset(name for _, elements in _table().values() for name in elements)


def is_known_element(name: str) -> bool:
    """Return whether any type has an element of this name."""
    return name in _element_names()


def element(type_name: str, name: str) -> Element | None:
    """Return the element `name` of a type or of its ancestors, or None if R4 has none of that name."""
    # no name that a chart or an expression made up is kept
    return _element(type_name, name) if type_name in _table() and is_known_element(name) else None


@cache
def _element(type_name: str, name: str) -> Element | None:
    at: str | None = type_name
    while at is not None and at in _table():
        base, elements = _table()[at]
        written = elements.get(name)
        if written is not None:
            types = tuple(written.removesuffix("*").split("|"))
            keys = (name,) if len(types) == 1 else tuple(name + kind[0].upper() + kind[1:] for kind in types)
            return Element(name=name, types=types, keys=keys, many=written.endswith("*"))
        at = base
    return None
