"""A card with open questions offers them as a form, whose answers settle the order."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cds_service.fhir.encoding import encode
from cds_service.fhir.temporal import Date
from cds_service.fhir.validate import validate
from cds_service.services import SERVICES
from cds_service.settings import Settings
from cds_service.wiring import Application
from tests.made_up import BASE, finding, made_up_policies, order, request

HERE = Date((2026, 1, 15))


def signed(*chart: dict[str, Any], **settings: Any) -> dict[str, Any]:
    application = Application(Settings(**settings), made_up_policies(), clock=lambda: HERE)
    body = encode(request(order(requester={"reference": "Practitioner/d1"}), chart=chart))
    answer: dict[str, Any] = json.loads(application.answer(SERVICES["necessity-order-sign"], body))
    return answer


@pytest.mark.requirement("dev-19")
def test_what_is_open_can_be_answered_in_a_form() -> None:
    (card,) = signed()["cards"]
    (suggestion,) = card["suggestions"]
    assert suggestion["label"] == "Answer 1 open question on replace"
    questionnaire, task = suggestion["actions"]
    assert questionnaire["extension"] == {"davinci-crd.if-none-exist": f"url={BASE}/Questionnaire/widget&version=0.1.0"}
    assert task["resource"]["input"][0]["valueCanonical"] == f"{BASE}/Questionnaire/widget|0.1.0"
    assert task["resource"]["for"] == {"reference": "Patient/p1"}
    assert [list(validate(one["resource"])) for one in suggestion["actions"]] == [[], []]


@pytest.mark.parametrize("value", ["broken", "intact"])
def test_where_nothing_is_open_there_is_no_form(value: str) -> None:
    (card,) = signed(finding(value))["cards"]
    assert "suggestions" not in card


def test_the_answered_form_settles_the_order_on_the_next_call() -> None:
    questionnaire = signed()["cards"][0]["suggestions"][0]["actions"][0]["resource"]
    yes = next(
        one["valueCoding"] for one in questionnaire["item"][0]["answerOption"] if one["valueCoding"]["display"] == "Yes"
    )
    answered = {
        "resourceType": "QuestionnaireResponse",
        "id": "qr",
        "questionnaire": f"{questionnaire['url']}|{questionnaire['version']}",
        "status": "completed",
        "subject": {"reference": "Patient/p1"},
        "authored": "2026-01-15",
        "item": [{"linkId": questionnaire["item"][0]["linkId"], "answer": [{"valueCoding": yes}]}],
    }
    (card,) = signed(answered)["cards"]
    assert "criteria met" in card["summary"]
    assert "`QuestionnaireResponse/qr.item[0].answer[0].value`" in card["detail"]
