"""What would settle a determination, against every way in which all that is unknown could turn out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import combinations, product
from typing import Any

import pytest
from hypothesis import given, settings

from cds_service.expressions.logic import Truth
from cds_service.necessity.grounds import grounds
from cds_service.necessity.model import Outcome
from cds_service.necessity.settle import Settlement, Ways, settle
from cds_service.plan_definition.profile import Role
from tests.unit.necessity.judging import determine, finding
from tests.unit.necessity.trees import Leaf, Tree, trees
from tests.unit.plan_definition.plans import BROKEN, criterion, group, plan, says

EVERY = 10_000
"""More than a tree of eight leaves can have."""

Way = frozenset[tuple[str, bool]]


def ways(found: Ways) -> list[Way]:
    return [frozenset((one.criterion.id, one.state) for one in way) for way in found.listed]


# -- the definition, word by word ---------------------------------------------------------------------------------


def completions(tree: Tree) -> Iterator[tuple[dict[str, bool], Outcome]]:
    """Yield every way in which all that is unknown could turn out, with its outcome."""
    unknown = [name for name, leaf in tree.leaves.items() if leaf.state is None]
    for states in product((True, False), repeat=len(unknown)):
        chosen = dict(zip(unknown, states, strict=True))
        yield chosen, tree.outcome(with_states(tree, chosen))[0]


def with_states(tree: Tree, states: Mapping[str, bool]) -> dict[str, Leaf]:
    return {
        name: leaf.completed(states[name]) if name in states else leaf for name, leaf in tree.leaves.items()
    }  # fmt: skip


def minimal_ways(tree: Tree, outcome: Outcome) -> set[Way]:
    """Every set of suppositions that gives the outcome however the rest turns out, and of which no part does."""
    unknown = [name for name, leaf in tree.leaves.items() if leaf.state is None]
    all_completions = [(frozenset(chosen.items()), found) for chosen, found in completions(tree)]
    found: list[Way] = []
    for size in range(len(unknown) + 1):
        for names in combinations(unknown, size):
            for states in product((True, False), repeat=size):
                way = frozenset(zip(names, states, strict=True))
                if any(smaller <= way for smaller in found):
                    continue
                if all(result is outcome for chosen, result in all_completions if way <= chosen):
                    found.append(way)
    return {way for way in found if all(can_become(tree, *one) for one in way)}


def can_become(tree: Tree, name: str, state: bool) -> bool:
    """Nothing makes a criterion false that no expression refutes; a conflict of codes may stay unknown instead."""
    top = {below.id: one for one in tree.criteria for below in one.walk()}
    criterion = next(one for one in tree.walk() if one.id == name)
    return state or bool(criterion.refute or criterion.determination_of or top[name].role is Role.CODE_CONFLICT)


@settings(max_examples=400, deadline=None)
@given(trees())
def test_the_ways_are_all_minimal_ways_there_are(tree: Tree) -> None:
    found = settle(tree.determination(), limit=EVERY)
    assert found is not None
    assert found.complete
    for told, outcome in ((found.met, Outcome.MET), (found.not_met, Outcome.NOT_MET)):
        assert len(set(ways(told))) == len(told.listed) == told.count
        assert set(ways(told)) == minimal_ways(tree, outcome), tree


@settings(max_examples=300, deadline=None)
@given(trees(inapplicable=False))
def test_the_engine_agrees_while_the_rest_stays_unknown(tree: Tree) -> None:
    """What is assumed need not be shown: the outcome is the same without it."""
    found = settle(tree.determination(), limit=EVERY)
    assert found is not None
    for told, outcome in ((found.met, Outcome.MET), (found.not_met, Outcome.NOT_MET)):
        for way in told.listed:
            for kept in (way, tuple(one for one in way if not one.assumed)):
                supposed = {one.criterion.id: one.state for one in kept}
                assert tree.outcome(with_states(tree, supposed))[0] is outcome


@settings(max_examples=200, deadline=None)
@given(trees())
def test_a_limit_keeps_the_smallest_and_says_that_there_are_more(tree: Tree) -> None:
    whole, few = settle(tree.determination(), limit=EVERY), settle(tree.determination(), limit=3)
    assert whole is not None
    assert few is not None
    for all_of_them, some in ((whole.met, few.met), (whole.not_met, few.not_met)):
        assert some.listed == all_of_them.listed[:3]
        assert some.count == all_of_them.count
        assert some.complete is (len(all_of_them.listed) <= 3)
        assert [len(one) for one in some.listed] == sorted(len(one) for one in some.listed)


# -- what it rests on ---------------------------------------------------------------------------------------------


def forgotten(tree: Tree, names: frozenset[str]) -> dict[str, Leaf]:
    return {name: Leaf(None) if name in names else leaf for name, leaf in tree.leaves.items()}


def stated(tree: Tree) -> list[str]:
    notes = {one.id for one in tree.walk() if not (one.parts or one.support or one.determination_of)}
    return [name for name, leaf in tree.leaves.items() if leaf.state is not None and name not in notes]


@settings(max_examples=400, deadline=None)
@given(trees())
def test_what_is_decisive_changes_the_outcome_when_it_is_forgotten(tree: Tree) -> None:
    actual = tree.outcome(tree.leaves)
    expected = {one for one in stated(tree) if tree.outcome(forgotten(tree, frozenset({one}))) != actual}
    assert {one.id for one in grounds(tree.determination()).decisive} == expected


@settings(max_examples=400, deadline=None)
@given(trees(inapplicable=False))
def test_the_ways_that_carry_an_outcome_are_all_there_are(tree: Tree) -> None:
    actual = tree.outcome(tree.leaves)
    names = stated(tree)
    enough: list[frozenset[str]] = []
    for size in range(len(names) + 1):
        for kept in map(frozenset, combinations(names, size)):
            if any(smaller <= kept for smaller in enough):
                continue
            if tree.outcome(forgotten(tree, frozenset(names) - kept)) == actual:
                enough.append(kept)
    found = grounds(tree.determination(), limit=EVERY)
    decisive = {one.id for one in found.decisive}
    told = {frozenset(one.id for one in way) for way in found.carried_by}
    if actual[0] is Outcome.INFORMATION_MISSING:
        assert (decisive, told) == (set(), set())
    else:
        assert decisive == frozenset.intersection(*enough)
        assert told == {way - decisive for way in enough if way - decisive}


# -- by example ---------------------------------------------------------------------------------------------------


def settlement(made: dict[str, Any], *chart: dict[str, Any]) -> Settlement:
    found = settle(determine(made, *chart))
    assert found is not None
    return found


def test_one_missing_fact_settles_it_either_way() -> None:
    found = settlement(plan())
    assert ways(found.met) == [{("broken", True)}]
    assert ways(found.not_met) == [{("broken", False)}]


def test_what_is_met_is_so_already_and_nothing_missing_changes_it() -> None:
    found = settlement(plan(), finding("broken"))
    assert ways(found.met) == [frozenset()]
    assert ways(found.not_met) == []


def test_what_is_not_met_stays_so_whatever_is_found() -> None:
    found = settlement(plan(BROKEN, criterion("worn", "required", says("worn"), says("new"))), finding("intact"))
    assert ways(found.met) == []
    assert ways(found.not_met) == [frozenset()]


INDICATIONS = [criterion(name, "alternative", says(name), says(f"not {name}")) for name in "abc"]


@pytest.mark.parametrize(("needed", "met", "not_met"), [(1, 3, 1), (2, 3, 3), (3, 1, 3)])
def test_at_least_n_of_three_indications(needed: int, met: int, not_met: int) -> None:
    found = settlement(plan(group("indication", needed, *INDICATIONS)))
    assert [len(one) for one in ways(found.met)] == [needed] * met
    assert [len(one) for one in ways(found.not_met)] == [4 - needed] * not_met


def test_an_exclusion_must_be_ruled_out() -> None:
    found = settlement(plan(BROKEN, criterion("glued", "exclusion", says("glued"), says("loose"))), finding("broken"))
    assert ways(found.met) == [{("glued", False)}]
    assert ways(found.not_met) == [{("glued", True)}]


def test_what_no_expression_refutes_cannot_be_ruled_out() -> None:
    found = settlement(plan(BROKEN, criterion("glued", "exclusion", says("glued"))), finding("broken"))
    assert ways(found.met) == []
    assert ways(found.not_met) == [{("glued", True)}]


def test_an_order_must_be_in_scope_to_be_not_met() -> None:
    found = settlement(plan(criterion("kind", "scope", says("widget", "kind"), says("gadget", "kind")), BROKEN))
    assert ways(found.met) == [{("kind", True), ("broken", True)}]
    assert ways(found.not_met) == [{("kind", True), ("broken", False)}]


def test_a_conflict_that_nothing_shows_is_assumed_not_to_be() -> None:
    found = settlement(plan(BROKEN, criterion("bundled", "code-conflict", says("kit"))), finding("broken"))
    assert [[(one.criterion.id, one.state, one.assumed) for one in way] for way in found.met.listed] == [
        [("bundled", False, True)]
    ]
    assert ways(found.not_met) == [{("bundled", True)}]


def test_a_caution_settles_nothing() -> None:
    found = settlement(plan(BROKEN, criterion("noise", "caution", says("noise"), says("quiet"))), finding("broken"))
    assert ways(found.met) == [frozenset()]


def test_what_was_not_evaluated_has_nothing_to_settle() -> None:
    refused = determine(plan(), production=True)
    assert settle(refused) is None
    assert grounds(refused).decisive == ()


def test_a_thousand_ways_and_more_are_counted_and_the_smallest_are_told() -> None:
    """Two of six in each of five groups are 759,375 ways of ten facts, one of a single fact, and none is too many."""
    names = [[f"g{i}c{j}" for j in range(6)] for i in range(5)]
    groups = [
        group(f"g{i}", 2, *(criterion(one, "alternative", says(one), says(f"no {one}")) for one in row))
        for i, row in enumerate(names)
    ]
    found = settlement(plan(*groups))
    assert found.met.count == 15**5
    assert len(found.met.listed) == 50
    assert not found.complete


def test_the_way_through_facts_already_known_is_shorter() -> None:
    made = plan(group("indication", "one-or-more", group("both", "all", *INDICATIONS[:2]), INDICATIONS[2]))
    chart = finding("a")
    assert ways(settlement(made, chart).met) == [{("b", True)}, {("c", True)}]


def state_of(value: object) -> Truth:
    return None if value is None else bool(value)


def test_decisive_is_what_the_outcome_hangs_on() -> None:
    made = plan(BROKEN, group("indication", 1, *INDICATIONS))
    found = grounds(determine(made, finding("broken"), finding("a", name="f2"), finding("b", name="f3")))
    assert [one.id for one in found.decisive] == ["broken"]
    assert [[one.id for one in way] for way in found.carried_by] == [["a"], ["b"]]


def test_a_leaf_of_the_random_trees_keeps_its_rules() -> None:
    assert replace(Leaf(None, not_applicable=True)).completed(True) == Leaf(True)
    assert Leaf(None, not_applicable=True).completed(False) == Leaf(False, not_applicable=True)
