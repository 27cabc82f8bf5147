"""What a policy leaves open can be asked, and an answer counts as a clinician's statement: no more, no less."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.fhir.temporal import Date
from cds_service.fhir.validate import validate
from cds_service.necessity.model import CriterionResult, Outcome
from cds_service.necessity.questionnaire import canonical_of, questionnaire_of
from cds_service.services.evaluation import evaluate, exchange_of
from tests.charts import shipped
from tests.made_up import BASE, finding, made_up_policies, order

HERE = Date((2026, 1, 15))
YES = {"valueCoding": {"system": "http://terminology.hl7.org/CodeSystem/v2-0136", "code": "Y"}}
NO = {"valueCoding": {"system": "http://terminology.hl7.org/CodeSystem/v2-0136", "code": "N"}}
NOT_KNOWN = {"valueCoding": {"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "unknown"}}
CONTEXT = "http://hl7.org/fhir/us/davinci-dtr/StructureDefinition/qr-context"


def response(*answers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "QuestionnaireResponse",
        "id": "qr",
        "questionnaire": f"{BASE}/Questionnaire/widget|0.1.0",
        "status": "completed",
        "subject": {"reference": "Patient/p1"},
        "authored": "2026-01-14T10:00:00Z",
        "item": [{"linkId": "broken", "answer": list(answers)}],
        **more,
    }


def judged(*chart: dict[str, Any]) -> tuple[Outcome, CriterionResult]:
    exchange = exchange_of("p1", [order()], {"all": list(chart)})
    (made,) = evaluate(exchange, made_up_policies(), received=HERE).determinations
    return made.outcome, made.result("broken")


def test_the_questions_are_the_criteria_that_say_what_to_do_when_they_are_missing() -> None:
    (plan,) = made_up_policies().plans
    made = questionnaire_of(plan)
    assert made is not None
    assert [item["linkId"] for item in made["item"]] == ["broken"]
    assert made["item"][0]["item"][0]["text"] == "State whether the widget is broken."
    assert canonical_of(plan) == f"{BASE}/Questionnaire/widget|0.1.0"


@pytest.mark.parametrize("plan", shipped().plans, ids=lambda plan: plan.name)
def test_the_questionnaire_of_every_policy_is_valid(plan: Any) -> None:
    made = questionnaire_of(plan)
    assert made is not None
    assert list(validate(made)) == []


def test_a_yes_meets_what_the_chart_leaves_open_and_is_its_evidence() -> None:
    outcome, result = judged(response(YES))
    assert (outcome, result.state) == (Outcome.MET, True)
    assert [(one.path, one.value, one.date, one.status) for one in result.evidence] == [
        ("QuestionnaireResponse/qr.item[0].answer[0].value", "Yes", "2026-01-14", "completed")
    ]


@pytest.mark.parametrize(
    "who",
    [
        {"author": {"reference": "Patient/p1"}},
        {"source": {"reference": "https://ehr.example.org/fhir/Patient/p1"}, "author": {"reference": "Practitioner/d"}},
        {"source": {"reference": "RelatedPerson/r1"}},
    ],
)
def test_what_a_patient_or_a_relative_answers_is_no_clinicians_statement(who: dict[str, Any]) -> None:
    outcome, _ = judged(response(YES, **who))
    assert outcome is Outcome.INFORMATION_MISSING
    assert judged(response(YES, author={"reference": "PractitionerRole/d1"}))[0] is Outcome.MET


def test_an_answer_whose_meaning_an_extension_changes_does_not_count() -> None:
    changed = {"modifierExtension": [{"url": "https://example.org/not"}]}
    item = {"linkId": "broken", "answer": [YES]}
    for one in (item | changed, item | {"answer": [YES | changed]}, {"linkId": "g", "item": [item]} | changed):
        assert judged(response(item=[one]))[0] is Outcome.INFORMATION_MISSING


def test_an_answer_below_an_answer_is_read() -> None:
    below = YES | {"item": [{"linkId": "broken", "answer": [NO]}]}
    outcome, result = judged(response(below))
    assert (outcome, result.reason) == (Outcome.INFORMATION_MISSING, "conflict")


def test_a_no_refutes_it() -> None:
    outcome, result = judged(response(NO))
    assert (outcome, result.state) == (Outcome.NOT_MET, False)


@pytest.mark.parametrize(("answer", "value"), [(YES, "intact"), (NO, "broken")])
def test_an_answer_against_the_chart_is_a_conflict(answer: dict[str, Any], value: str) -> None:
    outcome, result = judged(response(answer), finding(value))
    assert (outcome, result.state, result.reason) == (Outcome.INFORMATION_MISSING, None, "conflict")
    assert len(result.evidence) == 2


IGNORED: dict[str, dict[str, Any]] = {
    "not known": response(NOT_KNOWN),
    "no answer": response(),
    "a code of another system": response({"valueCoding": {"system": BASE, "code": "Y"}}),
    "a text": response({"valueString": "yes"}),
    "in progress": response(YES, status="in-progress"),
    "entered in error": response(YES, status="entered-in-error"),
    "of another patient": response(YES, subject={"reference": "Patient/p2"}),
    "of nobody": response(YES, subject=None),
    "undated": response(YES, authored=None),
    "of a month": response(YES, authored="2026-01"),
    "too old": response(YES, authored="2025-12-01"),
    "of the future, for no order": response(YES, authored="2026-01-16"),
    "of another questionnaire": response(YES, questionnaire=f"{BASE}/Questionnaire/other"),
    "of another version": response(YES, questionnaire=f"{BASE}/Questionnaire/widget|9"),
    "long ago, for an order of this name": response(
        YES, authored="2016-01-14", basedOn=[{"reference": "ServiceRequest/o1"}]
    ),
    "years ahead, for this order": response(YES, authored="2035-01-14", basedOn=[{"reference": "ServiceRequest/o1"}]),
    "for another order": response(YES, basedOn=[{"reference": "ServiceRequest/o2"}]),
    "with a modifier": response(YES, modifierExtension=[{"url": "x", "valueBoolean": True}]),
    "about no criterion": response(YES, item=[{"linkId": "sees", "answer": [YES]}]),
    "about what is not asked": response(YES, item=[{"linkId": "seen", "answer": [YES]}]),
    "misshapen": response(YES, item={"linkId": "broken", "answer": YES}),
}


@pytest.mark.parametrize("name", IGNORED)
def test_what_is_no_answer_for_this_order_counts_for_nothing(name: str) -> None:
    outcome, result = judged(IGNORED[name])
    assert (outcome, result.state, result.reason) == (Outcome.INFORMATION_MISSING, None, "absent")


COUNTED: dict[str, dict[str, Any]] = {
    "a boolean": response({"valueBoolean": True}),
    "no version": response(YES, questionnaire=f"{BASE}/Questionnaire/widget"),
    "inside a group": response(item=[{"linkId": "g", "item": [{"linkId": "broken", "answer": [YES]}]}]),
    "later, for this order": response(
        YES, authored="2026-02-01", extension=[{"url": CONTEXT, "valueReference": {"reference": "ServiceRequest/o1"}}]
    ),
    "for this order and a coverage": response(
        YES,
        extension=[
            {"url": CONTEXT, "valueReference": {"reference": "Coverage/c"}},
            {"url": CONTEXT, "valueReference": {"reference": "https://ehr.example.org/ServiceRequest/o1/_history/2"}},
        ],
    ),
    "amended": response(YES, status="amended"),
}


@pytest.mark.parametrize("name", COUNTED)
def test_an_answer_counts_however_it_is_written(name: str) -> None:
    assert judged(COUNTED[name])[0] is Outcome.MET


def test_the_newest_day_counts_and_two_answers_of_one_day_conflict() -> None:
    older = response(NO, id="older", authored="2026-01-02")
    assert judged(older, response(YES))[0] is Outcome.MET
    same_day = response(NO, id="other")
    assert judged(same_day, response(YES))[1].reason == "conflict"
