"""Which date counts for a resource, and none where there is none that can be read."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from cds_service.fhir.dating import date_element, dated
from cds_service.fhir.definitions import element, is_resource, type_names

DAY = "2025-11-20"

DATED: list[tuple[str, dict[str, Any]]] = [
    ("Observation", {"effectiveDateTime": DAY}),
    ("Observation", {"effectiveInstant": f"{DAY}T10:00:00Z"}),
    ("Observation", {"effectivePeriod": {"start": "2025-11-01", "end": DAY}}),
    ("DiagnosticReport", {"effectiveDateTime": f"{DAY}T23:59:00-11:00"}),
    ("ImagingStudy", {"started": DAY}),
    ("Procedure", {"performedDateTime": DAY}),
    ("Procedure", {"performedPeriod": {"start": "2025-11-01", "end": DAY}}),
    ("MedicationAdministration", {"effectivePeriod": {"start": "2025-11-01", "end": DAY}}),
    ("MedicationStatement", {"effectiveDateTime": DAY}),
    ("MedicationDispense", {"whenHandedOver": DAY}),
    ("Condition", {"recordedDate": DAY}),
    ("DocumentReference", {"date": f"{DAY}T00:00:00Z"}),
    ("QuestionnaireResponse", {"authored": DAY}),
    ("CarePlan", {"created": DAY}),
    ("ServiceRequest", {"authoredOn": DAY}),
    ("MedicationRequest", {"authoredOn": DAY}),
    ("DeviceRequest", {"authoredOn": DAY}),
]


@pytest.mark.parametrize(("kind", "elements"), DATED, ids=[f"{kind}-{next(iter(e))}" for kind, e in DATED])
def test_each_type_has_its_date(kind: str, elements: dict[str, Any]) -> None:
    assert str(dated({"resourceType": kind, **elements})) == DAY


def test_the_element_of_a_date_is_one_that_the_type_has_or_none() -> None:
    for kind in type_names():
        if is_resource(kind) and date_element(kind) != "authoredOn":
            known = element(kind, date_element(kind))
            assert known is not None
            assert set(known.types) & {"date", "dateTime", "instant"}


@pytest.mark.parametrize(("edge", "day"), [("start", "2025-11-01"), ("end", "2025-11-03")])
def test_a_period_counts_from_the_edge_that_is_asked_for(edge: Literal["start", "end"], day: str) -> None:
    procedure = {"resourceType": "Procedure", "performedPeriod": {"start": "2025-11-01", "end": "2025-11-03"}}
    assert str(dated(procedure, edge)) == day


def test_a_period_without_the_edge_that_is_asked_for_is_undated() -> None:
    assert dated({"resourceType": "Procedure", "performedPeriod": {"start": "2025-11-01"}}) is None
    assert dated({"resourceType": "Procedure", "performedPeriod": {"end": "2025-11-01"}}, "start") is None


@pytest.mark.parametrize("text", ["2025", "2025-11"])
def test_a_partial_date_stays_partial(text: str) -> None:
    assert str(dated({"resourceType": "Condition", "recordedDate": text})) == text


@pytest.mark.parametrize(
    "value",
    [None, "", "20.11.2025", "2025T10", 2025, True, [], [DAY], {}, {"end": None}, {"end": 5}, {"end": [DAY]}],
    ids=repr,
)
@pytest.mark.parametrize("key", ["effectiveDateTime", "effectivePeriod"])
def test_what_is_no_date_dates_nothing(key: str, value: object) -> None:
    assert dated({"resourceType": "Observation", key: value}) is None


@pytest.mark.parametrize(
    "resource",
    [
        {},
        {"resourceType": None},
        {"resourceType": "Nonsense", "authoredOn": DAY},
        {"resourceType": "Patient", "birthDate": DAY},
        {"resourceType": "Condition", "onsetDateTime": DAY},
        {"resourceType": "Observation", "issued": f"{DAY}T10:00:00Z"},
        {"resourceType": "Procedure", "performedAge": {"value": 7, "unit": "a"}},
    ],
    ids=repr,
)
def test_no_other_element_stands_in_for_the_date(resource: dict[str, Any]) -> None:
    assert dated(resource) is None
