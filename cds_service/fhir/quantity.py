"""What can be done with quantities: compared, added, multiplied. Calendar durations are no UCUM units.

A day, week, hour, minute and second of the calendar is as long as UCUM's; a month and a year is not: `1 year` and
`1 'a'` cannot be compared, but count as equivalent. Among calendar durations a year is 12 months or 365 days, a month
30 days. Source: FHIRPath 2.0 4.1.8 (time-valued quantities), 5.5.7 (conversion factors), 6.1, 6.6.
"""

from __future__ import annotations

from decimal import Context, Decimal
from fractions import Fraction

from cds_service.fhir.ucum import Unit, parse_unit
from cds_service.fhir.values import CALENDAR_UNITS, Quantity

__all__ = [
    "UnknownUnit",
    "canonical_form",
    "comparable",
    "compare_quantities",
    "convert",
    "convert_explicitly",
    "divide",
    "in_coarser_unit",
    "multiply",
]

_UCUM = dict(zip(CALENDAR_UNITS, ("a", "mo", "wk", "d", "h", "min", "s", "ms"), strict=True))
_WORDS = {code: word for word, code in _UCUM.items()}
_EXACTLY = Context(prec=200, Emin=-1_000, Emax=1_000, traps=[])  # a million digits would take minutes
_DAY = 86_400
_IN_MONTHS = {"month": Unit(Fraction(1), (("month", 1),)), "year": Unit(Fraction(12), (("month", 1),))}
_IN_SECONDS = {"month": Unit(Fraction(30 * _DAY), (("s", 1),)), "year": Unit(Fraction(365 * _DAY), (("s", 1),))}


class UnknownUnit(ValueError):
    """A unit that is neither UCUM nor a calendar word. The message never holds it: it may come from a chart."""


def _ucum(text: str) -> Unit:
    unit = parse_unit(_UCUM.get(text, text))
    if unit is None:
        raise UnknownUnit("a unit is not known")
    return unit


def _on_one_scale(left: str, right: str, *, equivalent: bool = False) -> tuple[Unit, Unit]:
    """Return what two units mean beside each other. Raises UnknownUnit."""
    words = left in _UCUM and right in _UCUM
    if equivalent and not words:
        return _ucum(left), _ucum(right)
    in_days = words and not {left, right} <= _IN_MONTHS.keys()
    calendar = _IN_SECONDS if in_days else _IN_MONTHS
    return calendar.get(left) or _ucum(left), calendar.get(right) or _ucum(right)


def canonical_form(quantity: Quantity) -> tuple[Fraction, tuple[tuple[str, int], ...]]:
    """Return the amount in base units and the dimensions; a calendar month is a base unit. Raises UnknownUnit."""
    unit = _IN_MONTHS.get(quantity.unit) or _ucum(quantity.unit)
    return _amount(quantity, unit), unit.dimensions


def _amount(quantity: Quantity, unit: Unit) -> Fraction:
    value = _EXACTLY.plus(quantity.value)
    if not value.is_finite():
        raise UnknownUnit("a quantity's number is too large")
    return Fraction(value) * unit.factor + unit.offset


def comparable(left: Quantity, right: Quantity) -> bool:
    """Return whether one can be told to be more, less or the same as the other. Raises UnknownUnit."""
    if left.unit == right.unit:
        return True
    one, other = _on_one_scale(left.unit, right.unit)
    return one.dimensions == other.dimensions


def compare_quantities(left: Quantity, right: Quantity) -> int | None:
    """Return -1, 0 or 1; None for different dimensions. Raises UnknownUnit, if the units are not the same text."""
    if left.unit == right.unit:
        return (left.value > right.value) - (left.value < right.value)
    unit, other = _on_one_scale(left.unit, right.unit)
    if unit.dimensions != other.dimensions:
        return None
    mine, theirs = _amount(left, unit), _amount(right, other)
    return (mine > theirs) - (mine < theirs)


def in_coarser_unit(left: Quantity, right: Quantity) -> tuple[Decimal, Decimal] | None:
    """Return both amounts in the larger of the two units, calendar durations as UCUM's; None for different dimensions.

    Raises UnknownUnit, if the units are not the same text.
    """
    if left.unit == right.unit:
        return left.value, right.value
    unit, other = _on_one_scale(left.unit, right.unit, equivalent=True)
    if unit.dimensions != other.dimensions:
        return None
    if unit.factor >= other.factor:
        return left.value, _decimal((_amount(right, other) - unit.offset) / unit.factor)
    return _decimal((_amount(left, unit) - other.offset) / other.factor), right.value


def convert(quantity: Quantity, unit: str) -> Quantity | None:
    """Return the same amount in another unit; None for one of other dimensions. Raises UnknownUnit."""
    if quantity.unit == unit:
        return quantity
    one, wanted = _on_one_scale(quantity.unit, unit)
    if one.dimensions != wanted.dimensions:
        return None
    return Quantity(_decimal((_amount(quantity, one) - wanted.offset) / wanted.factor), unit)


def convert_explicitly(quantity: Quantity, unit: str) -> Quantity | None:
    """Return the same amount in another unit, also across calendar durations and UCUM's.

    The amount is first converted among its own kind, then the unit is renamed: `182.5 days` are `0.5 'a'`, `365.25 'd'`
    are `1 year`. Source: FHIRPath 3.0.0 5.5.7. Raises UnknownUnit.
    """
    if quantity.unit in _UCUM and unit not in _UCUM:
        word = _WORDS.get(unit, "second")
        own = convert(quantity, word)
        return convert(Quantity(own.value, _UCUM[word]), unit) if own else None
    if unit in _UCUM and quantity.unit not in _UCUM:
        own = convert(quantity, _UCUM[unit])
        return Quantity(own.value, unit) if own else None
    return convert(quantity, unit)


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
    code = _UCUM.get(unit, unit)
    return f"({code})" if "/" in code or "." in code else code


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)
