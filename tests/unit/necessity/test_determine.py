"""Determinations: what makes a criterion true, false or unknown, and that nothing else ever does."""

from __future__ import annotations

import copy
import logging
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any
from uuid import UUID

import pytest

from cds_service.cards import Presentation, render
from cds_service.cds_hooks import Response, to_json_object
from cds_service.errors import EvaluationError
from cds_service.expressions.language import Missing
from cds_service.fhir.encoding import encode
from cds_service.fhir.temporal import Date, parse_date
from cds_service.necessity.explain import explain
from cds_service.necessity.model import Determination, Kind, Outcome
from cds_service.necessity.report import determinations_report
from cds_service.plan_definition.policies import Policies
from cds_service.plan_definition.profile import Extension, Reason
from cds_service.services.evaluation import Evaluation
from tests import charts
from tests.unit.necessity.judging import DEFAULT, ME, criterion_of, determine, finding, judge, order, told
from tests.unit.plan_definition.plans import (
    ACTIVITY,
    APPROVED,
    BASE,
    CODES,
    URL,
    Json,
    compiled,
    criterion,
    determination_of,
    expression,
    full_plan,
    group,
    parameter,
    plan,
    prompt,
    refutation,
    says,
    state_text,
    unknown_because,
    variable,
)

# -- support and refute -------------------------------------------------------------------------------------------


def test_support_alone_is_true_with_its_evidence() -> None:
    found = criterion_of(DEFAULT, finding("broken"))
    assert told(found) == "true"
    assert [(one.path, one.value, one.date, one.status) for one in found.evidence] == [
        ("Observation/f1.value", "broken", "2026-01-10", "final")
    ]


def test_refutation_alone_is_false_with_its_evidence() -> None:
    found = criterion_of(DEFAULT, finding("intact"))
    assert told(found) == "false"
    assert [one.path for one in found.evidence] == ["Observation/f1.value"]


@pytest.mark.parametrize(
    "chart",
    [
        (),
        (finding("strange"),),
        (finding("broken", "colour"),),
        (finding("broken", status="preliminary"),),
        (finding("broken", subject={"reference": "Patient/p2"}),),
        (finding("broken", effectiveDateTime="2026-01-16"),),
        (finding("broken", valueString=None),),
    ],
    ids=range(7),
)
def test_neither_is_unknown_and_never_false(chart: tuple[Json, ...]) -> None:
    found = criterion_of(DEFAULT, *chart)
    assert told(found) == "unknown/absent"
    assert found.evidence == ()


def test_both_are_a_conflict_with_the_evidence_of_both() -> None:
    made = determine(DEFAULT, finding("broken"), finding("intact", name="f2"))
    found = made.result("broken")
    assert told(found) == "unknown/conflict"
    assert [one.path for one in found.evidence] == ["Observation/f1.value", "Observation/f2.value"]
    assert (made.outcome, made.human_review) == (Outcome.INFORMATION_MISSING, True)


@pytest.mark.parametrize(("value", "review"), [("broken", True), ("intact", True), ("strange", False)])
def test_a_physician_looks_at_what_asks_for_it_and_at_every_not_met(value: str, review: bool) -> None:
    asks = criterion(
        "broken", "required", says("broken"), says("intact"), {"url": Extension.HUMAN_REVIEW, "valueBoolean": True}
    )
    assert determine(plan(asks), finding(value)).human_review is review


def test_a_criterion_without_expressions_that_only_tells_always_holds() -> None:
    made = determine(plan(criterion("x", "required", says("broken")), criterion("note", "caution")))
    assert told(made.result("note")) == "true"
    assert [note.id for note in made.cautions] == ["note"]


# -- why it is unknown --------------------------------------------------------------------------------------------


def reasons(*because: Json) -> Json:
    return plan(criterion("broken", "required", says("broken"), says("intact"), *because))


def test_the_first_reason_that_holds_is_the_reason() -> None:
    made = reasons(
        unknown_because("stale", says("old")),
        unknown_because("preliminary", says("awaited")),
        unknown_because("narrative-only", says("awaited")),
    )
    found = criterion_of(made, finding("awaited"))
    assert told(found) == "unknown/preliminary"
    assert [one.path for one in found.evidence] == ["Observation/f1.value"]
    assert told(criterion_of(made, finding("awaited"), finding("old", name="f2"))) == "unknown/stale"


def test_without_a_reason_that_holds_it_is_absent() -> None:
    assert told(criterion_of(reasons(unknown_because("stale", says("old"))), finding("strange"))) == "unknown/absent"


def test_a_reason_is_not_asked_for_where_the_criterion_is_settled() -> None:
    made = reasons(unknown_because("stale", "(1 + 'fault').exists()"))
    assert told(criterion_of(made, finding("broken"))) == "true"
    assert told(criterion_of(made, finding("intact"))) == "false"


def test_a_reason_that_is_a_fault_is_told_and_ends_the_search() -> None:
    made = reasons(unknown_because("stale", "(1 + 'fault').exists()"), unknown_because("preliminary", says("awaited")))
    found = criterion_of(made, finding("awaited"))
    assert told(found) == "unknown/unreadable"
    assert found.problem == "`+` does not take System.String"


# -- faults are unknown, with their problem -----------------------------------------------------------------------


@pytest.mark.parametrize("value", ["broken", "intact", "strange"])
@pytest.mark.parametrize(
    ("support", "refute"),
    [("(1 + 'fault').exists()", says("intact")), (says("broken"), "(1 + 'fault').exists()")],
    ids=["in the support", "in the refutation"],
)
def test_a_fault_is_unknown_whatever_the_other_side_says(support: str, refute: str, value: str) -> None:
    made = determine(plan(criterion("broken", "required", support, refute)), finding(value))
    found = made.result("broken")
    assert told(found) == "unknown/unreadable"
    assert found.problem
    assert made.outcome is Outcome.INFORMATION_MISSING


@pytest.mark.parametrize("fault", [
    Missing("cannot be told", code="ambiguous"), EvaluationError("cannot be read", "Observation/f1.value"),
    ArithmeticError("canary"), AttributeError("canary"), IndexError("canary"), KeyError("canary"),
    RecursionError("canary"), TypeError("canary"), ValueError("canary"), ZeroDivisionError("canary"),
    UnicodeDecodeError("utf-8", b"canary", 0, 1, "canary"),
], ids=lambda one: type(one).__name__)  # fmt: skip
def test_no_fault_of_any_kind_leaves_a_determination(fault: Exception) -> None:
    policies = compiled(DEFAULT)
    (made,) = policies.plans

    class Faulty:
        def __getattr__(self, name: str) -> Any:
            def ask(_environment: Any) -> Any:
                raise fault

            return ask

    faulty = replace(made, criteria=(replace(made.criteria[0], support=Faulty()),))
    found = determine(replace(policies, plans=(faulty,)), finding("broken")).result("broken")
    assert found.state is None
    assert found.reason is (Reason.AMBIGUOUS if isinstance(fault, Missing) else Reason.UNREADABLE)
    assert found.problem
    assert "canary" not in found.problem


def test_what_cannot_be_told_has_its_own_reason() -> None:
    undated = finding("broken")
    del undated["effectiveDateTime"]
    made = plan(criterion("broken", "required", "%findings.latest().value.exists()"))
    found = criterion_of(made, undated)
    assert told(found) == "unknown/ambiguous"
    assert found.problem == "which of these is the newest cannot be told from their dates"


def test_a_variable_that_is_a_fault_makes_unknown_all_that_read_it_and_nothing_else() -> None:
    made = plan(
        criterion("one", "required", "%odd.exists()"),
        criterion("two", "required", "%odd.exists()", says("intact")),
        criterion("three", "required", says("broken")),
        extension=[variable("odd", "%findings.value.ofType(string) + 1")],
    )
    found = determine(made, finding("broken"))
    assert [told(one) for one in found.results] == ["unknown/unreadable", "unknown/unreadable", "true"]


# -- groups -------------------------------------------------------------------------------------------------------


def signs(how: str | int, **more: Any) -> Json:
    parts = [criterion(name, "alternative", says(f"{name}+"), says(f"{name}-")) for name in ("a", "b", "c")]
    return plan(group("broken", how, *parts, role="required"), **more)


def stated(*values: str) -> list[Json]:
    return [finding(value, name=f"f{i}") for i, value in enumerate(values)]


@pytest.mark.parametrize(
    ("how", "values", "state"),
    [
        ("all", ["a+", "b+", "c+"], "true"),
        ("all", ["a+", "b+"], "unknown/absent"),
        ("all", ["a+", "b-"], "false"),
        ("one-or-more", ["b+"], "true"),
        ("one-or-more", ["a-", "b-"], "unknown/absent"),
        ("one-or-more", ["a-", "b-", "c-"], "false"),
        (2, ["a+", "b+"], "true"),
        (2, ["a+"], "unknown/absent"),
        (2, ["a+", "b-", "c-"], "false"),
        (2, ["a-", "b-"], "false"),
        (2, [], "unknown/absent"),
    ],
)
def test_a_group_rolls_up_its_parts(how: str | int, values: list[str], state: str) -> None:
    assert told(criterion_of(signs(how), *stated(*values))) == state


def test_a_group_shows_the_evidence_of_the_parts_that_decide_it() -> None:
    found = criterion_of(signs("one-or-more"), *stated("a-", "b+", "c+"))
    assert [one.path for one in found.evidence] == ["Observation/f1.value", "Observation/f2.value"]
    found = criterion_of(signs("all"), *stated("a-", "b+", "c+"))
    assert [one.path for one in found.evidence] == ["Observation/f0.value"]


def test_an_open_group_has_the_reason_of_its_first_open_part() -> None:
    found = criterion_of(signs("all"), *stated("a+", "b+", "b-"))
    assert told(found) == "unknown/conflict"


def counted(value: Any, kind: str = "Integer") -> Json:
    made = signs(2, extension=[parameter("needed", kind, value)])
    made["action"][0]["action"][0]["extension"][0] = {
        "url": Extension.AT_LEAST,
        "valueExpression": expression("%needed"),
    }
    return made


@pytest.mark.parametrize(("needed", "state"), [(1, "true"), (2, "true"), (3, "unknown/absent")])
def test_a_group_may_need_as_many_parts_as_a_parameter_says(needed: int, state: str) -> None:
    assert told(criterion_of(counted(needed), *stated("a+", "b+"))) == state


@pytest.mark.parametrize(
    ("needed", "kind"), [(0, "Integer"), (-1, "Integer"), (4, "Integer"), ("2", "String"), (True, "Boolean")]
)
def test_a_number_that_decides_nothing_leaves_the_group_open(needed: Any, kind: str) -> None:
    for values in ([], ["a+", "b+", "c+"], ["a-", "b-", "c-"]):
        found = criterion_of(counted(needed, kind), *stated(*values))
        assert told(found) == "unknown/unreadable"
        assert found.problem == "the number of parts that must hold is none from 1 to all"


# -- the determination of another order ---------------------------------------------------------------------------

SITE = "bodySite.coding.where(system = 'https://example.org/codes')"


def gadget(role: str = "required", node: str = "clinical", same_site: str | None = None, *before: Json) -> Json:
    need = criterion(
        "need", role, None, None, determination_of(node, same_site=same_site), prompt("?"), definitionCanonical=URL
    )
    kept = [criterion("own", "required", says("wanted", "wish"))] if role == "code-fit" else []
    return plan(*before, need, *kept, name="gadget", codes="gadgets")


def paired(made: Json, *resources: Json, widget: Json = DEFAULT, production: bool = False) -> Determination:
    found = judge(compiled(widget, made), *resources, production=production).determinations
    return next(one for one in found if one.order.code == "C")


def at(*levels: str) -> list[Json]:
    return [{"coding": [{"system": CODES, "code": level}]} for level in levels]


@pytest.mark.parametrize(("value", "state"), [("broken", "true"), ("intact", "false"), ("strange", "unknown/absent")])
def test_the_truth_of_another_order_is_taken_over(value: str, state: str) -> None:
    found = paired(gadget(), order("A"), order("C", "o2"), finding(value)).result("need")
    assert told(found) == state
    assert [(one.path, one.value, one.status) for one in found.evidence] == [
        ("ServiceRequest/o1.code.coding[0]", "A", "draft")
    ]


@pytest.mark.parametrize(
    ("role", "state"),
    [
        ("required", "unknown/absent"),
        ("scope", "unknown/absent"),
        ("alternative", "unknown/absent"),
        ("code-fit", "false"),
    ],
)
def test_an_order_that_is_not_there_is_false_for_the_code_and_unknown_for_the_need(role: str, state: str) -> None:
    found = paired(gadget(role), order("C", "o2"), finding("broken"))
    assert told(found.result("need")) == state


def test_only_orders_of_the_codes_that_are_named_count() -> None:
    made = gadget()
    made["action"][0]["action"][0]["extension"][0]["extension"][1]["valueCanonical"] = f"{BASE}/ValueSet/reasons"
    assert told(paired(made, order("A"), order("C", "o2"), finding("broken")).result("need")) == "unknown/absent"


def test_one_node_of_the_other_policy_may_be_taken() -> None:
    widget = plan(
        criterion("broken", "required", says("broken")), criterion("loud", "supporting", says("loud"), says("silent"))
    )
    chart = (order("A"), order("C", "o2"), finding("silent"))
    assert told(paired(gadget(node="loud"), *chart, widget=widget).result("need")) == "false"
    assert told(paired(gadget(node="clinical"), *chart, widget=widget).result("need")) == "unknown/absent"


def test_the_need_is_taken_over_even_where_the_code_does_not_fit() -> None:
    widget = plan(
        criterion("broken", "required", says("broken")), criterion("fit", "code-fit", says("fit"), says("broken"))
    )
    chart = (order("A"), order("C", "o2"), finding("broken"))
    evaluation = judge(compiled(widget, gadget()), *chart)
    assert {one.order.code: (one.outcome, one.kind) for one in evaluation.determinations} == {
        "A": (Outcome.NOT_MET, Kind.CODING),
        "C": (Outcome.MET, None),
    }


@pytest.mark.parametrize(
    ("mine", "theirs", "state"),
    [
        (at("L1"), at("L1"), "true"),
        (at("L1", "L2"), at("L2"), "true"),
        (at("L1"), at("L2"), "unknown/absent"),
        (at("L1"), [], "unknown/absent"),
        ([], at("L1"), "unknown/absent"),
        ([], [], "unknown/absent"),
        (at("L1"), [{"text": "L1"}], "unknown/absent"),
    ],
    ids=repr,
)
def test_the_other_order_counts_at_the_same_site(mine: list[Json], theirs: list[Json], state: str) -> None:
    chart = (order("A", bodySite=theirs), order("C", "o2", bodySite=mine), finding("broken"))
    assert told(paired(gadget(same_site=SITE), *chart).result("need")) == state


@pytest.mark.parametrize(
    ("theirs", "state"),
    [(at("L1"), "true"), (at("L2"), "false"), ([], "unknown/absent")],
    ids=["same", "other", "unstated"],
)
def test_for_the_code_an_order_at_another_site_is_no_order_and_one_at_no_site_is_open(
    theirs: list[Json], state: str
) -> None:
    chart = (order("A", bodySite=theirs), order("C", "o2", bodySite=at("L1")), finding("broken"))
    assert told(paired(gadget("code-fit", same_site=SITE), *chart).result("need")) == state


def test_a_site_with_several_names_is_one_site() -> None:
    local = {"system": "https://example.org/local", "code": "level-1"}
    both = [{"coding": [{"system": CODES, "code": "L1"}, local]}]
    chart = (order("A", bodySite=both), order("C", "o2", bodySite=at("L1")), finding("broken"))
    assert told(paired(gadget(same_site="bodySite"), *chart).result("need")) == "true"


def test_a_site_in_words_only_leaves_open_which_site_it_is() -> None:
    chart = (order("A", bodySite=[{"text": "first lumbar"}]), order("C", "o2", bodySite=at("L1")), finding("broken"))
    assert told(paired(gadget("code-fit", same_site="bodySite"), *chart).result("need")) == "unknown/absent"


def test_a_site_that_cannot_be_read_is_a_problem_and_no_other_site() -> None:
    chart = (order("A", bodySite=["L1"]), order("C", "o2", bodySite=at("L1")), finding("broken"))
    found = paired(gadget("code-fit", same_site=SITE), *chart).result("need")
    assert told(found) == "unknown/unreadable"


def test_a_variable_that_is_first_read_for_a_site_is_still_the_records() -> None:
    made = gadget(
        "required", "clinical", "bodySite.where(%kinds.exists())", criterion("own", "supporting", "%kinds.exists()")
    )
    made["extension"] = [variable("kinds", "entry.resource.ofType(Observation)")]
    made["action"][0]["action"].reverse()
    chart = (order("A", bodySite=at("L1")), order("C", "o2", bodySite=at("L1")), finding("broken"))
    found = paired(made, *chart)
    assert [told(found.result(name)) for name in ("need", "own")] == ["true", "true"]


def test_of_several_orders_one_that_holds_is_enough() -> None:
    widget = plan(
        criterion(
            "broken",
            "required",
            "%order.bodySite.where(text = 'left').exists()",
            "%order.bodySite.where(text = 'right').exists()",
        )
    )
    chart = (order("A", bodySite=[{"text": "right"}]), order("B", "o3", bodySite=[{"text": "left"}]), order("C", "o2"))
    found = paired(gadget(), *chart, widget=widget).result("need")
    assert told(found) == "true"
    assert [one.path for one in found.evidence] == [
        "ServiceRequest/o1.code.coding[0]",
        "ServiceRequest/o3.code.coding[0]",
    ]


def test_what_rests_on_an_order_outside_its_policy_is_outside_too() -> None:
    widget = plan(
        criterion("kind", "scope", says("widget"), says("toy")), criterion("broken", "required", says("broken"))
    )
    chart = (order("A"), order("C", "o2"), finding("toy"))
    outcomes = {one.order.code: one.outcome for one in judge(compiled(widget, gadget()), *chart).determinations}
    assert outcomes == {"A": Outcome.NOT_APPLICABLE, "C": Outcome.NOT_APPLICABLE}


def test_an_order_whose_policy_may_not_decide_leaves_open_what_rests_on_it() -> None:
    made = gadget() | APPROVED
    found = paired(made, order("A"), order("C", "o2"), finding("broken"), production=True)
    assert (found.outcome, told(found.result("need"))) == (Outcome.INFORMATION_MISSING, "unknown/absent")


# -- what is told -------------------------------------------------------------------------------------------------


def test_the_text_of_a_state_may_be_filled_from_the_chart() -> None:
    made = plan(
        criterion(
            "broken",
            "required",
            says("broken"),
            says("intact"),
            state_text("true", expression("'it is ' & %findings.value.ofType(string).first()")),
        )
    )
    assert criterion_of(made, finding("broken")).text == "it is broken"
    assert criterion_of(made, finding("intact")).text is None


@pytest.mark.parametrize(
    "text",
    [
        "%findings.bodySite.text & (1 + 'fault').toString()",
        "%findings.value.ofType(string).first() + %findings.latest().method.text",
        "%findings.note.text",
        "%findings.code.text",
    ],
)
def test_a_text_that_cannot_be_filled_is_left_out(text: str) -> None:
    made = plan(criterion("broken", "required", says("broken"), None, state_text("true", expression(text))))
    found = criterion_of(made, finding("broken") | {"code": {**finding("x")["code"], "text": {"a": 1}}})
    assert (found.state, found.text) == (True, None)


def test_conditions_and_cautions_go_with_the_determination() -> None:
    made = plan(
        criterion("broken", "required", says("broken")),
        criterion("later", "condition", says("soon"), says("never"), prompt("When?"), state_text("true", "do it soon")),
        criterion("careful", "caution", says("hot"), says("cold"), prompt("Hot?"), textEquivalent="It may be hot."),
    )
    found = determine(made, finding("soon"), finding("hot", name="f2"))
    assert [(note.id, note.text) for note in (*found.conditions, *found.cautions)] == [
        ("later", "do it soon"),
        ("careful", "It may be hot."),
    ]
    assert (*determine(made, finding("never"), finding("cold", name="f2")).conditions,) == ()


def test_an_open_condition_is_a_question_and_no_gap() -> None:
    made = plan(
        criterion("broken", "required", says("broken")),
        criterion("later", "condition", says("soon"), None, prompt("When?")),
    )
    found = determine(made, finding("broken"))
    assert found.outcome is Outcome.MET
    assert [(note.id, note.text) for note in found.cautions] == [("later", "When?")]


# -- whose determination, and when --------------------------------------------------------------------------------


def test_a_policy_that_may_not_decide_is_said_to_have_decided_nothing() -> None:
    found = determine(DEFAULT, finding("broken"), production=True)
    assert found.outcome is Outcome.NOT_EVALUATED
    assert found.problem
    assert found.problem.startswith("the policy is draft, not active")
    assert (found.results, found.clinical, found.human_review) == ((), None, False)


def test_each_order_is_judged_on_its_own_day() -> None:
    chart = [order("A", authoredOn="2026-01-05"), order("B", "o2", authoredOn="2026-01-12"), finding("broken")]
    found = judge(compiled(DEFAULT), *chart).determinations
    assert [(str(one.as_of), one.outcome) for one in found] == [
        ("2026-01-05", Outcome.INFORMATION_MISSING),
        ("2026-01-12", Outcome.MET),
    ]


def test_a_draft_order_is_no_evidence_in_the_chart() -> None:
    made = plan(criterion("broken", "required", "%requests.exists()"))
    made["action"][0]["input"].append({"id": "requests", "type": "ServiceRequest"})
    assert told(criterion_of(made, order("A", status="draft"))) == "unknown/absent"
    chart = (order("A"), order("Z", "o9", status="active"))
    assert told(criterion_of(made, *chart)) == "true"


def test_a_criterion_that_the_policy_does_not_have_has_no_result() -> None:
    found = determine(DEFAULT, finding("broken"))
    with pytest.raises(KeyError):
        found.result("nothing")
    assert found.state_of("nothing") is None
    assert found.state_of("broken") is found.state_of("clinical") is True


def test_two_policies_on_one_code_are_two_determinations() -> None:
    found = judge(compiled(DEFAULT, plan(name="other")), order("A")).determinations
    assert [one.plan.canonical.rpartition("/")[2] for one in found] == ["other", "widget"]


# -- identity -----------------------------------------------------------------------------------------------------


def identity(made: Json | Policies = DEFAULT, *chart: Json, **more: Any) -> str:
    return determine(made, *(chart or (finding("broken"),)), **more).id


def test_the_id_is_a_uuid_of_the_content() -> None:
    assert UUID(identity()).version == 5
    assert identity() == identity()


OTHER: dict[str, Callable[[], str]] = {
    "another state": lambda: identity(DEFAULT, finding("intact")),
    "other evidence": lambda: identity(DEFAULT, finding("broken", name="f2")),
    "another date of the evidence": lambda: identity(DEFAULT, finding("broken", effectiveDateTime="2026-01-11")),
    "another status of the evidence": lambda: identity(DEFAULT, finding("broken", status="amended")),
    "another day": lambda: identity(DEFAULT, as_of=Date((2026, 1, 14))),
    "another policy": lambda: identity(plan(version="1.0.1")),
    "another order": lambda: identity(DEFAULT, order("A", "o9"), finding("broken")),
    "another code": lambda: identity(DEFAULT, order("B"), finding("broken")),
    "another patient": lambda: identity(
        DEFAULT,
        order(subject={"reference": "Patient/p2"}),
        finding("broken", subject={"reference": "Patient/p2"}),
        patient="p2",
    ),
}


def test_the_id_changes_with_everything_that_it_rests_on() -> None:
    ids = [identity(), *(other() for other in OTHER.values())]
    assert len(ids) == len(set(ids))


def test_what_it_does_not_rest_on_does_not_change_the_id() -> None:
    assert identity(DEFAULT, finding("broken"), finding("x", "colour", name="f9")) == identity()
    assert identity(DEFAULT, finding("broken"), finding("broken")) == identity()


def test_the_id_changes_with_a_parameter() -> None:
    one, other = (compiled(plan(extension=[parameter("n", "Integer", number)])) for number in (1, 2))
    (made,) = other.plans
    same_hash = replace(other, plans=(replace(made, hash=one.plans[0].hash),))
    assert determine(one, finding("broken")).id != determine(same_hash, finding("broken")).id


# -- charts as no one should send them ----------------------------------------------------------------------------


@cache
def widget_policies() -> Policies:
    return compiled(full_plan(), ACTIVITY)


def everything(evaluation: Evaluation) -> str:
    """Return all that goes out: cards, report and text."""
    cards = render(evaluation.determinations, Presentation("x", "https://x.example", sandbox=True))
    report = determinations_report(
        evaluation.determinations, as_of=evaluation.as_of, not_covered=evaluation.not_covered
    )
    lines = [line for one in evaluation.determinations for line in explain(one)]
    return (encode(to_json_object(Response(cards=cards))) + encode(report)).decode() + "\n".join(lines)


def deep(levels: int) -> Json:
    value: Any = "bottom"
    for _ in range(levels):
        value = {"extension": [value]}
    return value  # type: ignore[no-any-return]


ODD_CHARTS: dict[str, list[Json]] = {
    "the same resource twice": [finding("broken"), finding("broken")],
    "two versions of one resource": [finding("broken"), finding("broken", meta={"versionId": "2"})],
    "a resource without an id": [{key: value for key, value in finding("broken").items() if key != "id"}],
    "an id that is no text": [finding("broken", id={"a": ["b"]}), finding("broken", id=["x"]), finding("broken", id=5)],
    "references in a circle": [
        finding("broken", derivedFrom=[{"reference": "Observation/f2"}]),
        finding("broken", name="f2", derivedFrom=[{"reference": "Observation/f1"}]),
    ],
    "a resource that contains itself by reference": [
        finding("broken", contained=[finding("intact", name="in")], hasMember=[{"reference": "#in"}])
    ],
    "64 levels": [finding("broken", extension=[deep(28)])],
    "nulls everywhere": [dict.fromkeys(finding("x"), None) | {"resourceType": "Observation"}],
    "only a type": [{"resourceType": "Observation"}],
    "lists for everything": [{key: [value] for key, value in finding("x").items()} | {"resourceType": "Observation"}],
}


@pytest.mark.parametrize("chart", ODD_CHARTS)
def test_an_odd_chart_gives_a_determination_and_a_card(chart: str) -> None:
    evaluation = judge(widget_policies(), order("A"), *ODD_CHARTS[chart])
    assert len(evaluation.determinations) == 1
    assert everything(evaluation)


ODD_ORDERS: dict[str, Json] = {
    "without an id": {key: value for key, value in order("A").items() if key != "id"},
    "an id that is no text": order("A", id={"a": "b"}),
    "an id that is a list": order("A", id=["o1"]),
    "an id with odd characters": order("A", id="a/b c`d"),
    "without a subject": {key: value for key, value in order("A").items() if key != "subject"},
    "odd references": order("A", encounter=5, requester="x"),
    "an odd site": order("A", bodySite="left"),
    "an odd date": order("A", authoredOn={"a": 1}),
}


@pytest.mark.parametrize("drafted", ODD_ORDERS)
def test_an_odd_order_gives_a_determination_and_a_card(drafted: str) -> None:
    intact = (finding("intact"), finding("widget", "kind", name="f2"))
    for chart in ((), (finding("broken"),), intact):
        evaluation = judge(widget_policies(), ODD_ORDERS[drafted], *chart)
        assert len(evaluation.determinations) == 1
        assert everything(evaluation)


def test_an_order_with_two_codes_of_one_policy_has_a_card_for_both() -> None:
    both = order("A") | {"code": {"coding": [{"system": CODES, "code": "A"}, {"system": CODES, "code": "B"}]}}
    evaluation = judge(widget_policies(), both, finding("intact"), finding("widget", "kind", name="f2"))
    assert [one.order.code for one in evaluation.determinations] == ["A", "B"]
    assert everything(evaluation)


def test_a_malformed_yes_is_no_yes() -> None:
    """An object where true or false belongs once turned a refuted need into a met one."""
    for value in ({}, {"a": 1}, [], [None], ["x"], "true", "false", 1, None):
        chart = charts.base("seed-1", "b")
        revision = next(one for one in chart.resources if one.get("id") == "revision" and "valueBoolean" in one)
        revision["valueBoolean"] = value
        evaluation = charts.determine(chart)
        assert charts.state(evaluation, "22849", "RI.planned") == "unknown"


CANARY = "canary-of-jane-roe"
JUNK: list[Any] = [
    None,
    0,
    -1,
    CANARY,
    [],
    {},
    [None],
    [[]],
    [CANARY],
    {CANARY: CANARY},
    {"coding": CANARY},
    {"coding": [None, CANARY, {"system": {CANARY: 1}, "code": CANARY}, {"system": [CANARY], "code": CANARY}]},
    {"reference": {CANARY: 1}},
    {"reference": f"#{CANARY}"},
    {"value": CANARY, "unit": CANARY},
    {"value": 5, "code": [CANARY]},
    {"start": 5, "end": {CANARY: 1}},
    {"start": CANARY},
    deep(25),
    {"resourceType": "Patient", "id": CANARY},
]


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            if key != "resourceType":
                yield value, key
                yield from places(value[key])


GATES = ("scope", "required", "group", "alternative", "code-fit")


def gained(evaluation: Evaluation, before: dict[tuple[str, str], Any]) -> list[tuple[str, str]]:
    """The gates that a spoilt chart satisfies and a sound one does not; `met` that was not met."""
    return [
        (one.order.code, result.criterion.id)
        for one in evaluation.determinations
        for result in one.results
        if result.criterion.role in GATES
        and result.state is True
        and before.get((one.order.code, result.criterion.id)) is not True
    ]


@pytest.mark.parametrize(("name", "shape"), [("seed-1", "b"), ("seed-1", "a"), ("seed-2", "b")])
def test_a_misshapen_element_never_helps_never_fails_and_is_never_repeated(
    name: str, shape: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Every third element, each with another misshapen value: what is spoilt may open a criterion, not satisfy it."""
    caplog.set_level(logging.DEBUG)
    chart, chance = charts.base(name, shape), random.Random(name + shape)  # noqa: S311 - a test's own dice
    before = {
        (one.order.code, result.criterion.id): result.state
        for one in charts.determine(chart).determinations
        for result in one.results
    }
    spots = [spot for resource in chart.everything() for spot in places(resource)]
    for holder, key in chance.sample(spots, len(spots) // 3):
        known, holder[key] = holder[key], copy.deepcopy(chance.choice(JUNK))
        evaluation = charts.determine(chart)
        assert gained(evaluation, before) == []
        problems = [result.problem or "" for one in evaluation.determinations for result in one.results]
        assert not any(CANARY in problem for problem in problems)
        assert all(one.problem is None for one in evaluation.determinations)
        holder[key] = known
    assert CANARY not in caplog.text + "".join(capfd.readouterr())


def test_a_chart_of_canaries_is_repeated_nowhere_but_as_evidence() -> None:
    """Every text of the chart that is no code, date or reference is a canary: no problem and no log may hold one."""
    chart = charts.base("seed-2", "b")
    for resource in chart.everything():
        for holder, key in list(places(resource)):
            if key in ("display", "text", "conclusion", "div", "description", "unit", "title") and isinstance(
                holder[key], str
            ):
                holder[key] = f"{CANARY} {holder[key]}"
    for resource in chart.resources[::3]:
        resource["bodySite"] = CANARY
    evaluation = charts.determine(chart)
    problems = [result.problem for one in evaluation.determinations for result in one.results if result.problem]
    assert problems
    assert not any(CANARY in problem for problem in problems)
    assert all(CANARY not in (one.prompt or "") for made in charts.shipped().plans for one in made.walk())


def test_the_reference_day_is_the_only_clock() -> None:
    day = parse_date("2026-01-11")
    assert day is not None
    assert determine(DEFAULT, finding("broken"), as_of=day).outcome is Outcome.MET
    assert determine(DEFAULT, finding("broken"), as_of=Date((2026, 1, 9))).outcome is Outcome.INFORMATION_MISSING


def test_the_subject_of_the_fixtures_is_their_patient() -> None:
    assert finding("x")["subject"] == order()["subject"] == ME
    assert refutation("x")["url"] == Extension.REFUTATION
