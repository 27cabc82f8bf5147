"""Values made of others. What cannot be converted gives nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from cds_service.expressions.language import Environment
from cds_service.expressions.logic import Truth
from cds_service.fhir.quantity import convert
from cds_service.fhir.temporal import Date, DateTime, Time, parse_date_time, parse_time
from cds_service.fhir.values import CALENDAR_UNITS, Quantity
from cds_service.fhirpath.code import Code, Items, computed, from_truth
from cds_service.fhirpath.compiler import Invocation
from cds_service.fhirpath.functions.chapter import Chapter
from cds_service.fhirpath.items import raw, single
from cds_service.fhirpath.operators import number_in_bounds, operands, text_in_bounds
from cds_service.fhirpath.values import converter, known_unit, text_of

CHAPTER = Chapter("Conversion", "FHIRPath 2.0, 5.5")

_TRUE = frozenset(("true", "t", "yes", "y", "1", "1.0"))
_FALSE = frozenset(("false", "f", "no", "n", "0", "0.0"))
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
    if isinstance(value, int):
        return int(value)
    return number_in_bounds(int(value[:40])) if type(value) is str and _INTEGER.fullmatch(value) else None


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, int | Decimal):
        return Decimal(value)
    return number_in_bounds(Decimal(value[:80])) if type(value) is str and _DECIMAL.fullmatch(value) else None


def _date(value: Any) -> Date | None:
    if type(value) is str:
        value = parse_date_time(value)
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
        return parse_time(value.removeprefix("T"))
    return value if isinstance(value, Time) else None


def _quantity(value: Any) -> Quantity | None:
    if isinstance(value, Quantity):
        return value
    if isinstance(value, int | Decimal):
        return Quantity(Decimal(value))
    found = _QUANTITY.fullmatch(value) if type(value) is str and len(value) < 200 else None
    if not found:
        return None
    word = (found[3] or "").removesuffix("s")
    if word and word not in CALENDAR_UNITS:
        return None
    return Quantity(Decimal(found[1]), found[2] or word or "1")


def _string(value: Any) -> str | None:
    text = text_of(value)
    return None if text is None else text_in_bounds(text)


def _texts_kept(code: Code) -> Items:
    values, change = code.items, converter(code.shape)
    if change is None:
        return values
    return lambda this, env: [one if type(raw(one)) is str else change(one) for one in values(this, env)]


def _declare(name: str, change: Callable[[Any], Any], what: str) -> None:
    def operand(call: Invocation) -> Items:
        # an element keeps its own text, and one that is no date gives nothing
        values = (
            call.base.items
            if name.startswith("Date")
            else _texts_kept(call.base)
            if name == "String"
            else operands(call.base)
        )
        return lambda this, env: [raw(one) for one in values(this, env)]

    def to(call: Invocation) -> Code:
        before, what = operand(call), call.name

        def items(this: Any, env: Environment) -> Sequence[Any]:
            value = single(before(this, env), what)
            made = None if value is None else change(value)
            return () if made is None else (made,)

        return computed((f"System.{name}",), items)

    def converts(call: Invocation) -> Code:
        before, what = operand(call), call.name

        def truth(this: Any, env: Environment) -> Truth:
            value = single(before(this, env), what)
            return None if value is None else change(value) is not None

        return from_truth(truth)

    if name != "Quantity":
        CHAPTER.add(f"to{name}()", f"{what}; nothing for what is none.", to)
    CHAPTER.add(f"convertsTo{name}()", f"Whether `to{name}()` gives something.", converts)


_declare("Boolean", _boolean, "A boolean of `true`, `yes`, `1` and the like")
_declare("Integer", _integer, "A whole number")
_declare("Long", _integer, "A whole number")
_declare("Decimal", _decimal, "A decimal number")
_declare("String", _string, "The text of a value, as a literal would write it")
_declare("Date", _date, "The day as it was stated, in its own time zone")
_declare("DateTime", _date_time, "A date with time")
_declare("Time", _time, "A time of day")
_declare("Quantity", _quantity, "A quantity")


@CHAPTER.function("toQuantity(unit?)")
def to_quantity(call: Invocation) -> Code:
    """A quantity, in the unit asked for; nothing for what is none, or has other dimensions."""
    values = operands(call.base)
    unit_of = call.argument(0).items if call.count else None

    def items(this: Any, env: Environment) -> Sequence[Any]:
        value = raw(single(values(this, env), call.name))
        made = None if value is None else _quantity(value)
        unit = raw(single(unit_of(this, env), call.name)) if unit_of else None
        if made is None or (unit_of is not None and unit is None):
            return ()
        wanted = made if unit is None else known_unit(lambda: convert(made, str(unit)))
        return () if wanted is None else (wanted,)

    return computed(("System.Quantity",), items)
