"""FHIRPath, compiled once to closures over plain dicts; every answer can name the elements it rests on.

Source: FHIRPath 2.0 (normative), FHIR R4 2.9.1 (FHIRPath in FHIR).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cds_service.errors import ExpressionError
from cds_service.expressions.language import Environment, Scope, Types
from cds_service.expressions.logic import Truth
from cds_service.fhir.element import Location
from cds_service.fhirpath.code import BOOLEAN, Code
from cds_service.fhirpath.compiler import Compiler
from cds_service.fhirpath.functions import FUNCTIONS
from cds_service.fhirpath.items import raw
from cds_service.fhirpath.parser import parse

__all__ = ["FhirPath", "compile_fhirpath"]


@dataclass(frozen=True, slots=True)
class FhirPath:
    """A compiled FHIRPath expression."""

    source: str
    types: Types
    reads: frozenset[str]
    value_sets: frozenset[str]
    _code: Code

    @property
    def is_boolean(self) -> bool:
        """Return whether the answer can only be a boolean."""
        return self.types in (BOOLEAN, ("boolean",))

    @property
    def has_evidence(self) -> bool:
        """Return whether a true answer can name the elements it rests on."""
        return self._code.evidence is not None

    def items(self, environment: Environment) -> Sequence[Any]:
        """Return the collection, in FHIR's own JSON where the items are elements."""
        return self._code.items(environment.focus, environment)

    def truth(self, environment: Environment) -> Truth:
        """Return the boolean, None for an empty collection."""
        return self._code.test()(environment.focus, environment)

    def located(self, environment: Environment) -> Sequence[Location]:
        """Return the collection with each item's place in the record."""
        return self._code.located(Location(environment.focus), environment)

    def evidence(self, environment: Environment) -> Sequence[Location]:
        """Return the elements on which a true answer rests."""
        if self._code.evidence is None:
            return ()
        found = self._code.evidence(Location(environment.focus), environment)
        return [_unwrapped(place) for place in found]


def _unwrapped(place: Location) -> Location:
    if place.parent is not None and not place.name:
        return place.parent
    return Location(raw(place.value), place.parent, place.name, place.index)


def compile_fhirpath(source: str, scope: Scope) -> FhirPath:
    """Return `source` compiled. Raises ExpressionError with the position of what is wrong."""
    compiler = Compiler(source, scope, FUNCTIONS)
    try:
        code = compiler.compile(parse(source), scope.context)
    except RecursionError:
        reason = "the expression is too long to be carried out; split it into variables"
        raise ExpressionError(reason, source=source) from None
    return FhirPath(source, code.types, frozenset(compiler.reads), frozenset(compiler.value_sets), code)
