"""Which resources may speak for the patient on a day, and why the others may not."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from cds_service.fhir.record import PatientRecord
from cds_service.fhir.temporal import Date, parse_date
from cds_service.necessity.chart import Chart, status_of
from cds_service.plan_definition.model import CodeFilter, Input
from tests.charts import fixture

AS_OF = Date((2026, 1, 15))
SNOMED = "http://snomed.info/sct"
ME = {"reference": "Patient/p1"}

VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"


def resource(kind: str, status: object = None, /, **more: Any) -> dict[str, Any]:
    """Return a resource of this patient with nothing against it but, perhaps, its status."""
    made: dict[str, Any] = {"resourceType": kind, "id": "r"}
    made["patient" if kind in ("Device", "BodyStructure") else "subject"] = ME
    if kind == "Condition" and status is not None:
        made["verificationStatus"] = {"coding": [{"system": VERIFICATION, "code": status}]}
    elif status is not None:
        made["status"] = status
    return made | more


def chart(
    *resources: dict[str, Any], drafts: tuple[dict[str, Any], ...] = (), as_of: Date = AS_OF, **more: Any
) -> Chart:
    return Chart(PatientRecord("p1", (*resources, *drafts), **more), as_of, drafts)


def refusal(one: dict[str, Any], **more: Any) -> str | None:
    """Return why a resource is refused, after checking that it is selected exactly when it is not."""
    viewed = chart(one, **more)
    reasons = [refused["reason"] for refused in viewed.rejected]
    assert (viewed.select(Input("all", one["resourceType"])) == ()) is bool(reasons)
    return reasons[0] if reasons else None


# -- status -------------------------------------------------------------------------------------------------------

USABLE = None
PRELIMINARY, IN_ERROR, UNKNOWN = "preliminary", "entered-in-error", "status-unknown"

STATUSES: dict[str, dict[str | None, str | None]] = {
    "Observation": {
        "final": USABLE, "amended": USABLE, "corrected": USABLE,
        "registered": PRELIMINARY, "preliminary": PRELIMINARY,
        "cancelled": IN_ERROR, "entered-in-error": IN_ERROR, "unknown": UNKNOWN, None: UNKNOWN,
    },
    "DiagnosticReport": {
        "final": USABLE, "amended": USABLE, "corrected": USABLE, "appended": USABLE,
        "registered": PRELIMINARY, "partial": PRELIMINARY, "preliminary": PRELIMINARY,
        "cancelled": IN_ERROR, "entered-in-error": IN_ERROR, "unknown": UNKNOWN, None: UNKNOWN,
    },
    "Condition": {
        "confirmed": USABLE, "refuted": USABLE,
        "unconfirmed": PRELIMINARY, "provisional": PRELIMINARY, "differential": PRELIMINARY,
        "entered-in-error": IN_ERROR, "nonsense": UNKNOWN, None: "unconfirmed",
    },
    "Procedure": {
        "completed": USABLE, "preparation": PRELIMINARY, "in-progress": PRELIMINARY, "on-hold": PRELIMINARY,
        "not-done": UNKNOWN, "stopped": UNKNOWN, "entered-in-error": IN_ERROR, "unknown": UNKNOWN, None: UNKNOWN,
    },
    "ImagingStudy": {
        "available": USABLE, "registered": PRELIMINARY, "cancelled": IN_ERROR, "entered-in-error": IN_ERROR,
        "unknown": UNKNOWN, None: UNKNOWN,
    },
    "MedicationAdministration": {
        "completed": USABLE, "in-progress": PRELIMINARY, "on-hold": PRELIMINARY, "not-done": UNKNOWN,
        "stopped": UNKNOWN, "entered-in-error": IN_ERROR, "unknown": UNKNOWN, None: UNKNOWN,
    },
    "MedicationRequest": {
        "active": USABLE, "completed": USABLE, "on-hold": PRELIMINARY, "draft": PRELIMINARY, "cancelled": IN_ERROR,
        "stopped": UNKNOWN, "entered-in-error": IN_ERROR, "unknown": UNKNOWN, None: UNKNOWN,
    },
    "MedicationStatement": {
        "active": USABLE, "completed": USABLE, "intended": UNKNOWN, "not-taken": UNKNOWN, "stopped": UNKNOWN,
        "on-hold": PRELIMINARY, "entered-in-error": IN_ERROR, "unknown": UNKNOWN, None: UNKNOWN,
    },
    "ServiceRequest": {
        "active": USABLE, "completed": USABLE, "draft": PRELIMINARY, "on-hold": PRELIMINARY, "revoked": UNKNOWN,
        "entered-in-error": IN_ERROR, "unknown": UNKNOWN, None: UNKNOWN,
    },
    "DocumentReference": {
        "current": USABLE, "superseded": UNKNOWN, "entered-in-error": IN_ERROR, None: UNKNOWN,
    },
    "QuestionnaireResponse": {
        "completed": USABLE, "amended": USABLE, "in-progress": PRELIMINARY, "stopped": UNKNOWN,
        "entered-in-error": IN_ERROR, None: UNKNOWN,
    },
    "CarePlan": {
        "active": USABLE, "completed": USABLE, "draft": PRELIMINARY, "on-hold": PRELIMINARY, "revoked": UNKNOWN,
        "entered-in-error": IN_ERROR, "unknown": UNKNOWN, None: UNKNOWN,
    },
    "Device": {"active": USABLE, "inactive": UNKNOWN, "entered-in-error": IN_ERROR, "unknown": UNKNOWN, None: UNKNOWN},
    "BodyStructure": {None: USABLE},
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "status", "reason"),
    [(kind, status, reason) for kind, table in STATUSES.items() for status, reason in table.items()],
)
def test_a_status_makes_a_statement_of_fact_or_does_not(kind: str, status: str | None, reason: str | None) -> None:
    assert refusal(resource(kind, status)) == reason


ODD: list[object] = [5, True, "", "FINAL", "final ", [], ["final"], {}, {"a": 1}, {"coding": [{"code": "final"}]}]


@pytest.mark.parametrize("status", ODD, ids=repr)
def test_an_odd_status_states_nothing(status: object) -> None:
    assert refusal(resource("Observation", status)) == UNKNOWN


@pytest.mark.parametrize(
    "status",
    [
        5,
        [],
        {},
        {"text": "confirmed"},
        {"coding": None},
        {"coding": [None]},
        {"coding": [{"code": "confirmed"}, {"code": "refuted"}]},
    ],
    ids=repr,
)
def test_a_verification_that_cannot_be_told_states_nothing(status: object) -> None:
    assert refusal(resource("Condition", verificationStatus=status)) == UNKNOWN


def test_a_condition_is_judged_by_its_verification_and_not_by_a_status() -> None:
    assert status_of(resource("Condition", "confirmed", status="entered-in-error")) == "confirmed"
    assert refusal(resource("Condition", "entered-in-error", status="final")) == IN_ERROR


@pytest.mark.parametrize("kind", ["ServiceRequest", "MedicationRequest"])
def test_an_order_that_something_is_not_to_be_done_is_no_statement_that_it_is(kind: str) -> None:
    assert refusal(resource(kind, "active", doNotPerform=True)) == "not-done"
    assert refusal(resource(kind, "active", doNotPerform=False)) is None


def test_a_resource_whose_meaning_is_modified_in_an_unknown_way_is_not_read() -> None:
    modified = [{"url": "https://example.org/negated", "valueBoolean": True}]
    assert refusal(resource("Observation", "final", modifierExtension=modified)) == "modifier-unknown"
    assert refusal(resource("Observation", "final", modifierExtension=[])) is None


# -- whose --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subject", "reason"),
    [
        (ME, None),
        ({"reference": "Patient/p1/_history/1"}, None),
        ({"reference": "https://ehr.example.org/fhir/Patient/p1"}, None),
        ({"reference": "https://elsewhere.example.org/fhir/Patient/p1"}, "other-patient"),
        ({"reference": "Patient/p2"}, "other-patient"),
        ({"reference": "Group/g"}, "other-patient"),
        ({"reference": "urn:uuid:0b7e4f3a-5a3c-4a53-9c52-6f0f6f1d2c3b"}, "subject-unknown"),
        ({"display": "Jane Roe"}, "subject-unknown"),
        ({}, "subject-unknown"),
        (None, "subject-unknown"),
        ("Patient/p1", "subject-unknown"),
        ([ME], "subject-unknown"),
        (5, "subject-unknown"),
    ],
    ids=repr,
)
def test_a_resource_speaks_for_the_patient_whom_it_names(subject: object, reason: str | None) -> None:
    server = "https://ehr.example.org/fhir"
    assert refusal(resource("Observation", "final", subject=subject), server=server) == reason


@pytest.mark.parametrize(
    "one",
    [
        resource("Device", "active", patient={"reference": "Patient/p2"}),
        {"resourceType": "AllergyIntolerance", "id": "a", "patient": {"reference": "Patient/p2"}},
        {"resourceType": "Coverage", "id": "c", "status": "active", "beneficiary": {"reference": "Patient/p2"}},
        {"resourceType": "Task", "id": "t", "status": "completed", "for": {"reference": "Patient/p2"}},
        {"resourceType": "Patient", "id": "p2"},
        {"resourceType": "Patient"},
    ],
    ids=lambda one: one["resourceType"],
)
def test_what_is_about_another_patient_is_refused_in_every_type(one: dict[str, Any]) -> None:
    assert refusal(one) == "other-patient"


@pytest.mark.parametrize("kind", ["Patient", "Organization", "Practitioner", "Location", "Binary"])
def test_the_patient_and_what_has_no_patient_are_usable(kind: str) -> None:
    one = {"resourceType": kind, "id": "p1"} | ({"status": "active"} if kind == "Location" else {})
    assert refusal(one) is None


@pytest.mark.parametrize(
    ("focus", "reason"),
    [
        ("Patient/p2", "other-patient"),
        ("RelatedPerson/fetus", "other-patient"),
        ("Patient/p1", USABLE),
        ("Condition/tumour", USABLE),
    ],
)
def test_what_is_observed_of_another_person_is_not_the_patients(focus: str, reason: str | None) -> None:
    assert refusal(resource("Observation", "final", focus=[{"reference": focus}])) == reason


# -- when ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dates", "reason"),
    [
        ({"effectiveDateTime": "2026-01-15"}, None),
        ({"effectiveDateTime": "2026-01-15T23:59:59-11:00"}, None),
        ({"effectiveDateTime": "2026-01-16"}, "future"),
        ({"effectiveDateTime": "2026-01-16T00:30:00+14:00"}, "future"),
        ({"effectiveDateTime": "2031"}, "future"),
        ({"effectiveDateTime": "2026-02"}, "future"),
        ({"effectiveDateTime": "2026"}, "date-unclear"),
        ({"effectiveDateTime": "2026-01"}, "date-unclear"),
        ({"effectiveDateTime": "2025"}, None),
        ({"effectiveDateTime": "2025-12"}, None),
        ({"effectiveInstant": "2026-01-16T10:00:00Z"}, "future"),
        ({"effectivePeriod": {"start": "2025-01-01", "end": "2026-01-15"}}, None),
        ({"effectivePeriod": {"start": "2025-01-01", "end": "2026-01-16"}}, "future"),
        ({"effectivePeriod": {"start": "2025-01-01"}}, None),
        ({"effectivePeriod": {"start": "2026-01-16"}}, "future"),
        ({"effectivePeriod": {"start": "2026"}}, "date-unclear"),
        ({"effectivePeriod": {}}, None),
        ({}, None),
    ],
    ids=repr,
)
def test_nothing_counts_that_is_dated_after_the_day(dates: dict[str, Any], reason: str | None) -> None:
    assert refusal(resource("Observation", "final", **dates)) == reason


def test_the_day_is_the_orders_and_not_todays() -> None:
    one = resource("Observation", "final", effectiveDateTime="2025-06-01")
    earlier = parse_date("2025-05-31")
    assert earlier is not None
    assert refusal(one, as_of=earlier) == "future"


# -- selection ----------------------------------------------------------------------------------------------------


def coded(name: str, *codes: str, **more: Any) -> dict[str, Any]:
    codings = [{"system": SNOMED, "code": code} for code in codes]
    return resource("Observation", "final", id=name, code={"coding": codings}, **more)


def selected(wanted: Input, *resources: dict[str, Any]) -> list[str]:
    return [one["id"] for one in chart(*resources).select(wanted)]


CODES = frozenset({(SNOMED, "a"), (SNOMED, "b")})
ABOUT = Input("x", "Observation", (CodeFilter("code", CODES),))


def test_an_input_selects_by_code_in_the_records_order() -> None:
    found = [coded("3", "b"), coded("1", "x", "a"), coded("2", "c"), resource("Condition", "confirmed", id="0")]
    assert selected(ABOUT, *found) == ["1", "3"]


def test_all_filters_of_an_input_must_pass() -> None:
    both = Input("x", "Observation", (*ABOUT.filters, CodeFilter("bodySite", frozenset({(SNOMED, "L1")}))))
    site = {"coding": [{"system": SNOMED, "code": "L1"}]}
    assert selected(both, coded("1", "a"), coded("2", "a", bodySite=site), coded("3", "c", bodySite=site)) == ["2"]


def test_a_filter_on_a_choice_or_repeating_element_is_understood() -> None:
    concept = {"coding": [{"system": SNOMED, "code": "a"}]}
    by_value = Input("x", "Observation", (CodeFilter("value", CODES),))
    assert selected(by_value, coded("1", "c", valueCodeableConcept=concept), coded("2", "c", valueString="a")) == ["1"]
    by_category = Input("x", "Observation", (CodeFilter("category", CODES),))
    assert selected(by_category, coded("1", "c", category=[{"text": "x"}, concept]), coded("2", "c")) == ["1"]


def test_a_filter_on_a_code_knows_it_without_its_system() -> None:
    by_status = Input("x", "Observation", (CodeFilter("status", frozenset({("http://hl7.org/fhir/x", "final")})),))
    assert selected(by_status, coded("1", "a"), coded("2", "a", status="amended")) == ["1"]


@pytest.mark.parametrize("path", ["code", "bodySite", "category", "value"])
def test_a_text_where_a_concept_belongs_passes_no_filter(path: str) -> None:
    key = "valueCodeableConcept" if path == "value" else path
    assert selected(Input("x", "Observation", (CodeFilter(path, CODES),)), coded("1", "c") | {key: "a"}) == []
    assert selected(Input("x", "Observation", (CodeFilter(path, CODES),)), coded("1", "c") | {key: ["a"]}) == []


def test_an_input_that_names_statuses_sets_its_own_rule() -> None:
    wanted = Input("x", "Observation", (CodeFilter("status", frozenset({(None, "preliminary")})),))
    found = [coded("1", "a", status="preliminary"), coded("2", "a"), coded("3", "a", status="entered-in-error")]
    assert selected(wanted, *found) == ["1"]
    assert selected(wanted, coded("1", "a", status="preliminary", subject={"reference": "Patient/p2"})) == []


def test_draft_orders_are_hook_context_and_no_evidence() -> None:
    draft = resource("ServiceRequest", "active", id="draft")
    viewed = chart(resource("ServiceRequest", "active", id="earlier"), drafts=(draft,))
    assert [one["id"] for one in viewed.select(Input("x", "ServiceRequest"))] == ["earlier"]
    assert viewed.rejected == ()


def test_what_is_refused_keeps_its_resource_and_its_first_reason() -> None:
    one = resource("Observation", "preliminary", subject={"reference": "Patient/p2"}, effectiveDateTime="2031-01-01")
    (refused,) = chart(one).rejected
    assert refused["reason"] == "other-patient"
    assert refused["resource"] is one


def test_asking_twice_gives_the_very_same_answer() -> None:
    viewed = chart(coded("1", "a"), coded("2", "b"))
    assert viewed.select(ABOUT) is viewed.select(Input("x", "Observation", (CodeFilter("code", CODES),)))


# -- nothing in a chart makes reading it fail ---------------------------------------------------------------------

JUNK: list[Any] = [
    None, True, 5, "x", [], {}, [None], [[]], ["x"], {"x": "y"}, {"coding": "x"},
    {"coding": [None, "x", {"system": {}, "code": "x"}, {"system": ["x"], "code": "x"}, {"code": {}}]},
    {"reference": {}}, {"reference": ["x"]}, {"start": 5, "end": {}},
]  # fmt: skip


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            if key != "resourceType":
                yield value, key
                yield from places(value[key])


@pytest.mark.parametrize("name", ["seed-1-a", "seed-1-b", "seed-2-b"])
def test_a_misshapen_resource_is_selected_or_refused_but_never_a_fault(name: str) -> None:
    for entry in fixture(f"patients/{name}.json")["entry"]:
        one = entry["resource"]
        wanted = Input("x", one["resourceType"], (CodeFilter("code", CODES), CodeFilter("bodySite", CODES)))
        for holder, key in list(places(one)):
            known = holder[key]
            for junk in JUNK:
                holder[key] = copy.deepcopy(junk)
                viewed = chart(one)
                assert len(viewed.select(Input("all", one["resourceType"]))) + len(viewed.rejected) == 1
                viewed.select(wanted)
            holder[key] = known
