"""Syntax tree → closures over plain items. Whatever can be known beforehand is checked here, with its position."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from cds_service.errors import EvaluationError, ExpressionError
from cds_service.expressions import logic
from cds_service.expressions.language import Environment, Missing, Scope, Types
from cds_service.expressions.logic import Truth
from cds_service.fhir.definitions import element, elements_of, is_a, type_names
from cds_service.fhir.element import Location
from cds_service.fhir.temporal import Temporal, add
from cds_service.fhir.values import CALENDAR_UNITS, Quantity
from cds_service.fhirpath.code import Code, Test, constant, from_truth, subset, values
from cds_service.fhirpath.items import (
    Typed,
    compare_values,
    converter,
    equal,
    fits,
    is_of_type,
    is_wrapped,
    merge_types,
    raw,
    single,
    system_type,
)
from cds_service.fhirpath.tree import (
    Binary,
    Call,
    External,
    Indexer,
    Literal,
    Member,
    Node,
    Special,
    TypeTest,
    Unary,
)

__all__ = ["Compiler", "Function", "of_type", "union", "unique"]

_DECIMAL: Types = ("System.Decimal",)
_STRING: Types = ("System.String",)
_CONSTANTS = {
    "ucum": "http://unitsofmeasure.org",
    "sct": "http://snomed.info/sct",
    "loinc": "http://loinc.org",
}
_SYSTEM_NAMES = ("Boolean", "String", "Integer", "Decimal", "Date", "DateTime", "Time", "Quantity")


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the language: how many arguments it takes, and what makes code of a call to it."""

    build: Callable[[Compiler, Call, Code, Types], Code]
    fewest: int = 0
    most: int = 0


@dataclass
class Compiler:
    """Compiles one expression; keeps what the expression reads."""

    source: str
    scope: Scope
    functions: Mapping[str, Function]
    reads: set[str] = field(default_factory=set)
    value_sets: set[str] = field(default_factory=set)

    def fault(self, node: Node, reason: str) -> ExpressionError:
        """Return the error for `node`, to be raised."""
        return ExpressionError(reason, source=self.source, position=node.at)

    def compile(self, node: Node, focus: Types) -> Code:
        """Return the code of `node`, where `$this` is of the types `focus`. Raises ExpressionError."""
        match node:
            case Literal(value=None):
                return constant((), ())
            case Literal(value=value):
                return constant((system_type(value),), (value,))
            case External():
                return self.external(node)
            case Special():
                return self.special(node, focus)
            case Member():
                return self.member(node, focus)
            case Call():
                return self.call(node, focus)
            case Indexer():
                return self.indexer(node, focus)
            case Unary():
                return self.unary(node, focus)
            case Binary():
                return self.binary(node, focus)
            case TypeTest():
                base = self.compile(node.operand, focus)
                return self.type_test(node, base, node.type_name, operator=node.operator)

    # -- names ------------------------------------------------------------------------------------------------

    def external(self, node: External) -> Code:
        """`%name`: the record, the reference date, a code system, or a variable of the policy."""
        name = node.name
        if name in _CONSTANTS:
            return constant(_STRING, (_CONSTANTS[name],))
        if name in ("context", "resource", "rootResource"):
            return _here(self.scope.context, lambda _this, env: env.focus)
        types = self.scope.variables.get(name)
        if types is None:
            raise self.fault(node, f"there is no variable `%{name}`{_nearest(name, self.scope.variables)}")
        self.reads.add(name)
        return Code(types, lambda _this, env: env.variable(name), lambda _this, env: env.located(name))

    def special(self, node: Special, focus: Types) -> Code:
        """`$this`, `$index`, `$total`."""
        match node.name:
            case "$this":
                return _itself(focus)
            case "$index":
                return values(("System.Integer",), lambda _this, env: (env.index,))
        raise self.fault(node, "`$total` has no meaning outside `aggregate()`")

    def member(self, node: Member, focus: Types) -> Code:
        """`base.name`, `name`; at the start of an expression also the name of the type that it starts from."""
        if self._names_the_start(node, focus):
            return _itself(focus)
        return self.step(node, self._holder(node, focus), node.name)

    def _names_the_start(self, node: Member, focus: Types) -> bool:
        return node.base is None and node.name[0].isupper() and any(is_a(kind, node.name) for kind in focus)

    def _holder(self, node: Member, focus: Types) -> Code:
        return _itself(focus) if node.base is None else self.compile(node.base, focus)

    def step(self, node: Node, base: Code, name: str, only: str | None = None) -> Code:
        """Return the element `name` of each item; `only` keeps one type of a choice element."""
        if not base.types:
            return base
        found = [(kind, known) for kind in base.types if (known := element(kind, name))]
        if not found:
            raise self.fault(node, _no_element(name, base.types))
        types = merge_types(*(known.types for _, known in found))
        keys = dict(pair for _, known in found for pair in zip(known.keys, known.types, strict=True))
        if only is not None:
            keys = {key: kind for key, kind in keys.items() if is_a(kind, only)}
            types = merge_types(*((kind,) for kind in keys.values()))
        unwrap = is_wrapped(base.types)
        wrap = is_wrapped(types)
        if len(keys) == 1 and not unwrap and not wrap:
            items = _plain_step(base, next(iter(keys)), name)
        else:
            items = _choice_step(base, tuple(keys.items()), name, unwrap=unwrap, wrap=wrap)
        return Code(types, items, _located_step(base, tuple(keys.items()), name, wrap=wrap))

    # -- functions --------------------------------------------------------------------------------------------

    def call(self, node: Call, focus: Types) -> Code:
        """`base.function(arguments)`: each function makes its own code, see `functions`."""
        function = self.functions.get(node.name)
        if function is None:
            raise self.fault(node, f"there is no function `{node.name}()`{_nearest(node.name, self.functions)}")
        if not function.fewest <= len(node.arguments) <= function.most:
            expected = str(function.fewest)
            if function.most != function.fewest:
                expected += f" to {function.most}"
            raise self.fault(node, f"`{node.name}()` takes {expected} arguments, not {len(node.arguments)}")
        if node.name == "ofType" and isinstance(node.base, Member):
            return self._element_of_type(node.base, self.type_argument(node), focus)
        base = self.compile(node.base, focus) if node.base is not None else _itself(focus)
        return function.build(self, node, base, focus)

    def _element_of_type(self, member: Member, wanted: str, focus: Types) -> Code:
        """`value.ofType(Quantity)` reads one JSON key."""
        if self._names_the_start(member, focus):
            return of_type(_itself(focus), wanted)
        base = self._holder(member, focus)
        known = [found for kind in base.types if (found := element(kind, member.name))]
        if len(known) == 1 and known[0].choice and any(is_a(kind, wanted) for kind in known[0].types):
            return self.step(member, base, member.name, only=wanted)
        return of_type(self.step(member, base, member.name), wanted)

    def type_argument(self, node: Call) -> str:
        """Return the type named by a call's argument: `Condition`, `FHIR.Condition`, `System.String`."""
        names: list[str] = []
        at: Node | None = node.arguments[0]
        while isinstance(at, Member):
            names.insert(0, at.name)
            at = at.base
        if at is not None or not names:
            raise self.fault(node, f"`{node.name}()` takes the name of a type")
        return self.type_name(node, ".".join(names))

    def type_name(self, node: Node, written: str) -> str:
        """Return a type's name without its namespace. Raises ExpressionError for a type that does not exist."""
        namespace, _, name = written.rpartition(".")
        if namespace == "System" and name in _SYSTEM_NAMES:
            return written
        if namespace in ("", "FHIR") and (name in type_names() or name in _SYSTEM_NAMES):
            return name
        raise self.fault(node, f"there is no type `{written}`{_nearest(name, type_names())}")

    def type_test(self, node: Node, base: Code, written: str, *, operator: str) -> Code:
        """`is` answers whether the only item is of a type; `as` keeps it if it is."""
        wanted, types = self.type_name(node, written), base.types
        if operator == "is":

            def truth(this: Any, env: Environment) -> Truth:
                item = single(base.items(this, env), "`is`")
                return None if item is None else is_of_type(item, types, wanted)

            return from_truth(truth)

        def only(found: Sequence[Any], _this: Any, _env: Environment) -> Sequence[int]:
            single(found, "`as`")
            return range(len(found))

        return of_type(subset(base, only, counting=True), wanted)

    def indexer(self, node: Indexer, focus: Types) -> Code:
        """`base[index]`."""
        base, index = self.compile(node.base, focus), self.compile(node.index, focus).items

        def at(found: Sequence[Any], this: Any, env: Environment) -> Sequence[int]:
            position = single(index(this, env), "an index")
            return range(len(found))[position : position + 1] if type(position) is int and position >= 0 else ()

        return subset(base, at, counting=True)

    # -- operators --------------------------------------------------------------------------------------------

    def unary(self, node: Unary, focus: Types) -> Code:
        """`-x` and `+x`."""
        operand = self.compile(node.operand, focus)
        if node.operator == "+":
            return operand
        convert = converter(operand.types)

        def negate(this: Any, env: Environment) -> Sequence[Any]:
            value = single(operand.items(this, env), "`-`")
            value = convert(value) if convert and value is not None else value
            if value is None:
                return ()
            if isinstance(value, Quantity):
                return (Quantity(-value.value, value.unit),)
            return (-_number(value, "-"),)

        return values(operand.types, negate)

    def binary(self, node: Binary, focus: Types) -> Code:
        """Every operator between two expressions."""
        left, right = self.compile(node.left, focus), self.compile(node.right, focus)
        operator = node.operator
        if operator in _LOGIC:
            return _logic(operator, left, right)
        if operator == "|":
            return union(left, right)
        if operator in ("=", "!=", "~", "!~"):
            return _equality(operator, left, right)
        if operator in ("<", "<=", ">", ">="):
            return _comparison(operator, left, right)
        if operator == "in":
            return _membership(left, right)
        if operator == "contains":
            return _membership(right, left)
        return _arithmetic(operator, left, right)


def of_type(base: Code, wanted: str) -> Code:
    """Return the items that are of the type `wanted`."""
    types, unwrap = base.types, is_wrapped(base.types)
    kept: Types = tuple(kind for kind in types if is_a(kind, wanted) or kind == f"System.{wanted}")
    if not kept and any(is_a(wanted, kind) for kind in types):
        kept = (wanted,)

    def keep(found: Sequence[Any], _this: Any, _env: Environment) -> Sequence[int]:
        return [i for i, item in enumerate(found) if is_of_type(item, types, wanted)]

    chosen = subset(base, keep)
    if not unwrap or is_wrapped(kept):
        return Code(kept, chosen.items, chosen.located)

    def items(this: Any, env: Environment) -> Sequence[Any]:
        return [raw(item) for item in chosen.items(this, env)]

    def located(this: Location, env: Environment) -> Sequence[Location]:
        return [_bare(place) for place in chosen.located(this, env)]

    return Code(kept, items, located)


def union(left: Code, right: Code, *, distinct: bool = True) -> Code:
    """Return the items of both sides; `distinct` keeps one of those that are equal."""
    types = merge_types(left.types, right.types)
    first, second = _as_types(left, types), _as_types(right, types)

    def items(this: Any, env: Environment) -> Sequence[Any]:
        both = [*first.items(this, env), *second.items(this, env)]
        return [both[i] for i in unique(both)] if distinct else both

    def located(this: Location, env: Environment) -> Sequence[Location]:
        return [*first.located(this, env), *second.located(this, env)]

    return Code(types, items, located)


def unique(found: Sequence[Any]) -> list[int]:
    """Return the positions of the items that do not equal an earlier one."""
    kept: list[int] = []
    values = [raw(item) for item in found]
    for i, value in enumerate(values):
        if not any(values[one] is value or equal(values[one], value) for one in kept):
            kept.append(i)
    return kept


def _as_types(code: Code, types: Types) -> Code:
    """Return code whose items travel as they must among the items of `types`."""
    if is_wrapped(types) is is_wrapped(code.types) or not code.types:
        return code
    kind = code.types[0]

    def wrap(value: Any) -> Any:
        named = type(value) is dict and "resourceType" in value
        return Typed(str(value["resourceType"]) if named else kind, value)

    return Code(
        code.types,
        lambda this, env: [wrap(item) for item in code.items(this, env)],
        lambda this, env: [
            Location(wrap(place.value), place.parent, place.name, place.index)
            if place.parent
            else Location(wrap(place.value), Location(place.value), "", None)
            for place in code.located(this, env)
        ],
    )


def _bare(place: Location) -> Location:
    value = raw(place.value)
    if place.parent is not None and not place.name:
        return place.parent
    return Location(value, place.parent, place.name, place.index)


def _itself(types: Types) -> Code:
    return Code(types, lambda this, _env: (this,), lambda this, _env: (this,))


def _here(types: Types, focus: Callable[[Any, Environment], Any]) -> Code:
    return Code(types, lambda this, env: (focus(this, env),), lambda this, env: (Location(focus(this.value, env)),))


# -- steps ----------------------------------------------------------------------------------------------------


def _plain_step(base: Code, key: str, name: str) -> Callable[[Any, Environment], Sequence[Any]]:
    before = base.items

    def items(this: Any, env: Environment) -> Sequence[Any]:
        found: list[Any] = []
        for item in before(this, env):
            try:
                value = item.get(key)
            except AttributeError:
                raise Missing(f"an element that should hold `{name}` is no object", code="unreadable") from None
            if type(value) is list:
                found += value if None not in value else [one for one in value if one is not None]
            elif value is not None:
                found.append(value)
        return found

    return items


def _choice_step(
    base: Code, keys: tuple[tuple[str, str], ...], name: str, *, unwrap: bool, wrap: bool
) -> Callable[[Any, Environment], Sequence[Any]]:
    before = base.items

    def items(this: Any, env: Environment) -> Sequence[Any]:
        found: list[Any] = []
        for item in before(this, env):
            holder = item.value if unwrap else item
            if type(holder) is not dict:
                if unwrap and fits(holder, item.type):
                    continue  # another type of the choice, without elements of its own
                raise Missing(f"an element that should hold `{name}` is no object", code="unreadable")
            for key, kind in keys:
                value = holder.get(key)
                several = value if type(value) is list else (value,)
                found += [Typed(kind, one) if wrap else one for one in several if one is not None]
        return found

    return items


def _located_step(
    base: Code, keys: tuple[tuple[str, str], ...], name: str, *, wrap: bool
) -> Callable[[Location, Environment], Sequence[Location]]:
    before = base.located

    def located(this: Location, env: Environment) -> Sequence[Location]:
        found: list[Location] = []
        for place in before(this, env):
            holder = raw(place.value)
            if type(holder) is not dict:
                continue
            at = _bare(place)
            for key, kind in keys:
                value = holder.get(key)
                several = isinstance(value, list)
                ones: Sequence[Any] = value if isinstance(value, list) else (value,)
                for i, one in enumerate(ones):
                    if one is None:
                        continue
                    if type(one) is dict and "resourceType" in one and name != "contained":
                        found.append(Location(one))
                    else:
                        item = Typed(kind, one) if wrap else one
                        found.append(at.child(item, name, i if several else None))
        return found

    return located


# -- operators ------------------------------------------------------------------------------------------------

_LOGIC: dict[str, Callable[[Truth, Truth], Truth]] = {
    "and": logic.and_,
    "or": logic.or_,
    "xor": logic.xor,
    "implies": logic.implies,
}
_SETTLED = {"and": False, "or": True}


def _logic(operator: str, left: Code, right: Code) -> Code:
    first, second, combine = left.test(), right.test(), _LOGIC[operator]
    settled = _SETTLED.get(operator)

    def truth(this: Any, env: Environment) -> Truth:
        missing: Missing | None = None
        try:
            answer = first(this, env)
        except Missing as unanswered:  # unknown, unless the other side settles it
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

    def evidence(this: Location, env: Environment) -> Sequence[Location]:
        return [
            place
            for side, test in ((left, first), (right, second))
            if side.evidence and _holds(test, this.value, env)
            for place in side.evidence(this, env)
        ]

    shown = evidence if operator in ("and", "or") and (left.evidence or right.evidence) else None
    return from_truth(truth, evidence=shown)


def _holds(test: Test, this: Any, env: Environment) -> bool:
    try:
        return test(this, env) is True
    except Missing:
        return False


def _operands(code: Code) -> Callable[[Any, Environment], Sequence[Any]]:
    convert, items = converter(code.types), code.items
    if convert is None:
        return items
    return lambda this, env: [convert(item) for item in items(this, env)]


def _equality(operator: str, left: Code, right: Code) -> Code:
    first, second = _operands(left), _operands(right)
    negated, equivalent = operator in ("!=", "!~"), "~" in operator

    def truth(this: Any, env: Environment) -> Truth:
        these, those = first(this, env), second(this, env)
        if not these or not those:
            answer: Truth = (not these and not those) if equivalent else None
        elif len(these) != len(those):
            answer = False
        else:
            answer = logic.all_of(equal(one, other) for one, other in zip(these, those, strict=True))
            answer = bool(answer) if equivalent else answer
        if answer is False:
            _check(these, left.types)
            _check(those, right.types)
        return logic.not_(answer) if negated else answer

    return from_truth(truth)


def _comparison(operator: str, left: Code, right: Code) -> Code:
    first, second = _operands(left), _operands(right)
    holds = {"<": (-1,), "<=": (-1, 0), ">": (1,), ">=": (1, 0)}[operator]

    def truth(this: Any, env: Environment) -> Truth:
        one = single(first(this, env), f"`{operator}`")
        other = single(second(this, env), f"`{operator}`")
        if one is None or other is None:
            return None
        order = compare_values(one, other)
        return None if order is None else order in holds

    return from_truth(truth)


def _membership(left: Code, right: Code) -> Code:
    first, second = _operands(left), _operands(right)

    def truth(this: Any, env: Environment) -> Truth:
        item = single(first(this, env), "`in`")
        if item is None:
            return None
        others = second(this, env)
        if any(item is one or bool(equal(item, one)) for one in others):
            return True
        _check((item,), left.types)
        _check(others, right.types)
        return False

    return from_truth(truth)


def _check(found: Sequence[Any], types: Types) -> None:
    """Raise Missing where an element is malformed: it is not different from a value, it cannot be told."""
    if len(types) == 1 and not all(fits(one, types[0]) for one in found):
        raise Missing("an element does not hold what its type says", code="unreadable")


def _arithmetic(operator: str, left: Code, right: Code) -> Code:
    first, second = _operands(left), _operands(right)
    types = _result_types(operator, left.types, right.types)

    def items(this: Any, env: Environment) -> Sequence[Any]:
        one = single(first(this, env), f"`{operator}`")
        other = single(second(this, env), f"`{operator}`")
        if operator == "&":
            return (f"{'' if one is None else one}{'' if other is None else other}",)
        if one is None or other is None:
            return ()
        result = _calculate(operator, one, other)
        return () if result is None else (result,)

    return values(types, items)


def _result_types(operator: str, left: Types, right: Types) -> Types:
    if operator == "&":
        return _STRING
    if operator == "/":
        return _DECIMAL
    if left in (("date",), ("dateTime",), ("instant",), ("time",)):
        return (f"System.{left[0][0].upper()}{left[0][1:]}".replace("Instant", "DateTime"),)
    if is_wrapped(left) or not left:
        return right
    return _DECIMAL if "System.Decimal" in (*left, *right) or "decimal" in (*left, *right) else left


def _calculate(operator: str, one: Any, other: Any) -> Any:
    if isinstance(one, Temporal) and isinstance(other, Quantity) and operator in ("+", "-"):
        if other.unit not in CALENDAR_UNITS or other.unit == "millisecond":
            raise EvaluationError("a date cannot be moved by this unit; use `days`, `months`, …")
        amount = int(other.value)
        return add(one, -amount if operator == "-" else amount, other.unit)
    if type(one) is str and type(other) is str and operator == "+":
        return one + other
    first, second = _number(one, operator), _number(other, operator)
    match operator:
        case "+":
            return first + second
        case "-":
            return first - second
        case "*":
            return first * second
    if second == 0:
        return None
    match operator:
        case "/":
            return Decimal(first) / Decimal(second)
        case "div":
            return int(Decimal(first) / Decimal(second))
    return first - second * int(Decimal(first) / Decimal(second))


def _number(value: Any, operator: str) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise EvaluationError(f"`{operator}` does not take {system_type(value)}")
    return value


# -- what errors say ------------------------------------------------------------------------------------------


def _nearest(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), n=1)
    return f"; did you mean `{close[0]}`?" if close else ""


def _no_element(name: str, types: Types) -> str:
    if any(kind in ("Resource", "DomainResource") for kind in types):
        return f"a resource of any type has no `{name}`; name its type first, as in `ofType(Condition)`"
    owner = " or ".join(types)
    known = {one for kind in types for one in elements_of(kind)}
    return f"`{owner}` has no element `{name}`{_nearest(name, known)}"
