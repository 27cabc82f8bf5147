"""How the codes of a value set were verified: an extension on each, and without one nobody says."""

from __future__ import annotations

from collections.abc import Iterator

from cds_service.plan_definition.elements import Json, extensions_of, object_of, objects_of, value_of
from cds_service.plan_definition.profile import Extension

__all__ = ["unverified_codes"]

_UNVERIFIED = "unverified"
"""In the CodeSystem `code-verification`."""


def unverified_codes(value_set: Json) -> Iterator[str]:
    """Yield the codes of a ValueSet that are marked as verified by nobody."""
    for include in objects_of(object_of(value_set, "compose"), "include"):
        for concept in objects_of(include, "concept"):
            if extensions_of(concept, Extension.CODE_VERIFICATION) and _mark(concept) == _UNVERIFIED:
                yield str(concept.get("code"))


def _mark(concept: Json) -> str | None:
    mark = value_of(concept, Extension.CODE_VERIFICATION, "valueCode")
    return mark if type(mark) is str else None
