"""Values made of others. What cannot be converted gives nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from cds_service.errors import EvaluationError
from cds_service.expressions.language import Environment
from cds_service.expressions.logic import Truth
from cds_service.fhir.quantity import UnknownUnit, convert_explicitly
from cds_service.fhir.temporal import Date, DateTime, Time, parse_date, parse_date_time, parse_time
from cds_service.fhir.values import CALENDAR_UNITS, Quantity
from cds_service.fhirpath.code import Code, Items, computed, from_truth
from cds_service.fhirpath.functions.chapter import Chapter
from cds_service.fhirpath.invocation import Invocation
from cds_service.fhirpath.items import raw, single, type_of
from cds_service.fhirpath.operators import operands, text_in_bounds
from cds_service.fhirpath.values import converter, text_of

CHAPTER = Chapter("Conversion", "FHIRPath 2.0, 5.5")

_TRUE = frozenset(("true", "t", "yes", "y", "1", "1.0"))
_FALSE = frozenset(("false", "f", "no", "n", "0", "0.0"))
_TOO_LARGE = 10**28
_CHARACTERS_IN_A_STEP = 50
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_DECIMAL = re.compile(r"[+-]?\d+(?:\.\d+)?", re.ASCII)
_QUANTITY = re.compile(r"([+-]?\d+(?:\.\d+)?)\s*(?:'([^']+)'|([a-zA-Z]+))?", re.ASCII)


def _boolean(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | Decimal):
        return value == 1 if value in (0, 1) else None
    if type(value) is str:
        return True if value.lower() in _TRUE else False if value.lower() in _FALSE else None
    return None


def _integer(value: Any) -> int | None:
    return _whole(value, bits=31)


def _long(value: Any) -> int | None:
    return _whole(value, bits=63)


def _whole(value: Any, *, bits: int) -> int | None:
    if isinstance(value, int):
        return int(value)
    number = Decimal(value) if type(value) is str and _INTEGER.fullmatch(value) else None
    return int(number) if number is not None and -(2**bits) <= number < 2**bits else None


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, int | Decimal):
        return Decimal(value)
    number = Decimal(value) if type(value) is str and _DECIMAL.fullmatch(value) else None
    return number if number is not None and abs(number) < _TOO_LARGE else None


def _date(value: Any) -> Date | None:
    if type(value) is str:
        return parse_date(value)
    if isinstance(value, DateTime):
        return value.date()
    return value if isinstance(value, Date) else None


def _date_time(value: Any) -> DateTime | None:
    if type(value) is str:
        return parse_date_time(value)
    if isinstance(value, Date):
        return DateTime(value.parts)
    return value if isinstance(value, DateTime) else None


def _time(value: Any) -> Time | None:
    if type(value) is str:
        return parse_time(value)
    return value if isinstance(value, Time) else None


def _quantity(value: Any) -> Quantity | None:
    if isinstance(value, Quantity):
        return value
    if isinstance(value, int | Decimal):
        return Quantity(Decimal(value))
    found = _QUANTITY.fullmatch(value) if type(value) is str and len(value) < 200 else None
    if not found:
        return None
    unit = found[2] or (_calendar(found[3]) if found[3] else "1")
    return Quantity(Decimal(found[1]), unit) if unit else None


def _calendar(word: str) -> str | None:
    """Return the unit that a calendar word names, in the singular or in the plural."""
    return next((unit for unit in CALENDAR_UNITS if word in (unit, f"{unit}s")), None)


def _string(value: Any) -> str | None:
    text = text_of(value)
    return None if text is None else text_in_bounds(text)


def _texts_kept(code: Code) -> Items:
    values, change = code.items, converter(code.shape)
    if change is None:
        return values
    return lambda this, env: [one if type(raw(one)) is str else change(one) for one in values(this, env)]


def _dates_read(code: Code) -> Items:
    """Return the items, dates as dates; an element that is said to be a date and holds none stays text."""
    values, types = code.items, code.shape.types

    def read(item: Any) -> Any:
        value = raw(item)
        if type(value) is not str or type_of(item, types) not in ("date", "dateTime", "instant"):
            return value
        return parse_date_time(value) or value

    return lambda this, env: [read(one) for one in values(this, env)]


def _declare(name: str, change: Callable[[Any], Any], what: str) -> None:
    def operand(call: Invocation) -> Items:
        values = {"Date": _dates_read, "DateTime": _dates_read, "String": _texts_kept}.get(name, operands)(call.base)
        return lambda this, env: [raw(one) for one in values(this, env)]

    def to(call: Invocation) -> Code:
        before, what = operand(call), call.name

        def items(this: Any, env: Environment) -> Sequence[Any]:
            value = single(before(this, env), what)
            env.spend(len(value) // _CHARACTERS_IN_A_STEP if type(value) is str else 0)
            made = None if value is None else change(value)
            return () if made is None else (made,)

        return computed((f"System.{name}",), items)

    def converts(call: Invocation) -> Code:
        before, what = operand(call), call.name

        def truth(this: Any, env: Environment) -> Truth:
            value = single(before(this, env), what)
            env.spend(len(value) // _CHARACTERS_IN_A_STEP if type(value) is str else 0)
            return None if value is None else change(value) is not None

        return from_truth(truth)

    CHAPTER.add(f"to{name}()", f"{what}; nothing for what is none.", to)
    CHAPTER.add(f"convertsTo{name}()", f"Whether `to{name}()` gives something.", converts)


_declare("Boolean", _boolean, "A boolean of `true`, `yes`, `1` and the like")
_declare("Integer", _integer, "A whole number")
_declare("Long", _long, "A whole number")
_declare("Decimal", _decimal, "A decimal number")
_declare("String", _string, "The text of a value, as a literal would write it")
_declare("Date", _date, "The day as it was stated, in its own time zone")
_declare("DateTime", _date_time, "A date with time")
_declare("Time", _time, "A time of day")


def _in_unit(call: Invocation) -> Callable[[Any, Environment], tuple[Any, Quantity | None]]:
    """Return what gives the only item and the quantity it is, in the unit asked for."""
    values = operands(call.base)
    unit_of = call.argument(0).items if call.count else None

    def answer(this: Any, env: Environment) -> tuple[Any, Quantity | None]:
        value = raw(single(values(this, env), call.name))
        made = None if value is None else _quantity(value)
        if unit_of is None or made is None:
            return value, made
        unit = raw(single(unit_of(this, env), call.name))
        if unit is not None and type(unit) is not str:
            raise EvaluationError(f"{call.name} takes a unit as text")
        try:
            return value, None if unit is None else convert_explicitly(made, _calendar(unit) or unit)
        except UnknownUnit:
            return value, None

    return answer


@CHAPTER.function("toQuantity(unit?)")
def to_quantity(call: Invocation) -> Code:
    """A quantity, in the unit asked for; nothing for what is none, or has other dimensions."""
    answer = _in_unit(call)

    def items(this: Any, env: Environment) -> Sequence[Any]:
        made = answer(this, env)[1]
        return () if made is None else (made,)

    return computed(("System.Quantity",), items)


@CHAPTER.function("convertsToQuantity(unit?)")
def converts_to_quantity(call: Invocation) -> Code:
    """Whether `toQuantity()` gives something."""
    answer = _in_unit(call)

    def truth(this: Any, env: Environment) -> Truth:
        value, made = answer(this, env)
        return None if value is None else made is not None

    return from_truth(truth)
