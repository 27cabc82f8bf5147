from __future__ import annotations

from copy import deepcopy
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cds_service.fhir.encoding import decode
from cds_service.fhir.validate import Issue, validate

CANARY = "canary-of-jane-roe"
ROOT = Path(__file__).parents[3]

OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "o1",
    "status": "final",
    "code": {"text": "a"},
    "effectiveDateTime": "2026-01-15",
    "valueQuantity": {"value": Decimal("1.10"), "unit": "mg"},
    "_status": {"extension": [{"url": "https://example.org/x", "valueString": "b"}]},
}
PATIENT: dict[str, Any] = {"resourceType": "Patient", "id": "p1"}
PLAN: dict[str, Any] = {"resourceType": "PlanDefinition", "status": "draft"}
INVALID: dict[str, tuple[dict[str, Any], str, str]] = {
    "an unknown element": ({**PATIENT, "nick": CANARY}, "Patient.nick", "not an element"),
    "an unknown element inside": ({**PATIENT, "contact": [{"nick": CANARY}]}, "Patient.contact[0].nick", "not an"),
    "an unknown element's extension": ({**PATIENT, "_nick": {"id": CANARY}}, "Patient._nick", "not an element"),
    "a missing element": ({"resourceType": "Observation", "status": "final"}, "Observation.code", "required"),
    "a missing primitive": ({"resourceType": "Bundle", "entry": []}, "Bundle.type", "required"),
    "one instead of many": ({**PATIENT, "name": {"text": CANARY}}, "Patient.name", "array"),
    "null among many": ({**PATIENT, "name": [None]}, "Patient.name", "array"),
    "text instead of an object": ({**PATIENT, "maritalStatus": CANARY}, "Patient.maritalStatus", ""),
    "a number instead of text": ({**PATIENT, "name": [{"family": 5}]}, "Patient.name[0].family", "string"),
    "an empty text": ({**PATIENT, "name": [{"family": ""}]}, "Patient.name[0].family", "form"),
    "a date that is none": ({**PATIENT, "birthDate": CANARY}, "Patient.birthDate", "not a value of its type"),
    "a dateTime that is none": ({**OBSERVATION, "effectiveDateTime": CANARY}, "Observation.effectiveDateTime", "type"),
    "two values of a choice": ({**OBSERVATION, "valueString": CANARY}, "Observation", "more than one value"),
    "an extension without url": ({**PATIENT, "extension": [{"valueString": CANARY}]}, "Patient.extension[0].url", "r"),
    "base64 that is none": ({"resourceType": "Binary", "contentType": "a/b", "data": f"{CANARY}$"}, "Binary.data", ""),
}
R4B_ONLY: dict[str, tuple[dict[str, Any], str]] = {
    "PlanDefinition": ({**PLAN, "subjectCanonical": CANARY}, "PlanDefinition.subjectCanonical"),
    "its actions": (
        {**PLAN, "action": [{"action": [{"subjectCanonical": CANARY}]}]},
        "PlanDefinition.action[0].action[0].subjectCanonical",
    ),
    "ActivityDefinition": (
        {"resourceType": "ActivityDefinition", "status": "draft", "subjectCanonical": CANARY},
        "ActivityDefinition.subjectCanonical",
    ),
    "extensions": (
        {**PATIENT, "extension": [{"url": "https://example.org/x", "valueRatioRange": {}}]},
        "Patient.extension[0].valueRatioRange",
    ),
}


def nested(depth: int) -> dict[str, Any]:
    extension: dict[str, Any] = {"url": "https://example.org/x"}
    for _ in range(depth):
        extension = {"url": "https://example.org/x", "extension": [extension]}
    return {**PATIENT, "extension": [extension]}


def bundle(*resources: object) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in resources]}


def test_a_valid_resource_has_no_issues():
    assert validate(OBSERVATION) == ()


def test_validation_changes_nothing():
    before = deepcopy(OBSERVATION)
    validate(bundle(OBSERVATION))
    assert before == OBSERVATION


@pytest.mark.parametrize("name", INVALID)
def test_what_is_wrong_is_said_with_its_place_and_without_its_value(name: str):
    resource, path, reason = INVALID[name]
    issues = validate(resource)
    assert [issue.path for issue in issues] == [path]
    assert reason in issues[0].reason
    assert CANARY not in str(issues)


@pytest.mark.parametrize("name", R4B_ONLY)
def test_what_only_r4b_has_is_refused(name: str):
    resource, path = R4B_ONLY[name]
    assert Issue(path, "is not an element of R4 here") in validate(resource)


def test_meta_may_stand_in_an_extension_as_r4_has_it():
    """R4B took `valueMeta` away; the models refuse it, and so do we: rare, and on the safe side."""
    issues = validate({**PATIENT, "extension": [{"url": "https://example.org/x", "valueMeta": {}}]})
    assert [issue.path for issue in issues] == ["Patient.extension[0].valueMeta"]


@pytest.mark.parametrize(
    "kind", [None, 5, "", "Patients", "Resource", "DomainResource", "CodeableConcept", "Ingredient"]
)
def test_what_is_no_resource_type_is_refused(kind: object):
    assert validate({"resourceType": kind}) == (Issue("resourceType", "is no resource type of R4 that is known here"),)


def test_every_entry_is_checked_whatever_stands_beside_it():
    issues = validate(bundle({"resourceType": "Foo"}, {**PATIENT, "nick": CANARY}, CANARY, None, OBSERVATION))
    assert [issue.path for issue in issues] == [
        "Bundle.entry[0].resource.resourceType",
        "Bundle.entry[1].resource.nick",
        "Bundle.entry[2].resource",
        "Bundle.entry[3].resource",
    ]


def test_contained_resources_are_checked():
    issues = validate({**PATIENT, "contained": [{"resourceType": "Foo"}, {**PATIENT, "birthDate": CANARY}]})
    assert [issue.path for issue in issues] == [
        "Patient.contained[0].resourceType",
        "Patient.contained[1].birthDate",
    ]


@pytest.mark.parametrize(
    "resource",
    [
        nested(400),
        {**PATIENT, "contained": CANARY},
        {**PATIENT, "contained": [[CANARY]]},
        {"resourceType": "Bundle", "type": "collection", "entry": CANARY},
        {"resourceType": "Bundle", "type": "collection", "entry": [None, CANARY]},
        {"resourceType": "Parameters", "parameter": [{"name": "a", "resource": {"resourceType": "Foo"}}]},
        {"resourceType": "Parameters", "parameter": [{"name": "a", "resource": CANARY}]},
        {**OBSERVATION, "component": [None]},
        {**OBSERVATION, "code": None},
        {**OBSERVATION, "valueQuantity": {"value": None}},
        {**OBSERVATION, "_status": [None]},
    ],
)
def test_input_that_nobody_thought_of_is_an_issue_and_no_exception(resource: dict[str, Any]):
    assert CANARY not in str(validate(resource))


def test_an_unknown_type_deep_inside_is_an_issue():
    """The library raises a bare KeyError here."""
    (issue,) = validate(
        {"resourceType": "Parameters", "parameter": [{"name": "a", "resource": {"resourceType": "Foo"}}]}
    )
    assert issue == Issue("Parameters", "cannot be read as R4 (KeyError)")


def test_endless_nesting_is_an_issue():
    (issue,) = validate(nested(2_000))
    assert issue == Issue("Patient", "is nested too deep")


@pytest.mark.parametrize("place", sorted((ROOT / "plan_definitions").rglob("*/*.json")), ids=lambda place: place.stem)
def test_what_the_policies_are_made_of_is_valid(place: Path):
    resource = decode(place.read_bytes())
    assert isinstance(resource, dict)
    assert validate(resource) == ()
