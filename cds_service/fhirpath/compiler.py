"""Syntax tree → closures over plain items. Whatever can be known beforehand is checked here, with its position."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

from cds_service.errors import EvaluationError, ExpressionError, ExpressionTooLarge
from cds_service.expressions.language import DataNeed, Environment, Scope, Types
from cds_service.expressions.logic import Truth
from cds_service.fhir.definitions import (
    element,
    elements_of,
    is_a,
    is_known_element,
    is_resource,
    type_names,
)
from cds_service.fhir.temporal import Temporal
from cds_service.fhirpath import operators
from cds_service.fhirpath.code import Code, computed, constant, from_truth, itself, local, subset
from cds_service.fhirpath.invocation import Function, Invocation
from cds_service.fhirpath.items import (
    ABSTRACT,
    ANY,
    Origins,
    Shape,
    Traced,
    is_of_type,
    is_wrapped,
    may_be_primitive,
    merge_types,
    raw,
    root,
    single,
    system_type,
)
from cds_service.fhirpath.steps import SYSTEM_TYPES, as_system_type, fixed_step, of_type, own_step
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
    walk,
)

__all__ = ["Compiler", "LooksBeside"]

_MAX_NESTING = 120
_MAX_NODES = 20_000
_NODES_IN_A_STEP = 4
_CONSTANTS = {
    "ucum": "http://unitsofmeasure.org",
    "sct": "http://snomed.info/sct",
    "loinc": "http://loinc.org",
}
_NAMED = {"vs-": "http://hl7.org/fhir/ValueSet/", "ext-": "http://hl7.org/fhir/StructureDefinition/"}
_SYSTEM_NAMES = ("Any", "Boolean", "String", "Integer", "Long", "Decimal", "Date", "DateTime", "Time", "Quantity")


class LooksBeside(Exception):
    """What reads the JSON beside primitive values (`_birthDate`) is given values that travel without it."""

    def __init__(self, node: Node) -> None:
        """Tell which step or call that is."""
        super().__init__()
        self.node = node


@dataclass
class Compiler:
    """Compiles one expression; keeps what the expression reads."""

    source: str
    scope: Scope
    functions: Mapping[str, Function]
    reads: set[str] = field(default_factory=set)
    value_sets: set[str] = field(default_factory=set)
    needs: set[DataNeed] = field(default_factory=set)
    locals: dict[str, Shape] = field(default_factory=dict)
    """The variables of `defineVariable()` that the expression may read here."""
    beside: bool = False
    """Whether the primitive elements that are compiled now travel with the JSON beside them."""
    aggregates: bool = False
    """Whether this is inside `aggregate()`, where `$total` has a meaning."""
    counts: bool = True
    """Whether `$index` is read."""
    nodes: int = 0
    """How many nodes are compiled so far."""
    _nesting: int = 0

    def fault(self, node: Node, reason: str) -> ExpressionError:
        """Return the error for `node`, to be raised."""
        return ExpressionError(reason, source=self.source, position=node.at)

    def compile_whole(self, tree: Node) -> Code:
        """Return the code of the expression. Raises ExpressionError."""
        self.counts = any(isinstance(node, Special) and node.name == "$index" for node in walk(tree))
        try:
            return self.compile(tree, itself(self._shape(self.scope.context)))
        except LooksBeside as one:
            reason = "what stands beside a value is not kept in variables; name the element's path here"
            raise self.fault(one.node, reason) from None

    def whole(self, node: Node, focus: Code) -> Code:
        """Return the code of an operand or argument; the variables that it defines end with it."""
        outer, self.beside = self.beside, False
        try:
            return self.part(node, focus)
        finally:
            self.beside = outer

    def part(self, node: Node, focus: Code) -> Code:
        """Return the same of an operand or argument whose items are those of the whole, as of a union."""
        outer = dict(self.locals)
        try:
            return self.compile(node, focus)
        finally:
            self.locals = outer

    def look_beside(self, node: Node, base: Code) -> None:
        """Raise LooksBeside if what `base` gives may be primitive and travels without the JSON beside it."""
        if not base.shape.beside and may_be_primitive(base.shape.types):
            raise LooksBeside(node)

    def _after(self, before: Node | None, focus: Code, build: Callable[[Code], Code]) -> Code:
        """Return what `build` makes of what stands before a step or a call.

        Only where it looks beside primitive values do these travel with it, so that everywhere else an element
        without a value is not there.
        """
        if before is None:
            return build(focus)
        state = dict(self.locals), self._nesting, self.aggregates
        base = self.compile(before, focus)
        try:
            return build(base)
        except LooksBeside:
            if base.shape.beside:
                raise
            self.locals, self._nesting, self.aggregates = state
            base = self._beside(before, focus)
            if not base.shape.beside:
                raise
            return build(base)

    def _beside(self, node: Node, focus: Code) -> Code:
        outer, self.beside = self.beside, True
        try:
            return self.compile(node, focus)
        finally:
            self.beside = outer

    def compile(self, node: Node, focus: Code) -> Code:
        """Return the code of `node`, where `$this` is `focus`. Raises ExpressionError."""
        self.refuse_deeper(node, 1)
        self._nesting += 1
        self.nodes += 1
        if self.nodes > _MAX_NODES:
            raise self._too_large(node, "steps")
        code = self._compile(node, focus)
        self._nesting -= 1
        return code

    def refuse_deeper(self, node: Node, levels: int) -> None:
        """Raise ExpressionTooLarge if so many levels more are too many."""
        if self._nesting + levels > _MAX_NESTING:
            raise self._too_large(node, "depth")

    def _too_large(self, node: Node, limit: str) -> ExpressionTooLarge:
        reason = "the expression is too long to be carried out; split it into variables"
        return ExpressionTooLarge(reason, source=self.source, position=node.at, limit=limit)

    def steps_since(self, nodes: int) -> int:
        """Return what it costs to evaluate once what was compiled since there were so many nodes."""
        return 1 + (self.nodes - nodes) // _NODES_IN_A_STEP

    def _compile(self, node: Node, focus: Code) -> Code:
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

    def _shape(self, types: Types, origins: Origins = ()) -> Shape:
        """Return how elements of these types travel."""
        beside = self.beside and may_be_primitive(types)
        own = tuple((kind, "") for kind in types if is_resource(kind) and kind not in ABSTRACT)
        return Shape(types, wrapped=is_wrapped(types) or beside, origins=origins or own, beside=beside)

    # -- names ------------------------------------------------------------------------------------------------

    def external(self, node: External) -> Code:
        """`%name`: the record, a code system, a variable of the expression or of the policy."""
        name = node.name
        if name in self.locals:
            return local(name, self.locals[name])
        if name in self.scope.variables:
            return self._variable(name)
        if name in _CONSTANTS:
            return constant(("System.String",), (_CONSTANTS[name],))
        for prefix, base in _NAMED.items():
            if name.startswith(prefix):
                return constant(("System.String",), (base + name.removeprefix(prefix),))
        if name in ("context", "resource", "rootResource"):
            shape = self._shape(self.scope.context)
            return Code(shape, lambda _this, env: (env.focus,), lambda _this, env: (root(env.focus),))
        known = {*self.scope.variables, *self.locals, *_CONSTANTS, "resource", "context", "rootResource"}
        raise self.fault(node, f"there is no variable `%{name}`{_nearest(name, known)}")

    def _variable(self, name: str) -> Code:
        types = self.scope.variables[name]
        self.reads.add(name)
        shape = replace(self._shape(types), wrapped=is_wrapped(types), beside=False)

        def items(_this: Any, env: Environment) -> Sequence[Any]:
            found = env.variable(name)
            env.spend(len(found))
            return found

        def located(_this: Traced, env: Environment) -> Sequence[Traced]:
            found = env.located(name)
            env.spend(len(found))
            return found  # type: ignore[return-value]  # Several is such a tuple

        return self._noted(Code(shape, items, located))

    def special(self, node: Special, focus: Code) -> Code:
        """`$this`, `$index`, `$total`."""
        match node.name:
            case "$this":
                return focus
            case "$index":
                return computed(("System.Integer",), lambda _this, env: (env.index,))
        if not self.aggregates:
            raise self.fault(node, "`$total` has no meaning outside `aggregate()`")
        return computed(ANY, lambda _this, env: env.total)

    def member(self, node: Member, focus: Code) -> Code:
        """`base.name`, `name`; at the start of an expression also the name of the type that it starts from."""
        if node.base is None and node.name[:1].isupper() and self._names_the_start(node.name, focus):
            return focus
        return self._after(node.base, focus, lambda base: self.step(node, base, node.name))

    def _names_the_start(self, name: str, focus: Code) -> bool:
        return any(is_a(kind, name) for kind in focus.shape.types)

    def step(self, node: Node, base: Code, name: str, only: str | None = None) -> Code:
        """Return the element `name` of each item; `only` keeps one type of a choice element."""
        types = base.shape.types
        if not types:
            return base
        if name in ("id", "extension"):
            self.look_beside(node, base)
        found = [(kind, known) for kind in types if (known := element(kind, name))]
        if any(kind in ABSTRACT for kind in types) and not (found and len(found) == len(types)):
            return self._own_step(node, base, name)
        if not found:
            raise self.fault(node, _no_element(name, types))
        inner = merge_types(*(known.types for _, known in found))
        keys = dict(pair for _, known in found for pair in zip(known.keys, known.types, strict=True))
        if only is not None:
            keys = {key: kind for key, kind in keys.items() if is_a(kind, only)}
            inner = merge_types(*((kind,) for kind in keys.values()))
        shape = replace(self._shape(inner, self._read(base, name)), ordered=base.shape.ordered)
        return fixed_step(base, name, tuple(keys.items()), shape)

    def _own_step(self, node: Node, base: Code, name: str) -> Code:
        if self.scope.strict:
            raise self.fault(node, _no_element(name, base.shape.types))
        if not is_known_element(name):
            raise self.fault(node, f"no type has an element `{name}`")
        return own_step(base, name, replace(ANY, ordered=base.shape.ordered, beside=self.beside))

    def _read(self, base: Code, name: str) -> Origins:
        """Note that an element of resources is read, and return where it stands."""
        paths = ((owner, f"{path}.{name}" if path else name) for owner, path in base.shape.origins)
        origins = tuple(one for one in paths if _is_path(*one))
        self.needs.update(DataNeed(*one) for one in origins)
        return origins

    def _noted(self, code: Code) -> Code:
        """Note that resources of some type are read."""
        self.needs.update(DataNeed(owner) for owner, path in code.shape.origins if not path)
        return code

    def need(self, code: Code, /, **compared: Any) -> None:
        """Note what an element is compared with: a value set, a code, a date."""
        self.needs.update(DataNeed(*one, **compared) for one in code.shape.origins if one[1])

    # -- functions --------------------------------------------------------------------------------------------

    def call(self, node: Call, focus: Code) -> Code:
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
            return self._noted(self._element_of_type(node.base, self.type_argument(node), focus))
        name = f"`{node.name}()`"
        return self._noted(
            self._after(node.base, focus, lambda base: function.build(Invocation(self, node, base, focus, name)))
        )

    def _element_of_type(self, member: Member, wanted: str, focus: Code) -> Code:
        """`value.ofType(Quantity)` reads one JSON key."""
        if member.base is None and self._names_the_start(member.name, focus):
            return of_type(focus, wanted)
        base = focus if member.base is None else self.compile(member.base, focus)
        known = [found for kind in base.shape.types if (found := element(kind, member.name))]
        if len(known) == 1 and known[0].choice and wanted in known[0].types:
            return self.step(member, base, member.name, only=wanted)
        return of_type(self.step(member, base, member.name), wanted)

    def type_argument(self, node: Call) -> str:
        """Return the type named by a call's argument: `Condition`, `FHIR.Condition`, `System.String`."""
        return self.type_name(node, self.type_words(node))

    def type_words(self, node: Call) -> str:
        """Return the name of a type as a call's argument writes it."""
        names: list[str] = []
        at: Node | None = node.arguments[0]
        while isinstance(at, Member):
            names.insert(0, at.name)
            at = at.base
        if at is not None or not names:
            raise self.fault(node, f"`{node.name}()` takes the name of a type")
        return ".".join(names)

    def type_name(self, node: Node, written: str) -> str:
        """Return a type's name, one of FHIR without its namespace. Raises ExpressionError for an unknown type."""
        namespace, _, name = written.partition(".")
        if namespace == "System" and name in _SYSTEM_NAMES:
            return written
        name = name if namespace == "FHIR" else written
        if name in type_names() or name in _SYSTEM_NAMES:
            return name
        raise self.fault(node, f"there is no type `{written}`{_nearest(name, type_names())}")

    def type_test(self, node: Node, base: Code, written: str, *, operator: str) -> Code:
        """`is` answers whether the only item is of a type; `as` keeps it if it is."""
        types, what = base.shape.types, f"`{operator}`"
        if operator == "is":
            namespace, _, name = written.partition(".")
            known_elsewhere = namespace == "System" and name in type_names()  # then it is just not that
            wanted = written if known_elsewhere else self.type_name(node, written)

            def truth(this: Any, env: Environment) -> Truth:
                item = single(base.items(this, env), what)
                return None if item is None else is_of_type(item, types, wanted)

            return from_truth(truth)

        def only(this: Any, env: Environment) -> Any:
            found = base.items(this, env)
            single(found, what)
            return found

        def only_located(this: Traced, env: Environment) -> Any:
            found = base.located(this, env)
            single(found, what)
            return found

        one, wanted = replace(base, items=only, located=only_located, some=None), self.type_name(node, written)
        if wanted.removeprefix("System.") in SYSTEM_TYPES and wanted not in type_names():
            return as_system_type(one, wanted.removeprefix("System."))
        return self._noted(of_type(one, wanted))

    def indexer(self, node: Indexer, focus: Code) -> Code:
        """`base[index]`."""
        base, index = self.compile(node.base, focus), self.whole(node.index, focus).items
        self.ordered(node, base, "an index")

        def at(found: Any, this: Any, env: Environment) -> Any:
            position = raw(single(index(this, env), "an index"))
            if position is not None and type(position) is not int:
                raise EvaluationError("an index is a whole number")
            return () if position is None or position < 0 else range(len(found))[position : position + 1]

        return subset(base, at)

    def ordered(self, node: Node, base: Code, what: str) -> None:
        """Refuse what counts positions in a collection without an order, where the scope asks for that."""
        if self.scope.ordered_only and not base.shape.ordered:
            raise self.fault(node, f"{what} has no meaning in a collection without an order")

    # -- operators --------------------------------------------------------------------------------------------

    def unary(self, node: Unary, focus: Code) -> Code:
        """`-x` and `+x`."""
        operand = self.compile(node.operand, focus)
        if operand.shape.types in (("System.Boolean",), ("boolean",)):
            raise self.fault(node, f"`{node.operator}` does not take a boolean; did you mean `({node.operator}…)`?")
        return operators.negation(operand) if node.operator == "-" else operand

    def binary(self, node: Binary, focus: Code) -> Code:
        """Every operator between two expressions."""
        operator = node.operator
        if operator == "|":
            return operators.union(self.part(node.left, focus), self.part(node.right, focus))
        left, right = self.whole(node.left, focus), self.whole(node.right, focus)
        if operator in ("and", "or", "xor", "implies"):
            return operators.logical(operator, left, right)
        self._note(operator, left, right)
        self._note(operator, right, left)
        if operator in ("=", "!=", "~", "!~"):
            return operators.equality(operator, left, right)
        if operator in ("<", "<=", ">", ">="):
            return operators.comparison(operator, left, right)
        if operator == "in":
            return operators.membership(left, right)
        if operator == "contains":
            return operators.membership(right, left)
        if operator == "&":
            return operators.concatenation(left, right)
        if operator in ("+", "-") and _is_moment(left.shape) and _is_number(right.shape):
            raise self.fault(node, "a date is moved by a duration: write `7 days`, not `7`")
        return operators.arithmetic(operator, left, right)

    def _note(self, operator: str, element_side: Code, other: Code) -> None:
        for value in other.constant or ():
            if isinstance(value, Temporal):
                self.need(element_side, dated=True)
            elif type(value) is str and operator in ("=", "in", "contains", "~"):
                self.need(element_side, code=value)
        if not other.constant and _is_moment(other.shape):
            self.need(element_side, dated=True)


def _is_path(owner: str, path: str) -> bool:
    """Return whether a resource type has elements of this path."""
    kinds: Types = (owner,)
    for name in path.split("."):
        kinds = tuple(kind for one in kinds if (known := element(one, name)) for kind in known.types)
    return bool(kinds)


def _is_moment(shape: Shape) -> bool:
    kinds = ("date", "dateTime", "instant", "time", "System.Date", "System.DateTime", "System.Time")
    return len(shape.types) == 1 and shape.types[0] in kinds


def _is_number(shape: Shape) -> bool:
    kinds = ("System.Integer", "System.Decimal", "decimal")
    return len(shape.types) == 1 and (shape.types[0] in kinds or is_a(shape.types[0], "integer"))


# -- what errors say ------------------------------------------------------------------------------------------


def _nearest(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), n=1)
    return f"; did you mean `{close[0]}`?" if close else ""


def _no_element(name: str, types: Types) -> str:
    if any(kind in ABSTRACT for kind in types):
        return f"a resource of any type has no `{name}`; name its type first, as in `ofType(Condition)`"
    owner = " or ".join(types)
    known = {one for kind in types for one in elements_of(kind)}
    return f"`{owner}` has no element `{name}`{_nearest(name, known)}"
