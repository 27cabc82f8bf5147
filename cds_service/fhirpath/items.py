"""The items of a collection: FHIR's JSON as it is, with its type beside it only where that must travel along."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, TypeAlias

from cds_service.errors import EvaluationError
from cds_service.expressions.language import Types
from cds_service.fhir.definitions import is_a, is_primitive, is_resource
from cds_service.fhir.element import Location
from cds_service.fhir.temporal import Date, DateTime, Time
from cds_service.fhir.values import Quantity

__all__ = [
    "ABSTRACT",
    "ANY",
    "NOTHING",
    "VALUE",
    "Origins",
    "Shape",
    "Traced",
    "Typed",
    "is_of_type",
    "is_wrapped",
    "locations",
    "may_be_primitive",
    "merge_types",
    "raw",
    "root",
    "single",
    "system_type",
    "type_of",
    "wrap",
]


@dataclass(slots=True, eq=False)
class Typed:
    """A value with its type; of a primitive element also the JSON beside it (`_birthDate`), where asked for."""

    type: str
    value: Any
    element: Any = None


Place: TypeAlias = tuple[Any, Any, str, int | None]
"""(element, place of its parent, name, index): a step on the way from a resource, made by the thousand."""


class Several(tuple[Any, ...]):
    """The places of equal items, of which a union keeps one."""

    __slots__ = ()


At: TypeAlias = Place | Several | Location | None
"""Where an item stands; None for what was computed."""
Traced: TypeAlias = tuple[Any, At]
"""An item with its place."""


def root(resource: Any) -> Traced:
    """Return a resource, where its paths start."""
    return resource, (resource, None, "", None)


def child(at: At, value: Any, name: str, index: int | None) -> At:
    """Return the place of an element inside what stands at `at`; a resource is where its own paths start."""
    if type(value) is dict and "resourceType" in value and name != "contained":
        return (value, None, "", None)
    return None if at is None else (value, at, name, index)


def locations(at: At) -> Iterator[Location]:
    """Yield the locations that a place stands for."""
    if isinstance(at, Location):
        yield at
    elif isinstance(at, Several):
        for one in at:
            yield from locations(one)
    elif at is not None:
        value, parent, name, index = at
        if parent is None:
            yield Location(value)
        else:
            for one in locations(parent):
                yield one.child(value, name, index)


Origins: TypeAlias = tuple[tuple[str, str], ...]
"""(resource type, element path) of each place; the path is empty for the resource itself."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What is known of a collection when the expression is compiled."""

    types: Types
    wrapped: bool = False
    """Whether the items travel as Typed."""
    origins: Origins = ()
    """Where the items come from, for the data needs of the expression."""
    ordered: bool = True
    beside: bool = False
    """Whether primitive items carry the JSON that stands beside them (`_birthDate`), and are there without a value."""

    def of(self, types: Types, *, wrapped: bool | None = None) -> Shape:
        """Return this shape with other types."""
        return replace(self, types=types, wrapped=is_wrapped(types) if wrapped is None else wrapped)

    @staticmethod
    def merged(*shapes: Shape, ordered: bool = True) -> Shape:
        """Return the shape of a collection of the items of all these; `as_shape` makes them travel alike."""
        types = merge_types(*(one.types for one in shapes))
        return Shape(
            types,
            wrapped=is_wrapped(types) or any(one.wrapped for one in shapes),
            origins=_merge_origins(*(one.origins for one in shapes)),
            ordered=ordered and all(one.ordered for one in shapes),
            beside=any(one.beside for one in shapes)
            and all(one.beside or not may_be_primitive(one.types) for one in shapes),
        )


_ANY_TYPES: Types = ("System.Any",)
ANY = Shape(_ANY_TYPES, wrapped=True)
"""Items of any type, known only as they come."""
VALUE = Shape(_ANY_TYPES)
"""A computed value: of which of the System types is seen from itself."""
NOTHING = Shape(())
ABSTRACT = frozenset(("System.Any", "Resource", "DomainResource", "Element", "BackboneElement"))
"""Types that say little of an item: its own type is looked up as it comes."""


def is_wrapped(types: Types) -> bool:
    """Return whether items of these static types travel as Typed; resources name their own type."""
    return types == _ANY_TYPES or (len(types) > 1 and not all(is_resource(kind) for kind in types))


def may_be_primitive(types: Types) -> bool:
    """Return whether items of these static types may be primitive elements, beside which there can be more."""
    return any(is_primitive(kind) or kind in ("System.Any", "Element") for kind in types)


def merge_types(*groups: Types) -> Types:
    """Return the types of a collection that holds items of all these."""
    merged = tuple(dict.fromkeys(kind for group in groups for kind in group))
    return _ANY_TYPES if "System.Any" in merged else merged


def _merge_origins(*groups: Origins) -> Origins:
    """Return the origins of a collection that holds items of all these."""
    return tuple(dict.fromkeys(one for group in groups for one in group))


def raw(item: Any) -> Any:
    """Return the bare value of an item."""
    return item.value if type(item) is Typed else item


_SYSTEM_TYPES: tuple[tuple[type, str], ...] = (
    (bool, "System.Boolean"),
    (int, "System.Integer"),
    (Decimal, "System.Decimal"),
    (str, "System.String"),
    (DateTime, "System.DateTime"),
    (Date, "System.Date"),
    (Time, "System.Time"),
    (Quantity, "System.Quantity"),
)


def system_type(value: Any) -> str:
    """Return the FHIRPath type of a value that an operator or a literal made."""
    return next((name for kind, name in _SYSTEM_TYPES if isinstance(value, kind)), "System.Any")


def type_of(item: Any, types: Types) -> str:
    """Return the type of an item of these static types."""
    if type(item) is Typed:
        if item.type in ABSTRACT and type(item.value) is dict and "resourceType" in item.value:
            return str(item.value["resourceType"])
        return item.type
    if type(item) is dict and "resourceType" in item:
        return str(item["resourceType"])
    return types[0] if len(types) == 1 and types != _ANY_TYPES else system_type(item)


def is_of_type(item: Any, types: Types, wanted: str, *, exactly: bool = False) -> bool:
    """Return whether an item, of these static types, is of the type `wanted` or of one that specialises it.

    `exactly` leaves out specialised primitive types: `as` and `ofType` do not take a `code` for a `string`.
    """
    kind = type_of(item, types)
    if kind == wanted or kind == f"System.{wanted}":
        return True
    return is_a(kind, wanted) and not (exactly and is_primitive(kind))


def wrap(source: Shape, target: Shape) -> Callable[[Any], Any] | None:
    """Return what makes an item travel as among the items of `target`; None where it already does."""
    if source.wrapped is target.wrapped or not source.types:
        return None
    if source.wrapped:
        return raw
    types = source.types
    return lambda item: Typed(type_of(item, types), item)


def single(items: Sequence[Any], what: str) -> Any:
    """Return the only item, or None of none. Raises EvaluationError for more than one."""
    if not items:
        return None
    if len(items) > 1:
        raise EvaluationError(f"{what} needs one item, there are {len(items)}")
    return items[0]
