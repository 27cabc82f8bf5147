"""What would settle a determination, against every way in which all that is unknown could turn out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations, product
from typing import Any

import pytest
from hypothesis import given, settings

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


def facts(tree: Tree) -> list[str]:
    """Return the facts, each by the first criterion that asks it."""
    found: dict[str, str] = {}
    for one in tree.walk():
        if not one.parts:
            found.setdefault(tree.asks[one.id][0], one.id)
    return list(found.values())


def with_states(tree: Tree, states: Mapping[str, bool]) -> dict[str, Leaf]:
    """Return the leaves where criteria have these states, and with them all that ask the same or the contrary."""
    known = {fact: if_true is states[name] for name, (fact, if_true) in tree.asks.items() if name in states}
    return {
        name: leaf.completed(known[tree.asks[name][0]] is tree.asks[name][1]) if tree.asks[name][0] in known else leaf
        for name, leaf in tree.leaves.items()
    }


def unknown_facts(tree: Tree) -> list[str]:
    return [name for name in facts(tree) if tree.leaves[name].state is None]


def completions(tree: Tree) -> Iterator[tuple[dict[str, bool], Outcome]]:
    """Yield every way in which all that is unknown could turn out, with its outcome."""
    unknown = unknown_facts(tree)
    for states in product((True, False), repeat=len(unknown)):
        chosen = dict(zip(unknown, states, strict=True))
        yield chosen, tree.outcome(with_states(tree, chosen))[0]


def minimal_ways(tree: Tree, outcome: Outcome) -> set[Way]:
    """Every set of suppositions that gives the outcome however the rest turns out, and of which no part does.

    It must give the outcome while the rest is unknown, too: that something is so or not so is not known of anything.
    """
    unknown = unknown_facts(tree)
    all_completions = [(frozenset(chosen.items()), found) for chosen, found in completions(tree)]
    found: list[Way] = []
    for size in range(len(unknown) + 1):
        for names in combinations(unknown, size):
            for states in product((True, False), repeat=size):
                way = frozenset(zip(names, states, strict=True))
                if any(smaller <= way for smaller in found):
                    continue
                if not all(result is outcome for chosen, result in all_completions if way <= chosen):
                    continue
                if tree.outcome(open_for_now(with_states(tree, dict(way))))[0] is outcome:
                    found.append(way)
    return {way for way in found if all(can_become(tree, *one) for one in way)}


def open_for_now(leaves: Mapping[str, Leaf]) -> dict[str, Leaf]:
    """Return the leaves where an order that is read may still turn out to be applicable."""
    return {name: Leaf(None) if leaf.state is None else leaf for name, leaf in leaves.items()}


def can_become(tree: Tree, name: str, state: bool) -> bool:
    """Nothing makes a criterion false that no expression refutes; a conflict of codes may stay unknown instead."""
    top = {below.id: one for one in tree.criteria for below in one.walk()}
    criterion = next(one for one in tree.walk() if one.id == name)
    return state or bool(criterion.refute or criterion.determination_of or top[name].role is Role.CODE_CONFLICT)


@settings(max_examples=400, deadline=None)
@given(trees() | trees(inapplicable=False))
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
    lost = {tree.asks[name][0] for name in names}
    return {name: Leaf(None) if tree.asks[name][0] in lost else leaf for name, leaf in tree.leaves.items()}


def stated(tree: Tree) -> list[str]:
    notes = {one.id for one in tree.walk() if not (one.parts or one.support or one.determination_of)}
    return [name for name in facts(tree) if tree.leaves[name].state is not None and name not in notes]


@settings(max_examples=400, deadline=None)
@given(trees() | trees(inapplicable=False))
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


A, B, C = INDICATIONS


def asks(name: str, of: str) -> dict[str, Any]:
    """A criterion that asks the same as another one."""
    return criterion(name, "alternative", says(of), says(f"not {of}"))


def test_what_two_criteria_ask_is_missing_once() -> None:
    made = plan(group("why", "one-or-more", group("ab", "all", A, B), group("ac", "all", asks("a2", "a"), C)))
    found = settlement(made)
    assert ways(found.met) == [{("a", True), ("b", True)}, {("a", True), ("c", True)}]
    assert ways(found.not_met) == [{("a", False)}, {("b", False), ("c", False)}]


def test_what_one_criterion_asks_and_another_the_contrary_is_one_fact() -> None:
    free = criterion("free of a", "alternative", says("not a"), says("a"))
    made = plan(group("why", "one-or-more", group("with", "all", A, B), group("without", "all", free, C)))
    found = settlement(made)
    assert ways(found.met) == [{("a", True), ("b", True)}, {("a", False), ("c", True)}]
    assert set(ways(found.not_met)) == {
        frozenset({("a", True), ("b", False)}),
        frozenset({("a", False), ("c", False)}),
        frozenset({("b", False), ("c", False)}),
    }


def test_what_is_asked_either_way_must_be_known_all_the_same() -> None:
    free = criterion("free of a", "alternative", says("not a"), says("a"))
    found = settlement(plan(group("stated", "one-or-more", A, free)))
    assert ways(found.met) == [{("a", True)}, {("a", False)}]
    assert ways(found.not_met) == []


def test_gates_that_have_nothing_to_do_with_each_other_are_not_multiplied_out() -> None:
    """Each of ten gates asks one fact twice, in two ways: 1,024 ways, of which the smallest are told."""
    gates = [
        group(
            f"g{i}",
            "one-or-more",
            group(f"x{i}", "all", asks(f"a{i}", f"a{i}"), asks(f"b{i}", f"b{i}")),
            group(f"y{i}", "all", asks(f"c{i}", f"a{i}"), asks(f"d{i}", f"d{i}")),
        )
        for i in range(10)
    ]
    found = settlement(plan(*gates))
    assert (found.met.count, len(found.met.listed)) == (2**10, 50)
    assert (found.not_met.count, found.not_met.complete) == (20, True)


def test_what_is_too_entangled_to_be_told_is_not_told_in_part() -> None:
    """Half of forty alternatives, each of which shares its facts with the next."""
    row = [group(f"g{i}", "one-or-more", *(asks(f"g{i}a{j}", f"a{j}") for j in range(i, i + 3))) for i in range(40)]
    found = settlement(plan(group("half", 20, *row)))
    assert (found.met.listed, found.met.count, found.met.complete) == ((), None, False)


def test_decisive_is_what_the_outcome_hangs_on() -> None:
    made = plan(BROKEN, group("indication", 1, *INDICATIONS))
    found = grounds(determine(made, finding("broken"), finding("a", name="f2"), finding("b", name="f3")))
    assert [one.id for one in found.decisive] == ["broken"]
    assert [[one.id for one in way] for way in found.carried_by] == [["a"], ["b"]]


def test_a_fact_that_two_criteria_ask_is_decisive_though_neither_criterion_is() -> None:
    made = plan(group("why", "one-or-more", group("ab", "all", A, B), group("ac", "all", asks("a2", "a"), C)))
    found = grounds(determine(made, *(finding(one, name=one) for one in "abc")))
    assert [one.id for one in found.decisive] == ["a"]
    assert [[one.id for one in way] for way in found.carried_by] == [["b"], ["c"]]


def test_a_leaf_of_the_random_trees_keeps_its_rules() -> None:
    assert Leaf(None, not_applicable=True).completed(True) == Leaf(True)
    assert Leaf(None, not_applicable=True).completed(False) == Leaf(False, not_applicable=True)
