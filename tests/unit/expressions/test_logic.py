"""Three-valued logic is what holds however the unknowns turn out: every table is checked against all completions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.expressions.logic import Truth, all_of, and_, any_of, at_least, implies, not_, or_, xor

TRUTHS: tuple[Truth, ...] = (True, False, None)


def completed(values: Sequence[Truth], answer: Callable[[Sequence[bool]], bool]) -> Truth:
    """Return the answer if it is the same for every way in which the unknowns could turn out, else None."""
    choices = [(True, False) if value is None else (value,) for value in values]
    answers = {answer(choice) for choice in product(*choices)}
    return answers.pop() if len(answers) == 1 else None


TABLES: list[tuple[Callable[[Truth, Truth], Truth], Callable[[bool, bool], bool]]] = [
    (and_, lambda left, right: left and right),
    (or_, lambda left, right: left or right),
    (xor, lambda left, right: left is not right),
    (implies, lambda left, right: not left or right),
]


@pytest.mark.parametrize(("operator", "meaning"), TABLES, ids=lambda one: getattr(one, "__name__", ""))
@pytest.mark.parametrize(("left", "right"), list(product(TRUTHS, TRUTHS)))
def test_an_operator_says_what_holds_for_all_completions(
    operator: Callable[[Truth, Truth], Truth], meaning: Callable[[bool, bool], bool], left: Truth, right: Truth
) -> None:
    assert operator(left, right) is completed((left, right), lambda both: meaning(*both))


@pytest.mark.parametrize("value", TRUTHS)
def test_not_leaves_unknown_unknown(value: Truth) -> None:
    assert not_(value) is completed((value,), lambda one: not one[0])


GROUPS: list[tuple[Callable[[Iterable[Truth]], Truth], Callable[[Sequence[bool]], bool]]] = [
    (all_of, all),
    (any_of, any),
    *((lambda values, n=count: at_least(n, values), lambda values, n=count: sum(values) >= n) for count in range(6)),
]


@pytest.mark.parametrize("size", range(5))
@pytest.mark.parametrize(("group", "meaning"), GROUPS, ids=["all", "any", *(f"at least {n}" for n in range(6))])
def test_a_group_says_what_holds_for_all_completions(
    group: Callable[[Iterable[Truth]], Truth], meaning: Callable[[Sequence[bool]], bool], size: int
) -> None:
    for values in product(TRUTHS, repeat=size):
        assert group(values) is completed(values, meaning), values


@given(st.lists(st.sampled_from(TRUTHS)), st.randoms())
def test_the_order_of_a_group_does_not_matter(values: list[Truth], chance: object) -> None:
    mixed = list(values)
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    assert all_of(mixed) is all_of(values)
    assert any_of(mixed) is any_of(values)


@given(st.lists(st.sampled_from(TRUTHS)), st.integers(0, 8))
def test_a_group_read_once_gives_the_same_answer(values: list[Truth], count: int) -> None:
    for group in (all_of, any_of, lambda given: at_least(count, given)):
        assert group(iter(values)) is group(values)


def test_an_empty_group_of_all_holds_and_of_any_does_not() -> None:
    assert all_of(()) is True
    assert any_of(()) is False
