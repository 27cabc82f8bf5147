"""Time, order, types, boundaries, and help for developers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cmp_to_key
from typing import Any

from cds_service.errors import EvaluationError, LimitExceeded
from cds_service.expressions.language import Environment, Missing
from cds_service.expressions.logic import Truth
from cds_service.fhir.definitions import base_of, is_a
from cds_service.fhir.quantity import UnknownUnit, comparable
from cds_service.fhir.temporal import Time
from cds_service.fhirpath.boundaries import boundary, precision
from cds_service.fhirpath.code import Code, Items, computed, from_truth, itself, subset
from cds_service.fhirpath.functions.chapter import Chapter
from cds_service.fhirpath.invocation import Invocation
from cds_service.fhirpath.items import Traced, raw, single, system_type, type_of
from cds_service.fhirpath.operators import operands
from cds_service.fhirpath.tree import Unary
from cds_service.fhirpath.values import as_quantities, compare_values

CHAPTER = Chapter("Utility", "FHIRPath 2.0, 5.9 and 6.3; 3.0.0, 5.10 (trial use)")


@CHAPTER.function("today()")
def today(_call: Invocation) -> Code:
    """The reference date of the evaluation, `%asOf`."""
    return computed(("System.Date",), lambda _this, env: (env.as_of,))


@CHAPTER.function("now()")
def now(_call: Invocation) -> Code:
    """The reference date as a date with time, no finer than it is known."""
    return computed(("System.DateTime",), lambda _this, env: (env.now,))


@CHAPTER.function("timeOfDay()")
def time_of_day(_call: Invocation) -> Code:
    """The time of day of `now()`; nothing where only the date is known."""

    def items(_this: Any, env: Environment) -> Sequence[Any]:
        return (Time(env.now.parts[3:], env.now.fraction),) if len(env.now.parts) > 3 else ()

    return computed(("System.Time",), items)


@CHAPTER.function("trace(name, projection?)")
def trace(call: Invocation) -> Code:
    """The items as they are. A developer who asks for a trace sees them, or their projection, under the name."""
    base, named = call.base, call.argument(0).items
    shown = call.inside(1).items if call.count > 1 else None

    def note(found: Sequence[Any], this: Any, env: Environment) -> None:
        if env.traces is None:
            return
        try:
            name = single(named(this, env), call.name)
            seen = [one for item in found for one in shown(item, env)] if shown else found
        except LimitExceeded:
            raise
        except EvaluationError:  # what cannot be shown changes no answer
            return
        env.traces.append((str(name), [raw(one) for one in seen]))

    def items(this: Any, env: Environment) -> Sequence[Any]:
        found = base.items(this, env)
        note(found, this, env)
        return found

    return replace(base, items=items, some=None, constant=None, key=None, truth=None, is_focus=False)


@CHAPTER.function("defineVariable(name, value?)")
def define_variable(call: Invocation) -> Code:
    """The items as they are; what follows in the chain may read them, or the value, as `%name`."""
    name = call.literal(0)
    if type(name) is not str:
        raise call.fault("`defineVariable()` takes a name as a literal", 0)
    if not name or name.startswith("$"):
        raise call.fault("a variable needs a name", 0)
    compiler = call.compiler
    if name in compiler.locals or name in compiler.scope.variables or name in _SYSTEM_VARIABLES:
        raise call.fault(f"there already is a variable `%{name}`", 0)
    base = call.base
    value = call.part(1, focus=call.held()) if call.count > 1 else None
    compiler.locals[name] = value.shape if value else base.shape

    def items(this: Any, env: Environment) -> Sequence[Any]:
        found = base.items(this, env)
        call.hold(found, env)
        defined = value.items(this, env) if value else found
        env.collected(defined)
        env.locals[name] = [(one, None) for one in defined]
        return found

    def located(this: Traced, env: Environment) -> Sequence[Traced]:
        found = base.located(this, env)
        call.hold_located(found, env)
        defined = value.located(this, env) if value else found
        env.collected(defined)
        env.locals[name] = defined
        return found

    return Code(base.shape, items, located)


_SYSTEM_VARIABLES = frozenset(("context", "resource", "rootResource", "ucum", "sct", "loinc"))


@CHAPTER.function("sort(key?, …)")
def sort(call: Invocation) -> Code:
    """The items in order: by themselves, or by keys of each, of which a `-` in front turns the order round."""
    keys: list[tuple[Items, int]] = []
    nodes = call.compiler.nodes
    for node in call.node.arguments:
        down = isinstance(node, Unary) and node.operator == "-"
        code = call.condition(node.operand if isinstance(node, Unary) and down else node)
        keys.append((operands(code), -1 if down else 1))
    if not keys:
        keys = [(operands(itself(call.base.shape)), 1)]
    each = call.compiler.steps_since(nodes)

    def order(found: Sequence[Any], _this: Any, env: Environment) -> Sequence[int]:
        env.spend(len(found) * (each + len(found).bit_length() * len(keys)))
        known = [[raw(single(key(one, env), call.name)) for key, _ in keys] for one in found]

        def compare(one: int, other: int) -> int:
            for (_, sign), mine, theirs in zip(keys, known[one], known[other], strict=True):
                if mine is None or theirs is None:
                    if mine is not theirs:
                        return -1 if mine is None else 1  # nothing comes first, whichever way
                    continue
                difference = compare_values(mine, theirs)
                if difference is None:
                    raise Missing("which of two values comes first cannot be told", code="ambiguous")
                if difference:
                    return sign * difference
            return 0

        return sorted(range(len(found)), key=cmp_to_key(compare))

    return subset(call.base.shaped(replace(call.base.shape, ordered=True)), order)


@CHAPTER.function("type()")
def type_call(call: Invocation) -> Code:
    """The type of each item, with its `namespace` and `name`."""
    items_of, types = call.base.items, call.base.shape.types

    def items(this: Any, env: Environment) -> Sequence[Any]:
        kinds = [_declared(type_of(one, types)) for one in items_of(this, env)]
        return [
            {"namespace": "System", "name": kind.removeprefix("System.")}
            if kind.startswith("System.")
            else {"namespace": "FHIR", "name": kind}
            for kind in kinds
        ]

    return computed(("TypeInfo",), items)


def _declared(kind: str) -> str:
    """Return the type that FHIR declares for an element whose own elements are defined in place."""
    return base_of(kind) or kind if "." in kind and not kind.startswith("System.") else kind


def _has_boundary(kind: str) -> bool:
    kinds = ("decimal", "integer", "date", "dateTime", "instant", "time", "Quantity")
    system = ("Decimal", "Integer", "Date", "DateTime", "Time", "Quantity")
    return any(is_a(kind, one) for one in kinds) or kind.removeprefix("System.") in system


def _boundary(signature: str, doc: str, *, high: bool) -> None:
    def build(call: Invocation) -> Code:
        call.expect("a number, quantity, date or time", _has_boundary)
        values = operands(call.base)
        digits_of = call.argument(0).items if call.count else None

        def items(this: Any, env: Environment) -> Sequence[Any]:
            value = raw(single(values(this, env), call.name))
            digits = raw(single(digits_of(this, env), call.name)) if digits_of else None
            if digits is not None and type(digits) is not int:
                raise EvaluationError(f"{call.name} takes a number of digits")
            if value is None or (digits_of and digits is None) or not _has_boundary(system_type(value)):
                return ()
            found = boundary(value, digits, high=high)
            return () if found is None else (found,)

        return computed(call.base.shape.of(_bounded(call.base.shape.types), wrapped=False), items)

    CHAPTER.add(signature, doc, build)


def _bounded(types: tuple[str, ...]) -> tuple[str, ...]:
    known = {"date": "Date", "dateTime": "DateTime", "instant": "DateTime", "time": "Time"}
    names = {known.get(kind, kind.removeprefix("System.")) for kind in types}
    if len(names) != 1:
        return ("System.Any",)
    name = names.pop()
    return (f"System.{name}",) if name in ("Date", "DateTime", "Time", "Quantity") else ("System.Any",)


_boundary("lowBoundary(digits?)", "The least value that a value stated so finely may stand for.", high=False)
_boundary("highBoundary(digits?)", "The greatest value that a value stated so finely may stand for.", high=True)


@CHAPTER.function("precision()")
def precision_call(call: Invocation) -> Code:
    """How many digits a value states; of a number, those after the point."""
    values = operands(call.base)

    def items(this: Any, env: Environment) -> Sequence[Any]:
        value = raw(single(values(this, env), call.name))
        digits = None if value is None else precision(value)
        return () if digits is None else (digits,)

    return computed(("System.Integer",), items)


@CHAPTER.function("comparable(other)")
def comparable_call(call: Invocation) -> Code:
    """Whether two quantities can be told to be more, less or the same; nothing for what is no quantity."""
    mine, theirs = operands(call.base), operands(call.argument(0))

    def truth(this: Any, env: Environment) -> Truth:
        these, those = mine(this, env), theirs(this, env)
        pair = as_quantities(raw(these[0]), raw(those[0])) if len(these) == len(those) == 1 else None
        if pair is None:
            return None
        try:
            return comparable(*pair)
        except UnknownUnit:  # what is asked is whether they can be compared
            return False

    return from_truth(truth)
