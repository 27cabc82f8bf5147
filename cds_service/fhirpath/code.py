"""A compiled piece of an expression: closures over plain items."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from cds_service.errors import EvaluationError
from cds_service.expressions.language import Environment, Missing, Types
from cds_service.expressions.logic import Truth
from cds_service.fhir.element import Location
from cds_service.fhirpath.items import Typed, equal, raw

__all__ = ["BOOLEAN", "Apply", "Code", "Test", "constant", "from_truth", "subset", "values"]

Items: TypeAlias = Callable[[Any, Environment], Sequence[Any]]
"""(focus, environment) → collection."""
Located: TypeAlias = Callable[[Location, Environment], Sequence[Location]]
"""The same with the places; the focus, too, comes with its place."""
Test: TypeAlias = Callable[[Any, Environment], Truth]
Apply: TypeAlias = Callable[[Sequence[Any], Any, Environment], Sequence[int]]
"""(collection, focus, environment) → the positions of the items that a function keeps."""

BOOLEAN: Types = ("System.Boolean",)


@dataclass(frozen=True, slots=True)
class Code:
    """One node of the tree, compiled. `truth` is set where the answer is a boolean."""

    types: Types
    items: Items
    located: Located
    evidence: Located | None = None
    """Where the elements behind a true answer come from; None for what has none to show."""
    truth: Test | None = None

    def test(self) -> Test:
        """Return the boolean of the collection: its only boolean, True for another single item, None for none."""
        if self.truth:
            return self.truth
        items, types = self.items, self.types or ("",)

        def test(this: Any, env: Environment) -> Truth:
            found = items(this, env)
            if not found:
                return None
            if len(found) > 1:
                raise EvaluationError(f"a condition needs one item, there are {len(found)}")
            kind, value = (found[0].type, found[0].value) if type(found[0]) is Typed else (types[0], found[0])
            if type(value) is not bool and kind == "boolean":
                raise Missing("an element that is true or false holds neither", code="unreadable")
            return value if type(value) is bool else True

        return test


def values(types: Types, items: Items) -> Code:
    """Return code whose items are computed, so that they stand nowhere in the record."""
    return Code(types, items, lambda this, env: [Location(one) for one in items(this.value, env)])


def from_truth(truth: Test, *, evidence: Located | None = None) -> Code:
    """Return code that answers with a boolean."""

    def items(this: Any, env: Environment) -> Sequence[Any]:
        answer = truth(this, env)
        return () if answer is None else (answer,)

    return Code(BOOLEAN, items, lambda this, env: [Location(one) for one in items(this.value, env)], evidence, truth)


def constant(types: Types, value: Sequence[Any]) -> Code:
    """Return code that always gives `value`."""
    return values(types, lambda _this, _env: value)


def subset(base: Code, apply: Apply, *, counting: bool = False) -> Code:
    """Return `base` reduced to the items at the positions that `apply` returns; `counting` if it counts them."""
    before, places = base.items, base.located

    def items(this: Any, env: Environment) -> Sequence[Any]:
        found = before(this, env)
        return [found[i] for i in apply(found, this, env)]

    def located(this: Location, env: Environment) -> Sequence[Location]:
        every = places(this, env)
        found = before(this.value, env) if counting else [place.value for place in every]
        kept = apply(found, this.value, env)
        if len(found) == len(every):
            return [every[i] for i in kept]
        values = [raw(found[i]) for i in kept]  # a union tells the places of equal items, of which it keeps one
        return [place for place in every if any(equal(raw(place.value), one) for one in values)]

    return Code(base.types, items, located)
