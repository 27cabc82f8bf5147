"""Is there anything, how much, and is it all so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from cds_service.errors import EvaluationError, LimitExceeded
from cds_service.expressions.language import Environment, Refusal
from cds_service.expressions.logic import Truth, not_
from cds_service.fhirpath.code import Code, computed, from_truth, subset, unique, unless_lacking
from cds_service.fhirpath.functions.chapter import Chapter
from cds_service.fhirpath.functions.filtering import where
from cds_service.fhirpath.invocation import Invocation
from cds_service.fhirpath.items import Traced, Typed, locations
from cds_service.fhirpath.tree import text_of
from cds_service.fhirpath.values import key_maker

CHAPTER = Chapter("Existence", "FHIRPath 2.0, 5.1")


@CHAPTER.function("exists(criteria?)")
def exists(call: Invocation) -> Code:
    """Whether there is any item, or any for which the criteria are true. What was found is the evidence."""
    found = where(call) if call.count else call.base
    witnesses = found.witnesses()

    def answer(this: Traced, env: Environment) -> tuple[Truth, Sequence[Traced]]:
        seen = witnesses(this, env)
        return bool(seen), seen

    some = unless_lacking(found.first, found.exists(), lacking=False)
    return from_truth(some, answer=answer, refusals=found.refusals)


@CHAPTER.function("empty()")
def empty(call: Invocation) -> Code:
    """Whether there is no item."""
    some = call.base.exists()
    return from_truth(unless_lacking(call.base.first, lambda this, env: not some(this, env), lacking=True))


@CHAPTER.function("not()")
def negated(call: Invocation) -> Code:
    """The opposite of a boolean; nothing of nothing."""
    test = call.base.test()
    return from_truth(lambda this, env: not_(test(this, env)))


@CHAPTER.function("all(criteria)")
def every(call: Invocation) -> Code:
    """Whether the criteria are true for every item, and so for none at all."""
    base, nodes = call.base, call.compiler.nodes
    test, condition = call.inside().test(), text_of(call.node.arguments[0])
    each = call.compiler.steps_since(nodes)

    def truth(this: Any, env: Environment) -> Truth:
        found = base.items(this, env)
        env.spend(len(found) * each)
        outer, missing = env.index, None
        try:
            for env.index, item in enumerate(found):
                try:
                    if test(item, env) is not True:
                        return False
                except LimitExceeded:
                    raise
                except EvaluationError as unanswered:  # of this item; another may settle it
                    missing = missing or unanswered
        finally:
            env.index = outer
        if missing:
            raise missing
        return True

    def refusals(this: Traced, env: Environment) -> Iterator[Refusal]:
        for item, at in base.located(this, env):
            env.spend(each)
            try:
                answer = test(item, env)
            except LimitExceeded:
                raise
            except EvaluationError:
                answer = None
            if answer is not True:
                for place in locations(at):
                    yield Refusal(place, condition, unknown=answer is None)

    def answer(this: Traced, env: Environment) -> tuple[Truth, Sequence[Traced]]:
        holds = truth(this[0], env)
        return holds, base.located(this, env) if holds else ()

    return from_truth(truth, answer=answer, refusals=refusals)


def _booleans(signature: str, doc: str, wanted: bool, decide: Callable[[Sequence[bool]], bool]) -> None:
    def build(call: Invocation) -> Code:
        items, name = call.base.items, call.name

        def truth(this: Any, env: Environment) -> Truth:
            values = [one.value if type(one) is Typed else one for one in items(this, env)]
            if not all(type(one) is bool for one in values):
                raise EvaluationError(f"{name} takes booleans")
            return decide([one is wanted for one in values])

        return from_truth(truth)

    CHAPTER.add(signature, doc, build)


_booleans("allTrue()", "Whether all items are true.", True, all)
_booleans("anyTrue()", "Whether any item is true.", True, any)
_booleans("allFalse()", "Whether all items are false.", False, all)
_booleans("anyFalse()", "Whether any item is false.", False, any)


def _among(signature: str, doc: str, compare: Callable[[set[Any], set[Any]], bool]) -> None:
    def build(call: Invocation) -> Code:
        base, other = call.base, call.argument(0)
        mine, theirs = base.items, other.items
        my_keys, their_keys = key_maker(base.shape), key_maker(other.shape)
        return from_truth(
            lambda this, env: compare(
                set(map(my_keys(env.spend), mine(this, env))), set(map(their_keys(env.spend), theirs(this, env)))
            )
        )

    CHAPTER.add(signature, doc, build)


_among("subsetOf(other)", "Whether all items are among the items of `other`.", set.issubset)
_among("supersetOf(other)", "Whether all items of `other` are among these.", set.issuperset)


@CHAPTER.function("count()")
def count(call: Invocation) -> Code:
    """How many items there are. What was counted is the evidence of a comparison with it."""
    base = call.base
    code = computed(("System.Integer",), lambda this, env: (len(base.items(this, env)),))
    return replace(code, counted=base.located)


@CHAPTER.function("distinct()")
def distinct(call: Invocation) -> Code:
    """The items without those that equal an earlier one."""
    keys = key_maker(call.base.shape)
    return subset(call.base, lambda found, _this, env: unique(map(keys(env.spend), found)))


@CHAPTER.function("isDistinct()")
def is_distinct(call: Invocation) -> Code:
    """Whether no two items are equal."""
    items, keys = call.base.items, key_maker(call.base.shape)

    def truth(this: Any, env: Environment) -> Truth:
        found = items(this, env)
        return len(set(map(keys(env.spend), found))) == len(found)

    return from_truth(truth)
