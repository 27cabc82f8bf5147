"""The shapes of CRD's response types, and that our cards without a suggestion have one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cds_service.cards import render
from cds_service.cds_hooks import to_json_object
from cds_service.fhir.encoding import decode, encode
from cds_service.necessity.model import Determination
from tests.response_types import response_types
from tests.unit.crd.payer import MET, MISFIT, MISSING, NOT_MET, REFUSED, UNREAD
from tests.unit.plan_definition.plans import Json
from tests.unit.test_cards import SANDBOX

POLICY = {"label": "Policy", "url": "https://example.org/p", "type": "absolute"}
APP = {"label": "App", "url": "https://example.org/app", "type": "smart", "appContext": "x"}
ORDER = {"resourceType": "ServiceRequest", "id": "o1"}
UPDATE, CREATE = {"type": "update", "resource": ORDER}, {"type": "create", "resource": ORDER}
DELETE = {"type": "delete", "resourceId": "ServiceRequest/o1"}
TASK = {
    "resourceType": "Task",
    "status": "ready",
    "intent": "order",
    "code": {"coding": [{"code": "complete-questionnaire"}]},
    "for": {},
    "authoredOn": "2026-01-15",
    "requester": {},
    "input": [{"type": {"text": "questionnaire"}, "valueCanonical": "https://example.org/q|1"}],
}
ASK = {"type": "create", "resource": TASK}
FORM = {"type": "create", "resource": {"resourceType": "Questionnaire"}}
INSURE = {"type": "update", "resource": {"resourceType": "Coverage"}}


def suggesting(*suggestions: list[Json], **more: Any) -> Json:
    return {"suggestions": [{"label": "x", "actions": one} for one in suggestions], **more}


@pytest.mark.parametrize(
    ("card", "types"),
    [
        ({"links": [POLICY]}, {"External Reference"}),
        ({"links": [POLICY, APP]}, set()),
        ({"links": [APP]}, {"Launch SMART"}),
        ({"detail": "x"}, {"Instructions"}),
        ({}, set()),
        (suggesting([UPDATE]), {"Propose Alternate"}),
        (suggesting([DELETE, CREATE], [UPDATE]), {"Propose Alternate"}),
        (suggesting([DELETE]), set()),
        (suggesting([UPDATE, CREATE]), set()),
        (suggesting([CREATE], [CREATE, CREATE]), {"Additional Orders"}),
        (suggesting([CREATE], links=[POLICY]), set()),
        (suggesting([ASK]), {"Form Completion"}),
        (suggesting([FORM, ASK]), {"Form Completion"}),
        (suggesting([{**ASK, "resource": {**TASK, "focus": {}}}]), set()),
        (suggesting([FORM]), set()),
        (suggesting([INSURE]), {"Adjust Coverage"}),
        (suggesting([]), set()),
    ],
)
def test_a_card_is_told_by_its_shape(card: Json, types: set[str]) -> None:
    assert response_types(card) == types


@pytest.mark.requirement("resp-18", "resp-22")
@pytest.mark.parametrize(
    ("determination", "type_name"),
    [
        (MET, "External Reference"),
        (NOT_MET, "External Reference"),
        (MISFIT, "External Reference"),
        (REFUSED, "External Reference"),
        (MISSING, "Instructions"),
        (UNREAD, "Instructions"),
    ],
)
def test_a_payers_card_refers_to_the_policy_or_says_what_to_do(determination: Determination, type_name: str) -> None:
    (card,) = render([determination], replace(SANDBOX, crd=True))
    written: Any = decode(encode(to_json_object(card)))
    assert response_types(written) == {type_name}
