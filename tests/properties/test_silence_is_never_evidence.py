"""What a true criterion names is what it rests on; without it, or with it spoilt, the criterion is not true."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from cds_service.authoring.cases import Case, Chart, run_case, set_up
from cds_service.fhir.dating import date_element
from cds_service.fhir.definitions import element
from cds_service.fhir.element import label, remove
from cds_service.necessity.model import CriterionResult, Determination, Outcome
from cds_service.services.evaluation import Evaluation
from tests.charts import base, case_id, cases, cases_in_turn, determine, fixture, shipped

REPEATS = 30
BASES = ["seed-1", "seed-2", "follow-up-spine", "follow-up-pelvis"]


def true_criteria(evaluation: Evaluation) -> list[tuple[str, str]]:
    return [
        (one.order.code, result.criterion.id)
        for one in evaluation.determinations
        for result in one.results
        if result.state is True and result.evidence
    ]


def find(evaluation: Evaluation, code: str, criterion: str) -> CriterionResult:
    return next(one for one in evaluation.determinations if one.order.code == code).result(criterion)


def in_chart(chart: Chart, result: CriterionResult) -> list[tuple[dict[str, Any], str]]:
    """The evidence that stands in the chart; orders are hook context, without which there is no question."""
    named = {label(resource): resource for resource in chart.resources}
    return [
        (named[owner], evidence.path)
        for evidence in result.evidence
        if (owner := evidence.path.partition(".")[0]) in named
    ]


@pytest.mark.parametrize(("case", "shape"), cases_in_turn(), ids=case_id)
def test_a_true_criterion_falls_once_all_that_it_names_is_taken_away(case: Case, shape: str) -> None:
    for code, criterion in true_criteria(run_case(case, set_up(case, shape, fixture), shipped())):
        chart = set_up(case, shape, fixture)
        for _ in range(REPEATS):
            result = find(run_case(case, chart, shipped()), code, criterion)
            evidence = in_chart(chart, result)
            if result.state is not True or not evidence:
                break
            for resource, path in evidence:
                if "." in path:
                    remove(resource, path)
                else:
                    chart.resources.remove(resource)
        rests_on_orders = result.evidence and not evidence
        assert result.state is not True or rests_on_orders, f"{code} {criterion} stands on nothing"


def other_patient(resource: dict[str, Any]) -> None:
    resource["patient" if "patient" in resource else "subject"] = {"reference": "Patient/somebody-else"}


def entered_in_error(resource: dict[str, Any]) -> None:
    if resource["resourceType"] == "Condition":
        resource["verificationStatus"]["coding"][0]["code"] = "entered-in-error"
    else:
        resource["status"] = "entered-in-error"


def not_final(resource: dict[str, Any]) -> None:
    if resource["resourceType"] == "Condition":
        resource["verificationStatus"]["coding"][0]["code"] = "provisional"
    else:
        resource["status"] = {"ImagingStudy": "registered", "Procedure": "in-progress"}.get(
            resource["resourceType"], "preliminary"
        )


def dated(text: str) -> Callable[[dict[str, Any]], None]:
    def change(resource: dict[str, Any]) -> None:
        known = element(resource["resourceType"], date_element(resource["resourceType"]))
        for key in known.keys if known else ():
            if key in resource:
                resource[key] = text

    return change


def without_code(resource: dict[str, Any]) -> None:
    for name in ("code", "procedureCode", "medicationCodeableConcept", "modality", "type"):
        resource.pop(name, None)
    for series in resource.get("series", ()):
        series.pop("bodySite", None)


def dangling(resource: dict[str, Any]) -> None:
    for name in ("partOf", "derivedFrom", "evidence"):
        if name in resource:
            nowhere = {"reference": "ImagingStudy/nowhere"}
            resource[name] = [{"detail": [nowhere]}] if name == "evidence" else [nowhere]


SPOILT: dict[str, Callable[[dict[str, Any]], None]] = {
    "of another patient": other_patient,
    "entered in error": entered_in_error,
    "not final": not_final,
    "dated in the future": dated("2031-01-01"),
    "dated by the year only": dated("2025"),
    "without a code": without_code,
}


def resources_of(chart: Chart, result: CriterionResult) -> Iterable[dict[str, Any]]:
    """The resources behind the evidence; a birth date is no finding."""
    found = {id(resource): resource for resource, _ in in_chart(chart, result)}
    return [one for one in found.values() if one["resourceType"] != "Patient"]


@pytest.mark.parametrize("fault", SPOILT)
@pytest.mark.parametrize("shape", ["a", "b", "mixed"])
@pytest.mark.parametrize("name", BASES)
def test_spoilt_evidence_in_its_place_makes_no_criterion_true(name: str, shape: str, fault: str) -> None:
    for code, criterion in true_criteria(determine(base(name, shape))):
        chart = base(name, shape)
        spoilt: set[str] = set()
        for _ in range(REPEATS):
            result = find(determine(chart), code, criterion)
            sound = [one for one in resources_of(chart, result) if label(one) not in spoilt]
            if result.state is not True or not sound:
                break
            for resource in sound:
                SPOILT[fault](resource)
                spoilt.add(label(resource))
        left = list(resources_of(chart, result))
        assert result.state is not True or not left, f"{code} {criterion} is true on evidence {fault}"


@pytest.mark.parametrize("shape", ["a", "b", "mixed"])
@pytest.mark.parametrize("name", BASES)
def test_a_finding_whose_imaging_cannot_be_found_counts_for_nothing(name: str, shape: str) -> None:
    chart = base(name, shape)
    for resource in chart.resources:
        dangling(resource)
    found = determine(chart)
    for determination in found.determinations:
        for result in determination.results:
            for evidence in result.evidence:
                owner = next((one for one in chart.resources if label(one) == evidence.path.partition(".")[0]), {})
                assert not any(name in owner for name in ("partOf", "derivedFrom", "evidence")), evidence.path


@pytest.mark.parametrize("fault", SPOILT)
@pytest.mark.parametrize("name", BASES)
def test_a_spoilt_copy_beside_the_chart_makes_no_criterion_true(name: str, fault: str) -> None:
    full = base(name)
    for index in range(len(full.resources)):
        chart = base(name)
        removed = chart.resources.pop(index)
        if removed["resourceType"] == "Patient":
            continue
        before = set(true_criteria(determine(chart)))
        spoilt = copy.deepcopy(removed)
        spoilt["id"] = "spoilt"
        SPOILT[fault](spoilt)
        chart.resources.append(spoilt)
        assert set(true_criteria(determine(chart))) <= before


BESIDE_ANOTHER = {"22853", "22859"}
"""Devices on which the policy decides only beside a corpectomy: alone they are none of its business."""


def covered_codes() -> list[str]:
    return sorted({code for plan in shipped().plans for _, code in plan.codes.codes} - BESIDE_ANOTHER)


@pytest.mark.parametrize("code", covered_codes())
def test_a_code_alone_on_an_empty_chart_asks_for_what_is_missing(code: str) -> None:
    chart = base("seed-1", "b", code)
    chart.resources = []
    (determination,) = determine(chart).determinations
    assert determination.outcome is Outcome.INFORMATION_MISSING
    assert [result.criterion.id for result in determination.results if unasked(result)] == []


def unasked(result: CriterionResult) -> bool:
    """An open leaf that gates, without words for what would settle it."""
    criterion = result.criterion
    gates = criterion.role not in ("condition", "caution", "supporting", "code-conflict")
    return result.state is None and gates and not criterion.parts and not criterion.prompt


@pytest.mark.parametrize("code", sorted(BESIDE_ANOTHER))
def test_a_device_code_alone_is_outside_the_policy(code: str) -> None:
    (determination,) = determine(base("seed-1", "b", code)).determinations
    assert determination.outcome is Outcome.NOT_APPLICABLE


def test_met_never_leaves_a_gate_open() -> None:
    for case, shape in cases():
        for determination in run_case(case, set_up(case, shape, fixture), shipped()).determinations:
            if determination.outcome is Outcome.MET:
                assert open_gates(determination) == [], case.id


def open_gates(determination: Determination) -> list[str]:
    top = [determination.result(criterion.id) for criterion in determination.plan.criteria]
    return [
        result.criterion.id
        for result in top
        if (result.criterion.role in ("scope", "required", "group", "code-fit") and result.state is not True)
        or (result.criterion.role == "exclusion" and result.state is not False)
    ]
