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

    def keep(found: Sequence[Any], _this: Any, env: Environment) -> Sequence[int]:
        outer = env.index
        kept = []
        try:
            for env.index, item in enumerate(found):
                if test(item, env):
                    kept.append(env.index)
        finally:
            env.index = outer
        return kept

    return subset(base, keep)


def _select(compiler: Compiler, node: Call, base: Code, _focus: Types) -> Code:
    projection = compiler.compile(node.arguments[0], base.types)

    def items(this: Any, env: Environment) -> Sequence[Any]:
        return _each(base.items(this, env), projection.items, env)

    def located(this: Location, env: Environment) -> Sequence[Location]:
        return _each(base.located(this, env), projection.located, env)

    return Code(projection.types, items, located)


def _each(found: Sequence[Any], project: Callable[[Any, Environment], Sequence[Any]], env: Environment) -> list[Any]:
    outer = env.index
    projected: list[Any] = []
    try:
        for env.index, one in enumerate(found):
            projected += project(one, env)
    finally:
        env.index = outer
    return projected


def _of_type(compiler: Compiler, node: Call, base: Code, _focus: Types) -> Code:
    return of_type(base, compiler.type_argument(node))


def _type_test(compiler: Compiler, node: Call, base: Code, _focus: Types) -> Code:
    return compiler.type_test(node, base, compiler.type_argument(node), operator=node.name)


def _some(choose: Callable[[Sequence[int]], Sequence[int]]) -> Function:
    apply: Apply = lambda found, _this, _env: choose(range(len(found)))  # noqa: E731
    return Function(lambda _compiler, _node, base, _focus: subset(base, apply, counting=True))


def _counted(choose: Callable[[Sequence[int], int], Sequence[int]]) -> Function:
    def build(compiler: Compiler, node: Call, base: Code, focus: Types) -> Code:
        number = compiler.compile(node.arguments[0], focus).items

        def apply(found: Sequence[Any], this: Any, env: Environment) -> Sequence[int]:
            count = single(number(this, env), f"`{node.name}()`")
            return choose(range(len(found)), max(0, count)) if type(count) is int else ()

        return subset(base, apply, counting=True)

    return Function(build, 1, 1)


def _single(found: Sequence[int]) -> Sequence[int]:
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
