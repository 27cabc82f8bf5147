"""Some of the items, by their position or by another collection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cds_service.errors import EvaluationError
from cds_service.expressions.language import Environment
from cds_service.fhirpath.code import Code, subset, unique
from cds_service.fhirpath.functions.chapter import Chapter
from cds_service.fhirpath.invocation import Invocation
from cds_service.fhirpath.items import raw, single
from cds_service.fhirpath.values import key_maker

CHAPTER = Chapter("Subsetting", "FHIRPath 2.0, 5.3")


def _some(signature: str, doc: str, choose: Callable[[Sequence[int]], Sequence[int]], *, ordered: bool = True) -> None:
    def build(call: Invocation) -> Code:
        if ordered:
            call.compiler.ordered(call.node, call.base, call.name)
        return subset(call.base, lambda found, _this, _env: choose(range(len(found))))

    CHAPTER.add(signature, doc, build)


def _only(found: Sequence[int]) -> Sequence[int]:
    if len(found) > 1:
        raise EvaluationError(f"`single()` needs one item, there are {len(found)}")
    return found


_some("single()", "The only item; a fault if there are more.", _only, ordered=False)
_some("first()", "The first item.", lambda found: found[:1])
_some("last()", "The last item.", lambda found: found[-1:])
_some("tail()", "All items but the first.", lambda found: found[1:])


def _counted(signature: str, doc: str, choose: Callable[[Sequence[int], int], Sequence[int]]) -> None:
    def build(call: Invocation) -> Code:
        call.compiler.ordered(call.node, call.base, call.name)
        number, name = call.argument(0).items, call.name

        def apply(found: Sequence[Any], this: Any, env: Environment) -> Sequence[int]:
            count = raw(single(number(this, env), name))
            if count is not None and type(count) is not int:
                raise EvaluationError(f"{name} takes a whole number")
            return () if count is None else choose(range(len(found)), max(0, count))

        return subset(call.base, apply)

    CHAPTER.add(signature, doc, build)


_counted("skip(count)", "All items but the first `count`.", lambda found, count: found[count:])
_counted("take(count)", "The first `count` items.", lambda found, count: found[:count])


def _shared(signature: str, doc: str, *, wanted: bool) -> None:
    def build(call: Invocation) -> Code:
        other = call.argument(0)
        my_keys, their_keys = key_maker(call.base.shape), key_maker(other.shape)

        def keep(found: Sequence[Any], this: Any, env: Environment) -> Sequence[int]:
            others = set(map(their_keys(env.spend), other.items(this, env)))
            keys = list(map(my_keys(env.spend), found))
            kept = [i for i, one in enumerate(keys) if (one in others) is wanted]
            return [kept[i] for i in unique(keys[i] for i in kept)] if wanted else kept

        return subset(call.base, keep)

    CHAPTER.add(signature, doc, build)


_shared("intersect(other)", "The items that `other` has, too; equal ones once.", wanted=True)
_shared("exclude(other)", "The items that `other` does not have.", wanted=False)
