"""What holds of every answer: to all requests of the corpus, to all cases of the policies, and of a payer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from cds_service.fhir.encoding import encode
from cds_service.fhir.validate import validate
from cds_service.services import SERVICES
from tests.charts import base, determine
from tests.conformance.answers import BASE, LABEL, answer, application, as_payer, as_provider, requests
from tests.made_up import order, request

Json = dict[str, Any]


def answers() -> list[Json]:
    return [*as_provider().values(), *as_payer().values()]


def cards(answered: list[Json]) -> Iterator[Json]:
    return (card for one in answered for card in one["cards"])


def actions(answered: list[Json]) -> Iterator[Json]:
    for one in answered:
        yield from one.get("systemActions", ())
        for card in one["cards"]:
            for suggestion in card.get("suggestions", ()):
                yield from suggestion["actions"]


@pytest.mark.requirement("C5")
def test_every_uuid_is_there_once_in_an_answer() -> None:
    for one in answers():
        suggested = [suggestion for card in one["cards"] for suggestion in card.get("suggestions", ())]
        uuids = [each["uuid"] for each in (*one["cards"], *suggested)]
        assert len(uuids) == len(set(uuids))


@pytest.mark.requirement("C13")
def test_only_who_asked_for_a_payer_gets_system_actions() -> None:
    assert [name for name, one in as_provider().items() if "systemActions" in one] == []
    assert [name for name, one in as_payer().items() if "systemActions" not in one] == []


@pytest.mark.requirement("C14")
def test_no_client_is_asked_to_choose_among_actions() -> None:
    assert "actionSelectionBehavior" not in json.dumps(answers())


@pytest.mark.requirement("resp-4")
def test_every_card_names_whose_guidance_it_is() -> None:
    assert {card["source"]["label"] for card in cards(answers())} == {LABEL}


@pytest.mark.requirement("resp-17", "resp-23", "resp-18")
def test_every_link_leads_to_a_policy_and_none_to_a_portal() -> None:
    links = [link for card in cards(answers()) for link in card.get("links", ())]
    assert links
    assert [one for one in links if not one["url"].startswith(f"{BASE}/policies/")] == []
    assert {one["type"] for one in links} == {"absolute"}


@pytest.mark.requirement("found-13")
def test_an_order_on_which_no_policy_decides_has_no_card() -> None:
    assert answer(encode(request(order(coded="paint"))))["cards"] == []


@pytest.mark.requirement("resp-70")
def test_no_card_and_no_action_changes_a_coverage() -> None:
    assert "Coverage" not in {one.get("resource", {}).get("resourceType") for one in actions(answers())}


@pytest.mark.requirement("resp-53")
def test_a_suggestion_adds_one_order_or_takes_one_away() -> None:
    suggested = [one["actions"] for card in cards(answers()) for one in card.get("suggestions", ())]
    about_orders = [one for one in suggested if one[-1].get("resource", {}).get("resourceType") != "Task"]
    assert {action["type"] for (action,) in about_orders} == {"create", "delete"}
    for (action,) in about_orders:
        if action["type"] == "create":
            assert validate(action["resource"]) == ()
            assert action["resource"]["status"] == "draft"
            assert {"code", "subject", "authoredOn", "intent"} <= action["resource"].keys()


@pytest.mark.requirement("resp-59")
def test_a_payer_asks_for_no_form_on_a_card() -> None:
    def forms(answered: list[Json]) -> list[Json]:
        return [one for one in actions(answered) if one.get("resource", {}).get("resourceType") == "Task"]

    assert forms(list(as_payer().values())) == []
    assert forms(list(as_provider().values())) != []


@pytest.mark.requirement("dev-24")
def test_a_card_about_some_orders_says_which_in_its_detail() -> None:
    named = [
        (card["detail"], one["reference"])
        for card in cards(answers())
        for one in card.get("extension", {}).get("davinci-crd.associated-resource", ())
    ]
    assert named
    assert [reference for detail, reference in named if reference not in detail] == []


@pytest.mark.requirement("D9", "found-40")
def test_an_answer_is_plain_json_without_white_space_that_means_nothing() -> None:
    application_, service = application(), SERVICES["necessity-order-sign"]
    for body in (application_.discovery, *(application_.answer(service, encode(one)) for one in requests().values())):
        assert json.dumps(json.loads(body), ensure_ascii=False, separators=(",", ":")).encode() == body


def without_imaging_studies(value: Any) -> Any:
    """Return a resource without its references to ImagingStudies."""
    if isinstance(value, dict):
        kept = {name: without_imaging_studies(one) for name, one in value.items()}
        return {name: one for name, one in kept.items() if one not in ([], {})}
    if isinstance(value, list):
        return [without_imaging_studies(one) for one in value if not _refers_to_a_study(one)]
    return value


def _refers_to_a_study(value: Any) -> bool:
    return isinstance(value, dict) and str(value.get("reference")).startswith("ImagingStudy/")


@pytest.mark.requirement("conf-7")
@pytest.mark.parametrize("name", ["seed-1", "seed-2", "follow-up-spine", "follow-up-pelvis"])
def test_no_outcome_needs_an_imaging_study_which_no_profile_asks_for(name: str) -> None:
    """With findings as Observations and imaging as a DiagnosticReport; CRD, HRex and US Core have no ImagingStudy."""
    chart, bare = base(name), base(name)
    bare.resources[:] = [
        without_imaging_studies(one) for one in bare.resources if one["resourceType"] != "ImagingStudy"
    ]
    assert len(bare.resources) < len(chart.resources)
    outcomes = [[(one.order.code, one.outcome) for one in determine(each).determinations] for each in (chart, bare)]
    assert outcomes[0] == outcomes[1]
