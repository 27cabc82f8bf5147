"""Each kind of change, made where it can be made and nowhere else."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from cds_service.authoring.mutation import Mutant, Operator
from cds_service.authoring.mutation.edits import at, cut, put
from cds_service.authoring.mutation.expressions import rewrites
from cds_service.authoring.mutation.mutant import numbered
from cds_service.authoring.mutation.plan import plan_mutants
from cds_service.authoring.mutation.value_sets import Watched, value_set_mutants
from cds_service.fhir.value_set import read_value_set
from cds_service.fhirpath.parser import parse
from cds_service.fhirpath.tree import text_of
from cds_service.plan_definition.profile import Extension
from tests.unit.plan_definition.plans import (
    BASE,
    CODES,
    Json,
    criterion,
    determination_of,
    full_plan,
    group,
    parameter,
    plan,
    unknown_because,
    value_set,
    variable,
)

# -- expressions ---------------------------------------------------------------------------------------------------


def changed(source: str, operator: Operator) -> list[str]:
    """Return what one kind of change makes of an expression."""
    return [one.source for one in rewrites(source) if one.operator is operator]


@pytest.mark.parametrize(
    ("operator", "source", "expected"),
    [
        (Operator.OPERAND, "a and b", ["b", "a"]),
        (Operator.OPERAND, "a and b and c", ["b and c", "a and c", "a and b"]),
        (Operator.OPERAND, "a or b and c", ["b and c", "a", "a or c", "a or b"]),
        (Operator.CONNECTIVE, "a and b", ["a or b"]),
        (Operator.CONNECTIVE, "a or b or c", ["(a or b) and c", "(a and b) or c"]),
        (Operator.BOUNDARY, "a >= b", ["a > b"]),
        (Operator.BOUNDARY, "a < b", ["a <= b"]),
        (Operator.BOUNDARY, "a = b", []),
        (Operator.NUMBER, "a.count() > 1", ["a.count() > 0", "a.count() > 2"]),
        (Operator.NUMBER, "a = 0", ["a = 1"]),
        (Operator.NUMBER, "a = '1'", []),
        (Operator.LATEST, "%x.where(a).latest().b", ["%x.where(a).b"]),
        (Operator.FILTER, "x.where(a).b.exists(c)", ["x.where(a).b.exists()", "x.b.exists(c)"]),
        (Operator.FILTER, "x.where(a and b)", []),
        (Operator.FILTER, "x.exists()", []),
        (Operator.CHOICE, "iif(a, b)", ["b"]),
        (Operator.CHOICE, "iif(a, b, c)", ["b", "c"]),
        (Operator.NEGATION, "x.exists().not()", ["x.exists()"]),
        (Operator.SOME, "x.all(a)", ["x.exists(a)"]),
        (Operator.SOURCE, "a | b | c", ["b | c", "a | c", "a | b"]),
        (Operator.SOURCE, "a.combine(b).exclude(c)", ["a.combine(b)", "b.exclude(c)", "a.exclude(c)"]),
    ],
)
def test_an_expression_is_changed(operator: Operator, source: str, expected: list[str]) -> None:
    assert sorted(changed(source, operator)) == sorted(text_of(parse(one)) for one in expected)


def test_a_change_is_made_wherever_it_can_be_made() -> None:
    assert changed("x[a and b].y(c, -(d and e)) is string", Operator.CONNECTIVE) == [
        "x[a or b].y(c, -(d and e)) is string",
        "x[a and b].y(c, -(d or e)) is string",
    ]


def test_a_change_is_told_in_a_few_words() -> None:
    told = [one.change for one in rewrites(f"x.where(code.memberOf('{BASE}/ValueSet/broken') and {'long.' * 30}x)")]
    assert "without `code.memberOf('broken')`" in told
    assert max(map(len, told)) < 200


# -- plans ---------------------------------------------------------------------------------------------------------


def mutants(made: Json) -> list[Mutant]:
    return list(plan_mutants("widget", made))


def only(made: Json, operator: Operator) -> Mutant:
    (found,) = [one for one in mutants(made) if one.operator is operator]
    return found


def action(mutant: Mutant, i: int = 0) -> Any:
    return at(mutant.resource, ("action", 0, "action"))[i]


def test_a_criterion_is_dropped_wherever_it_stands() -> None:
    made = plan(criterion("a", "required", "x"), group("g", "all", criterion("b", "required", "x"), criterion("c")))
    dropped = [one.place for one in mutants(made) if one.operator is Operator.CRITERION]
    assert dropped == ["a", "g", "b", "c"]
    left = next(one for one in mutants(made) if one.place == "b" and one.operator is Operator.CRITERION)
    assert [one["id"] for one in action(left, 1)["action"]] == ["c"]


@pytest.mark.parametrize(("how", "other"), [("all", "one-or-more"), ("one-or-more", "all")])
def test_a_group_is_rolled_up_the_other_way(how: str, other: str) -> None:
    mutant = only(plan(group("g", how, criterion("a"), criterion("b"))), Operator.GROUP)
    assert action(mutant)["selectionBehavior"] == other


def test_a_group_asks_for_one_more_and_for_one_less() -> None:
    made = plan(group("g", 2, criterion("a"), criterion("b"), criterion("c")))
    asked = [one for one in mutants(made) if one.operator is Operator.AT_LEAST]
    assert [action(one)["extension"][0]["valueInteger"] for one in asked] == [1, 3]


def test_support_and_refutation_are_exchanged_and_the_refutation_is_dropped() -> None:
    made = plan(criterion("a", "required", "x.exists()", "y.exists()"))
    exchanged = action(only(made, Operator.INVERSION))
    assert exchanged["condition"][0]["expression"]["expression"] == "y.exists()"
    assert exchanged["extension"][0]["valueExpression"]["expression"] == "x.exists()"
    assert "extension" not in action(only(made, Operator.REFUTATION))


def test_a_reason_for_unknown_is_dropped_and_the_others_stay() -> None:
    made = plan(criterion("a", "required", "x", None, unknown_because("stale", "y"), unknown_because("absent", "z")))
    left = [len(action(one)["extension"]) for one in mutants(made) if one.operator is Operator.REASON]
    assert left == [1, 1]


def test_roles_are_changed_at_the_top_where_they_count() -> None:
    roles = ("scope", "required", "exclusion", "code-fit", "code-conflict", "condition", "caution", "supporting")
    made = plan(*(criterion(role, role, "x") for role in roles), group("g", "all", criterion("inner", "required", "x")))
    others = {one.place: one.change for one in mutants(made) if one.operator is Operator.ROLE}
    assert others == {
        "scope": "`required` for `scope`",
        "required": "`supporting` for `required`",
        "exclusion": "`supporting` for `exclusion`",
        "code-fit": "`required` for `code-fit`",
        "code-conflict": "`caution` for `code-conflict`",
        "condition": "`supporting` for `condition`",
        "caution": "`supporting` for `caution`",
        "g": "`supporting` for `group`",
    }


def test_another_determination_is_not_read_or_read_wherever_it_is() -> None:
    made = plan(criterion("a", "required", None, None, determination_of(same_site="bodySite.coding.where(x)")))
    assert only(made, Operator.DEPENDENCY).place == "a"
    parts = action(only(made, Operator.SITE))["extension"][0]["extension"]
    assert [part["url"] for part in parts] == ["node", "codes"]
    assert only(made, Operator.FILTER).place == "a same site"


def test_human_review_is_dropped() -> None:
    review = {"url": Extension.HUMAN_REVIEW, "valueBoolean": True}
    assert "extension" not in action(only(plan(criterion("a", "caution", "x", None, review)), Operator.REVIEW))


@pytest.mark.parametrize(
    ("kind", "value", "others"),
    [
        ("Integer", 2, [1, 3]),
        ("Duration", {"value": 90, "unit": "days", "code": "d"}, [89, 91]),
        ("Code", "moderate", ["other"]),
        ("Boolean", True, [False]),
    ],
)
def test_a_parameter_is_shifted_by_one_step(kind: str, value: Any, others: list[Any]) -> None:
    made = plan(extension=[parameter("p", kind, value)])
    held = ("extension", 0, "extension", 1, f"value{kind}")
    shifted = [at(one.resource, held) for one in mutants(made) if one.place == "parameter p"]
    assert [one["value"] if isinstance(one, dict) else one for one in shifted] == others


def test_variables_are_changed_where_they_are_declared() -> None:
    made = plan(
        criterion("a", "required", "x", None, variable("inner", "y.latest()")),
        extension=[variable("outer", "y.latest()")],
    )
    places = [one.place for one in mutants(made) if one.operator is Operator.LATEST]
    assert places == ["variable outer", "a variable inner"]


def test_what_only_words_a_card_is_left_alone() -> None:
    places = {one.place for one in mutants(full_plan())}
    assert not places & {"inspect", "drop"}
    assert not any("text" in place for place in places)


def test_a_language_that_is_not_known_here_is_left_alone() -> None:
    made = plan(criterion("a", "required", "x and y"))
    made["action"][0]["action"][0]["condition"][0]["expression"]["language"] = "text/cql"
    assert not [one for one in mutants(made) if one.operator is Operator.OPERAND]


def test_the_original_stays_as_it_was() -> None:
    made = full_plan()
    before = copy.deepcopy(made)
    assert all(one.resource != before for one in mutants(made))
    assert made == before


def test_equal_changes_are_numbered() -> None:
    twins = [Mutant("widget", "a", Operator.FILTER, "the same", {})] * 3
    assert [one.change for one in numbered(twins)] == ["the same", "the same (2)", "the same (3)"]


# -- value sets ----------------------------------------------------------------------------------------------------

EXPANDED: Json = {
    "resourceType": "ValueSet",
    "url": f"{BASE}/ValueSet/broken",
    "expansion": {
        "total": 2,
        "contains": [{"system": CODES, "code": "bent", "contains": [{"system": CODES, "code": "cracked"}]}],
    },
}
LISTED = value_set("broken", "bent", "cracked")


@pytest.mark.parametrize("resource", [LISTED, EXPANDED])
def test_a_value_set_loses_each_code_in_use_and_gains_the_one_most_often_met(resource: Json) -> None:
    met = {(CODES, "cracked"): 1, (CODES, "sound"): 3, (CODES, "dusty"): 2}
    made = list(value_set_mutants("widget", resource, read_value_set(resource), met))
    assert [one.change for one in made] == ["without cracked (cracked)", "with sound"]
    codes = [{code for _, code in read_value_set(one.resource).codes} for one in made]
    assert codes == [{"bent"}, {"bent", "cracked", "sound"}]


@pytest.mark.parametrize(
    "resource",
    [value_set("broken", "bent"), {**EXPANDED, "expansion": {"contains": [{"system": CODES, "code": "bent"}]}}],
)
def test_a_value_set_of_one_code_is_left_with_one_that_nobody_uses(resource: Json) -> None:
    (made,) = value_set_mutants("widget", resource, read_value_set(resource), {(CODES, "bent"): 1})
    assert read_value_set(made.resource).codes == {(CODES, "none-that-is-in-use")}


def test_a_value_set_that_is_watched_answers_as_ever() -> None:
    plain = read_value_set(LISTED)
    watched = Watched(plain.canonical, plain.version, plain.codes, plain.names)
    asked = [{"coding": [{"system": CODES, "code": "bent"}]}, {"system": CODES, "code": "x"}, "bent", None]
    assert [watched.answer(one) for one in asked] == [plain.answer(one) for one in asked]
    assert dict(watched.met) == {(CODES, "bent"): 1, (CODES, "x"): 1}


# -- edits ---------------------------------------------------------------------------------------------------------


def test_an_edit_copies_only_what_stands_above_it() -> None:
    tree = {"a": [{"b": 1}, {"c": [2]}], "d": {"e": 3}}
    assert put(tree, ("a", 0, "b"), 5) == {"a": [{"b": 5}, {"c": [2]}], "d": {"e": 3}}
    assert put(tree, ("a", 0, "b"), 5)["d"] is tree["d"]
    assert cut(tree, ("a", 0)) == {"a": [{"c": [2]}], "d": {"e": 3}}
    assert cut(tree, ("d", "e")) == {"a": [{"b": 1}, {"c": [2]}]}
    assert tree == {"a": [{"b": 1}, {"c": [2]}], "d": {"e": 3}}
