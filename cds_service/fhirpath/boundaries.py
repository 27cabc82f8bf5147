"""How far a value may reach, stated as finely as it is. Source: FHIRPath 3.0.0, 5.10.5 to 5.10.7 (trial use).

`1.587` stands for anything from 1.5865 to 1.5875; asked for fewer digits than that, the side away from zero is
rounded, the side towards zero cut off.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import replace
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal
from typing import Any

from cds_service.fhir.temporal import Date, DateTime, Temporal, Time
from cds_service.fhir.values import Quantity

__all__ = ["boundary", "precision"]

_MOST_DECIMALS = 38
_DIGITS = Context(prec=80)
_DATE_DIGITS = (4, 6, 8)
_DATE_TIME_DIGITS = (4, 6, 8, 10, 12, 14, 17)
_TIME_DIGITS = (2, 4, 6, 9)
_EARLIEST_ZONE, _LATEST_ZONE = 14 * 60, -12 * 60  # where a day begins first, and where it ends last


def boundary(value: Any, digits: int | None, *, high: bool) -> Any:
    """Return the least or greatest value that `value` may stand for, to so many digits; None where it has none."""
    if isinstance(value, Quantity):
        number = _of_number(value.value, digits, high=high)
        return None if number is None else Quantity(number, value.unit)
    if isinstance(value, Date):
        return _of_temporal(value, digits, _DATE_DIGITS, high=high)
    if isinstance(value, DateTime):
        return _of_temporal(value, digits, _DATE_TIME_DIGITS, high=high)
    if isinstance(value, Time):
        return _of_temporal(value, digits, _TIME_DIGITS, high=high)
    return _of_number(Decimal(value), digits, high=high)


def _of_number(value: Decimal, digits: int | None, *, high: bool) -> Decimal | None:
    digits = 8 if digits is None else digits
    if not 0 <= digits <= _MOST_DECIMALS:
        return None
    if value.adjusted() + digits >= _DIGITS.prec or decimals(value) >= _DIGITS.prec:
        return None
    half = Decimal(5).scaleb(-decimals(value) - 1)
    edge = _DIGITS.add(value, half) if high else _DIGITS.subtract(value, half)
    away = (edge >= 0) is high
    return edge.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP if away else ROUND_DOWN, _DIGITS)


def _of_temporal(value: Temporal, digits: int | None, known: tuple[int, ...], *, high: bool) -> Temporal | None:
    digits = known[-1] if digits is None else digits
    if digits not in known:
        return None
    count = min(known.index(digits) + 1, 3 if isinstance(value, Time) else 6)
    parts = (value.parts + _missing(value, high=high))[:count]
    fraction = (value.fraction or "")[:3]
    if digits != known[-1] or isinstance(value, Date):
        fraction = ""
    elif len(value.parts) < count or not fraction:
        fraction = "999" if high else "000"
    else:
        fraction = fraction.ljust(3, "9" if high else "0")
    offset = value.offset
    if isinstance(value, DateTime) and count > 3 and offset is None:
        offset = _LATEST_ZONE if high else _EARLIEST_ZONE
    return replace(value, parts=parts, fraction=fraction, offset=offset if count > 3 else None)


def _missing(value: Temporal, *, high: bool) -> tuple[int, ...]:
    """Return the parts that `value` does not state."""
    known = len(value.parts)
    clock = (23, 59, 59) if high else (0, 0, 0)
    if isinstance(value, Time):
        return clock[known:]
    month = value.parts[1] if known > 1 else (12 if high else 1)
    day = monthrange(value.parts[0], month)[1] if high else 1
    return (0, month, day, *clock)[known:]


def precision(value: Any) -> int | None:
    """Return how many digits a value states: of a number those after the point; None for what has no precision."""
    if isinstance(value, Quantity):
        return decimals(value.value)
    if isinstance(value, Date):
        return _DATE_DIGITS[len(value.parts) - 1]
    if isinstance(value, DateTime | Time):
        known = _TIME_DIGITS if isinstance(value, Time) else _DATE_TIME_DIGITS
        return known[len(value.parts) - (0 if value.fraction else 1)]
    return decimals(Decimal(value)) if isinstance(value, int | Decimal) and not isinstance(value, bool) else None


def decimals(number: Decimal) -> int:
    """Return how many digits after the point a number states."""
    exponent = number.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
