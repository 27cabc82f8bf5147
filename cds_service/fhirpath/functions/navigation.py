"""From an element to all that is in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from cds_service.expressions.language import MAX_ITEMS, Environment
from cds_service.fhirpath.code import Code
from cds_service.fhirpath.functions.chapter import Chapter
from cds_service.fhirpath.invocation import Invocation
from cds_service.fhirpath.items import ANY, Traced, Typed, child
from cds_service.fhirpath.steps import children

CHAPTER = Chapter("Navigation", "FHIRPath 2.0, 5.8")

_INNER = replace(ANY, ordered=False, beside=True)


def _inside(one: Traced, types: Sequence[str]) -> Iterator[Traced]:
    item, at = one
    for name, kind, index, value, sibling in children(item, types):
        yield Typed(kind, value, sibling), child(at, value, name, index)


def _right_inside(found: Sequence[Traced], types: Sequence[str], env: Environment) -> list[Traced]:
    inside = [inner for one in found for inner in _inside(one, types)]
    env.collected(inside)
    return inside


def _all_inside(found: Sequence[Traced], types: Sequence[str], env: Environment) -> list[Traced]:
    every: list[Traced] = []
    level = _right_inside(found, types, env)
    while level:
        every += level
        if len(every) > MAX_ITEMS:
            env.collected(every)
        level = _right_inside(level, ("System.Any",), env)
    return every


def _declare(signature: str, doc: str, walk: Callable[[Sequence[Traced], Sequence[str], Environment], Any]) -> None:
    def build(call: Invocation) -> Code:
        call.look_beside()
        base, types = call.base, call.base.shape.types

        def items(this: Any, env: Environment) -> Sequence[Any]:
            return [item for item, _ in walk([(one, None) for one in base.items(this, env)], types, env)]

        def located(this: Traced, env: Environment) -> Sequence[Traced]:
            found: Sequence[Traced] = walk(base.located(this, env), types, env)
            return found

        return Code(_INNER, items, located)

    CHAPTER.add(signature, doc, build)


_declare("children()", "The elements right inside each item, in no order that counts.", _right_inside)
_declare("descendants()", "All elements inside each item, in no order that counts.", _all_inside)
