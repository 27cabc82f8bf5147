"""Bad input, bytes in: a clear answer each time, and never a clearance."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from cds_service.fhir.encoding import encode
from cds_service.services import SERVICES
from cds_service.settings import Settings
from cds_service.wiring import Application
from tests.charts import fixture, shipped

Request = dict[str, Any]


def answer(request: Request) -> list[dict[str, Any]]:
    application = Application(Settings(), shipped())
    cards: list[dict[str, Any]] = json.loads(application.answer(SERVICES["necessity-order-sign"], encode(request)))[
        "cards"
    ]
    return cards


def seed(code: str = "63102") -> Request:
    """Seed 1 with one order left."""
    request: Request = fixture("cds_hooks/seed-1-order-sign.json")
    drafts = request["context"]["draftOrders"]
    drafts["entry"] = [one for one in drafts["entry"] if one["resource"]["code"]["coding"][0]["code"] == code]
    return request


def order(request: Request) -> dict[str, Any]:
    found: dict[str, Any] = request["context"]["draftOrders"]["entry"][0]["resource"]
    return found


def chart(request: Request, key: str) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in request["prefetch"][key]["entry"]]


def of_all(key: str, change: Callable[[dict[str, Any]], None]) -> Callable[[Request], None]:
    def apply(request: Request) -> None:
        for resource in chart(request, key):
            change(resource)

    return apply


def dangling(request: Request) -> None:
    for observation in chart(request, "observation"):
        observation["partOf"] = [{"reference": "ImagingStudy/nowhere"}]


SPOILT_CHARTS: dict[str, Callable[[Request], None]] = {
    "conditions of another patient": of_all("condition", lambda one: one.update(subject={"reference": "Patient/p2"})),
    "imaging entered in error": of_all("imagingStudy", lambda one: one.update(status="entered-in-error")),
    "imaging in the future": of_all("imagingStudy", lambda one: one.update(started="2031-01-01")),
    "conditions dated by a year": of_all("condition", lambda one: one.update(recordedDate="2025")),
    "conditions without a code": of_all("condition", lambda one: one.pop("code")),
    "conditions whose code is a text": of_all("condition", lambda one: one.update(code="C41.2")),
    "a subject that is a text": of_all("condition", lambda one: one.update(subject="Patient/seed-1")),
    "no prefetch": lambda request: request.pop("prefetch"),
    "prefetch values that are nothing": lambda request: request.update(prefetch=dict.fromkeys(request["prefetch"])),
    "prefetch that failed": lambda request: request.update(
        prefetch={key: {"resourceType": "OperationOutcome", "issue": []} for key in request["prefetch"]}
    ),
    "prefetch that is no FHIR": lambda request: request.update(prefetch={"a": 7, "b": "x", "c": [None, 1, {}]}),
    "entries that are nothing": lambda request: request.update(prefetch={"a": {"entry": [None, {}, {"resource": 1}]}}),
}


@pytest.mark.parametrize("fault", SPOILT_CHARTS)
def test_a_spoilt_chart_gets_a_card_that_is_no_clearance(fault: str) -> None:
    request = seed()
    SPOILT_CHARTS[fault](request)
    (card,) = answer(request)
    assert "63102: information missing" in card["summary"]
    assert card["indicator"] == "warning"


def test_imaging_reports_that_are_preliminary_leave_the_imaging_open() -> None:
    request = seed()
    for report in chart(request, "diagnosticReport"):
        report["status"] = "preliminary"
    (card,) = answer(request)
    assert card["summary"] == "63102: information missing - current MR or CT of the level"


def test_findings_from_imaging_that_is_nowhere_count_for_nothing() -> None:
    request = seed("22849")
    dangling(request)
    (card,) = answer(request)
    assert "22849: information missing" in card["summary"]


def test_an_order_for_another_patient_is_not_judged_on_this_chart() -> None:
    request = seed()
    order(request)["subject"] = {"reference": "Patient/somebody-else"}
    (card,) = answer(request)
    assert card["summary"].startswith("1 order names another patient")
    assert card["indicator"] == "critical"
    assert "somebody-else" not in json.dumps(card)


def test_a_companion_order_for_another_patient_is_not_read() -> None:
    """The cage leans on the corpectomy in the set; one for somebody else is none."""
    request: Request = fixture("cds_hooks/seed-1-order-sign.json")
    for entry in request["context"]["draftOrders"]["entry"]:
        if entry["resource"]["id"] == "order-63102":
            entry["resource"]["subject"] = {"reference": "Patient/somebody-else"}
    cage = next(card for card in answer(request) if "22854" in card["summary"])
    assert "no corpectomy at this level is ordered with it" in cage["summary"]


@pytest.mark.parametrize("code", [{"text": "L1 corpectomy"}, {"coding": [{}]}, {"coding": [{"code": "63102"}]}, None])
def test_an_order_without_a_readable_code_is_told_so(code: dict[str, Any] | None) -> None:
    request = seed()
    order(request)["code"] = code
    (card,) = answer(request)
    assert card["summary"].startswith("1 order has no readable code")


def test_two_codings_of_one_order_are_synonyms() -> None:
    request = seed()
    order(request)["code"]["coding"].insert(0, {"system": "http://snomed.info/sct", "code": "112730002"})
    (card,) = answer(request)
    assert "(63102): criteria met" in card["summary"]
    assert "order-63102" in card["detail"]


def test_a_bundle_of_five_megabytes_is_read() -> None:
    request = seed()
    lab = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "718-7", "display": "Haemoglobin"}]},
        "subject": {"reference": "Patient/seed-1"},
        "effectiveDateTime": "2025-12-01T08:00:00Z",
        "valueQuantity": {"value": 12.5, "unit": "g/dL", "system": "http://unitsofmeasure.org", "code": "g/dL"},
        "note": [{"text": "x" * 300}],
    }
    request["prefetch"]["labs"] = {"entry": [{"resource": {**lab, "id": f"lab-{i}"}} for i in range(8_000)]}
    assert len(encode(request)) > 5_000_000
    (card,) = answer(request)
    assert "(63102): criteria met" in card["summary"]


def test_drafts_without_any_entry_give_no_card() -> None:
    request = seed()
    request["context"]["draftOrders"]["entry"] = []
    assert answer(request) == []


@pytest.mark.parametrize(
    "entry",
    [
        {"resource": {"resourceType": "Foo"}},
        {"resource": {}},
        {"fullUrl": "urn:uuid:1"},
        None,
        {},
        {"resource": None},
        {"Resource": {"resourceType": "ServiceRequest"}},
    ],
)
def test_drafts_that_cannot_be_read_are_told_on_a_card(entry: Any) -> None:
    request = seed()
    request["context"]["draftOrders"]["entry"] = [entry]
    (card,) = answer(request)
    assert card["summary"].startswith("Part of the orders could not be read")


@pytest.mark.parametrize(
    "coding",
    [
        {"code": "63102-50"},
        {"code": "63102-50-LT"},
        {"code": " 63102"},
        {"code": "63102 22"},
        {"code": "63102:22"},
        {"code": "6310222"},
        {"system": "HTTP://www.ama-assn.org/go/cpt"},
        {"system": "http://www.ama-assn.org/go/cpt-4"},
        {"system": "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"},
        {"system": "https://example.org/local"},
    ],
    ids=str,
)
def test_a_code_of_a_policy_that_is_written_otherwise_gets_a_card(coding: dict[str, str]) -> None:
    request = seed()
    (entry,) = request["context"]["draftOrders"]["entry"]
    written = {"system": "http://www.ama-assn.org/go/cpt", "code": "63102"} | coding
    entry["resource"]["code"]["coding"] = [written]
    (card,) = answer(request)
    assert "no readable code" in card["summary"]


def test_a_code_of_another_system_gets_none() -> None:
    request = seed()
    (entry,) = request["context"]["draftOrders"]["entry"]
    entry["resource"]["code"]["coding"] = [{"system": "http://snomed.info/sct", "code": "63102"}]
    assert answer(request) == []


@pytest.mark.parametrize(
    "system", ["https://www.ama-assn.org/go/cpt", "http://www.ama-assn.org/go/cpt/", "2.16.840.1.113883.6.12"]
)
def test_a_code_is_judged_under_every_name_of_its_system(system: str) -> None:
    request = seed()
    (entry,) = request["context"]["draftOrders"]["entry"]
    entry["resource"]["code"]["coding"] = [{"system": system, "code": "63102"}]
    (card,) = answer(request)
    assert "63102" in card["summary"]


BESIDE: dict[str, Any] = {
    "more than was sent": {"total": 3},
    "a further page": {"link": [{"relation": "next", "url": "https://ehr.example.org/2"}]},
    "an entry that cannot be read": {"entry": [5]},
    "an order by text": {"entry": [{"resource": {"resourceType": "ServiceRequest", "id": "x", "code": {"text": "y"}}}]},
    "a group": {"entry": [{"resource": {"resourceType": "RequestGroup", "id": "g", "status": "draft"}}]},
    "a medication that is not there": {
        "entry": [
            {
                "resource": {
                    "resourceType": "MedicationRequest",
                    "id": "m",
                    "medicationReference": {"reference": "Medication/m"},
                }
            }
        ]
    },
}


@pytest.mark.parametrize("beside", BESIDE.values(), ids=BESIDE)
def test_a_part_that_is_not_known_to_be_ordered_is_not_taken_for_missing(beside: dict[str, Any]) -> None:
    request = seed()
    drafts = request["context"]["draftOrders"]
    (entry,) = drafts["entry"]
    entry["resource"]["code"]["coding"][0]["code"] = "22854"
    (alone,) = answer(request)
    assert "no corpectomy at this level is ordered" in alone["summary"]
    request["context"]["draftOrders"] = drafts | beside | {"entry": [entry, *beside.get("entry", [])]}
    cage = next(card for card in answer(request) if "22854" in card["summary"])
    assert "information missing" in cage["summary"]
