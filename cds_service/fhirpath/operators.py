"""The operators between two expressions. Source: FHIRPath 2.0, 6 (operations)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal, DecimalException
from typing import Any

from cds_service.errors import EvaluationError, LimitExceeded
from cds_service.expressions import logic
from cds_service.expressions.language import MAX_TEXT, Environment, Missing, Refusal, Types
from cds_service.expressions.logic import Truth
from cds_service.fhir.definitions import is_a
from cds_service.fhir.quantity import convert, divide, multiply
from cds_service.fhir.temporal import Date, Temporal, Time, add
from cds_service.fhir.values import CALENDAR_UNITS, Quantity
from cds_service.fhirpath.code import (
    Answer,
    Code,
    Items,
    Located,
    Test,
    as_shape,
    computed,
    from_truth,
    unique,
    unique_places,
)
from cds_service.fhirpath.items import VALUE, Shape, Traced, single, system_type
from cds_service.fhirpath.values import (
    check,
    compare_values,
    converter,
    equal,
    equal_items,
    equivalent_items,
    known_unit,
    number_in_bounds,
    text_of,
    tolerant_key_maker,
)

__all__ = [
    "arithmetic",
    "comparison",
    "concatenation",
    "equality",
    "logical",
    "made_text",
    "membership",
    "negation",
    "text_in_bounds",
    "union",
]

# -- logic ----------------------------------------------------------------------------------------------------

_LOGIC: dict[str, Callable[[Truth, Truth], Truth]] = {
    "and": logic.and_,
    "or": logic.or_,
    "xor": logic.xor,
    "implies": logic.implies,
}
_SETTLED = {"and": False, "or": True}


def logical(operator: str, left: Code, right: Code) -> Code:
    """`and`, `or`, `xor`, `implies`: what one side leaves open, or cannot tell, the other may settle."""
    first, second, combine = left.test(), right.test(), _LOGIC[operator]
    settled = _SETTLED.get(operator)

    def truth(this: Any, env: Environment) -> Truth:
        missing: Missing | None = None
        try:
            answer = first(this, env)
        except Missing as unanswered:
            answer, missing = None, unanswered
        if answer is not None and answer is settled:
            return answer
        other: Truth = None
        try:
            other = second(this, env)
        except Missing as unanswered:
            missing = missing or unanswered
        answer = combine(answer, other)
        if answer is None and missing:
            raise missing
        return answer

    def answer(this: Traced, env: Environment) -> tuple[Truth, Sequence[Traced]]:
        missing: Missing | None = None
        mine, seen, theirs, more = None, (), None, ()  # type: tuple[Truth, Any, Truth, Any]
        try:
            mine, seen = _answer(left, first, this, env)
        except Missing as unanswered:
            missing = unanswered
        if mine is not None and mine is settled:
            return mine, [*seen, *_witnesses(right, this, env)] if mine else ()
        try:
            theirs, more = _answer(right, second, this, env)
        except Missing as unanswered:
            missing = missing or unanswered
        holds = combine(mine, theirs)
        if holds is None and missing:
            raise missing
        return holds, [*(seen if mine else ()), *(more if theirs else ())] if holds else ()

    def refusals(this: Traced, env: Environment) -> Iterator[Refusal]:
        for side, test in ((left, first), (right, second)):
            if side.refusals and _told(test, this[0], env) is not True:
                yield from side.refusals(this, env)

    joins = operator in ("and", "or")
    return from_truth(
        truth,
        answer=answer if joins and (left.answer or right.answer) else None,
        refusals=refusals if joins and (left.refusals or right.refusals) else None,
    )


def _answer(side: Code, test: Test, this: Traced, env: Environment) -> tuple[Truth, Sequence[Traced]]:
    return side.answer(this, env) if side.answer else (test(this[0], env), ())


def _witnesses(side: Code, this: Traced, env: Environment) -> Sequence[Traced]:
    """Return what a side can add to an answer that is settled without it."""
    if side.answer is None:
        return ()
    try:
        holds, found = side.answer(this, env)
    except LimitExceeded:
        raise
    except EvaluationError:
        return ()
    return found if holds is True else ()


def _told(test: Test, this: Any, env: Environment) -> Truth:
    try:
        return test(this, env)
    except LimitExceeded:
        raise
    except EvaluationError:
        return None


# -- equality and order -----------------------------------------------------------------------------------------


def operands(code: Code) -> Items:
    """Return the values that operators work on."""
    change, items = converter(code.shape), code.items
    if change is None:
        return items
    return lambda this, env: [change(item) for item in items(this, env)]


def equality(operator: str, left: Code, right: Code) -> Code:
    """`=`, `!=`, `~`, `!~`."""
    first, second = operands(left), operands(right)
    negated = operator.startswith("!")

    def equals(this: Any, env: Environment) -> Truth:
        these, those = first(this, env), second(this, env)
        if not these or not those:
            return None
        answer = equal_items(these, those, env.spend)
        if answer is False:
            check(these, left.shape)
            check(those, right.shape)
        return logic.not_(answer) if negated else answer

    def equivalent(this: Any, env: Environment) -> Truth:
        these, those = first(this, env), second(this, env)
        answer = equivalent_items(these, those, env.spend)
        if answer is False:
            check(these, left.shape)
            check(those, right.shape)
        return answer is not negated

    if "~" in operator:
        return from_truth(equivalent)
    if operator == "=":
        return from_truth(_key_equals_text(left, right, equals), answer=_by_count(_equal_or_open, left, right))
    return from_truth(equals)


def _equal_or_open(one: Any, other: Any) -> Truth:
    return None if one is None or other is None else equal(one, other)


_TEXT_TYPES = ("string", "uri")


def _key_equals_text(left: Code, right: Code, equals: Test) -> Test:
    """Return the same test, fast for what criteria ask most: `code = 'C41.2'`."""
    text = right.constant[0] if right.constant else None
    key, types = left.key, left.shape.types
    if key is None or type(text) is not str or not any(is_a(types[0], kind) for kind in _TEXT_TYPES):
        return equals

    def truth(this: Any, env: Environment) -> Truth:
        value = this.get(key) if type(this) is dict else this
        if type(value) is str and type(this) is dict:
            return value == text
        return equals(this, env)

    return truth


def comparison(operator: str, left: Code, right: Code) -> Code:
    """`<`, `<=`, `>`, `>=`."""
    first, second = operands(left), operands(right)
    holds = {"<": (-1,), "<=": (-1, 0), ">": (1,), ">=": (1, 0)}[operator]
    what = f"`{operator}`"

    def decide(one: Any, other: Any) -> Truth:
        if one is None or other is None:
            return None
        try:
            order = compare_values(one, other)
        except EvaluationError:
            check((one,), left.shape)
            check((other,), right.shape)
            raise
        return None if order is None else order in holds

    def truth(this: Any, env: Environment) -> Truth:
        return decide(single(first(this, env), what), single(second(this, env), what))

    return from_truth(truth, answer=_by_count(decide, left, right))


def _by_count(decide: Callable[[Any, Any], Truth], left: Code, right: Code) -> Answer | None:
    """Return the answer with what was counted: `%episodes.count() >= 2` rests on the episodes."""
    counted, other = (left.counted, right) if left.counted else (right.counted, left)
    if counted is None:
        return None
    number_of = operands(other)

    def answer(this: Traced, env: Environment) -> tuple[Truth, Sequence[Traced]]:
        found, number = counted(this, env), single(number_of(this[0], env), "a comparison")
        holds = decide(len(found), number) if left.counted else decide(number, len(found))
        return holds, found if holds else ()

    return answer


def membership(left: Code, right: Code) -> Code:
    """`left in right`, which `contains` asks the other way round."""
    first, second = operands(left), operands(right)
    members = frozenset(right.constant or ())
    key, types = left.key, left.shape.types

    def truth(this: Any, env: Environment) -> Truth:
        item = single(first(this, env), "`in`")
        if item is None:
            return None
        others, missing = second(this, env), None
        if any(item is one for one in others):
            return True
        for one in others:
            try:
                if equal(item, one, env.spend) is True:
                    return True
            except Missing as unanswered:  # of this one; another may settle it
                missing = missing or unanswered
        check((item,), left.shape)
        check(others, right.shape)
        if missing:
            raise missing
        return False

    if key is None or not members or not all(type(one) is str for one in members):
        return from_truth(truth)
    if not any(is_a(types[0], kind) for kind in _TEXT_TYPES):
        return from_truth(truth)

    def quick(this: Any, env: Environment) -> Truth:
        value = this.get(key) if type(this) is dict else None
        return value in members if type(value) is str else truth(this, env)

    return from_truth(quick)


def union(left: Code, right: Code, *, distinct: bool = True) -> Code:
    """Return the items of both sides; `distinct` keeps one of those that are equal."""
    shape = Shape.merged(left.shape, right.shape, ordered=not distinct)
    first, second = as_shape(left, shape), as_shape(right, shape)
    keys = tolerant_key_maker(shape)

    def items(this: Any, env: Environment) -> Sequence[Any]:
        both = [*first.items(this, env), *second.items(this, env)]
        env.collected(both)
        return [both[i] for i in unique(map(keys(env.spend), both))] if distinct else both

    def located(this: Traced, env: Environment) -> Sequence[Traced]:
        both = [*first.located(this, env), *second.located(this, env)]
        env.collected(both)
        return unique_places(both, keys(env.spend)) if distinct else both

    seen = _witnesses_of_either(first, second)

    def some_located(this: Traced, env: Environment) -> Sequence[Traced]:
        both = seen(this, env)
        env.collected(both)
        return unique_places(both, keys(env.spend)) if distinct else both

    code = Code(shape, items, located, some=_either(first, second), some_located=some_located)
    if distinct and left.constant is not None and right.constant is not None:
        constant = tuple(dict.fromkeys((*left.constant, *right.constant)))
        if all(type(one) is str for one in constant):
            return _of_texts(code, constant)
    return code


def _of_texts(code: Code, texts: Sequence[str]) -> Code:
    def items(_this: Any, env: Environment) -> Sequence[Any]:
        env.spend(len(texts))
        return texts

    return replace(code, items=items, constant=texts)


def _either(first: Code, second: Code) -> Test:
    one, other = first.exists(), second.exists()

    def some(this: Any, env: Environment) -> Truth:
        try:
            if one(this, env):
                return True
        except Missing as missing:
            if other(this, env):
                return True
            raise missing from None
        return other(this, env)

    return some


def _witnesses_of_either(first: Code, second: Code) -> Located:
    """Return the items by which `_either` tells that there are any; what one side cannot tell, the other may."""
    one, other = first.witnesses(), second.witnesses()

    def seen(this: Traced, env: Environment) -> Sequence[Traced]:
        mine: Sequence[Traced] = ()
        missing: Missing | None = None
        try:
            mine = one(this, env)
        except Missing as unanswered:
            missing = unanswered
        try:
            both = [*mine, *other(this, env)]
        except LimitExceeded:
            raise
        except EvaluationError:
            if not mine:
                raise
            return mine
        if missing and not both:
            raise missing
        return both

    return seen


# -- arithmetic ---------------------------------------------------------------------------------------------------


_CHARACTERS_IN_A_STEP = 25
_MAX_UNIT = 200
_FOR_A_QUANTITY = 5


def concatenation(left: Code, right: Code) -> Code:
    """`&`: joins two texts, nothing counting as an empty one."""
    first, second = operands(left), operands(right)

    def items(this: Any, env: Environment) -> Sequence[Any]:
        one, other = single(first(this, env), "`&`"), single(second(this, env), "`&`")
        texts = ["" if part is None else text_of(part) for part in (one, other)]
        if None in texts:
            raise EvaluationError("`&` joins texts")
        return (made_text("".join(str(text) for text in texts), env),)

    return computed(("System.String",), items)


def arithmetic(operator: str, left: Code, right: Code) -> Code:
    """`+`, `-`, `*`, `/`, `div`, `mod`."""
    first, second = operands(left), operands(right)
    what = f"`{operator}`"

    def items(this: Any, env: Environment) -> Sequence[Any]:
        one, other = single(first(this, env), what), single(second(this, env), what)
        if one is None or other is None:
            return ()
        if isinstance(one, Quantity):
            env.spend(_FOR_A_QUANTITY)
        result = _calculate(operator, one, other)
        return () if result is None else (made_text(result, env) if type(result) is str else result,)

    return computed(_result(operator, left.shape.types, right.shape.types), items)


_MOMENTS = {"date": "System.Date", "dateTime": "System.DateTime", "instant": "System.DateTime", "time": "System.Time"}


def _result(operator: str, left: Types, right: Types) -> Shape:
    kinds = [_MOMENTS.get(types[0], types[0]) if len(types) == 1 else "" for types in (left, right)]
    if kinds[0] in _MOMENTS.values():
        return Shape((kinds[0],))
    if "" in kinds:
        return VALUE
    if any(is_a(kind, "Quantity") or kind == "System.Quantity" for kind in kinds):
        return Shape(("System.Quantity",))
    if operator == "/" or any(kind in ("decimal", "System.Decimal") for kind in kinds):
        return Shape(("System.Decimal",))
    return Shape(
        ("System.Integer",) if kinds[0] == "System.Integer" or is_a(kinds[0], "integer") else ("System.String",)
    )


_DATE_UNITS = {"s": "second", "min": "minute", "h": "hour", "d": "day", "wk": "week", "ms": "millisecond"}
_OF_A_CLOCK = ("hour", "minute", "second", "millisecond")


_NUMBERS = (int, Decimal)


def _calculate(operator: str, one: Any, other: Any) -> Any:
    try:
        if type(one) in _NUMBERS and type(other) in _NUMBERS:
            return number_in_bounds(_calculate_numbers(operator, number_in_bounds(one), number_in_bounds(other)))
        return _calculate_others(operator, one, other)
    except DecimalException:
        raise LimitExceeded("a number is too large", limit="number") from None


def _calculate_others(operator: str, one: Any, other: Any) -> Any:
    if isinstance(one, Temporal) and isinstance(other, Quantity) and operator in ("+", "-"):
        return moved(one, other, -1 if operator == "-" else 1)
    if type(one) is str and type(other) is str and operator == "+":
        return one + other
    sides = (_as_quantity(side, operator) for side in (one, other))
    return _quantity_in_bounds(_calculate_quantities(operator, *sides))


def _calculate_numbers(operator: str, first: Any, second: Any) -> Any:
    match operator:
        case "+":
            return first + second
        case "-":
            return first - second
        case "*":
            return first * second
    if second == 0:
        return None
    if operator == "/":
        return Decimal(first) / Decimal(second)
    whole = int(Decimal(first) / Decimal(second))
    return whole if operator == "div" else first - second * whole


def _calculate_quantities(operator: str, one: Quantity, other: Quantity) -> Quantity | None:
    match operator:
        case "*":
            return multiply(one, other)
        case "/":
            return divide(one, other)
        case "+" | "-":
            same_unit: Quantity | None = known_unit(lambda: convert(other, one.unit))
            if same_unit is None:
                raise EvaluationError(f"`{operator}` does not take quantities of different dimensions")
            value = same_unit.value if operator == "+" else -same_unit.value
            return Quantity(one.value + value, one.unit)
    raise EvaluationError(f"`{operator}` does not take quantities")


def moved(moment: Temporal, amount: Quantity, sign: int) -> Temporal:
    """Return a date or time moved by a calendar duration, or by a definite one of UCUM. Source: 6.6.7."""
    unit, value = _DATE_UNITS.get(amount.unit, amount.unit), amount.value
    if unit not in CALENDAR_UNITS:
        raise EvaluationError("a date cannot be moved by this unit; use `days`, `months`, …")
    if (isinstance(moment, Date) and unit in _OF_A_CLOCK) or (isinstance(moment, Time) and unit not in _OF_A_CLOCK):
        raise EvaluationError(f"{system_type(moment)} is not moved by {unit}s")
    if abs(value) > 10**12:
        raise LimitExceeded("a duration is too long", limit="number")
    if unit == "second" and value % 1:
        unit, value = "millisecond", value * 1000  # the only unit whose fraction counts
    found = add(moment, sign * int(value), unit)
    if found is None:
        raise EvaluationError("a date leaves the years 1 to 9999")
    return found


def _quantity_in_bounds(quantity: Quantity | None) -> Quantity | None:
    if quantity is not None:
        number_in_bounds(quantity.value)
        if len(quantity.unit) > _MAX_UNIT:
            raise LimitExceeded(f"a unit has more than {_MAX_UNIT} characters", limit="text")
    return quantity


def _as_quantity(value: Any, operator: str) -> Quantity:
    return value if isinstance(value, Quantity) else Quantity(Decimal(_number(value, operator)))


def _number(value: Any, operator: str) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise EvaluationError(f"`{operator}` does not take {system_type(value)}")
    return number_in_bounds(value)


def negation(operand: Code) -> Code:
    """`-x`."""
    values = operands(operand)

    def items(this: Any, env: Environment) -> Sequence[Any]:
        value = single(values(this, env), "`-`")
        if value is None:
            return ()
        if isinstance(value, Quantity):
            return (Quantity(-value.value, value.unit),)
        return (-_number(value, "-"),)

    return computed(_result("-", ("System.Integer",), operand.shape.types), items)


def made_text(text: str, env: Environment) -> str:
    """Return a text that was made, once it is paid for. Raises LimitExceeded for one that is too long."""
    env.spend(len(text) // _CHARACTERS_IN_A_STEP)
    return text_in_bounds(text)


def text_in_bounds(text: str) -> str:
    """Return a text. Raises LimitExceeded for one that is too long."""
    if len(text) > MAX_TEXT:
        raise LimitExceeded(f"a text has more than {MAX_TEXT} characters", limit="text")
    return text
