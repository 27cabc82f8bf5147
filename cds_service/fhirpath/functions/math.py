"""Numbers. Where a result is not a number (the root of -1, a division by zero) there is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_FLOOR,
    ROUND_HALF_UP,
    Context,
    Decimal,
    DecimalException,
    InvalidOperation,
)
from typing import Any

from cds_service.errors import EvaluationError, LimitExceeded
from cds_service.expressions.language import Environment, Types
from cds_service.fhir.values import Quantity
from cds_service.fhirpath.code import Code, computed
from cds_service.fhirpath.functions.chapter import Chapter
from cds_service.fhirpath.invocation import Invocation
from cds_service.fhirpath.items import VALUE, Shape, single
from cds_service.fhirpath.operators import operands
from cds_service.fhirpath.values import number_in_bounds

CHAPTER = Chapter("Math", "FHIRPath 2.0, 5.7")

_DECIMAL: Types = ("System.Decimal",)
_DIGITS = Context(prec=80)
_KEPT = Context(prec=28)
_STEPS = 20  # what a root, power or logarithm takes


def _declare(
    signature: str, doc: str, shape: Shape | Types, change: Callable[..., Any], *, of_quantities: bool = False
) -> None:
    def build(call: Invocation) -> Code:
        values = operands(call.base)
        arguments = [operands(call.argument(i)) for i in range(call.count)]

        def items(this: Any, env: Environment) -> Sequence[Any]:
            env.spend(_STEPS)
            found = [single(one(this, env), call.name) for one in (values, *arguments)]
            if None in found:
                return ()
            units = [found[0].unit] if of_quantities and isinstance(found[0], Quantity) else []
            numbers = [_number(found[0].value if units else found[0], call.name), *found[1:]]
            try:
                made = change(numbers[0], *(_number(one, call.name) for one in numbers[1:]))
            except InvalidOperation:
                return ()
            except (DecimalException, OverflowError):
                raise LimitExceeded("a number is too large", limit="number") from None
            if made is None:
                return ()
            return (Quantity(Decimal(number_in_bounds(made)), units[0]) if units else number_in_bounds(made),)

        return computed(shape, items)

    CHAPTER.add(signature, doc, build)


def _number(value: Any, what: str) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise EvaluationError(f"{what} takes a number")
    return number_in_bounds(value)


def _whole(rounding: str) -> Callable[[Any], int]:
    return lambda number: int(Decimal(number).to_integral_value(rounding))


def _round(number: Any, places: Any = 0) -> Any:
    if type(places) is not int or places < 0:
        raise EvaluationError("`round()` takes a number of places that is not negative")
    return Decimal(number).quantize(Decimal(1).scaleb(-min(places, 27)), ROUND_HALF_UP, _DIGITS)


def _power(number: Any, exponent: Any) -> Any:
    if exponent == 0:
        return number**0 if isinstance(number, int) else Decimal(1)
    if number == 0 and exponent < 0:
        return None
    if isinstance(number, int) and type(exponent) is int and exponent >= 0:
        if abs(number) > 1 and exponent * abs(number).bit_length() > 200:
            raise LimitExceeded("a number is too large", limit="number")
        return number**exponent
    return _KEPT.power(Decimal(number), Decimal(exponent))


def _logarithm(number: Any, base: Any) -> Any:
    if number <= 0 or base <= 0:
        raise EvaluationError("`log()` takes numbers above zero")
    if base == 1:
        return None
    finer = _DIGITS.divide(_DIGITS.ln(Decimal(number)), _DIGITS.ln(Decimal(base)))
    return _KEPT.plus(finer).normalize(_KEPT)  # so that 8.log(2) is 3


_declare("abs()", "The number without its sign.", VALUE, abs, of_quantities=True)
_declare("ceiling()", "The next whole number, upwards.", VALUE, _whole(ROUND_CEILING), of_quantities=True)
_declare("floor()", "The next whole number, downwards.", VALUE, _whole(ROUND_FLOOR), of_quantities=True)
_declare("truncate()", "The whole part of the number.", VALUE, _whole(ROUND_DOWN), of_quantities=True)
_declare("round(places?)", "The number rounded, a half away from zero.", VALUE, _round, of_quantities=True)
_declare("sqrt()", "The square root.", _DECIMAL, lambda number: _KEPT.sqrt(Decimal(number)) if number >= 0 else None)
_declare("exp()", "e raised to the number.", _DECIMAL, lambda number: _KEPT.exp(Decimal(number)))
_declare("ln()", "The natural logarithm.", _DECIMAL, lambda number: _KEPT.ln(Decimal(number)) if number > 0 else None)
_declare("log(base)", "The logarithm to a base.", _DECIMAL, _logarithm)
_declare("power(exponent)", "The number raised to an exponent.", VALUE, _power)
