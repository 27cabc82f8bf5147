"""Which items, and what of each. Source: FHIRPath 2.0, 5.2 (filtering and projection) and 5.3 (subsetting)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cds_service.errors import EvaluationError
from cds_service.expressions.language import Environment, Types
from cds_service.fhir.element import Location
from cds_service.fhirpath.code import Apply, Code, subset
from cds_service.fhirpath.compiler import Compiler, Function, of_type
from cds_service.fhirpath.items import single
from cds_service.fhirpath.tree import Call


def where(compiler: Compiler, node: Call, base: Code, _focus: Types) -> Code:
    """`where(criteria)`: the items for which the criteria are true."""
    test = compiler.compile(node.arguments[0], base.types).test()

    def keep(found: Sequence[Any], _this: Any, env: Environment) -> Sequence[Any]:
        outer = env.index
        kept = []
        for env.index, item in enumerate(found):
            if test(item, env):
                kept.append(item)
        env.index = outer
        return kept

    return subset(base, keep)


def _select(compiler: Compiler, node: Call, base: Code, _focus: Types) -> Code:
    projection = compiler.compile(node.arguments[0], base.types)

    def items(this: Any, env: Environment) -> Sequence[Any]:
        return [one for item in base.items(this, env) for one in projection.items(item, env)]

    def located(this: Location, env: Environment) -> Sequence[Location]:
        return [one for place in base.located(this, env) for one in projection.located(place, env)]

    return Code(projection.types, items, located)


def _of_type(compiler: Compiler, node: Call, base: Code, _focus: Types) -> Code:
    return of_type(base, compiler.type_argument(node))


def _type_test(compiler: Compiler, node: Call, base: Code, _focus: Types) -> Code:
    return compiler.type_test(node, base, compiler.type_argument(node), operator=node.name)


def _some(choose: Callable[[Sequence[Any]], Sequence[Any]]) -> Function:
    apply: Apply = lambda found, _this, _env: choose(found)  # noqa: E731
    return Function(lambda _compiler, _node, base, _focus: subset(base, apply))


def _counted(choose: Callable[[Sequence[Any], int], Sequence[Any]]) -> Function:
    def build(compiler: Compiler, node: Call, base: Code, focus: Types) -> Code:
        number = compiler.compile(node.arguments[0], focus).items

        def apply(found: Sequence[Any], this: Any, env: Environment) -> Sequence[Any]:
            count = single(number(this, env), f"`{node.name}()`")
            return choose(found, max(0, count)) if type(count) is int else ()

        return subset(base, apply)

    return Function(build, 1, 1)


def _single(found: Sequence[Any]) -> Sequence[Any]:
    if len(found) > 1:
        raise EvaluationError(f"`single()` needs one item, there are {len(found)}")
    return found


FUNCTIONS = {
    "where": Function(where, 1, 1),
    "select": Function(_select, 1, 1),
    "ofType": Function(_of_type, 1, 1),
    "is": Function(_type_test, 1, 1),
    "as": Function(_type_test, 1, 1),
    "first": _some(lambda found: found[:1]),
    "last": _some(lambda found: found[-1:]),
    "tail": _some(lambda found: found[1:]),
    "single": _some(_single),
    "skip": _counted(lambda found, count: found[count:]),
    "take": _counted(lambda found, count: found[:count]),
}
