"""Dates and texts out of items, and tests on texts. Source: FHIRPath 2.0, 5.5 (conversion), 5.6 (strings)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cds_service.expressions.language import Environment, Types
from cds_service.expressions.logic import Truth
from cds_service.fhir.temporal import Date, DateTime, parse_date_time
from cds_service.fhirpath.code import Code, from_truth, values
from cds_service.fhirpath.compiler import Compiler, Function
from cds_service.fhirpath.items import converter, raw, single
from cds_service.fhirpath.tree import Call


def _to_date(_compiler: Compiler, _node: Call, base: Code, _focus: Types) -> Code:
    """`toDate()`: the day as stated, in its own time zone; nothing for what is no date."""
    return values(("System.Date",), lambda this, env: _date(raw(single(base.items(this, env), "`toDate()`"))))


def _date(value: Any) -> Sequence[Date]:
    if type(value) is str:
        value = parse_date_time(value)
    if isinstance(value, DateTime):
        value = value.date()
    return (value,) if isinstance(value, Date) else ()


def _to_string(_compiler: Compiler, _node: Call, base: Code, _focus: Types) -> Code:
    convert = converter(base.types)

    def items(this: Any, env: Environment) -> Sequence[str]:
        value = single(base.items(this, env), "`toString()`")
        if value is None:
            return ()
        if convert and type(raw(value)) is not str:
            value = convert(value)
        value = raw(value)
        if isinstance(value, dict):
            return ()
        return (("true" if value else "false") if isinstance(value, bool) else str(value),)

    return values(("System.String",), items)


def _text_test(test: Callable[[str, str], bool]) -> Function:
    def build(compiler: Compiler, node: Call, base: Code, focus: Types) -> Code:
        other = compiler.compile(node.arguments[0], focus).items

        def truth(this: Any, env: Environment) -> Truth:
            text = raw(single(base.items(this, env), f"`{node.name}()`"))
            part = raw(single(other(this, env), f"`{node.name}()`"))
            return test(text, part) if type(text) is str and type(part) is str else None

        return from_truth(truth)

    return Function(build, 1, 1)


def _text(change: Callable[[str], Any], result: str) -> Function:
    def build(_compiler: Compiler, node: Call, base: Code, _focus: Types) -> Code:
        def items(this: Any, env: Environment) -> Sequence[Any]:
            text = raw(single(base.items(this, env), f"`{node.name}()`"))
            return (change(text),) if type(text) is str else ()

        return values((result,), items)

    return Function(build)


def _join(compiler: Compiler, node: Call, base: Code, focus: Types) -> Code:
    separator = compiler.compile(node.arguments[0], focus).items if node.arguments else None

    def items(this: Any, env: Environment) -> Sequence[str]:
        between = raw(single(separator(this, env), "`join()`")) if separator else ""
        return (str(between or "").join(str(raw(item)) for item in base.items(this, env)),)

    return values(("System.String",), items)


FUNCTIONS = {
    "toDate": Function(_to_date),
    "toString": Function(_to_string),
    "startsWith": _text_test(str.startswith),
    "endsWith": _text_test(str.endswith),
    "contains": _text_test(lambda text, part: part in text),
    "lower": _text(str.lower, "System.String"),
    "upper": _text(str.upper, "System.String"),
    "length": _text(len, "System.Integer"),
    "join": Function(_join, 0, 1),
}
