"""A compiled piece of an expression: closures over items, and the same over items with their places."""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from cds_service.errors import EvaluationError
from cds_service.expressions.language import Environment, Missing, Refusal, Types
from cds_service.expressions.logic import Truth
from cds_service.fhir.definitions import is_resource
from cds_service.fhirpath.items import NOTHING, Several, Shape, Traced, Typed, root, wrap
from cds_service.fhirpath.values import UNREADABLE, fits

__all__ = [
    "BOOLEAN",
    "Answer",
    "Apply",
    "Code",
    "Items",
    "Located",
    "Refusals",
    "Test",
    "as_shape",
    "computed",
    "constant",
    "from_truth",
    "itself",
    "local",
    "rooted",
    "subset",
    "unique",
    "unique_places",
    "unless_lacking",
]

Items: TypeAlias = Callable[[Any, Environment], Sequence[Any]]
"""(focus, environment) → collection."""
Located: TypeAlias = Callable[[Traced, Environment], Sequence[Traced]]
"""The same with the places; the focus, too, comes with its place."""
Test: TypeAlias = Callable[[Any, Environment], Truth]
Refusals: TypeAlias = Callable[[Traced, Environment], Iterator[Refusal]]
Answer: TypeAlias = Callable[[Traced, Environment], tuple[Truth, Sequence[Traced]]]
Apply: TypeAlias = Callable[[Sequence[Any], Any, Environment], Sequence[int]]
"""(collection, focus, environment) → the positions of the items that a function keeps."""

BOOLEAN: Types = ("System.Boolean",)
_BOOLEAN_SHAPE = Shape(BOOLEAN)


@dataclass(frozen=True, slots=True)
class Code:
    """One node of the tree, compiled."""

    shape: Shape
    items: Items
    located: Located
    truth: Test | None = None
    """Set where the answer is a boolean."""
    some: Test | None = None
    """Whether there is any item, where that can be told sooner, or surer, than by collecting them."""
    some_located: Located | None = None
    """The items by which `some` tells that; as `some` does, it goes on where one item cannot be told."""
    answer: Answer | None = None
    """The boolean with the elements that a true one rests on; None for what has none to show."""
    counted: Located | None = None
    """Where the items of a number come from that counts them."""
    refusals: Refusals | None = None
    """The candidates that were passed over, and why."""
    constant: Sequence[Any] | None = None
    """The items of a literal."""
    key: str | None = None
    """The JSON key, where this reads one key of `$this` and nothing else."""
    first: str | None = None
    """The JSON key of `$this` without which there is no item, and nothing that could fail."""
    never: Callable[[Environment], Container[int]] | None = None
    """The resources of the record, by their identity, for which the boolean is surely false."""
    rooted: bool = False
    """Whether each item is a resource, where its paths start, so that its place needs no looking for."""
    is_focus: bool = False
    """Whether this is `$this`."""

    def test(self) -> Test:
        """Return the boolean of the collection: its only boolean, True for another single item, None for none."""
        if self.truth:
            return self.truth
        items, types = self.items, self.shape.types or ("",)

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

    def exists(self) -> Test:
        """Return whether there is any item. An element that does not hold what its type says is none, nor no item."""
        if self.some:
            return self.some
        items, readable = self.items, _readable(self.shape)
        if readable is None:
            return lambda this, env: bool(items(this, env))

        def some(this: Any, env: Environment) -> Truth:
            found = items(this, env)
            if found and not any(map(readable, found)):
                raise Missing(UNREADABLE, code="unreadable")
            return bool(found)

        return some

    def witnesses(self) -> Located:
        """Return the items by which `exists` tells that there are any."""
        located, readable = self.located, _readable(self.shape)
        if self.some_located or readable is None:
            return self.some_located or located

        def seen(this: Traced, env: Environment) -> Sequence[Traced]:
            found = located(this, env)
            kept = [one for one in found if readable(one[0])]
            if found and not kept:
                raise Missing(UNREADABLE, code="unreadable")
            return kept

        return seen

    def shaped(self, shape: Shape) -> Code:
        """Return this code with its items known to be of another shape."""
        return replace(self, shape=shape)


def _readable(shape: Shape) -> Callable[[Any], bool] | None:
    """Return what tells whether an item holds what its type says; None where every item does."""
    if shape.wrapped:
        return lambda item: item.value is None or fits(item.value, item.type)  # None beside an element of its own
    if len(shape.types) != 1 or shape.types[0].startswith("System.") or is_resource(shape.types[0]):
        return None
    kind = shape.types[0]
    return lambda item: fits(item, kind)


def rooted(shape: Shape, items: Items, refusals: Refusals | None = None) -> Code:
    """Return code whose items are resources."""

    def located(this: Traced, env: Environment) -> Sequence[Traced]:
        return [root(one) for one in items(this[0], env)]

    return Code(shape, items, located, refusals=refusals, rooted=True)


def itself(shape: Shape) -> Code:
    """Return `$this`."""
    return Code(shape, lambda this, _env: (this,), lambda this, _env: (this,), is_focus=True)


def computed(shape: Shape | Types, items: Items) -> Code:
    """Return code whose items are computed, so that they stand nowhere in the record."""
    shape = shape if isinstance(shape, Shape) else Shape(shape)
    return Code(shape, items, lambda this, env: [(one, None) for one in items(this[0], env)])


def local(name: str | int, shape: Shape) -> Code:
    """Return what an expression keeps under a name of its own: a variable, or what stands before a call."""

    def items(_this: Any, env: Environment) -> Sequence[Any]:
        return [item for item, _ in located((None, None), env)]

    def located(_this: Traced, env: Environment) -> Sequence[Traced]:
        found = env.locals[name]
        env.spend(len(found))
        return found

    return Code(shape, items, located)


def from_truth(truth: Test, *, answer: Answer | None = None, refusals: Refusals | None = None) -> Code:
    """Return code that answers with a boolean."""

    def items(this: Any, env: Environment) -> Sequence[Any]:
        answer = truth(this, env)
        return () if answer is None else (answer,)

    def located(this: Traced, env: Environment) -> Sequence[Traced]:
        return [(one, None) for one in items(this[0], env)]

    return Code(_BOOLEAN_SHAPE, items, located, truth, answer=answer, refusals=refusals)


def unless_lacking(first: str | None, test: Test, *, lacking: bool) -> Test:
    """Return `test`, answered with `lacking` at once where `$this` does not have the key `first`."""
    if first is None:
        return test

    def quick(this: Any, env: Environment) -> Truth:
        return lacking if type(this) is dict and first not in this else test(this, env)

    return quick


def constant(types: Types, value: Sequence[Any]) -> Code:
    """Return code that always gives `value`."""
    code = computed(Shape(types) if types else NOTHING, lambda _this, _env: value)
    return replace(code, constant=value)


def as_shape(code: Code, shape: Shape) -> Code:
    """Return code whose items travel as they must among items of `shape`."""
    change = wrap(code.shape, shape)
    if change is None:
        return code
    items = code.items

    def changed(found: Located) -> Located:
        return lambda this, env: [(change(item), at) for item, at in found(this, env)]

    return Code(
        replace(code.shape, wrapped=shape.wrapped),
        lambda this, env: [change(one) for one in items(this, env)],
        changed(code.located),
        some=code.some,
        some_located=changed(code.some_located) if code.some_located else None,
        refusals=code.refusals,
        first=code.first,
    )


def subset(base: Code, apply: Apply) -> Code:
    """Return `base` reduced to the items at the positions that `apply` returns."""
    before, places = base.items, base.located

    def items(this: Any, env: Environment) -> Sequence[Any]:
        found = before(this, env)
        return [found[i] for i in apply(found, this, env)]

    def located(this: Traced, env: Environment) -> Sequence[Traced]:
        every = places(this, env)
        return [every[i] for i in apply([item for item, _ in every], this[0], env)]

    return Code(base.shape, items, located, refusals=base.refusals, first=base.first)


def unique(keys: Iterable[Hashable]) -> list[int]:
    """Return the positions of the keys that are not there earlier."""
    first: dict[Hashable, int] = {}
    for i, key in enumerate(keys):
        first.setdefault(key, i)
    return list(first.values())


def unique_places(found: Iterable[Traced], key: Callable[[Any], Hashable]) -> list[Traced]:
    """Return the items whose key is not there earlier, each with the places of those that it stands for."""
    items: dict[Hashable, Any] = {}
    places: dict[Hashable, list[Any]] = {}
    for item, at in found:
        known = key(item)
        items.setdefault(known, item)
        places.setdefault(known, []).append(at)
    return [(item, one[0] if len(one := places[known]) == 1 else Several(one)) for known, item in items.items()]
