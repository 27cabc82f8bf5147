"""What the shipped policies say, whatever the chart: drafts, sources, figures, and words that are our own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from cds_service.services import SERVICES
from cds_service.settings import Settings
from cds_service.wiring import Application
from tests.charts import POLICIES, ROOT, base, determine, shipped

OURS = "https://cds-service.example/fhir/StructureDefinition/"
Json = dict[str, Any]


@cache
def artifacts() -> tuple[tuple[Path, Json], ...]:
    """Every resource that is shipped, with its file."""
    read = ((path, json.loads(path.read_text(encoding="utf-8"))) for path in sorted(POLICIES.rglob("*.json")))
    return tuple((path, one) for path, one in read if "resourceType" in one)


def of_type(name: str) -> list[Json]:
    return [one for _, one in artifacts() if one["resourceType"] == name]


def members(part: object) -> Iterator[tuple[str, Any]]:
    """Every member of a resource, however deep."""
    if isinstance(part, dict):
        for key, value in part.items():
            yield key, value
            yield from members(value)
    elif isinstance(part, list):
        for one in part:
            yield from members(one)


def valued(part: Json, name: str) -> Any:
    """The value of one of our extensions."""
    for one in part.get("extension", ()):
        if one["url"] == OURS + name:
            return next(value for key, value in one.items() if key.startswith("value"))
    return None


def texts() -> Iterator[str]:
    """Every text of a policy that a card may show."""
    for plan in of_type("PlanDefinition"):
        for key, value in members(plan["action"]):
            if key in ("textEquivalent", "title", "valueString") and isinstance(value, str):
                yield value


# -- drafts -------------------------------------------------------------------------------------------------------


def test_every_policy_is_a_draft_that_no_clinician_approved() -> None:
    for plan in of_type("PlanDefinition"):
        assert (plan["status"], plan["experimental"]) == ("draft", True)
        assert valued(plan, "review-stage") == "submitted"
        assert not {"approvalDate", "lastReviewDate", "reviewer", "endorser"} & plan.keys()


def unverified(url: str) -> list[str]:
    (found,) = (one for one in of_type("ValueSet") if one["url"] == url)
    concepts = (concept for include in found["compose"]["include"] for concept in include.get("concept", ()))
    return [concept["code"] for concept in concepts if valued(concept, "code-verification") == "unverified"]


def test_no_active_policy_reads_a_code_that_nobody_verified() -> None:
    """All are drafts; the codes that would keep them from becoming active are found."""
    waiting = {}
    for plan in of_type("PlanDefinition"):
        text = json.dumps(plan)
        read = [one["url"] for one in of_type("ValueSet") if f"{one['url']}'" in text or f'{one["url"]}"' in text]
        waiting[plan["id"]] = [code for url in read for code in unverified(url)]
        assert plan["status"] != "active" or not waiting[plan["id"]]
    assert "27290" in waiting["sciatic-neuroplasty-oncologic"]


# -- sources and figures ------------------------------------------------------------------------------------------


def test_every_source_says_how_sure_it_is_identified() -> None:
    for plan in of_type("PlanDefinition"):
        sources = [
            *plan["relatedArtifact"],
            *(one for key, value in members(plan["action"]) if key == "documentation" for one in value),
        ]
        for source in sources:
            sure = valued(source, "citation-identification")
            assert sure in ("confirmed", "probable", "candidate", "not-identified"), source["label"]
            assert sure == "not-identified" or valued(source, "citation-population"), source["label"]


@pytest.mark.parametrize("name", ["seed-1", "seed-2", "follow-up-spine"])
def test_a_card_names_the_determination_behind_the_policy(name: str) -> None:
    body = (ROOT / "fixtures" / "cds_hooks" / f"{name}-order-sign.json").read_bytes()
    cards = json.loads(Application(Settings(), shipped()).answer(SERVICES["necessity-order-sign"], body))["cards"]
    assert cards
    assert all(
        re.search(r"A generated determination for one .*; n = 1; identification: confirmed", one["detail"])
        for one in cards
    )


FIGURE = re.compile(r"\d ?(?:%|mL|°|minutes)| of 10\b")
HOW_MANY = re.compile(r"n = \d+|n not identified|\d+ of \d+|that series|same series|not confirmed there")
HOW_SURE = re.compile(r"source,? .*?(?:confirmed|probable|candidate|not identified)|sources (?:probable|candidate)")


def test_a_figure_comes_with_its_number_of_patients_and_how_sure_its_source_is() -> None:
    told = {text for text in texts() if FIGURE.search(text)}
    assert len(told) >= 6
    for text in told:
        assert HOW_SURE.search(text), text
        for sentence in re.split(r"(?<=[a-z)])\. ", text):
            assert not FIGURE.search(sentence) or HOW_MANY.search(sentence), sentence


def test_a_criterion_that_shows_a_figure_documents_its_source() -> None:
    for plan in of_type("PlanDefinition"):
        actions = [
            plan["action"][0],
            *(one for key, value in members(plan["action"]) if key == "action" for one in value),
        ]
        for action in actions:
            if FIGURE.search(action.get("textEquivalent", "")):
                assert action.get("documentation"), action["id"]


LINT = ROOT / "cds_service" / "authoring" / "lint" / "texts.py"
"""Names the words that it looks for."""


def everything() -> Iterator[tuple[str, str]]:
    """Every text of the repository that a reader or a card may see, the table of claims left out."""
    kept = [POLICIES, ROOT / "docs", ROOT / "cds_service", ROOT / "fixtures", ROOT / "README.md"]
    files = (path for place in kept for path in ([place] if place.is_file() else place.rglob("*")))
    for path in sorted(files):
        if path.suffix in (".json", ".md", ".py", ".yaml") and path.stem != "traceability" and path != LINT:
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def test_what_the_source_cannot_support_is_said_nowhere() -> None:
    """The return of children to the activity of their age: the series that is cited holds adults."""
    for place, text in everything():
        assert not re.search(
            r"age-appropriate|activity of their age|return to (?:function|activity)", text, re.IGNORECASE
        ), place


# -- words that are our own ---------------------------------------------------------------------------------------

PROPRIETARY = re.compile(r"\bMCG\b|Milliman|InterQual|\bGRG\b")
DESCRIPTOR = re.compile(
    r"list separately|\(separate procedure\)|vertebral corpectomy \(|\(eg, |partial or complete, "
    r"|without contrast material",
    re.IGNORECASE,
)
"""Turns of phrase that the AMA's descriptors have and nobody else's words do."""


def test_no_proprietary_guideline_is_quoted_or_claimed() -> None:
    for place, text in everything():
        assert not PROPRIETARY.search(text), place
        assert not DESCRIPTOR.search(text), place


def test_a_cpt_code_has_our_own_short_words_and_no_other() -> None:
    concepts = [
        concept
        for one in of_type("ValueSet")
        for include in one["compose"]["include"]
        if include["system"] == "http://www.ama-assn.org/go/cpt"
        for concept in include["concept"]
    ]
    assert len(concepts) > 50
    for concept in concepts:
        assert "display" not in concept
        (own,) = concept["designation"]
        assert own["use"]["code"] == "paraphrase"
        assert len(own["value"]) < 110


def test_a_case_has_a_title_that_a_clinician_reads() -> None:
    for place in sorted(POLICIES.glob("*/cases.yaml")):
        for case in yaml.safe_load(place.read_text(encoding="utf-8")):
            assert 5 < len(case["title"]) < 140
            assert not re.search(r"Observation|Condition/|valueCode|coding|resource", case["title"]), case["id"]


# -- what the charts' words fill in -------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", ["a", "b", "mixed"])
def test_the_side_of_the_stenosis_is_told(shape: str) -> None:
    determination = determine(base("seed-1", shape, "63102")).determinations[0]
    assert determination.result("SC.foramen").text == "side: right"
