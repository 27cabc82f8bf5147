"""From PlanDefinition to policy: what is read, and that every fault is told at load, with its place and a way out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest

from cds_service.authoring.mutation.remember import Memory
from cds_service.errors import ArtifactNotFound, ContentError, ExpressionError, UnsupportedFeature
from cds_service.expressions.language import Expression, Scope
from cds_service.fhir.temporal import Date
from cds_service.fhir.values import Quantity
from cds_service.plan_definition.artifacts import Artifact, Artifacts, read_artifacts
from cds_service.plan_definition.compile import compile_plan
from cds_service.plan_definition.languages import compile_expression
from cds_service.plan_definition.policies import Policies, compile_policies, in_order
from cds_service.plan_definition.profile import Extension, Reason, Role
from tests.unit.plan_definition.plans import (
    ACTIVITY,
    BASE,
    CODES,
    URL,
    VALUE_SETS,
    Json,
    artifacts,
    compiled,
    compiled_plan,
    criterion,
    determination_of,
    expression,
    full_plan,
    group,
    parameter,
    parts,
    plan,
    refutation,
    says,
    state_text,
    suggest_when,
    unknown_because,
    value_set,
    variable,
)

CANONICAL = f"{URL}|1.0.0"
ACTION = "PlanDefinition.action[0]"


def broken(change: Callable[[Json], object], of: Callable[[], Json] = plan) -> Json:
    """Return a valid plan after one change."""
    made = of()
    change(made)
    return made


def policy(made: Json) -> Json:
    action: Json = made["action"][0]
    return action


def first(made: Json) -> Json:
    action: Json = policy(made)["action"][0]
    return action


def refusal(*plans: Json, sets: tuple[Json, ...] = VALUE_SETS) -> ContentError:
    """Return why the first of these plans is refused."""
    held = artifacts(*plans, sets=sets)
    with pytest.raises(ContentError) as fault:
        compile_plan(held.find("PlanDefinition", URL), held)
    return fault.value


# -- what is read -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def full() -> Any:
    return compiled_plan(full_plan(), ACTIVITY)


def test_the_frame_is_read(full: Any) -> None:
    assert (full.canonical, full.version, full.reference) == (URL, "1.0.0", CANONICAL)
    assert (full.title, full.name, full.group) == ("Replacing a widget", "widget replacement", "folder")
    assert (full.status, full.experimental, full.review_stage) == ("draft", False, "approved")
    assert (full.approval_date, full.last_review_date) == (Date((2026, 1, 1)), Date((2026, 1, 2)))
    assert (full.effective_from, full.effective_to) == (Date((2026, 1, 1)), Date((2026, 12, 31)))
    assert full.hooks == ("order-sign",)


def test_ordered_codes_and_inputs_are_read(full: Any) -> None:
    assert full.codes.codes == {(CODES, "A"), (CODES, "B")}
    assert [one.id for one in full.inputs] == ["findings"]
    assert full.order.filters[0].value_set == f"{BASE}/ValueSet/widgets"


def test_parameters_are_values_of_their_type(full: Any) -> None:
    assert full.parameters["maxAge"].value == Quantity(Decimal(90), "day")
    assert full.parameters["count"].value == 1


def test_a_decimal_parameter_keeps_its_digits() -> None:
    made = compiled_plan(plan(extension=[parameter("x", "Decimal", Decimal("1.50")), parameter("y", "Decimal", 2)]))
    assert [str(one.value) for one in made.parameters.values()] == ["1.50", "2"]
    assert {one.type for one in made.parameters.values()} == {"System.Decimal"}


def test_criteria_are_read_in_their_order_with_their_parts(full: Any) -> None:
    ids = [one.id for one in full.walk()]
    assert ids == [
        "scope",
        "broken",
        "reasons",
        "worn",
        "hot",
        "signs",
        "noise",
        "smell",
        "forbidden",
        "fits",
        "note",
        "later",
    ]
    assert {one.id: one.parent for one in full.walk()}["worn"] == "reasons"
    assert {one.role for one in full.walk()} == set(Role) - {Role.CODE_CONFLICT}


def test_a_criterion_is_read_with_all_that_it_says(full: Any) -> None:
    one = full.criteria[1]
    assert one.support.reads == {"states"}
    assert one.refute is not None
    assert [reason for reason, _ in one.unknown_because] == [Reason.STALE, Reason.PRELIMINARY]
    assert one.prompt == "State whether the widget is broken."
    assert (one.text, one.human_review) == ("The widget does not work any more.", True)
    assert one.state_texts["unknown"].indicator == "critical"
    assert [citation.text for citation in one.citations] == ["A book."]


def test_groups_are_read_with_how_they_join(full: Any) -> None:
    joins = {one.id: one.join for one in full.walk() if one.join}
    assert (joins["reasons"].kind, joins["signs"].kind, joins["signs"].count) == ("any", "at-least", 1)


def test_citations_carry_what_a_reader_needs_to_weigh_them(full: Any) -> None:
    (citation,) = full.citations
    assert (citation.identification, citation.population, citation.sample_size) == ("confirmed", "widgets", 7)
    assert citation.strength == "strong"


def test_suggestions_are_no_criteria(full: Any) -> None:
    create, remove = full.suggestions
    assert (create.kind, create.criterion, create.state) == ("create", "broken", "unknown")
    assert create.activity["url"] == ACTIVITY["url"]
    assert (remove.kind, remove.outcome, remove.activity) == ("delete", "not-met", None)


def test_an_at_least_group_may_count_by_an_expression() -> None:
    many = group("many", 1, criterion("a", "supporting", says("a")))
    many["extension"][0] = {"url": Extension.AT_LEAST, "valueExpression": expression("%count")}
    made = compiled_plan(
        plan(criterion("x", "required", says("x")), many, extension=[parameter("count", "Integer", 1)])
    )
    assert made.criteria[1].join is not None
    assert made.criteria[1].join.count.reads == {"count"}  # type: ignore[union-attr]


def test_variables_are_seen_below_where_they_are_declared() -> None:
    child = criterion("c", "alternative", "%inner.exists()")
    outer = group("g", "all", child, extension=[variable("inner", "%outer.code")])
    made = compiled_plan(plan(outer, extension=[variable("outer", "%findings")]))
    assert list(made.variables) == ["outer", "inner"]
    sibling = criterion("s", "required", "%inner.exists()")
    assert "no variable `%inner`" in str(refusal(plan(outer, sibling, extension=[variable("outer", "%findings")])))


# -- the hash -----------------------------------------------------------------------------------------------------


def test_the_hash_changes_with_the_plan_and_with_each_value_set_it_reads() -> None:
    known = compiled_plan(plan()).hash
    assert compiled_plan(plan()).hash == known
    assert compiled_plan(plan(version="1.0.1")).hash != known
    other = (value_set("widgets", "A", "B", "D"), *VALUE_SETS[1:])
    assert compiled_plan(plan(), sets=other).hash != known
    beside = (*VALUE_SETS[:1], value_set("gadgets", "C", "D"), *VALUE_SETS[2:])
    assert compiled_plan(plan(), sets=beside).hash == known


def test_a_value_set_read_only_inside_an_expression_counts_for_the_hash() -> None:
    asks = plan(criterion("x", "required", f"%findings.where(code.memberOf('{BASE}/ValueSet/gadgets')).exists()"))
    beside = (*VALUE_SETS[:1], value_set("gadgets", "C", "D"), *VALUE_SETS[2:])
    assert compiled_plan(asks).hash != compiled_plan(deepcopy(asks), sets=beside).hash


def test_the_revision_does_not_depend_on_the_order_of_files() -> None:
    one, other = plan(), plan(name="gadget", codes="gadgets")
    assert compiled(one, other).revision == compiled(other, one).revision
    assert [made.canonical for made in compiled(other, one).plans] == [
        made.canonical for made in compiled(one, other).plans
    ]


# -- every fault, one at a time -----------------------------------------------------------------------------------


def with_input(**changes: Any) -> Json:
    return broken(lambda made: policy(made)["input"][1].update(changes))


def with_criterion(**changes: Any) -> Json:
    return broken(lambda made: first(made).update(changes))


def with_extension(*written: Json) -> Json:
    return broken(lambda made: first(made).update(extension=[*written]))


FRAME: dict[str, tuple[Json, str, str]] = {
    "no action": (broken(lambda made: made.pop("action")), "PlanDefinition.action", "has one top action"),
    "two actions": (
        broken(lambda made: made["action"].append(policy(made))),
        "PlanDefinition.action",
        "one top action",
    ),
    "actions are no list": (plan(action={}), "PlanDefinition", "`action` must be an array of objects"),
    "a null action": (plan(action=[None]), "PlanDefinition", "`action` must be an array of objects"),
    "no version": (broken(lambda made: made.pop("version")), "PlanDefinition", "`version` is missing"),
    "no title": (broken(lambda made: made.pop("title")), "PlanDefinition", "`title` is missing"),
    "a title that is no text": (plan(title=5), "PlanDefinition", "`title` is missing"),
    "no status": (broken(lambda made: made.pop("status")), "PlanDefinition", "`status` is missing"),
    "a date that is none": (plan(approvalDate="soon"), "PlanDefinition", "`approvalDate` is no date"),
    "a review date that is none": (plan(lastReviewDate="2026-13"), "PlanDefinition", "`lastReviewDate` is no date"),
    "words that are no text": (
        with_criterion(textEquivalent=True),
        f"{ACTION}.action[0] (broken)",
        "`textEquivalent` must be a text",
    ),
    "a period that is none": (plan(effectivePeriod="2026"), "PlanDefinition", "`effectivePeriod` must be an object"),
    "a period without dates": (plan(effectivePeriod={"start": "x"}), "PlanDefinition", "`start` is no date"),
    "no trigger": (broken(lambda made: policy(made).pop("trigger")), ACTION, "no `trigger` names a hook"),
    "a trigger of another type": (
        broken(lambda made: policy(made)["trigger"][0].update(type="periodic")),
        f"{ACTION}.trigger[0]",
        "`named-event` with the hook's name",
    ),
    "a trigger without a name": (
        broken(lambda made: policy(made)["trigger"][0].pop("name")),
        f"{ACTION}.trigger[0]",
        "`named-event` with the hook's name",
    ),
    "no order input": (
        broken(lambda made: policy(made)["input"].pop(0)),
        ACTION,
        "one `input` with the id `order` names the ordered codes",
    ),
    "an order input without codes": (
        broken(lambda made: policy(made)["input"][0].pop("codeFilter")),
        ACTION,
        "`order` needs a code filter with a `valueSet`",
    ),
    "an order input with listed codes": (
        broken(lambda made: policy(made)["input"][0].update(codeFilter=[{"path": "code", "code": [{"code": "A"}]}])),
        ACTION,
        "`order` needs a code filter with a `valueSet`",
    ),
    "an input without an id": (with_input(id=None), f"{ACTION}.input[1]", "an input needs an `id`"),
    "an input without a type": (with_input(type=None), f"{ACTION}.input[1]", "and a `type`"),
    "an input of no resource type": (
        with_input(type="Findings"),
        f"{ACTION}.input[1]",
        "`Findings` is no resource type",
    ),
    "two inputs of one name": (
        broken(lambda made: policy(made)["input"].append({"id": "findings", "type": "Condition"})),
        ACTION,
        "a name is used twice",
    ),
    "an input named as the hook context": (with_input(id="asOf"), ACTION, "a name is used twice"),
    "a parameter named as an input": (
        plan(extension=[parameter("findings", "Integer", 1)]),
        ACTION,
        "a name is used twice",
    ),
    "a filter without a path": (
        with_input(codeFilter=[{"valueSet": f"{BASE}/ValueSet/gadgets"}]),
        f"{ACTION}.input[1].codeFilter[0]",
        "names an element of Observation",
    ),
    "a filter on no element": (
        with_input(codeFilter=[{"path": "coed", "valueSet": f"{BASE}/ValueSet/gadgets"}]),
        f"{ACTION}.input[1].codeFilter[0]",
        "names an element of Observation",
    ),
    "a filter without codes": (
        with_input(codeFilter=[{"path": "code"}]),
        f"{ACTION}.input[1].codeFilter[0]",
        "needs a `valueSet` or `code`s",
    ),
    "a filter by a value set that is not there": (
        with_input(codeFilter=[{"path": "code", "valueSet": f"{BASE}/ValueSet/nowhere"}]),
        f"{ACTION}.input[1].codeFilter[0]",
        f"no ValueSet `{BASE}/ValueSet/nowhere`; put it beside the policy that reads it",
    ),
    "a filter by another version of a value set": (
        with_input(codeFilter=[{"path": "code", "valueSet": f"{BASE}/ValueSet/gadgets|2"}]),
        f"{ACTION}.input[1].codeFilter[0]",
        f"no ValueSet `{BASE}/ValueSet/gadgets|2`",
    ),
    "a parameter without a name": (
        plan(extension=[parts(Extension.PARAMETER, value=("Integer", 1))]),
        "PlanDefinition.extension",
        "a parameter needs a `name` and a `value`",
    ),
    "a parameter without a value": (
        plan(extension=[parts(Extension.PARAMETER, name=("String", "x"))]),
        "PlanDefinition.extension",
        "a parameter needs a `name` and a `value`",
    ),
    "a parameter whose number is none": (
        plan(extension=[parameter("x", "Duration", {"value": "90", "code": "d"})]),
        "PlanDefinition.extension",
        "a parameter's value is no number",
    ),
    "a duration in words": (
        plan(extension=[parameter("x", "Duration", {"value": 90, "unit": "days"})]),
        "PlanDefinition.extension",
        "a duration's `code` is one of `a`, `mo`, `wk`, `d`",
    ),
    "a parameter that is not of its type": (
        plan(extension=[parameter("x", "Integer", "1")]),
        "PlanDefinition.extension",
        "a parameter's `valueInteger` is not of its type",
    ),
    "a variable without a name": (
        plan(extension=[{"url": Extension.VARIABLE, "valueExpression": expression("1")}]),
        "PlanDefinition",
        "a variable needs an expression with a `name`",
    ),
    "two variables of one name": (
        plan(extension=[variable("x", "1"), variable("x", "2")]),
        "PlanDefinition",
        "the name `x` is used twice",
    ),
    "a variable named as an input": (
        plan(extension=[variable("findings", "1")]),
        "PlanDefinition",
        "the name `findings` is used twice",
    ),
    "a variable that does not compile": (
        plan(extension=[variable("x", "%findings.cod")]),
        "PlanDefinition.extension(x)",
        "`Observation` has no element `cod`; did you mean `code`?",
    ),
    "a variable read before it is declared": (
        plan(extension=[variable("x", "%y"), variable("y", "1")]),
        "PlanDefinition.extension(x)",
        "there is no variable `%y`",
    ),
    "no criterion": (broken(lambda made: policy(made).pop("action")), ACTION, "no criterion decides"),
    "no criterion that decides": (
        plan(criterion("x", "caution"), criterion("y", "code-fit", says("y"))),
        ACTION,
        "no criterion decides",
    ),
    "override reasons that are not there": (
        plan(extension=[{"url": Extension.OVERRIDE_REASONS, "valueCanonical": f"{BASE}/ValueSet/nowhere"}]),
        "PlanDefinition.extension(override-reasons)",
        "no ValueSet",
    ),
    "an extension that is not of its type": (
        plan(extension=[{"url": Extension.REVIEW_STAGE, "valueCode": 5}]),
        "PlanDefinition",
        f"`valueCode` of the extension `{Extension.REVIEW_STAGE}` is not of its type",
    ),
}

CRITERIA: dict[str, tuple[Json, str]] = {
    "a role that there is not": (with_criterion(code=[{"coding": [{"code": "needed"}]}]), "one of: scope, required"),
    "no role": (with_criterion(code=[]), "`code` names the criterion's role, one of: scope, required"),
    "two roles": (
        with_criterion(code=[{"coding": [{"code": "scope"}, {"code": "required"}]}]),
        "one of: scope, required",
    ),
    "a code that is no list": (
        with_criterion(code={"coding": [{"code": "scope"}]}),
        "`code` must be an array of objects",
    ),
    "no title": (with_criterion(title=None), "`title` is missing"),
    "a condition that is no list": (with_criterion(condition={}), "`condition` must be an array of objects"),
    "a condition without an expression": (
        with_criterion(condition=[{"kind": "applicability"}]),
        "an expression with `language` and `expression` is needed",
    ),
    "a condition that is no boolean": (
        with_criterion(condition=[{"kind": "applicability", "expression": expression("%findings.code")}]),
        "a criterion's expression is a boolean that ends in `.exists()`",
    ),
    "a condition that does not compile": (
        with_criterion(condition=[{"kind": "applicability", "expression": expression("%findings.exist()")}]),
        "there is no function `exist()`; did you mean `exists`?",
    ),
    "a condition that does not parse": (
        with_criterion(condition=[{"kind": "applicability", "expression": expression("%findings.exists(")}]),
        "missing before `the end`",
    ),
    "two refutations": (
        with_extension(refutation(says("x")), refutation(says("y"))),
        "at most one refutation; join them with `or`",
    ),
    "a refutation alone": (
        broken(lambda made: first(made).pop("condition")),
        "a refutation needs a `condition` beside it",
    ),
    "a reason that there is not": (
        with_extension(unknown_because("lost", says("x"))),
        "`lost` is no reason; use one of: absent, stale",
    ),
    "a reason without a code": (
        with_extension({"url": Extension.UNKNOWN_BECAUSE, "extension": []}),
        "`None` is no reason",
    ),
    "a reason without an expression": (
        with_extension(parts(Extension.UNKNOWN_BECAUSE, reason=("Code", "stale"))),
        "an expression with `language`",
    ),
    "a text for no state": (
        with_extension(state_text("maybe", "words")),
        "a `state-text` names a state: true, false or unknown",
    ),
    "a state without a text": (
        with_extension(parts(Extension.STATE_TEXT, state=("Code", "true"))),
        "a `state-text` needs a text",
    ),
    "a text that does not compile": (
        with_extension(state_text("true", expression("%nothing"))),
        "there is no variable `%nothing`",
    ),
    "a text that is none": (
        with_extension(state_text("true", expression("%findings.code"))),
        "a `state-text` is a text: end in `.display`, or join with `&`",
    ),
    "a text of several types": (
        with_extension(state_text("true", expression("%findings.value"))),
        "a `state-text` is a text",
    ),
    "a text of nothing": (with_extension(state_text("true", expression("{}"))), "a `state-text` is a text"),
    "extensions that are no list": (with_criterion(extension={}), "`extension` must be an array of objects"),
    "nothing to decide by": (
        broken(lambda made: [first(made).pop(name) for name in ("condition", "extension")]),
        "needs expressions, or parts, or a determination to read",
    ),
    "a group with expressions": (
        with_criterion(
            action=[criterion("x", "alternative", says("x"))], groupingBehavior="logical-group", selectionBehavior="all"
        ),
        "either a group, or has expressions, or reads a determination",
    ),
    "a group without a behaviour": (
        plan(criterion("broken", "group", action=[criterion("x", "alternative", says("x"))])),
        "a group is a `logical-group` whose `selectionBehavior` is",
    ),
    "a group of exactly one": (
        plan(group("broken", "exactly-one", criterion("x", "alternative", says("x")))),
        "`all` or `one-or-more`, or has `at-least`",
    ),
    "at least none": (
        plan(group("broken", 0, criterion("x", "alternative", says("x")))),
        "`at-least` 0 of 1 parts decides nothing",
    ),
    "at least more than there are": (
        plan(group("broken", 2, criterion("x", "alternative", says("x")))),
        "`at-least` 2 of 1 parts decides nothing",
    ),
    "a determination without a policy": (
        plan(criterion("broken", "required", None, None, determination_of())),
        "`determination-of` needs `definitionCanonical`, `node` and `codes`",
    ),
    "a determination without a node": (
        plan(
            criterion(
                "broken",
                "required",
                None,
                None,
                parts(Extension.DETERMINATION_OF, codes=("Canonical", "x")),
                definitionCanonical=URL,
            )
        ),
        "`determination-of` needs `definitionCanonical`, `node` and `codes`",
    ),
    "a determination of an unknown policy": (
        plan(
            criterion(
                "broken",
                "required",
                None,
                None,
                determination_of(),
                definitionCanonical=f"{BASE}/PlanDefinition/nowhere",
            )
        ),
        f"no PlanDefinition `{BASE}/PlanDefinition/nowhere`",
    ),
    "a determination of another version": (
        plan(criterion("broken", "required", None, None, determination_of(), definitionCanonical=f"{URL}|9")),
        f"no PlanDefinition `{URL}|9`; known versions: `1.0.0`",
    ),
    "a determination of an unknown node": (
        plan(criterion("broken", "required", None, None, determination_of("nothing"), definitionCanonical=URL)),
        f"`{URL}|1.0.0` has no node `nothing`",
    ),
    "a determination of unknown codes": (
        plan(criterion("broken", "required", None, None, determination_of(codes="nowhere"), definitionCanonical=URL)),
        f"no ValueSet `{BASE}/ValueSet/nowhere`",
    ),
    "a site that does not compile": (
        plan(
            criterion("broken", "required", None, None, determination_of(same_site="bodySit"), definitionCanonical=URL)
        ),
        "did you mean `bodySite`?",
    ),
    "a site that is no code": (
        plan(
            criterion(
                "broken", "required", None, None, determination_of(same_site="bodySite.text"), definitionCanonical=URL
            )
        ),
        "`sameSite` gives codes: a CodeableConcept, a Coding or a code",
    ),
    "a suggestion of no kind": (
        plan(
            criterion("x", "required", says("x")),
            criterion("broken", "supporting", None, None, suggest_when(outcome=("Code", "met"))),
        ),
        "is the action type `create` or `remove`",
    ),
    "a suggestion to create nothing": (
        plan(
            criterion("x", "required", says("x")),
            criterion(
                "broken",
                "supporting",
                None,
                None,
                suggest_when(outcome=("Code", "met")),
                type={"coding": [{"code": "create"}]},
            ),
        ),
        "needs `definitionCanonical`: an ActivityDefinition",
    ),
    "a suggestion to create what is not there": (
        plan(
            criterion("x", "required", says("x")),
            criterion(
                "broken",
                "supporting",
                None,
                None,
                suggest_when(outcome=("Code", "met")),
                type={"coding": [{"code": "create"}]},
                definitionCanonical="x",
            ),
        ),
        "no ActivityDefinition `x`",
    ),
    "a suggestion without a title": (
        plan(
            criterion("x", "required", says("x")),
            criterion(
                "broken",
                "supporting",
                None,
                None,
                suggest_when(outcome=("Code", "met")),
                type={"coding": [{"code": "remove"}]},
                title=None,
            ),
        ),
        "`title` is missing",
    ),
}


@pytest.mark.parametrize("fault", FRAME)
def test_a_fault_in_the_frame_names_policy_element_and_what_to_do(fault: str) -> None:
    made, element, words = FRAME[fault]
    found = refusal(made)
    assert words in str(found)
    version = made.get("version")
    assert (found.canonical, found.element or "") == (f"{URL}|{version}", element)
    assert str(found).startswith(f"{URL}|{version}: {element}")
    assert "\n" not in str(found)


@pytest.mark.parametrize("fault", CRITERIA)
def test_a_fault_in_a_criterion_names_policy_criterion_and_what_to_do(fault: str) -> None:
    made, words = CRITERIA[fault]
    found = refusal(made)
    assert words in str(found)
    assert found.canonical == CANONICAL
    assert found.element is not None
    assert found.element.startswith(f"{ACTION}.action[")
    assert "(broken)" in found.element
    assert "\n" not in str(found)


def test_a_criterion_without_an_id_is_named_by_its_place() -> None:
    found = refusal(broken(lambda made: first(made).pop("id")))
    assert (found.element, found.reason) == (f"{ACTION}.action[0]", "a criterion needs an `id`")


def test_two_criteria_of_one_id_are_refused_wherever_they_stand() -> None:
    inner = criterion("broken", "alternative", says("x"))
    found = refusal(plan(criterion("broken", "required", says("x")), group("g", "all", inner)))
    assert found.element == f"{ACTION}.action[1] (g).action[0] (broken)"
    assert found.reason == "the id `broken` is used twice"


UNSUPPORTED: dict[str, tuple[Json, str]] = {
    **{
        name: (with_input(**{name: value}), f"an input's `{name}` is not carried out; filter in the expressions")
        for name, value in {
            "dateFilter": [{"path": "effective"}],
            "profile": ["x"],
            "subjectCodeableConcept": {"text": "x"},
            "subjectReference": {"reference": "x"},
            "limit": 1,
            "sort": [{"path": "effective"}],
        }.items()
    },
    "two conditions": (
        broken(lambda made: first(made)["condition"].append(first(made)["condition"][0])),
        "a criterion has at most one `condition`, of kind `applicability`",
    ),
    "a condition of another kind": (
        broken(lambda made: first(made)["condition"][0].update(kind="start")),
        "a criterion has at most one `condition`, of kind `applicability`",
    ),
    "another language": (
        broken(lambda made: first(made)["condition"][0]["expression"].update(language="text/cql")),
        "expressions in `text/cql` are not carried out; use `text/fhirpath`",
    ),
    "no language": (
        broken(lambda made: first(made)["condition"][0]["expression"].pop("language")),
        "expressions in `None` are not carried out",
    ),
    "a parameter of another type": (
        plan(extension=[parameter("x", "Range", {})]),
        "a parameter of the type `Range` is not carried out",
    ),
}


@pytest.mark.parametrize("feature", UNSUPPORTED)
def test_what_is_valid_but_not_carried_out_is_said_so(feature: str) -> None:
    made, words = UNSUPPORTED[feature]
    found = refusal(made)
    assert isinstance(found, UnsupportedFeature)
    assert words in found.reason
    assert found.canonical == CANONICAL
    assert found.element


def test_an_expression_fault_keeps_its_position() -> None:
    made = with_criterion(condition=[{"kind": "applicability", "expression": expression("%findings.exist()")}])
    found = refusal(made)
    assert isinstance(found, ExpressionError)
    assert found.position == len("%findings.")
    assert f"{ACTION}.action[0] (broken).condition[0]: " in str(found)


@pytest.mark.parametrize("change", [{"kind": "Patient"}, {"kind": None}, {"code": None}, {"code": "x"}], ids=repr)
def test_an_activity_that_cannot_become_an_order_is_refused(change: Json) -> None:
    held = artifacts(full_plan(), {**ACTIVITY, **change})
    with pytest.raises(ContentError, match="needs a `kind` that is a request, and a `code`"):
        compile_policies(held)


# -- artifacts ----------------------------------------------------------------------------------------------------


def body(resource: object) -> bytes:
    return json.dumps(resource).encode()


FILES: dict[str, tuple[bytes, str]] = {
    "not JSON": (b"{", "folder/x.json: not valid JSON"),
    "no object": (b"[]", "folder/x.json: a JSON object is needed"),
    "a member twice": (b'{"url": "a", "url": "b"}', "folder/x.json: an object names the same member twice"),
    "no url": (body({"resourceType": "ValueSet"}), "folder/x.json: a policy artifact needs `resourceType` and `url`"),
    "no type": (body({"url": "x"}), "folder/x.json: a policy artifact needs `resourceType` and `url`"),
    "a url that is no text": (body({"resourceType": "ValueSet", "url": 5}), "needs `resourceType` and `url`"),
    "a value set by rule": (
        body({"resourceType": "ValueSet", "url": "x", "compose": {"include": [{"system": "s"}]}}),
        "x: compose.include[0]: only listed codes can be expanded here; list them, or add an expansion",
    ),
}


@pytest.mark.parametrize("fault", FILES)
def test_a_file_that_is_no_artifact_is_named(fault: str) -> None:
    written, words = FILES[fault]
    with pytest.raises(ContentError) as refused:
        read_artifacts([("folder", "folder/x.json", written)])
    assert words in str(refused.value)


def test_the_same_artifact_twice_is_refused() -> None:
    with pytest.raises(ContentError, match="this canonical and version is loaded already") as refused:
        artifacts(plan(), plan())
    assert URL in str(refused.value)


def test_a_value_set_may_stand_beside_each_version_that_reads_it() -> None:
    again = artifacts(value_set("widgets", "A", "B"), plan())
    assert compile_policies(again).for_code((CODES, "A"))


def test_artifacts_are_found_with_their_version_or_without() -> None:
    held = artifacts(ACTIVITY, {**ACTIVITY, "version": "2"})
    assert held.find("ActivityDefinition", f"{ACTIVITY['url']}|1").resource is ACTIVITY
    with pytest.raises(ArtifactNotFound, match=r"no ActivityDefinition `.*\|3`; known versions: `1`, `2`"):
        held.find("ActivityDefinition", f"{ACTIVITY['url']}|3")
    with pytest.raises(ArtifactNotFound, match=r"no Library `x`$"):
        held.find("Library", "x")


def test_artifacts_are_listed_in_an_order_that_does_not_depend_on_files() -> None:
    held = Artifacts()
    for name in ("b", "a", "c"):
        held.add(Artifact(plan(name=name), "folder", name))
    assert [one.resource["url"][-1] for one in held.all("PlanDefinition")] == ["a", "b", "c"]


# -- policies that read each other --------------------------------------------------------------------------------


def reads(other: str, name: str, codes: str = "gadgets") -> Json:
    return plan(
        criterion(
            "need", "required", None, None, determination_of(), definitionCanonical=f"{BASE}/PlanDefinition/{other}"
        ),
        name=name,
        codes=codes,
    )


def test_a_policy_comes_after_those_that_it_reads() -> None:
    made = compiled(reads("zebra", "ape"), plan(name="zebra"), reads("ape", "bee"))
    assert [one.canonical.rpartition("/")[2] for one in made.plans] == ["zebra", "ape", "bee"]


@pytest.mark.parametrize("plans", [[reads("ape", "ape")], [reads("bee", "ape"), reads("ape", "bee")]], ids=len)
def test_policies_that_read_each_other_in_a_circle_are_refused(plans: list[Json]) -> None:
    with pytest.raises(ContentError, match="in a circle") as refused:
        compiled(*plans)
    assert f"{BASE}/PlanDefinition/ape" in str(refused.value)


def test_policies_are_found_by_ordered_code() -> None:
    made = compiled(plan(), plan(name="gadget", codes="gadgets"), plan(name="other"))
    assert [one.canonical.rpartition("/")[2] for one in made.for_code((CODES, "A"))] == ["other", "widget"]
    assert [one.canonical.rpartition("/")[2] for one in made.for_code((CODES, "C"))] == ["gadget"]
    assert made.for_code(("http://other", "A")) == ()
    assert made.for_code((None, "A")) == ()


# -- whatever is written, the answer is a policy or a ContentError ------------------------------------------------

JUNK: list[Any] = [None, True, 0, "", "x", [], {}, [None], ["x"], [[]], {"x": "y"}, {"coding": [{"code": {}}]}, 3.5]


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from places(value[key])


def all_compiled(memory: Memory, *resources: Json) -> Policies:
    """Return the policies as `compile_policies` does; an expression that was met before is not compiled again."""

    def remembered(language: object, source: str, scope: Scope) -> Expression:
        usual = isinstance(language, str) and isinstance(source, str)
        return (memory.compile if usual else compile_expression)(language, source, scope)

    held = artifacts(*resources)
    plans = [compile_plan(one, held, compile_with=remembered) for one in held.all("PlanDefinition")]
    made = Policies(in_order({plan.reference: plan for plan in plans}))
    assert all(made.counts(plan, Date((2026, 6, 1))) for plan in made.plans)
    return made


@pytest.mark.parametrize("which", ["full", "reader", "activity"])
def test_a_misshapen_element_is_a_content_error_or_does_no_harm(which: str) -> None:
    reader = reads("widget", "gadget")
    reader["action"][0]["action"][0]["extension"] = [determination_of(same_site="bodySite.coding")]
    written = {"full": full_plan(), "reader": reader, "activity": deepcopy(ACTIVITY)}
    memory = Memory()
    assert all_compiled(memory, *written.values()).plans
    for i, (holder, key) in enumerate(list(places(written[which]))):
        known = holder[key]
        for junk in JUNK[i % 3 :: 3]:
            holder[key] = deepcopy(junk)
            try:
                all_compiled(memory, *written.values())
            except ContentError as refused:
                assert "\n" not in str(refused)  # noqa: PT017
        holder[key] = known
