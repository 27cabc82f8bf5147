"""What operators work on: values made of items, and when two of them are equal, equivalent or ordered."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from decimal import MAX_EMAX, MIN_EMIN, ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any, TypeAlias

from cds_service.errors import EvaluationError, LimitExceeded
from cds_service.expressions.language import Missing
from cds_service.expressions.logic import Truth, all_of
from cds_service.fhir.definitions import is_a, is_primitive
from cds_service.fhir.quantity import UnknownUnit, canonical_form, compare_quantities, in_coarser_unit
from cds_service.fhir.temporal import Temporal, Time, bounds, compare, parse_date, parse_date_time, parse_time
from cds_service.fhir.values import Quantity
from cds_service.fhirpath.items import Shape, Typed, raw, system_type

__all__ = [
    "BLANKS",
    "UNREADABLE",
    "as_quantities",
    "check",
    "compare_values",
    "converter",
    "equal",
    "equal_items",
    "equivalent",
    "equivalent_items",
    "fits",
    "key_maker",
    "known_unit",
    "number_in_bounds",
    "same",
    "text_of",
    "tolerant_key_maker",
    "value_of",
]

UNREADABLE = "an element does not hold what its type says"


# -- items to values ------------------------------------------------------------------------------------------


_MOST_DIGITS = 1_000
_LARGEST = 10**28
_UNIT_SYSTEMS = ("http://unitsofmeasure.org", "http://hl7.org/fhirpath/CodeSystem/calendar-units")
# FHIR R4 2.9.1.3: the time-valued units of an element are those of the calendar
_CALENDAR = {"a": "year", "mo": "month", "d": "day", "h": "hour", "min": "minute", "s": "second"}


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
        raise Missing("a date or time is not written as FHIR writes it", code="unreadable")
    return found


def _quantity(value: Any) -> Any:
    if isinstance(value, Quantity):
        return value
    number = value.get("value") if type(value) is dict else None
    if not isinstance(number, int | Decimal) or isinstance(number, bool):
        raise Missing("a quantity has no number", code="unreadable")
    if value.get("comparator"):
        raise Missing("a quantity is stated only as a bound", code="ambiguous")
    if abs(Decimal(number).adjusted()) > _MOST_DIGITS:
        raise Missing("a quantity's number is too large", code="unreadable")
    code = value.get("code")
    if code and value.get("system", _UNIT_SYSTEMS[0]) not in _UNIT_SYSTEMS:
        raise Missing("a quantity's unit is not one of UCUM's", code="ambiguous")
    return Quantity(Decimal(number), _CALENDAR.get(str(code)) or str(code or value.get("unit") or "1"))


_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "date": _date,
    "dateTime": _date_time,
    "instant": _date_time,
    "time": _time,
}


def converter(shape: Shape) -> Callable[[Any], Any] | None:
    """Return what makes an operator's operand of an item of this shape; None where the item already is one."""
    if shape.wrapped:
        return value_of
    return _converter(shape.types[0]) if len(shape.types) == 1 else None


def _converter(kind: str) -> Callable[[Any], Any] | None:
    return _quantity if is_a(kind, "Quantity") else _CONVERTERS.get(kind)


def value_of(item: Any) -> Any:
    """Return the operand that an item stands for. Raises Missing where it does not hold what its type says."""
    if type(item) is not Typed:
        return item
    if item.type.startswith("System."):
        return item.value
    if not fits(item.value, item.type):
        raise Missing(UNREADABLE, code="unreadable")
    convert = _converter(item.type)
    return convert(item.value) if convert else item.value


_OBJECTS = (dict, Temporal, Quantity)
_TEXTS: tuple[type, ...] = (str, Temporal)
_NUMBERS: dict[str, tuple[type, ...]] = {
    "decimal": (int, Decimal),
    "integer": (int,),
    "positiveInt": (int,),
    "unsignedInt": (int,),
}


def fits(value: Any, kind: str) -> bool:
    """Return whether an element holds what its type says: no text for a number, no empty text, no empty object."""
    if not is_primitive(kind):
        return kind.startswith("System.") or (isinstance(value, _OBJECTS) and value != {})
    if value == "":
        return False
    if isinstance(value, bool) or kind == "boolean":
        return isinstance(value, bool) and kind == "boolean"
    return isinstance(value, _NUMBERS.get(kind, _TEXTS))


def check(values: Sequence[Any], shape: Shape) -> None:
    """Raise Missing where an element is malformed: it is not different from a value, it cannot be told."""
    if len(shape.types) == 1 and not all(fits(raw(one), shape.types[0]) for one in values):
        raise Missing(UNREADABLE, code="unreadable")


def text_of(value: Any) -> str | None:
    """Return a value as `toString()` writes it, None for what has no text. Source: FHIRPath 2.0 5.5.7."""
    if type(value) is str:
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return format(number_in_bounds(value), "f" if isinstance(value, Decimal) else "d")
    if isinstance(value, Quantity):
        number_in_bounds(value.value)
    if isinstance(value, Temporal | Quantity):
        return str(value)
    return None


def number_in_bounds(value: Any) -> Any:
    """Return a number, or None as it is. Raises LimitExceeded for one that no chart needs."""
    if value is None or (-_LARGEST < value < _LARGEST and (type(value) is int or value.adjusted() >= -_MOST_DIGITS)):
        return value
    raise LimitExceeded("a number is too large, or too near to zero", limit="number")


# -- equal ----------------------------------------------------------------------------------------------------


Spend: TypeAlias = Callable[[int], None]
"""Counts steps; raises LimitExceeded when there are none left."""


def free(_steps: int) -> None:
    """Count nothing."""


def equal(left: Any, right: Any, spend: Spend = free) -> Truth:
    """Return whether two values are equal; None where partial dates or units leave it open. Source: 6.1.1."""
    if type(left) is type(right) and type(left) in (str, int, bool):
        return bool(left == right)
    if isinstance(left, Temporal) and isinstance(right, Temporal):
        if isinstance(left, Time) is not isinstance(right, Time):
            return False
        order = compare(left, right)
        return None if order is None else order == 0
    if isinstance(left, bool) is not isinstance(right, bool):
        return False
    if isinstance(left, Quantity) or isinstance(right, Quantity):
        pair = as_quantities(left, right)
        order = known_unit(lambda: compare_quantities(*pair)) if pair else 1
        return None if order is None else order == 0
    if type(left) is dict and type(right) is dict:
        return left is right or _are_same(left, right, spend)
    return bool(left == right)


def same(value: Any, spend: Spend = free) -> Hashable:
    """Return a key that two values share if and only if they are surely equal; no fault, whatever the value."""
    kind = type(value)
    if kind is str or kind is bool:
        return (kind, value)
    if kind is int or kind is Decimal:
        return ("number", _written(value))
    if isinstance(value, Temporal):
        low, high = bounds(value, shift=value.offset is not None)
        return ("time", isinstance(value, Time), value.offset is None, low, high)
    if isinstance(value, Quantity):
        try:
            amount, dimensions = canonical_form(value)
        except UnknownUnit:
            return ("quantity", _written(value.value), value.unit)
        if dimensions:
            return ("quantity", f"{amount.numerator:x}/{amount.denominator:x}", dimensions)
        return ("number", _written(_DIGITS.divide(Decimal(amount.numerator), Decimal(amount.denominator))))
    if kind is dict:
        return _Element(value, spend)
    if kind is list or kind is tuple:
        spend(len(value) // _MEMBERS_IN_A_STEP)
        return tuple(same(one, spend) for one in value)
    return (kind, str(value))


_DIGITS = Context(prec=_MOST_DIGITS, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[])


def _written(number: int | Decimal) -> str:
    """Return a number as text, the same for equal ones: many numbers can be found that have the same hash."""
    return str(_DIGITS.normalize(_DIGITS.plus(Decimal(number))))


class _Element:
    """The key of an element: of two with the same hash the members are compared. Both are paid for by the member."""

    __slots__ = ("_hash", "spend", "value")

    def __init__(self, value: Mapping[str, Any], spend: Spend) -> None:
        self.value = value
        self.spend = spend
        self._hash: int | None = None

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = _hash_of(self.value, self.spend)
        return self._hash

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Element):
            return False
        return self.value is other.value or _are_same(self.value, other.value, self.spend)


def _are_same(left: Any, right: Any, spend: Spend) -> bool:
    """Return whether two values are surely equal, as `same` tells, at the first difference if they are not."""
    if type(left) is str and type(right) is str:
        return left == right
    if type(left) is dict and type(right) is dict:
        spend(1 + (len(left) + len(right)) // _MEMBERS_IN_A_STEP)
        theirs = {name: one for name, one in right.items() if one is not None}
        mine = {name: one for name, one in left.items() if one is not None}
        return mine.keys() == theirs.keys() and all(_are_same(one, theirs[name], spend) for name, one in mine.items())
    if type(left) is list and type(right) is list:
        spend(len(left) // _MEMBERS_IN_A_STEP)
        return len(left) == len(right) and all(
            _are_same(one, other, spend) for one, other in zip(left, right, strict=True)
        )
    return same(left, spend) == same(right, spend)


_MEMBERS_IN_A_STEP = 5
_HASHED = frozenset((str, int, Decimal))


def _hash_of(value: Any, spend: Spend) -> int:
    """Return a hash that equal values share: of all that is inside, so that different elements stay apart."""
    kind = type(value)
    if kind is dict:
        spend(1 + len(value) // _MEMBERS_IN_A_STEP)
        return hash(frozenset((name, _hash_of(one, spend)) for name, one in value.items() if one is not None))
    if kind is list:
        spend(len(value) // _MEMBERS_IN_A_STEP)
        return hash(tuple(_hash_of(one, spend) for one in value))
    return hash(value if kind is str else _written(value)) if kind in _HASHED else 0


Key: TypeAlias = Callable[[Any], Hashable]


def key_maker(shape: Shape) -> Callable[[Spend], Key]:
    """Return what gives the key (see `same`) of an item of this shape; it raises Missing for what is unreadable."""
    convert = converter(shape)

    def keys(spend: Spend) -> Key:
        if convert is None:
            return lambda item: same(item, spend)
        return lambda item: same(convert(item), spend)

    return keys


def tolerant_key_maker(shape: Shape) -> Callable[[Spend], Key]:
    """Return the same for where items are only brought together; one that cannot be read is known as written."""
    strict_keys = key_maker(shape)

    def keys(spend: Spend) -> Key:
        strict = strict_keys(spend)

        def key(item: Any) -> Hashable:
            try:
                return strict(item)
            except EvaluationError:
                return same(raw(item), spend)

        return key

    return keys


# -- equivalent -----------------------------------------------------------------------------------------------


_COMPARED = 3
_CHARACTERS_IN_A_STEP = 10


def equivalent(left: Any, right: Any, spend: Spend) -> bool:
    """Return whether two values mean the same: text regardless of case and kind of blank, numbers as far as both go.

    Source: FHIRPath 2.0 6.1.3. What cannot be told (partial dates) is not equivalent. Comparisons are paid for.
    """
    if type(left) is str and type(right) is str:
        spend(1 + (len(left) + len(right)) // _CHARACTERS_IN_A_STEP)
        return _folded(left) == _folded(right)
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, int | Decimal) and isinstance(right, int | Decimal):
        return _equivalent_numbers(left, right)
    if isinstance(left, Temporal) and isinstance(right, Temporal):
        return equal(left, right) is True
    if isinstance(left, Quantity) or isinstance(right, Quantity):
        pair = as_quantities(left, right)
        return pair is not None and _equivalent_quantities(*pair)
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        names = {name for name in (*left, *right) if name != "id"}
        return all(equivalent_items(_several(left.get(name)), _several(right.get(name)), spend) for name in names)
    return bool(left == right)


def equivalent_items(these: Sequence[Any], those: Sequence[Any], spend: Spend) -> bool:
    """Return whether two collections hold equivalent items, in any order."""
    if len(these) != len(those):
        return False
    rest = list(those)
    for one in these:
        for i, other in enumerate(rest):
            spend(_COMPARED)
            if equivalent(one, other, spend):
                del rest[i]
                break
        else:
            return False
    return True


def _equivalent_numbers(left: int | Decimal, right: int | Decimal) -> bool:
    if max(abs(Decimal(one).adjusted()) for one in (left, right)) > _MOST_DIGITS:
        return left == right
    places = min(_decimals(left), _decimals(right))
    return _rounded(left, places) == _rounded(right, places)


def _several(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else () if value is None else (value,)


BLANKS = " \t\r\n"
_ONE_BLANK = str.maketrans(dict.fromkeys(BLANKS, " "))


def _folded(text: str) -> str:
    return text.casefold().translate(_ONE_BLANK)


def _decimals(number: int | Decimal) -> int:
    if isinstance(number, int):
        return 0
    exponent = number.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _rounded(number: int | Decimal, places: int) -> Decimal:
    try:
        return Decimal(number).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    except InvalidOperation:  # more digits than are kept: nothing to round
        return Decimal(number)


def _equivalent_quantities(left: Quantity, right: Quantity) -> bool:
    try:
        amounts = in_coarser_unit(left, right)
    except UnknownUnit:
        return False
    return amounts is not None and _equivalent_numbers(*amounts)


# -- order ----------------------------------------------------------------------------------------------------


def compare_values(left: Any, right: Any) -> int | None:
    """Return -1, 0 or 1; None where it is open. Raises EvaluationError for what has no order. Source: 6.2."""
    if isinstance(left, Temporal) and isinstance(right, Temporal):
        if isinstance(left, Time) is not isinstance(right, Time):
            raise _no_order(left, right)
        return compare(left, right)
    if isinstance(left, Quantity) or isinstance(right, Quantity):
        pair = as_quantities(left, right)
        if pair is None:
            raise _no_order(left, right)
        order: int | None = known_unit(lambda: compare_quantities(*pair))
        return order
    numbers = (int, Decimal)
    both_numbers = isinstance(left, numbers) and isinstance(right, numbers)
    if isinstance(left, bool) or isinstance(right, bool) or not (both_numbers or type(left) is type(right) is str):
        raise _no_order(left, right)
    return int(left > right) - int(left < right)


def _no_order(left: Any, right: Any) -> EvaluationError:
    return EvaluationError(f"{system_type(left)} and {system_type(right)} cannot be compared")


def as_quantities(left: Any, right: Any) -> tuple[Quantity, Quantity] | None:
    """Return both as quantities, a number as one without a unit; None where one is neither."""
    first, second = (
        one if isinstance(one, Quantity) else Quantity(Decimal(one))
        if isinstance(one, int | Decimal) and not isinstance(one, bool) else None
        for one in (left, right)
    )  # fmt: skip
    return None if first is None or second is None else (first, second)


def known_unit(ask: Callable[[], Any]) -> Any:
    """Return the answer. Raises Missing where a unit is not known, for then it cannot be told."""
    try:
        return ask()
    except UnknownUnit as unknown:
        raise Missing(str(unknown), code="ambiguous") from None


def equal_items(these: Sequence[Any], those: Sequence[Any], spend: Spend) -> Truth:
    """Return whether two collections of values, neither empty, are equal in their order."""
    if len(these) != len(those):
        return False
    return all_of(equal(one, other, spend) for one, other in zip(these, those, strict=True))
