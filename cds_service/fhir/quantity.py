"""What can be done with quantities: compared, added, multiplied. Calendar durations are no UCUM units.

A day, week, hour, minute and second of the calendar is as long as UCUM's; a month and a year is not: `1 year` and
`1 'a'` cannot be compared, but count as equivalent. Source: FHIRPath 2.0 4.1.8 (time-valued quantities), 6.1, 6.6.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from cds_service.fhir.ucum import Unit, parse_unit
from cds_service.fhir.values import CALENDAR_UNITS, Quantity

__all__ = ["UnknownUnit", "canonical_form", "comparable", "compare_quantities", "convert", "divide", "multiply"]

_CALENDAR = {"week": "wk", "day": "d", "hour": "h", "minute": "min", "second": "s", "millisecond": "ms"}
_CALENDAR_MONTHS = {"month": Unit(Fraction(1), (("month", 1),)), "year": Unit(Fraction(12), (("month", 1),))}
_EQUIVALENT = {"month": "mo", "year": "a"}


class UnknownUnit(ValueError):
    """A unit that is neither UCUM nor a calendar word. The message never holds it: it may come from a chart."""


def _unit(text: str, *, equivalent: bool = False) -> Unit:
    if text in _CALENDAR_MONTHS and not equivalent:
        return _CALENDAR_MONTHS[text]
    unit = parse_unit(_CALENDAR.get(text) or _EQUIVALENT.get(text) or text)
    if unit is None:
        raise UnknownUnit("a unit is not known")
    return unit


def canonical_form(quantity: Quantity, *, equivalent: bool = False) -> tuple[Fraction, tuple[tuple[str, int], ...]]:
    """Return the amount in base units and the dimensions. Raises UnknownUnit."""
    unit = _unit(quantity.unit, equivalent=equivalent)
    return Fraction(quantity.value) * unit.factor + unit.offset, unit.dimensions


def comparable(left: Quantity, right: Quantity) -> bool:
    """Return whether both have the same dimensions. Raises UnknownUnit."""
    return left.unit == right.unit or _unit(left.unit).dimensions == _unit(right.unit).dimensions


def compare_quantities(left: Quantity, right: Quantity, *, equivalent: bool = False) -> int | None:
    """Return -1, 0 or 1; None for different dimensions. Raises UnknownUnit, if the units are not the same text."""
    if left.unit == right.unit:
        return (left.value > right.value) - (left.value < right.value)
    one, dimensions = canonical_form(left, equivalent=equivalent)
    other, others = canonical_form(right, equivalent=equivalent)
    return (one > other) - (one < other) if dimensions == others else None


def convert(quantity: Quantity, unit: str) -> Quantity | None:
    """Return the same amount in another unit; None for one of other dimensions. Raises UnknownUnit."""
    if quantity.unit == unit:
        return quantity
    amount, dimensions = canonical_form(quantity)
    wanted = _unit(unit)
    if wanted.dimensions != dimensions:
        return None
    return Quantity(_decimal((amount - wanted.offset) / wanted.factor), unit)


def multiply(left: Quantity, right: Quantity) -> Quantity:
    """Return the product; a unit `1` on one side leaves the other side's unit."""
    return Quantity(left.value * right.value, _product(left.unit, right.unit))


def divide(left: Quantity, right: Quantity) -> Quantity | None:
    """Return the quotient, `1` where the units cancel; None for a division by zero."""
    if right.value == 0:
        return None
    if left.unit == right.unit:
        return Quantity(left.value / right.value)
    unit = left.unit if right.unit == "1" else f"{_in_product(left.unit)}/{_in_product(right.unit)}"
    return Quantity(left.value / right.value, unit)


def _product(left: str, right: str) -> str:
    return right if left == "1" else left if right == "1" else f"{_in_product(left)}.{_in_product(right)}"


def _in_product(unit: str) -> str:
    code = (_CALENDAR.get(unit) or _EQUIVALENT[unit]) if unit in CALENDAR_UNITS else unit
    return f"({code})" if "/" in code or "." in code else code


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)
