"""Two collections in one, and one value out of many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from cds_service.expressions.language import Environment
from cds_service.fhirpath.code import Code, as_shape, computed, constant
from cds_service.fhirpath.functions.chapter import Chapter
from cds_service.fhirpath.invocation import Invocation
from cds_service.fhirpath.items import ANY, Shape, Traced, single
from cds_service.fhirpath.operators import union

CHAPTER = Chapter("Combining", "FHIRPath 2.0, 5.4, 5.5.1 and 7")


@CHAPTER.function("union(other)")
def union_call(call: Invocation) -> Code:
    """The items of both, equal ones once."""
    return union(call.base, call.part(0))


@CHAPTER.function("combine(other)")
def combine(call: Invocation) -> Code:
    """The items of both, all of them."""
    return union(call.base, call.part(0), distinct=False)


@CHAPTER.function("iif(criterion, then, otherwise?)")
def iif(call: Invocation) -> Code:
    """`then` if the criterion is true, else `otherwise`. The one that is not chosen is not evaluated."""
    base, started = call.base, call.node.base is not None
    focus = call.held() if started else call.focus
    criterion = call.argument(0, focus=focus)
    kinds = criterion.shape.types
    if kinds and all(one.startswith("System.") for one in kinds) and not {"System.Boolean", "System.Any"} & set(kinds):
        raise call.fault("the criterion of `iif()` is a boolean", 0)
    then = call.part(1, focus=focus)
    otherwise = call.part(2, focus=focus) if call.count > 2 else constant((), ())
    shape = Shape.merged(then.shape, otherwise.shape)
    test, then, otherwise = criterion.test(), as_shape(then, shape), as_shape(otherwise, shape)

    def items(this: Any, env: Environment) -> Sequence[Any]:
        if started:
            found = base.items(this, env)
            single(found, call.name)
            call.hold(found, env)
        return (then if test(this, env) else otherwise).items(this, env)

    def located(this: Traced, env: Environment) -> Sequence[Traced]:
        if started:
            found = base.located(this, env)
            single(found, call.name)
            call.hold_located(found, env)
        return (then if test(this[0], env) else otherwise).located(this, env)

    return Code(shape, items, located)


@CHAPTER.function("coalesce(value, …)")
def coalesce(call: Invocation) -> Code:
    """The first of the collections that is not empty."""
    choices = [call.part(i) for i in range(call.count)]
    shape = Shape.merged(*(one.shape for one in choices))
    ready = [as_shape(one, shape) for one in choices]

    def items(this: Any, env: Environment) -> Sequence[Any]:
        return next((found for one in ready if (found := one.items(this, env))), ())

    def located(this: Traced, env: Environment) -> Sequence[Traced]:
        return next((found for one in ready if (found := one.located(this, env))), ())

    return Code(shape, items, located)


@CHAPTER.function("aggregate(aggregator, init?)")
def aggregate(call: Invocation) -> Code:
    """The aggregator's last value: it is evaluated for each item, with its value so far as `$total`."""
    start = as_shape(call.argument(1), ANY) if call.count > 1 else constant((), ())
    compiler = call.compiler
    outer, compiler.aggregates, nodes = compiler.aggregates, True, compiler.nodes
    step = call.inside()
    compiler.aggregates, each = outer, compiler.steps_since(nodes)
    step = as_shape(step, replace(ANY, ordered=step.shape.ordered))
    before = call.base.items

    def items(this: Any, env: Environment) -> Sequence[Any]:
        index, total = env.index, env.total
        found = before(this, env)
        env.spend(len(found) * each)
        try:
            env.total = start.items(this, env)
            for env.index, item in enumerate(found):
                env.total = step.items(item, env)
                if len(env.total) > 1:
                    env.collected(env.total)
            return env.total
        finally:
            env.index, env.total = index, total

    return computed(ANY, items)
