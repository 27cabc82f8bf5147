"""What a payer says of an order: every row of docs/explanation/coverage_information.md, in both versions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cds_service.crd.coverage import Problem
from cds_service.crd.terms import Authorization, Terms
from cds_service.fhir.temporal import Date
from cds_service.fhir.unread import Unread, Why
from cds_service.necessity.model import Determination, Note
from cds_service.plan_definition.profile import Extension
from tests.unit.crd.payer import (
    DRAFT,
    MET,
    MISFIT,
    MISSING,
    NOT_MET,
    OUTSIDE,
    REFUSED,
    UNREAD,
    call,
    coverage,
    determined,
    said,
)
from tests.unit.necessity.judging import finding, judge, order
from tests.unit.plan_definition.plans import (
    APPROVED,
    CODES,
    URL,
    Json,
    compiled,
    criterion,
    determination_of,
    plan,
    says,
)

VERSIONS = ("2.0", "2.2")
NEEDED, NOT_NEEDED, GRANTED = (Terms(authorization=one) for one in Authorization)
ANSWERS = ("covered", "pa-needed", "doc-needed", "doc-purpose", "info-needed")


def answers(found: dict[str, list[Any]]) -> tuple[str, ...]:
    """Return the coded answers of an extension, then the codes of its reasons."""
    coded = [one["code"] for reason in found["reason"] for one in reason.get("coding", ())]
    return tuple(value for name in ANSWERS for value in found.get(name, ())) + tuple(coded)


def text(found: dict[str, list[Any]]) -> str:
    return " / ".join(one["text"] for one in found["reason"])


@pytest.mark.requirement("hook-16")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("determination", "terms", "expected"),
    [
        (MET, NEEDED, ("covered", "auth-needed")),
        (MET, NOT_NEEDED, ("covered", "no-auth")),
        (MET, GRANTED, ("covered", "satisfied")),
        (MISSING, NEEDED, ("conditional", "conditional", "clinical", "retain-doc", "OTH")),
        (NOT_MET, NEEDED, ("covered", "auth-needed", "clinical", "retain-doc")),
        (NOT_MET, NOT_NEEDED, ("covered", "auth-needed", "clinical", "retain-doc")),
        (NOT_MET, GRANTED, ("covered", "auth-needed", "clinical", "retain-doc")),
        (MISFIT, GRANTED, ("conditional", "conditional", "OTH")),
    ],
)
def test_a_determination_is_answered_by_the_table(
    determination: Determination, terms: Terms, expected: tuple[str, ...], version: str
) -> None:
    assert answers(said(determination, terms=terms, asked=call(version))) == expected


@pytest.mark.requirement("resp-43")
@pytest.mark.parametrize("determination", [UNREAD, REFUSED])
def test_a_failure_is_neither_yes_nor_no(determination: Determination) -> None:
    assert answers(said(determination, terms=GRANTED)) == ("indeterminate", "indeterminate", "technical")
    assert answers(said(determination, terms=GRANTED, asked=call("2.0"))) == ("conditional", "conditional", "OTH")


@pytest.mark.requirement("resp-45")
@pytest.mark.parametrize("determination", [MET, NOT_MET, MISSING, UNREAD])
def test_only_the_coverage_itself_makes_an_order_not_covered(determination: Determination) -> None:
    found = said(determination, problem=Problem.INACTIVE, terms=GRANTED)
    assert answers(found) == ("not-covered", "no-active-coverage")
    in_2_0 = said(determination, problem=Problem.INACTIVE, terms=GRANTED, asked=call("2.0"))
    assert answers(in_2_0) == ("not-covered", "no-auth")
    assert "Coverage" in text(in_2_0)


@pytest.mark.parametrize(
    ("why", "expected"),
    [
        ((Why.NOT_SENT,), ("conditional", "conditional", "clinical", "retain-doc", "OTH")),
        ((Why.NOT_SENT, Why.TIMEOUT), ("indeterminate", "indeterminate", "technical")),
        ((Why.FORBIDDEN,), ("indeterminate", "indeterminate", "technical")),
    ],
)
def test_what_a_client_neither_sends_nor_lets_be_read_is_asked_of_a_clinician(
    why: tuple[Why, ...], expected: tuple[str, ...]
) -> None:
    asked = call(unread=[Unread("x", one, "Observation") for one in why])
    assert answers(said(UNREAD, asked=asked)) == expected


def test_of_several_coverages_each_is_answered_for_as_if_it_were_the_only_one() -> None:
    assert answers(said(MET, problem=Problem.SEVERAL)) == answers(said(MET))


def test_where_no_policy_applies_nothing_is_said() -> None:
    assert said(OUTSIDE) == {}
    assert answers(said(OUTSIDE, MET)) == answers(said(MET))


# -- what it rests on ---------------------------------------------------------------------------------------------


@pytest.mark.requirement("resp-30")
@pytest.mark.parametrize("determination", [MET, NOT_MET, MISFIT, MISSING, UNREAD, REFUSED])
def test_the_code_and_the_policy_are_named(determination: Determination) -> None:
    found = said(determination)
    assert found["billingCode"] == [{"system": CODES, "code": "A"}]
    assert text(found).split(":")[0].endswith("A")
    assert f"(policy {determination.plan.canonical}|1.0.0)" in text(found)


@pytest.mark.parametrize(
    ("determination", "named"),
    [
        (MISSING, "information missing: Title of broken"),
        (NOT_MET, "not met on record; a physician reviews it: Title of broken"),
        (MISFIT, "does not fit; a physician reviews it: Title of fits"),
        (UNREAD, "could not be read: Title of broken"),
        (REFUSED, "not evaluated: the policy is draft, not active"),
    ],
)
def test_what_it_turns_on_is_named(determination: Determination, named: str) -> None:
    assert named in text(said(determination))


def test_only_what_could_not_be_read_is_named_where_something_could_not() -> None:
    gone, bare = UNREAD.results[0], MISSING.results[0]
    both = replace(UNREAD, results=(gone, replace(bare, criterion=replace(bare.criterion, id="b", title="Asked"))))
    both = replace(both, plan=replace(both.plan, criteria=tuple(one.criterion for one in both.results)))
    assert "could not be read: Title of broken (policy" in text(said(both))
    not_sent = call(unread=[Unread("x", Why.NOT_SENT, "Observation")])
    assert "information missing: Title of broken; Asked (policy" in text(said(both, asked=not_sent))


def test_many_gaps_are_counted_after_the_tenth() -> None:
    many = determined(criteria=[criterion(f"c{i}", "required", says(f"v{i}")) for i in range(13)])
    assert "Title of c9; and 3 more (policy" in text(said(many))


@pytest.mark.requirement("resp-30")
def test_the_conditions_of_an_answer_stand_beside_it() -> None:
    assert text(said(replace(MET, conditions=(Note("c", "only in winter"),)))).endswith("Condition: only in winter")


def test_a_policy_that_nobody_approved_says_so_first() -> None:
    assert text(said(DRAFT)).startswith("DRAFT POLICY - NOT FOR CLINICAL USE. A: criteria met")


@pytest.mark.parametrize("determination", [MET, NOT_MET, MISFIT, MISSING, UNREAD, REFUSED, DRAFT])
@pytest.mark.parametrize("version", VERSIONS)
def test_nothing_is_ever_called_a_denial(determination: Determination, version: str) -> None:
    for problem in (None, Problem.INACTIVE):
        assert "deni" not in text(said(determination, problem=problem, asked=call(version))).lower()


def test_text_from_a_chart_stays_on_its_line() -> None:
    (result,) = NOT_MET.results
    hostile = replace(NOT_MET, results=(replace(result, text="a\x1b[31m\nb\u202ec"),))
    assert "Title of broken - a b c (policy" in text(said(hostile))


# -- documents ----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("hook-19")
@pytest.mark.parametrize("hook", ["order-select", "encounter-start", "encounter-discharge", "patient-view"])
@pytest.mark.parametrize("determination", [MISSING, NOT_MET])
def test_secondary_hooks_ask_for_no_documents(hook: str, determination: Determination) -> None:
    terms = Terms(questionnaire=lambda _: "https://example.org/Questionnaire/q|1")
    found = said(determination, terms=terms, asked=call("2.2", hook))
    assert found.keys().isdisjoint({"doc-needed", "doc-purpose", "questionnaire"})
    assert found["covered"] == said(determination)["covered"]


@pytest.mark.requirement("resp-38")
@pytest.mark.parametrize("hook", ["order-sign", "order-dispatch", "appointment-book"])
@pytest.mark.parametrize("determination", [MISSING, NOT_MET])
def test_the_form_that_asks_is_named(hook: str, determination: Determination) -> None:
    terms = Terms(questionnaire=lambda plan: f"https://example.org/Questionnaire/{plan.name}|{plan.version}")
    found = said(determination, terms=terms, asked=call("2.2", hook))
    assert found["questionnaire"] == [f"https://example.org/Questionnaire/{determination.plan.name}|1.0.0"]
    assert found["doc-needed"] == ["clinical"]


def test_a_policy_without_a_form_names_none() -> None:
    assert "questionnaire" not in said(MISSING, terms=Terms(questionnaire=lambda _: None))


@pytest.mark.parametrize("determination", [MET, MISFIT, UNREAD, REFUSED])
def test_documents_are_asked_for_only_where_they_help(determination: Determination) -> None:
    found = said(determination, terms=Terms(questionnaire=lambda _: "https://example.org/Questionnaire/q|1"))
    assert found.keys().isdisjoint({"doc-needed", "doc-purpose", "questionnaire"})


# -- authorization ------------------------------------------------------------------------------------------------


def test_a_granted_authorization_has_a_number_and_no_other_has() -> None:
    assert len(said(MET, terms=GRANTED)["satisfied-pa-id"]) == 1
    for determination in (MET, NOT_MET, MISSING, MISFIT, UNREAD, REFUSED):
        assert "satisfied-pa-id" not in said(determination, terms=NEEDED)
    for determination in (NOT_MET, MISSING, MISFIT, UNREAD, REFUSED):
        assert "satisfied-pa-id" not in said(determination, terms=GRANTED)


@pytest.mark.requirement("dev-14")
def test_a_what_if_is_never_granted() -> None:
    asked = call("2.2", "order-sign", "unsolicited-determ")
    assert answers(said(MET, terms=GRANTED, asked=asked)) == ("covered", "auth-needed")
    assert answers(said(MET, terms=NOT_NEEDED, asked=asked)) == ("covered", "no-auth")


TO_BE_SEEN = determined(
    finding("broken"),
    criteria=[
        criterion("broken", "required", says("broken"), None, {"url": Extension.HUMAN_REVIEW, "valueBoolean": True})
    ],
)


@pytest.mark.parametrize(
    ("determination", "unread"),
    [
        (DRAFT, ()),
        (MET, (Unread("prefetch.findings", Why.MORE, "Observation"),)),
        (MET, (Unread("prefetch.x", Why.FAILED),)),
        (TO_BE_SEEN, ()),
    ],
)
def test_nothing_is_granted_that_somebody_should_look_at(
    determination: Determination, unread: tuple[Unread, ...]
) -> None:
    assert answers(said(determination, terms=GRANTED, asked=call(unread=unread))) == ("covered", "auth-needed")


@pytest.mark.parametrize("terms", [GRANTED, NEEDED, NOT_NEEDED])
def test_what_is_met_on_a_part_of_the_chart_says_so(terms: Terms) -> None:
    unread = (Unread("prefetch.findings", Why.MORE, "Observation"),)
    assert "A: criteria met on what was read" in text(said(MET, terms=terms, asked=call(unread=unread)))
    assert "on what was read" not in text(said(MET, terms=terms))


def test_nothing_is_granted_under_one_of_several_coverages() -> None:
    assert answers(said(MET, problem=Problem.SEVERAL, terms=GRANTED)) == ("covered", "auth-needed")


def test_nothing_is_granted_for_an_order_that_may_be_another_patients() -> None:
    unsure = replace(MET, order=replace(MET.order, is_theirs=False))
    assert answers(said(unsure, terms=GRANTED)) == ("covered", "auth-needed")


@pytest.mark.parametrize("intent", ["proposal", "plan", "directive", "option", "Order", None, ["order"]])
def test_what_is_no_order_is_not_granted(intent: object) -> None:
    assert answers(said(meant(intent), terms=GRANTED)) == ("covered", "auth-needed")


@pytest.mark.parametrize("intent", ["order", "original-order", "reflex-order", "filler-order", "instance-order"])
def test_what_is_an_order_is_granted(intent: str) -> None:
    assert answers(said(meant(intent), terms=GRANTED)) == ("covered", "satisfied")


def test_a_type_of_order_that_states_no_intent_is_granted() -> None:
    lenses = replace(
        MET, order=replace(MET.order, resource={"resourceType": "VisionPrescription", "id": "o1", "status": "draft"})
    )
    assert answers(said(lenses, terms=GRANTED)) == ("covered", "satisfied")


@pytest.mark.parametrize(
    "change",
    [{"status": "on-hold"}, {"status": ["draft"]}, {"status": "Draft"}, {"doNotPerform": "true"}, {"doNotPerform": 1}],
    ids=repr,
)
def test_what_may_not_be_meant_to_be_done_is_not_granted(change: dict[str, object]) -> None:
    held = replace(MET, order=replace(MET.order, resource={**MET.order.resource, **change}))
    assert answers(said(held, terms=GRANTED)) == ("covered", "auth-needed")


def meant(intent: object) -> Determination:
    return replace(MET, order=replace(MET.order, resource={**MET.order.resource, "intent": intent}))


def test_what_the_policy_does_not_read_does_not_hold_an_authorization_up() -> None:
    unread = (Unread("prefetch.devices", Why.FAILED, "Device"),)
    assert answers(said(MET, terms=GRANTED, asked=call(unread=unread))) == ("covered", "satisfied")


# -- several determinations ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (MET, ("covered", "satisfied")),
        (DRAFT, ("covered", "auth-needed")),
        (NOT_MET, ("covered", "auth-needed", "clinical", "retain-doc")),
        (MISFIT, ("conditional", "conditional", "OTH")),
        (MISSING, ("conditional", "conditional", "clinical", "retain-doc", "OTH")),
        (UNREAD, ("indeterminate", "indeterminate", "technical")),
    ],
)
def test_of_several_determinations_the_least_favourable_counts(other: Determination, expected: tuple[str, ...]) -> None:
    assert answers(said(MET, other, terms=GRANTED)) == expected
    assert answers(said(other, MET, terms=GRANTED)) == expected


def test_each_of_several_determinations_has_its_reason_and_its_code() -> None:
    other = replace(NOT_MET, order=replace(NOT_MET.order, code="B"))
    found = said(MET, other)
    assert [one["text"].partition(":")[0] for one in found["reason"]] == ["A", "B"]
    assert [one["code"] for one in found["billingCode"]] == ["A", "B"]


def test_a_code_that_waits_for_another_order_asks_for_no_documents() -> None:
    goes_with = criterion("goes-with", "required", None, None, determination_of(), definitionCanonical=URL)
    policies = compiled(plan(**APPROVED), plan(goes_with, name="gadget", codes="gadgets", **APPROVED))
    waiting = said(*(one for one in judge(policies, order(), order("C", "o2")).determinations if one.order.code == "C"))
    assert answers(waiting) == ("conditional", "conditional", "OTH")
    assert "depends on another order: Title of goes-with" in text(waiting)


# -- what goes with it --------------------------------------------------------------------------------------------


def test_the_date_is_the_day_as_of_which_it_was_determined() -> None:
    assert said(MET)["date"] == ["2026-01-15"]


@pytest.mark.requirement("resp-32")
def test_ids_follow_the_coverage_and_the_determinations() -> None:
    ids = [
        (found["coverage-assertion-id"], found["satisfied-pa-id"])
        for found in (
            said(MET, terms=GRANTED),
            said(MET, terms=GRANTED, about=coverage("cov2")),
            said(determined(finding("broken", name="f2")), terms=GRANTED),
        )
    ]
    assert ids[0] == (said(MET, terms=GRANTED)["coverage-assertion-id"], said(MET, terms=GRANTED)["satisfied-pa-id"])
    assert len({str(one) for pair in ids for one in pair}) == 6


@pytest.mark.parametrize(
    ("ends", "effective_to", "expected"),
    [
        (None, None, None),
        ("2026-06-30", None, "2026-06-30"),
        (None, (2026, 12, 31), "2026-12-31"),
        ("2027", (2026, 12, 31), "2026-12-31"),
        ("2026", (2026, 12, 30), "2026-12-30"),
        ("2026-11", (2026, 12), "2026-11"),
    ],
)
def test_it_ends_with_the_coverage_or_the_policy_whichever_is_sooner(
    ends: str | None, effective_to: tuple[int, ...] | None, expected: str | None
) -> None:
    about = coverage(period={"end": ends}) if ends else coverage()
    limited = replace(MET, plan=replace(MET.plan, effective_to=Date(effective_to) if effective_to else None))
    assert said(limited, about=about).get("expiry-date") == ([expected] if expected else None)
    assert "expiry-date" not in said(limited, about=about, asked=call("2.0"))


def test_the_policy_is_linked_where_a_link_can_be_said() -> None:
    terms = Terms(policies_url="https://cds.example.org/policies")
    (detail,) = said(MET, terms=terms)["detail"]
    assert {"url": "value", "valueUrl": "https://cds.example.org/policies/folder#A"} in detail
    assert "detail" not in said(MET, terms=terms, asked=call("2.0"))


@pytest.mark.parametrize(
    ("uri", "point"),
    [
        ("tel:+1-555-0100", {"system": "phone", "value": "+1-555-0100"}),
        ("mailto:review@example.org", {"system": "email", "value": "review@example.org"}),
        ("https://example.org/review", {"system": "url", "value": "https://example.org/review"}),
    ],
)
def test_whom_to_ask_goes_with_what_is_not_met(uri: str, point: Json) -> None:
    terms = Terms(review_contact=uri)
    assert said(NOT_MET, terms=terms)["contact"] == [{"telecom": [point]}]
    assert said(NOT_MET, terms=terms, asked=call("2.0"))["contact"] == [point]
    assert "contact" not in said(MET, terms=terms)
    assert "contact" not in said(MISSING, terms=terms)
