"""The items of a collection: FHIR's JSON as it is, and the values that operators work on.

An item is plain JSON wherever its type is known when the expression is compiled. Where an element may have several
types (`value[x]`), its items travel as Typed, until `ofType` or a further step settles the type.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cds_service.errors import EvaluationError
from cds_service.expressions.language import Missing, Types
from cds_service.expressions.logic import Truth
from cds_service.fhir.definitions import is_a, is_primitive, is_resource
from cds_service.fhir.temporal import (
    Date,
    DateTime,
    Temporal,
    Time,
    compare,
    parse_date,
    parse_date_time,
    parse_time,
)
from cds_service.fhir.values import Quantity

__all__ = [
    "Typed",
    "compare_values",
    "converter",
    "equal",
    "fits",
    "is_of_type",
    "is_wrapped",
    "merge_types",
    "raw",
    "single",
]


@dataclass(frozen=True, slots=True, eq=False)
class Typed:
    """A value with its type, where that is not known beforehand."""

    type: str
    value: Any


def is_wrapped(types: Types) -> bool:
    """Return whether items of these static types travel as Typed; resources name their own type."""
    return len(types) > 1 and not all(is_resource(kind) for kind in types)


def merge_types(*groups: Types) -> Types:
    """Return the types of a collection that holds items of all these."""
    return tuple(dict.fromkeys(kind for group in groups for kind in group))


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


def is_of_type(item: Any, types: Types, wanted: str) -> bool:
    """Return whether an item, of these static types, is of the type `wanted` or of one that specialises it."""
    if type(item) is Typed:
        return is_a(item.type, wanted)
    if type(item) is dict and "resourceType" in item:
        return is_a(str(item["resourceType"]), wanted)
    kind = types[0] if len(types) == 1 else system_type(item)
    return kind == wanted or is_a(kind, wanted) or kind == f"System.{wanted}"


def _date(value: Any) -> Any:
    return _temporal(value, parse_date)


def _date_time(value: Any) -> Any:
    return _temporal(value, parse_date_time)


def _time(value: Any) -> Any:
    return _temporal(value, parse_time)


def _temporal(value: Any, parse: Callable[[str], Temporal | None]) -> Any:
    if isinstance(value, Temporal):
        return value
    found = parse(value) if type(value) is str else None
    if found is None:
        raise EvaluationError("a date or time is not written as FHIR writes it")
    return found


def _quantity(value: Any) -> Any:
    if isinstance(value, Quantity):
        return value
    number = value.get("value") if type(value) is dict else None
    if not isinstance(number, int | Decimal) or isinstance(number, bool):
        raise Missing("a quantity has no number", code="unreadable")
    if value.get("comparator"):
        raise Missing("a quantity is stated only as a bound", code="ambiguous")
    return Quantity(Decimal(number), str(value.get("code") or value.get("unit") or "1"))


_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "date": _date,
    "dateTime": _date_time,
    "instant": _date_time,
    "time": _time,
    "System.Date": _date,
    "System.DateTime": _date_time,
    "System.Time": _time,
}


def converter(types: Types) -> Callable[[Any], Any] | None:
    """Return what makes an operator's operand of an item of these types; None where the item already is one."""
    if len(types) == 1:
        if is_a(types[0], "Quantity"):
            return _quantity
        return _CONVERTERS.get(types[0])
    return _convert_typed if is_wrapped(types) else None


def fits(value: Any, kind: str) -> bool:
    """Return whether an element holds what its type says: no text for a number, no object for a code."""
    if not is_primitive(kind):
        return kind.startswith("System.") or isinstance(value, _OBJECTS)
    if isinstance(value, bool) or kind == "boolean":
        return isinstance(value, bool) and kind == "boolean"
    return isinstance(value, _NUMBERS.get(kind, _TEXTS))


_OBJECTS = (dict, Temporal, Quantity)
_TEXTS: tuple[type, ...] = (str, Temporal)
_NUMBERS: dict[str, tuple[type, ...]] = {
    "decimal": (int, Decimal),
    "integer": (int,),
    "positiveInt": (int,),
    "unsignedInt": (int,),
}


def _convert_typed(item: Any) -> Any:
    if type(item) is not Typed:
        return item
    if not fits(item.value, item.type):
        raise Missing("an element does not hold what its type says", code="unreadable")
    convert = converter((item.type,))
    return convert(item.value) if convert else item.value


def single(items: Sequence[Any], what: str) -> Any:
    """Return the only item, or None of none. Raises EvaluationError for more than one."""
    if not items:
        return None
    if len(items) > 1:
        raise EvaluationError(f"{what} needs one item, there are {len(items)}")
    return items[0]


def equal(left: Any, right: Any) -> Truth:
    """Return whether two operands are equal; None where partial dates leave it open. Source: FHIRPath 2.0 6.1."""
    if type(left) is type(right) and type(left) in (str, int, bool):
        return bool(left == right)
    if isinstance(left, Temporal) and isinstance(right, Temporal):
        order = compare(left, right)
        return None if order is None else order == 0
    if isinstance(left, bool) is not isinstance(right, bool):
        return False
    if isinstance(left, Quantity) or isinstance(right, Quantity):
        return _order_of_quantities(left, right) == 0
    return bool(left == right)


def compare_values(left: Any, right: Any) -> int | None:
    """Return -1, 0 or 1; None where partial dates leave it open. Raises EvaluationError for what has no order."""
    if isinstance(left, Temporal) and isinstance(right, Temporal):
        return compare(left, right)
    if isinstance(left, Quantity) or isinstance(right, Quantity):
        return _order_of_quantities(left, right)
    numbers = (int, Decimal)
    both_numbers = isinstance(left, numbers) and isinstance(right, numbers)
    if isinstance(left, bool) or isinstance(right, bool) or not (both_numbers or type(left) is type(right) is str):
        raise EvaluationError(f"{system_type(left)} and {system_type(right)} cannot be compared")
    return int(left > right) - int(left < right)


def _order_of_quantities(left: Any, right: Any) -> int:
    first, second = (
        one if isinstance(one, Quantity) else Quantity(Decimal(one), "1")
        if isinstance(one, int | Decimal) and not isinstance(one, bool) else None
        for one in (left, right)
    )  # fmt: skip
    if first is None or second is None:
        raise EvaluationError(f"{system_type(left)} and {system_type(right)} cannot be compared")
    if first.unit != second.unit:
        raise Missing("two quantities have units that cannot be compared", code="ambiguous")
    return (first.value > second.value) - (first.value < second.value)
