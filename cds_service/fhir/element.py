"""Where an element stands: `Condition/c1.code.coding[0]`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from cds_service.fhir.definitions import element
from cds_service.fhir.encoding import canonical

__all__ = ["Location", "Resource", "is_id", "label", "locate", "remove"]

Resource = Mapping[str, Any]
"""A FHIR resource or element as plain JSON. Nothing in this package changes one."""

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_STEP = re.compile(r"([A-Za-z_]\w*)(?:\[(\d+)\])?")


@dataclass(frozen=True, slots=True, eq=False)
class Location:
    """An element with its way back to the resource that owns it. `name` is FHIRPath's: `value`, not `valueString`."""

    value: Any
    parent: Location | None = None
    name: str = ""
    index: int | None = None

    @property
    def owner(self) -> Any:
        """Return the value at the root: the resource, when the chart was the start."""
        at = self
        while at.parent is not None:
            at = at.parent
        return at.value

    def child(self, value: Any, name: str, index: int | None = None) -> Location:
        """Return the location of an element of this one."""
        return Location(value, self, name, index)

    def __str__(self) -> str:
        """Return the path, such as `Observation/o1.component[2].value`; for a bare value an empty text."""
        owner = self.owner
        return self.within(label(owner) if isinstance(owner, Mapping) else "")

    def within(self, name: str) -> str:
        """Return the path below an owner that goes by `name`: for who asks often, as `label` may take time."""
        steps: list[str] = []
        at = self
        while at.parent is not None:
            steps.append(at.name if at.index is None else f"{at.name}[{at.index}]")
            at = at.parent
        steps.append(name)
        return ".".join(reversed(steps))


def is_id(name: object) -> bool:
    """Return whether a reference can name a resource by this. Source: FHIR R4 2.24.0.1, id."""
    return type(name) is str and _ID.fullmatch(name) is not None


def label(resource: Resource) -> str:
    """Return `Type/id`; a resource without an id is named by its content, as `Condition/~3fa9c1d2`."""
    kind, name = resource.get("resourceType", "Element"), resource.get("id")
    return f"{kind}/{name}" if name else f"{kind}/~{sha256(canonical(resource)).hexdigest()[:8]}"


def locate(resource: Resource, path: str) -> list[tuple[Any, str | int]]:
    """Return the (container, key) of each element that `path` names inside `resource`.

    The path is as a Location prints it, `Type/id` in front or not; a step without an index names all its elements.
    """
    steps = _STEP.findall(_inside(resource, path))
    places: list[tuple[Any, str | int]] = [((resource,), 0)] if steps else []
    kind = str(resource.get("resourceType", ""))
    for name, index in steps:
        if kind == "Resource" and places:
            kind = str(_held(places[0]).get("resourceType"))
        known = element(kind, name)
        keys = dict(zip(known.keys, known.types, strict=True)) if known else {name: ""}
        found: list[tuple[Any, str | int]] = []
        for container, key in places:
            holder = container[key]
            for json_key, type_name in keys.items():
                if not isinstance(holder, Mapping) or json_key not in holder:
                    continue
                kind, value = type_name, holder[json_key]
                if index and isinstance(value, list):
                    found += [(value, int(index))] if int(index) < len(value) else []
                else:
                    found.append((holder, json_key))
        places = found
    return places


def _held(place: tuple[Any, str | int]) -> Resource:
    container, key = place
    return container[key] if isinstance(container[key], Mapping) else {}


def _inside(resource: Resource, path: str) -> str:
    """Return a path without the resource in front of it; an id may hold dots."""
    own = label(resource)
    if path == own or path.startswith(f"{own}."):
        return path[len(own) + 1 :]
    head, _, rest = path.partition(".")
    return rest if "/" in head else path


def remove(resource: dict[str, Any], path: str) -> bool:
    """Take the elements that `path` names out of `resource`, which is changed. Return whether there were any."""
    places = locate(resource, path)
    for container, key in places:
        del container[key]
    return bool(places)
