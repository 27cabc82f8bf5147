"""Two collections, or one of two. Source: FHIRPath 2.0, 5.4 (combining), 5.3 (intersect, exclude), 5.5 (iif)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cds_service.expressions.language import Environment, Types
from cds_service.fhir.element import Location
from cds_service.fhirpath.code import Code, constant, subset
from cds_service.fhirpath.compiler import Compiler, Function, union, unique
from cds_service.fhirpath.items import equal, merge_types, raw, single
from cds_service.fhirpath.tree import Call


def _other(compiler: Compiler, node: Call, focus: Types) -> Code:
    return compiler.compile(node.arguments[0], focus)


def _union(compiler: Compiler, node: Call, base: Code, focus: Types) -> Code:
    return union(base, _other(compiler, node, focus))


def _combine(compiler: Compiler, node: Call, base: Code, focus: Types) -> Code:
    return union(base, _other(compiler, node, focus), distinct=False)


def _shared(compiler: Compiler, node: Call, base: Code, focus: Types) -> Code:
    """`intersect(other)` keeps what the other side has, `exclude(other)` what it has not."""
    other, wanted = _other(compiler, node, focus).items, node.name == "intersect"

    def keep(found: Sequence[Any], this: Any, env: Environment) -> Sequence[int]:
        others = [raw(one) for one in other(this, env)]
        kept = [i for i, item in enumerate(found) if _is_among(raw(item), others) is wanted]
        return [kept[i] for i in unique([found[i] for i in kept])] if wanted else kept

    return subset(base, keep)


def _is_among(value: Any, others: Sequence[Any]) -> bool:
    return any(value is one or bool(equal(value, one)) for one in others)


def _iif(compiler: Compiler, node: Call, base: Code, focus: Types) -> Code:
    """`iif(criterion, then, otherwise?)`; with something before it, that is the focus of all three."""
    inner = base.types if node.base is not None else focus
    test = compiler.compile(node.arguments[0], inner).test()
    then = compiler.compile(node.arguments[1], inner)
    otherwise = compiler.compile(node.arguments[2], inner) if len(node.arguments) > 2 else constant((), ())

    def items(this: Any, env: Environment) -> Sequence[Any]:
        at = single(base.items(this, env), "`iif()`") if node.base is not None else this
        if at is None:
            return ()
        return then.items(at, env) if test(at, env) else otherwise.items(at, env)

    def located(this: Location, env: Environment) -> Sequence[Location]:
        at = single(base.located(this, env), "`iif()`") if node.base is not None else this
        if at is None:
            return ()
        return then.located(at, env) if test(at.value, env) else otherwise.located(at, env)

    return Code(merge_types(then.types, otherwise.types), items, located)


FUNCTIONS = {
    "union": Function(_union, 1, 1),
    "combine": Function(_combine, 1, 1),
    "intersect": Function(_shared, 1, 1),
    "exclude": Function(_shared, 1, 1),
    "iif": Function(_iif, 2, 3),
}
