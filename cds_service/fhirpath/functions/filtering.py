"""Which items, and what of each."""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Iterator, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any

from cds_service.errors import EvaluationError, LimitExceeded
from cds_service.expressions.language import MAX_ITEMS, Environment, Refusal
from cds_service.expressions.logic import Truth
from cds_service.fhirpath import operators
from cds_service.fhirpath.code import Code, Test, as_shape
from cds_service.fhirpath.functions.chapter import Chapter
from cds_service.fhirpath.invocation import Invocation
from cds_service.fhirpath.items import ANY, Shape, Traced, locations
from cds_service.fhirpath.steps import of_type
from cds_service.fhirpath.tree import Binary, Node, text_of
from cds_service.fhirpath.values import tolerant_key_maker

CHAPTER = Chapter("Filtering and projection", "FHIRPath 2.0, 5.2")


@CHAPTER.function("where(criteria)")
def where(call: Invocation) -> Code:
    """The items for which the criteria are true."""
    base, before = call.base, call.base.items
    nodes, conjuncts = call.compiler.nodes, _conjuncts(call.node.arguments[0])
    call.compiler.refuse_deeper(call.node, len(conjuncts))
    conditions = [(node, call.condition(node)) for node in conjuncts]
    each = call.compiler.steps_since(nodes)
    never = conditions[0][1].never or _nothing
    test = reduce(lambda one, other: operators.logical("and", one, other), [code for _, code in conditions]).test()

    def items(this: Any, env: Environment) -> Sequence[Any]:
        found = before(this, env)
        env.spend(len(found) * each)
        outer, skip = env.index, never(env)
        try:
            return [item for env.index, item in enumerate(found) if id(item) not in skip and test(item, env)]
        finally:
            env.index = outer

    def some(this: Any, env: Environment) -> Truth:
        found = before(this, env)
        env.spend(len(found) * each)
        outer, missing, skip = env.index, None, never(env)
        try:
            for env.index, item in enumerate(found):
                try:
                    if id(item) not in skip and test(item, env):
                        return True
                except LimitExceeded:
                    raise
                except EvaluationError as unanswered:  # of this item; another may settle it
                    missing = missing or unanswered
        finally:
            env.index = outer
        if missing:
            raise missing
        return False

    def located(this: Traced, env: Environment) -> Sequence[Traced]:
        every = base.located(this, env)
        env.spend(len(every) * each)
        outer, skip = env.index, never(env)
        try:
            return [one for env.index, one in enumerate(every) if id(one[0]) not in skip and test(one[0], env)]
        finally:
            env.index = outer

    def some_located(this: Traced, env: Environment) -> Sequence[Traced]:
        every = base.located(this, env)
        env.spend(len(every) * each)
        outer, missing, kept, skip = env.index, None, [], never(env)
        try:
            for env.index, one in enumerate(every):
                try:
                    if id(one[0]) not in skip and test(one[0], env):
                        kept.append(one)
                except LimitExceeded:
                    raise
                except EvaluationError as unanswered:
                    missing = missing or unanswered
        finally:
            env.index = outer
        if missing and not kept:
            raise missing
        return kept

    def refusals(this: Traced, env: Environment) -> Iterator[Refusal]:
        if base.refusals:
            yield from base.refusals(this, env)
        for position, (item, at) in enumerate(base.located(this, env)):
            env.index = position
            env.spend(each)
            for node, code in conditions:
                answer = _told(code.test(), item, env)
                if answer is not True:
                    for place in locations(at):
                        yield Refusal(place, text_of(node), unknown=answer is None)
                    break

    return Code(base.shape, items, located, some=some, some_located=some_located, refusals=refusals, first=base.first)


def _nothing(_env: Environment) -> Container[int]:
    return ()


def _conjuncts(node: Node) -> list[Node]:
    found: list[Node] = []
    while isinstance(node, Binary) and node.operator == "and":
        found.append(node.right)
        node = node.left
    return [node, *reversed(found)]


def _told(test: Test, item: Any, env: Environment) -> Truth:
    try:
        return test(item, env)
    except LimitExceeded:
        raise
    except EvaluationError:
        return None


@CHAPTER.function("select(projection)")
def select(call: Invocation) -> Code:
    """What the projection gives for each item, all of it in one collection."""
    base, nodes, projection = call.base, call.compiler.nodes, call.projection()
    each = call.compiler.steps_since(nodes)

    def items(this: Any, env: Environment) -> Sequence[Any]:
        found = base.items(this, env)
        env.spend(len(found) * each)
        return _project(found, projection.items, env)

    def located(this: Traced, env: Environment) -> Sequence[Traced]:
        found = base.located(this, env)
        env.spend(len(found) * each)
        return _project(found, projection.located, env)

    ordered = base.shape.ordered and projection.shape.ordered
    return Code(replace(projection.shape, ordered=ordered), items, located, refusals=base.refusals)


def _project(found: Sequence[Any], project: Any, env: Environment) -> list[Any]:
    outer = env.index
    projected: list[Any] = []
    try:
        for env.index, one in enumerate(found):
            projected += project(one, env)
            if len(projected) > MAX_ITEMS:
                env.collected(projected)
    finally:
        env.index = outer
    env.spend(len(projected))
    return projected


@CHAPTER.function("repeat(projection)")
def repeat(call: Invocation) -> Code:
    """What the projection gives for each item, then for each of those, until nothing new comes; equal ones once."""
    nodes = call.compiler.nodes
    projection, shape = _closed(call)
    base, keys, each = as_shape(call.base, shape), tolerant_key_maker(shape), call.compiler.steps_since(nodes)

    def spread(found: Sequence[Any], project: Any, key: Callable[[Any], Hashable], env: Environment) -> list[Any]:
        seen: set[Hashable] = set()
        every: list[Any] = []
        waiting = list(found)
        while waiting:
            following: list[Any] = []
            for one in waiting:
                env.spend(each)
                for new in project(one, env):
                    env.spend(1)
                    known = key(new)
                    if known not in seen:
                        seen.add(known)
                        following.append(new)
            every += following
            if len(every) > MAX_ITEMS:
                env.collected(every)
            waiting = following
        return every

    def items(this: Any, env: Environment) -> Sequence[Any]:
        return spread(base.items(this, env), projection.items, keys(env.spend), env)

    def located(this: Traced, env: Environment) -> Sequence[Traced]:
        key = keys(env.spend)
        return spread(base.located(this, env), projection.located, lambda one: key(one[0]), env)

    return Code(shape, items, located)


def _closed(call: Invocation) -> tuple[Code, Shape]:
    """Return the projection over all that it may give itself, and the shape of that."""
    shape = call.base.shape
    for _ in range(4):
        projection = call.projection(shape)
        merged = replace(Shape.merged(shape, projection.shape), origins=shape.origins)
        if merged == shape:
            return as_shape(projection, shape), shape
        shape = replace(merged, origins=())
    return as_shape(call.projection(ANY), ANY), ANY


@CHAPTER.function("ofType(type)")
def of_type_call(call: Invocation) -> Code:
    """The items that are of a type: `value.ofType(Quantity)`. A `code` is no `string` here, as FHIR has it."""
    return of_type(call.base, call.compiler.type_argument(call.node))


@CHAPTER.function("is(type)")
def is_type(call: Invocation) -> Code:
    """Whether the only item is of a type, or of one that specialises it."""
    return call.compiler.type_test(call.node, call.base, call.compiler.type_words(call.node), operator="is")


@CHAPTER.function("as(type)")
def as_type(call: Invocation) -> Code:
    """The only item if it is of a type."""
    return call.compiler.type_test(call.node, call.base, call.compiler.type_words(call.node), operator="as")
