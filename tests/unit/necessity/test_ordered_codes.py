"""Every type of order → its codes, each at its own element, whether it stands there or is referred to."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.fhir.element import locate
from cds_service.fhir.record import PatientRecord
from cds_service.necessity.ordered_codes import (
    BILLING_OPTIONS,
    CODE_PATHS,
    PAYLOAD_CONTENT,
    code_references,
    ordered_codes,
)
from cds_service.plan_definition.compile import ORDER_TYPES
from tests.unit.plan_definition.plans import CODES

Json = dict[str, Any]


def coding(code: str = "A", system: str = CODES) -> Json:
    return {"system": system, "code": code}


def concept(*codes: str) -> Json:
    return {"coding": [coding(code) for code in codes or ("A",)]}


def request(kind: str, **more: Any) -> Json:
    return {"resourceType": kind, "id": "o1", "status": "draft", **more}


def found(order: Json, *chart: Json) -> list[tuple[str, str]]:
    record = PatientRecord("p1", (order, *chart))
    (held,) = [one for one in record.resources if one.get("id") == order.get("id")]
    return [(one.path, one.code) for one in ordered_codes(held, record)]


def test_every_type_of_order_has_its_places() -> None:
    assert set(ORDER_TYPES) <= CODE_PATHS.keys()


ORDERS: list[tuple[Json, list[str]]] = [
    (request("ServiceRequest", code=concept(), quantityQuantity={"value": 2}), ["code.coding[0]"]),
    (request("DeviceRequest", codeCodeableConcept=concept()), ["code.coding[0]"]),
    (request("MedicationRequest", medicationCodeableConcept=concept()), ["medication.coding[0]"]),
    (request("NutritionOrder", oralDiet={"type": [concept("Z"), concept()]}), ["oralDiet.type[1].coding[0]"]),
    (request("NutritionOrder", supplement=[{}, {"type": concept()}]), ["supplement[1].type.coding[0]"]),
    (
        request("NutritionOrder", enteralFormula={"baseFormulaType": concept()}),
        ["enteralFormula.baseFormulaType.coding[0]"],
    ),
    (
        request("VisionPrescription", lensSpecification=[{"product": concept()}, {"product": concept()}]),
        ["lensSpecification[0].product.coding[0]"],
    ),
    (request("CommunicationRequest", category=[concept()]), ["category[0].coding[0]"]),
    (request("Appointment", serviceType=[concept("Z"), concept("Z", "A")]), ["serviceType[1].coding[1]"]),
]


@pytest.mark.parametrize(
    ("order", "paths"), ORDERS, ids=lambda one: one.get("resourceType") if type(one) is dict else ""
)
def test_a_code_is_found_where_its_type_has_it_and_the_path_leads_back(order: Json, paths: list[str]) -> None:
    codes = [path for path, code in found(order) if code == "A"]
    assert codes == [f"{order['resourceType']}/o1.{path}" for path in paths]
    for path in codes:
        ((container, key),) = locate(order, path)
        assert container[key]["code"] == "A"


@pytest.mark.parametrize(
    "reference", ["Medication/m1", "Medication/m1/_history/2", "https://ehr.example.org/fhir/Medication/m1"]
)
def test_a_medication_is_read_where_it_stands(reference: str) -> None:
    medication = {"resourceType": "Medication", "id": "m1", "code": concept()}
    order = request("MedicationRequest", medicationReference={"reference": reference})
    assert found(order, medication) == [("Medication/m1.code.coding[0]", "A")]
    assert found(order) == []


def test_a_contained_medication_is_read_inside_its_order() -> None:
    medication = {"resourceType": "Medication", "id": "m1", "code": concept()}
    order = request("MedicationRequest", contained=[medication], medicationReference={"reference": "#m1"})
    ((path, _),) = found(order)
    assert path == "MedicationRequest/o1.contained[0].code.coding[0]"
    ((container, key),) = locate(order, path)
    assert container[key] == coding()


@pytest.mark.parametrize("kind", ["Device", "DeviceDefinition"])
def test_a_device_is_read_where_it_stands(kind: str) -> None:
    device = {"resourceType": kind, "id": "d1", "type": concept()}
    order = request("DeviceRequest", codeReference={"reference": f"{kind}/d1"})
    assert found(order, device) == [(f"{kind}/d1.type.coding[0]", "A")]


def test_an_appointment_has_the_codes_of_the_requests_that_it_is_based_on() -> None:
    based_on = {**request("ServiceRequest", code=concept()), "id": "s1", "status": "active"}
    order = request("Appointment", basedOn=[{"reference": "ServiceRequest/s1"}, {"reference": "ServiceRequest/s2"}])
    record = PatientRecord("p1", (order, based_on))
    (one,) = ordered_codes(order, record)
    assert one.path == "ServiceRequest/s1.code.coding[0]"
    assert one.request is record.get("ServiceRequest", "s1")


def test_an_appointment_for_a_medication_leads_to_it() -> None:
    medication = {"resourceType": "Medication", "id": "m1", "code": concept()}
    based_on = {**request("MedicationRequest", medicationReference={"reference": "Medication/m1"}), "id": "s1"}
    order = request("Appointment", basedOn=[{"reference": "MedicationRequest/s1"}])
    assert found(order, based_on, medication) == [("Medication/m1.code.coding[0]", "A")]


def test_requests_that_refer_to_each_other_come_to_an_end() -> None:
    order = request("Appointment", basedOn=[{"reference": "Appointment/o1"}], serviceType=[concept()])
    assert {code for _, code in found(order)} == {"A"}


def test_what_is_to_be_communicated_may_be_coded() -> None:
    extension = {"url": f"{PAYLOAD_CONTENT}%5Bx%5D", "valueCodeableConcept": concept()}
    beside = request("CommunicationRequest", payload=[{"extension": [extension]}])
    within = request(
        "CommunicationRequest", payload=[{"contentString": "x", "_contentString": {"extension": [extension]}}]
    )
    other = request("CommunicationRequest", payload=[{"extension": [{**extension, "url": "https://example.org"}]}])
    assert found(beside) == [("CommunicationRequest/o1.payload[0].extension[0].value.coding[0]", "A")]
    assert found(within) == [("CommunicationRequest/o1.payload[0].content.extension[0].value.coding[0]", "A")]
    assert found(other) == []


@pytest.mark.requirement("billopt-2")
@pytest.mark.requirement("billopt-3")
@pytest.mark.parametrize(
    "option",
    [
        {"valueCodeableConcept": concept()},
        {"valueCoding": coding()},
        {"extension": [{"url": "code", "valueCoding": coding()}]},
        {"extension": [{"url": "code", "valueCodeableConcept": concept()}]},
    ],
    ids=["concept", "coding", "part", "concept in a part"],
)
def test_billing_options_count_in_each_of_their_shapes(option: Json) -> None:
    options = [{"url": BILLING_OPTIONS, **option}]
    assert [code for _, code in found(request("ServiceRequest", code={**concept("Z"), "extension": options}))] == [
        "A",
        "Z",
    ]
    assert found(request("ServiceRequest", code=concept("Z"))) == [("ServiceRequest/o1.code.coding[0]", "Z")]


def test_billing_options_of_a_diet_stand_at_the_order_itself() -> None:
    order = request("NutritionOrder", extension=[{"url": BILLING_OPTIONS, "valueCodeableConcept": concept()}])
    assert found(order) == [("NutritionOrder/o1.extension[0].value.coding[0]", "A")]


@pytest.mark.parametrize("code", [" A", "A ", "", "  ", "A  B", "\tA", None, 63102])
def test_what_is_not_written_as_a_code_is_none(code: object) -> None:
    assert found(request("ServiceRequest", code={"coding": [{"system": CODES, "code": code}]})) == []


ODD: list[Any] = [None, 5, "x", [], {}, [None], [5, "x"], {"reference": 5}, {"reference": ""}, [[concept()]]]


@pytest.mark.parametrize("odd", ODD, ids=repr)
@pytest.mark.parametrize("kind", ORDER_TYPES)
def test_whatever_stands_in_the_place_of_a_code_does_no_harm(kind: str, odd: object) -> None:
    for path in CODE_PATHS[kind]:
        name, *inner = path.split(".")
        held = odd
        for step in reversed(inner):
            held = {step: held}
        order = request(kind, **dict.fromkeys((name, f"{name}CodeableConcept", f"{name}Reference"), held))
        assert found(order) == []
        assert list(code_references(order)) == []


def test_an_element_written_once_for_a_list_and_a_list_for_one_are_read() -> None:
    assert found(request("CommunicationRequest", category=concept())) == [
        ("CommunicationRequest/o1.category.coding[0]", "A")
    ]
    assert found(request("MedicationRequest", medicationCodeableConcept=[concept()])) == [
        ("MedicationRequest/o1.medication[0].coding[0]", "A")
    ]


def test_the_references_that_lead_to_codes_are_told() -> None:
    device = request("DeviceRequest", codeReference={"reference": "Device/d1"})
    booked = request("Appointment", basedOn=[{"reference": "ServiceRequest/s1"}, {"reference": "#s2"}])
    assert list(code_references(device)) == ["Device/d1"]
    assert list(code_references(booked)) == ["ServiceRequest/s1"]
    assert list(code_references(request("ServiceRequest", code=concept()))) == []
