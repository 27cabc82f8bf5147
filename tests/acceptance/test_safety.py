"""What must never happen, each with its test: docs/explanation/safety.md lists them."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from cds_service.authoring.cases import Case, run_case, set_up
from cds_service.fhir.element import label
from cds_service.fhir.encoding import encode
from cds_service.necessity.model import CriterionResult, Determination, Outcome
from cds_service.services import SERVICES
from cds_service.services.evaluation import Evaluation
from cds_service.settings import Settings
from cds_service.wiring import Application
from tests.charts import ROOT, base, case_id, cases, determine, fixture, shipped

BASES = ["seed-1", "seed-2", "both", "follow-up-spine", "follow-up-pelvis"]
Json = dict[str, Any]


def answer(request: Json) -> Json:
    application = Application(Settings(), shipped())
    response: Json = json.loads(application.answer(SERVICES["necessity-order-sign"], encode(request)))
    return response


@cache
def determined(case: int) -> Evaluation:
    """The evaluation of a shipped case, by its place among all cases and shapes."""
    one, shape = cases()[case]
    return run_case(one, set_up(one, shape, fixture), shipped())


def every_determination() -> Iterator[tuple[str, Determination]]:
    for i, (case, shape) in enumerate(cases()):
        yield from ((f"{case.id} {shape}", one) for one in determined(i).determinations)


@cache
def every_answer() -> tuple[tuple[str, Json], ...]:
    """The whole response to each shipped case."""
    application = Application(Settings(), shipped())
    return tuple(
        (f"{case.id} {shape}", json.loads(application.respond(determined(i))))
        for i, (case, shape) in enumerate(cases())
    )


def leaves(determination: Determination, results: tuple[CriterionResult, ...]) -> Iterator[CriterionResult]:
    """The results without parts below those that have the state of their parent."""
    for result in results:
        parts = tuple(determination.result(part.id) for part in result.criterion.parts)
        if parts:
            yield from leaves(determination, tuple(part for part in parts if part.state is result.state))
        else:
            yield result


# -- 2: silence is no refusal -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BASES)
def test_taking_anything_away_from_a_chart_never_makes_a_clinical_not_met(name: str) -> None:
    before = {one.order.code: one.outcome for one in determine(base(name)).determinations}
    for index in range(len(base(name).resources)):
        chart = base(name)
        removed = label(chart.resources.pop(index))
        for one in determine(chart).determinations:
            refused = one.outcome is Outcome.NOT_MET and one.kind == "clinical"
            assert not refused or before[one.order.code] is Outcome.NOT_MET, f"{one.order.code} without {removed}"


def test_a_clinical_not_met_always_shows_what_contradicts() -> None:
    for name, one in every_determination():
        if one.outcome is Outcome.NOT_MET and one.kind == "clinical":
            top = tuple(one.result(criterion.id) for criterion in one.plan.criteria)
            against = [
                result
                for result in top
                if (result.criterion.role in ("required", "group") and result.state is False)
                or (result.criterion.role == "exclusion" and result.state is True)
            ]
            shown = [leaf for leaf in leaves(one, tuple(against)) if leaf.evidence]
            assert shown, name


# -- 3: narrative points, and decides nothing ---------------------------------------------------------------------

TELLTALE = "Ngorongoro: vertebra plana, high grade, encased completely, no residual tumour"
FREE_TEXT: dict[str, Json] = {
    "DiagnosticReport": {"conclusion": TELLTALE, "presentedForm": [{"title": TELLTALE, "data": "Tmdvcm9uZ29ybw=="}]},
    "Observation": {"note": [{"text": TELLTALE}]},
    "Condition": {"note": [{"text": TELLTALE}]},
    "Procedure": {"note": [{"text": TELLTALE}]},
    "ImagingStudy": {"note": [{"text": TELLTALE}], "description": TELLTALE},
}


def narrated(name: str) -> tuple[Evaluation, Evaluation]:
    """The evaluations of a chart with an empty report, and of the same with a telltale wherever text may stand."""
    report = {"resourceType": "DiagnosticReport", "id": "report", "status": "final", "effectiveDateTime": "2025-11-25"}
    plain, told = base(name), base(name)
    for chart in (plain, told):
        chart.resources = [one for one in chart.resources if one["resourceType"] != "DiagnosticReport"]
        code = {"coding": [{"system": "http://loinc.org", "code": "18748-4"}]}
        chart.resources.append({**report, "code": code, "subject": {"reference": f"Patient/{chart.patient_id}"}})
    for resource in told.resources:
        resource.update(copy.deepcopy(FREE_TEXT.get(resource["resourceType"], {})))
        div = f'<div xmlns="http://www.w3.org/1999/xhtml">{TELLTALE}</div>'
        resource["text"] = {"status": "additional", "div": div}
    document = {
        "resourceType": "DocumentReference",
        "id": "letter",
        "status": "current",
        "subject": {"reference": f"Patient/{told.patient_id}"},
        "description": TELLTALE,
        "content": [{"attachment": {"contentType": "application/pdf", "title": TELLTALE, "data": "Tmdvcm9uZ29ybw=="}}],
    }
    told.resources.append(document)
    return determine(plain), determine(told)


@pytest.mark.parametrize("name", BASES)
def test_free_text_settles_no_criterion(name: str) -> None:
    plain, told = narrated(name)
    for one, other in zip(plain.determinations, told.determinations, strict=True):
        assert [result.state for result in one.results] == [result.state for result in other.results]


@pytest.mark.parametrize("name", BASES)
def test_free_text_is_pointed_at_and_not_quoted(name: str) -> None:
    _, told = narrated(name)
    shown = Application(Settings(), shipped()).respond(told).decode()
    assert "Ngorongoro" not in shown
    assert "Tmdvcm9uZ29ybw" not in shown
    paths = [evidence.path for one in told.determinations for result in one.results for evidence in result.evidence]
    assert not any(
        re.search(r"conclusion|presentedForm|\bnote\b|\.text\b|description|attachment", path) for path in paths
    )


# -- 4: nothing is denied, deleted or replaced by itself ----------------------------------------------------------


def test_nothing_is_denied_deleted_or_replaced_without_a_clinician() -> None:
    for name, response in every_answer():
        assert set(response) == {"cards"}, name
        for card in response["cards"]:
            words = f"{card['summary']} {card['detail']}".lower()
            assert not re.search(r"\bdenied\b|\bdeny\b|rejected|not-covered|not covered", words), name
            for suggestion in card.get("suggestions", ()):
                assert not suggestion.get("isRecommended"), name
                for action in suggestion["actions"]:
                    assert action["type"] in ("delete", "create"), name
                    assert action["type"] == "create" or action["resourceId"].startswith("ServiceRequest/"), name
                    made = action.get("resource", {})
                    form = made.get("resourceType") in ("Questionnaire", "Task")
                    assert action["type"] == "delete" or form or made["status"] == "draft", name


def test_every_not_met_goes_to_a_physician() -> None:
    refused = [(name, one) for name, one in every_determination() if one.outcome is Outcome.NOT_MET]
    assert len(refused) > 50
    for name, one in refused:
        assert one.human_review, name


# -- 10: no images are read ---------------------------------------------------------------------------------------


def test_no_policy_reads_images_or_documents() -> None:
    for plan in shipped().plans:
        assert not {one.type for one in plan.inputs} & {"Binary", "DocumentReference", "Media", "QuestionnaireResponse"}
    for place in (ROOT / "plan_definitions").rglob("*.json"):
        for expression in re.findall(r'"expression": "([^"]*)"', place.read_text(encoding="utf-8")):
            assert not re.search(r"\.instance\b|\.data\b|attachment|\.endpoint\b|Binary|Media\b", expression), (
                place.name
            )


# -- 11: for clinicians -------------------------------------------------------------------------------------------


def test_a_card_speaks_to_clinicians_and_not_to_patients() -> None:
    for name, response in every_answer():
        for card in response["cards"]:
            assert "Decision support for licensed clinicians." in card["detail"], name
            assert not re.search(r"\b(?:you|your|yours)\b", f"{card['summary']} {card['detail']}", re.IGNORECASE), name


@pytest.mark.parametrize(
    "user", ["Patient/p1", "RelatedPerson/r1", "https://ehr.example.org/fhir/Patient/p1", "RelatedPerson/r1/_history/2"]
)
def test_whoever_is_no_clinician_is_told_of_no_result(user: str) -> None:
    for name in BASES:
        request: Json = fixture(f"cds_hooks/{name}-order-sign.json")
        request["context"]["userId"] = user
        (card,) = answer(request)["cards"]
        assert not re.search(r"\b\d{5}\b|criteria|missing|/", f"{card['summary']} {card['detail']}"), name
        assert card.keys() == {"uuid", "summary", "detail", "indicator", "source"}


# -- 12: a fault is no clinical result ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", BASES)
def test_a_chart_that_could_not_be_read_is_told_and_judged_in_no_way(name: str) -> None:
    request: Json = fixture(f"cds_hooks/{name}-order-sign.json")
    request["prefetch"] = {
        key: {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "forbidden"}]}
        for key in request["prefetch"]
    }
    cards = answer(request)["cards"]
    assert cards
    for card in cards:
        assert "information missing" in card["summary"]
        assert "**Not read**" in card["detail"]
        assert card["source"]["topic"]["code"] == "guideline"


# -- 13: an emergency does not wait -------------------------------------------------------------------------------


def emergency(*taken: str) -> Json:
    """Seed 1 with a compressed cauda equina, and without some of its chart."""
    request: Json = fixture("cds_hooks/seed-1-order-sign.json")
    drafts = request["context"]["draftOrders"]
    drafts["entry"] = [one for one in drafts["entry"] if one["resource"]["id"] == "order-63102"]
    for key in taken:
        del request["prefetch"][key]
    found = {
        "resourceType": "Observation",
        "id": "cauda",
        "status": "final",
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "192970008"}]},
        "subject": {"reference": "Patient/seed-1"},
        "effectiveDateTime": "2026-01-14",
        "bodySite": {"coding": [{"system": "http://snomed.info/sct", "code": "61032001"}]},
        "valueCodeableConcept": {"coding": [{"system": "http://snomed.info/sct", "code": "52101004"}]},
    }
    request["prefetch"]["urgent"] = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": found}]}
    return request


def test_compression_of_the_cauda_equina_comes_before_any_question() -> None:
    (card,) = answer(emergency("imagingStudy", "diagnosticReport", "observation"))["cards"]
    urgent = "63102: compression of the cord or cauda equina: urgent, do not wait for documents."
    assert (card["indicator"], card["summary"]) == ("critical", urgent)


def test_compression_of_the_cauda_equina_needs_no_other_need() -> None:
    (card,) = answer(emergency("procedure"))["cards"]
    assert "criteria met" in card["summary"]


# -- G-12: what was said stays as it was said ---------------------------------------------------------------------


def test_a_changed_chart_gives_a_new_determination_and_leaves_the_old_one_as_it_was() -> None:
    first = determine(base("seed-1"))
    application = Application(Settings(), shipped())
    said = application.respond(first)
    chart = base("seed-1")
    finding = next(one for one in chart.resources if one["id"] == "hw1")
    finding["valueCodeableConcept"]["coding"][0]["code"] = "loosened"
    second = determine(chart)
    ids = [{one.order.code: one.id for one in each.determinations} for each in (first, second)]
    assert ids[0]["22849"] != ids[1]["22849"]
    assert ids[0]["63102"] == ids[1]["63102"]
    assert application.respond(first) == said


@pytest.mark.parametrize(("case", "shape"), [one for one in cases() if one[0].id in ("E-01", "F-01")], ids=case_id)
def test_the_same_case_twice_is_the_same_determination(case: Case, shape: str) -> None:
    runs = [run_case(case, set_up(case, shape, fixture), shipped()) for _ in range(2)]
    assert [one.id for one in runs[0].determinations] == [one.id for one in runs[1].determinations]


# -- the list itself ----------------------------------------------------------------------------------------------


def test_every_item_of_the_list_names_tests_that_exist() -> None:
    page = (ROOT / "docs" / "explanation" / "safety.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \|(.*)\|$", page, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 15))
    known = {case.id for case, _ in cases()}
    for number, row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", row)
        assert named, f"item {number} names no test"
        for path, test in named:
            assert f"def {test}(" in (ROOT / path).read_text(encoding="utf-8"), f"{path}::{test}"
        for case in re.findall(r"\b[EFGM]-\d\d[a-d]?\b", row):
            assert case in known, case
