"""Is there anything, and how much. Source: FHIRPath 2.0, 5.1 (existence)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cds_service.expressions.language import Environment, Types
from cds_service.expressions.logic import Truth, not_
from cds_service.fhirpath.code import Code, from_truth, subset, values
from cds_service.fhirpath.compiler import Compiler, Function, unique
from cds_service.fhirpath.functions.filtering import where
from cds_service.fhirpath.tree import Call


def _exists(compiler: Compiler, node: Call, base: Code, focus: Types) -> Code:
    """`exists(criteria?)`; what stands before it is the evidence."""
    found = where(compiler, node, base, focus) if node.arguments else base
    return from_truth(lambda this, env: bool(found.items(this, env)), evidence=found.located)


def _empty(_compiler: Compiler, _node: Call, base: Code, _focus: Types) -> Code:
    return from_truth(lambda this, env: not base.items(this, env))


def _not(_compiler: Compiler, _node: Call, base: Code, _focus: Types) -> Code:
    test = base.test()
    return from_truth(lambda this, env: not_(test(this, env)))


def _all(compiler: Compiler, node: Call, base: Code, _focus: Types) -> Code:
    test = compiler.compile(node.arguments[0], base.types).test()

    def truth(this: Any, env: Environment) -> Truth:
        def holds(position: int, item: Any) -> bool:
            env.index = position
            return test(item, env) is True

        outer = env.index
        try:
            return all(holds(i, item) for i, item in enumerate(base.items(this, env)))
        finally:
            env.index = outer

    return from_truth(truth, evidence=base.located)


def _count(_compiler: Compiler, _node: Call, base: Code, _focus: Types) -> Code:
    return values(("System.Integer",), lambda this, env: (len(base.items(this, env)),))


def _distinct(_compiler: Compiler, _node: Call, base: Code, _focus: Types) -> Code:
    def keep(found: Sequence[Any], _this: Any, _env: Environment) -> Sequence[int]:
        return unique(found)

    return subset(base, keep)


FUNCTIONS = {
    "exists": Function(_exists, most=1),
    "empty": Function(_empty),
    "not": Function(_not),
    "all": Function(_all, 1, 1),
    "count": Function(_count),
    "distinct": Function(_distinct),
}
