"""The two seed cases, raw bytes in, cards out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cds_service.fhir.encoding import encode
from cds_service.necessity.model import CriterionResult, Determination
from cds_service.services import SERVICES
from cds_service.settings import Settings
from cds_service.wiring import Application
from tests.charts import ROOT, base, determine, fixture, shipped


def cards(name: str) -> list[dict[str, Any]]:
    body = (ROOT / "fixtures" / "cds_hooks" / f"{name}-order-sign.json").read_bytes()
    answer = Application(Settings(), shipped()).answer(SERVICES["necessity-order-sign"], body)
    found: list[dict[str, Any]] = json.loads(answer)["cards"]
    return found


def test_seed_1_meets_corpectomy_and_cage_but_not_the_reinsertion() -> None:
    refused, met = cards("seed-1")
    assert met["summary"].startswith("Corpectomy + cage")
    assert "(63102, 22854): criteria met" in met["summary"]
    assert met["indicator"] == "info"
    assert refused["summary"].startswith("22849: not independently indicated")
    assert (refused["indicator"], refused["source"]["topic"]["code"]) == ("warning", "off-guideline")


def test_seed_1_shows_the_element_behind_each_indication() -> None:
    _, met = cards("seed-1")
    for path in (
        "Condition/dx.code",
        "Condition/dx.bodySite[0].coding[0]",
        "ImagingStudy/mri",
        "Observation/residual.value",
        "Procedure/index.outcome",
        "Condition/dx.extension[0].value",
        "Observation/collapse.value",
        "Observation/stenosis-right.value",
        "Observation/symptom.value",
    ):
        assert f"`{path}`" in met["detail"]


def test_seed_1_offers_to_remove_the_reinsertion() -> None:
    refused, met = cards("seed-1")
    (suggestion,) = refused["suggestions"]
    assert suggestion["actions"] == [
        {
            "type": "delete",
            "description": "Remove 22849 from this order set",
            "resourceId": "ServiceRequest/order-22849",
        }
    ]
    assert "suggestions" not in met


def test_seed_2_meets_all_three_codes() -> None:
    (met,) = cards("seed-2")
    assert "(27076, 63303, 64712): criteria met" in met["summary"]
    for code in ("27076", "63303", "64712"):
        assert f"**{code}**" in met["detail"]
    assert "caval filter" in met["detail"]


@pytest.mark.parametrize("name", ["seed-1", "seed-2"])
def test_every_card_stands_alone(name: str) -> None:
    for card in cards(name):
        assert card["uuid"]
        assert len(card["summary"]) < 140
        assert card["source"]["topic"]["system"] == "http://terminology.hl7.org/CodeSystem/cdshooks-card-type"
        assert card["detail"].startswith("**DRAFT POLICY - NOT FOR CLINICAL USE**")
        assert "A physician decides." in card["detail"]
        assert "as of 2026-01-15" in card["detail"]
        assert all(link["url"].startswith("http") for link in card["links"])


@pytest.mark.parametrize("name", ["seed-1", "seed-2"])
def test_figures_come_with_their_population_and_the_wrong_ones_not_at_all(name: str) -> None:
    text = " ".join(card["detail"] for card in cards(name))
    for figure, population in (("about 7 %", "n = 14"), ("36.8 %", "7 of 19")):
        assert figure not in text or population in text
    assert "age-appropriate" not in text
    assert "denied" not in text.lower()


@pytest.mark.parametrize("name", ["seed-1", "seed-2"])
def test_no_determination_for_what_was_not_ordered(name: str) -> None:
    ordered = {"seed-1": {"63102", "22854", "22849"}, "seed-2": {"27076", "63303", "64712"}}[name]
    judged = {line.split("**")[1] for card in cards(name) for line in card["detail"].splitlines() if is_verdict(line)}
    assert judged == ordered


def is_verdict(line: str) -> bool:
    return line.startswith("**") and "`ServiceRequest/" in line


def test_coverage_is_never_stated() -> None:
    for name in ("seed-1", "seed-2", "both"):
        answer = json.dumps(cards(name)).lower()
        assert "not-covered" not in answer
        assert "ext-coverage-information" not in answer


@pytest.mark.parametrize("name", ["seed-1", "seed-2", "follow-up-spine", "follow-up-pelvis"])
def test_every_shape_of_evidence_gives_the_same_determinations(name: str) -> None:
    """Conditions with imaging alone, Observations and Procedures, or some of each."""
    told = [
        {
            one.order.code: (one.outcome, one.kind, *((result.criterion.id, result.state) for result in gates(one)))
            for one in determine(base(name, shape)).determinations
        }
        for shape in ("a", "b", "mixed")
    ]
    assert told[0]
    assert told[0] == told[1] == told[2]


def gates(determination: Determination) -> list[CriterionResult]:
    """What decides at the top of a policy."""
    deciding = ("scope", "required", "group", "exclusion", "code-fit")
    top = (determination.result(one.id) for one in determination.plan.criteria)
    return [result for result in top if result.criterion.role in deciding]


def test_imaging_is_suggested_where_there_is_none_and_not_where_it_could_not_be_read() -> None:
    request = fixture("cds_hooks/seed-1-order-sign.json")
    request["prefetch"] = {key: one for key, one in request["prefetch"].items() if key in ("patient", "condition")}
    searched = ("diagnosticReport", "imagingStudy", "observation", "procedure")
    nothing = {key: {"resourceType": "Bundle"} for key in searched}
    offered = [
        one["label"]
        for sent in (request, {**request, "prefetch": request["prefetch"] | nothing})
        for card in json.loads(
            Application(Settings(), shipped()).answer(SERVICES["necessity-order-sign"], encode(sent))
        )["cards"]
        for one in card.get("suggestions", ())
        if "MR" in one["label"]
    ]
    assert len(offered) == 1
