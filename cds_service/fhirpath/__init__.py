"""FHIRPath, compiled once to closures over plain dicts; every answer can name the elements it rests on.

Source: FHIRPath 2.0 (normative), FHIR R4 2.9.1 (FHIRPath in FHIR).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from cds_service.errors import ExpressionTooLarge, LimitExceeded
from cds_service.expressions.language import DataNeed, Environment, Placed, Refusal, Scope, Types
from cds_service.expressions.logic import Truth
from cds_service.fhir.element import Location
from cds_service.fhirpath.code import BOOLEAN, Code, Test, as_shape
from cds_service.fhirpath.compiler import Compiler
from cds_service.fhirpath.functions import FUNCTIONS
from cds_service.fhirpath.items import At, Several, Shape, is_wrapped, locations, raw, root
from cds_service.fhirpath.parser import parse

__all__ = ["FhirPath", "compile_fhirpath"]

_REFUSALS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class FhirPath:
    """A compiled FHIRPath expression."""

    source: str
    types: Types
    reads: frozenset[str]
    value_sets: frozenset[str]
    needs: tuple[DataNeed, ...]
    _code: Code
    _truth: Test

    @property
    def is_boolean(self) -> bool:
        """Return whether the answer can only be a boolean."""
        return self.types in (BOOLEAN, ("boolean",))

    @property
    def has_evidence(self) -> bool:
        """Return whether a true answer can name the elements it rests on."""
        return self._code.answer is not None

    def items(self, environment: Environment) -> Sequence[Any]:
        """Return the collection, in FHIR's own JSON where the items are elements."""
        environment.restart()
        try:
            return self._code.items(environment.focus, environment)
        except RecursionError:
            raise _too_deep() from None

    def truth(self, environment: Environment) -> Truth:
        """Return the boolean, None for an empty collection."""
        environment.restart()
        try:
            return self._truth(environment.focus, environment)
        except RecursionError:
            raise _too_deep() from None

    def located(self, environment: Environment) -> Sequence[Placed]:
        """Return the collection with each item's place in the record."""
        environment.restart()
        try:
            found = self._code.located(root(environment.focus), environment)
        except RecursionError:
            raise _too_deep() from None
        return [(item, _place(at)) for item, at in found]

    def answer(self, environment: Environment) -> tuple[Truth, Sequence[Location]]:
        """Return the boolean with the elements on which a true answer rests."""
        if self._code.answer is None:
            return self.truth(environment), ()
        environment.restart()
        try:
            holds, found = self._code.answer(root(environment.focus), environment)
        except RecursionError:
            raise _too_deep() from None
        if holds is not True:
            return holds, ()
        return True, [place for item, at in found for place in (tuple(locations(at)) or (Location(raw(item)),))]

    def evidence(self, environment: Environment) -> Sequence[Location]:
        """Return the elements on which a true answer rests."""
        return self.answer(environment)[1] if self.has_evidence else ()

    def refusals(self, environment: Environment) -> Sequence[Refusal]:
        """Return the first few candidates that were passed over, each with the first condition that did not hold."""
        if self._code.refusals is None:
            return ()
        environment.restart()
        try:
            return tuple(islice(self._code.refusals(root(environment.focus), environment), _REFUSALS_SHOWN))
        except RecursionError:
            raise _too_deep() from None


def _too_deep() -> LimitExceeded:
    """Return the error for an expression whose variables nest too deeply with the data that it meets."""
    return LimitExceeded("the expression nests too deeply to be carried out", limit="depth")


def _place(at: At) -> Location | Several | None:
    if at is None or isinstance(at, Location):
        return at
    places = Several(locations(at))
    return places[0] if len(places) == 1 else places


def compile_fhirpath(source: str, scope: Scope) -> FhirPath:
    """Return `source` compiled. Raises ExpressionError with the position of what is wrong."""
    try:
        return _compiled(source, scope)
    except RecursionError:  # where the stack was deep already
        raise ExpressionTooLarge("the expression nests too deeply", source=source, limit="depth") from None


def _compiled(source: str, scope: Scope) -> FhirPath:
    compiler = Compiler(source, scope, FUNCTIONS)
    code = compiler.compile_whole(parse(source))
    types = code.shape.types
    return FhirPath(
        source,
        types,
        frozenset(compiler.reads),
        frozenset(compiler.value_sets),
        tuple(sorted(compiler.needs, key=repr)),
        as_shape(code, Shape(types, wrapped=is_wrapped(types))),
        code.test(),
    )
