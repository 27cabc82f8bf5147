"""Code systems as hierarchies: which code is more general than which. Source: FHIR R4 4.8 (CodeSystem)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from cds_service.errors import ContentError

__all__ = ["CodeSystem", "read_code_system"]


@dataclass(frozen=True)
class CodeSystem:
    """A code system that is loaded whole: each code with the codes right above it."""

    url: str
    parents: Mapping[str, frozenset[str]]

    @cached_property
    def _ancestors(self) -> dict[str, frozenset[str]]:
        found: dict[str, frozenset[str]] = {}
        for code in self.parents:
            seen: set[str] = set()
            above = list(self.parents[code])
            while above:
                one = above.pop()
                if one not in seen:
                    seen.add(one)
                    above += self.parents.get(one, ())
            found[code] = frozenset(seen)
        return found

    def subsumes(self, general: str, special: str) -> bool | None:
        """Return whether `general` is `special` or stands above it; None for a code that the system does not have."""
        if general not in self.parents or special not in self.parents:
            return None
        return general == special or general in self._ancestors[special]


def read_code_system(resource: Mapping[str, object]) -> CodeSystem:
    """Return a CodeSystem resource as a hierarchy: nested concepts, and `parent` and `child` properties.

    Raises ContentError for a resource without `url`, one that does not hold all its codes, and one whose hierarchy
    tells something else than what is more general.
    """
    url = resource.get("url")
    if type(url) is not str:
        raise ContentError("a CodeSystem has no `url`")
    if resource.get("content") != "complete":
        raise ContentError("only a CodeSystem with `content` complete can be asked", url, "content")
    if resource.get("hierarchyMeaning", "is-a") != "is-a":
        raise ContentError("only a hierarchy that means is-a can be asked", url, "hierarchyMeaning")
    parents: dict[str, set[str]] = {}
    for code, parent, concept in _concepts(resource, None):
        above = parents.setdefault(code, set())
        if parent is not None:
            above.add(parent)
        for one in _objects(concept.get("property")):
            named = one.get("valueCode")
            if one.get("code") in ("parent", "subsumedBy") and type(named) is str:
                above.add(named)
            if one.get("code") == "child" and type(named) is str:
                parents.setdefault(named, set()).add(code)
    return CodeSystem(url, {code: frozenset(above) for code, above in parents.items()})


def _concepts(
    holder: Mapping[str, object], parent: str | None
) -> Iterator[tuple[str, str | None, Mapping[str, object]]]:
    for concept in _objects(holder.get("concept")):
        code = concept.get("code")
        if type(code) is str:
            yield code, parent, concept
            yield from _concepts(concept, code)


def _objects(value: object) -> list[Mapping[str, object]]:
    return [one for one in value if isinstance(one, Mapping)] if type(value) is list else []
