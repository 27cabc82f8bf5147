"""Configuration: offered in discovery, obeyed in a call; whatever is nonsense stays as it is by default."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.cards import render
from cds_service.cds_hooks import Card, Coding, Source
from cds_service.crd.configuration import OPTIONS, Configuration, discovery_extension, read_configuration
from tests.unit.crd.payer import DRAFT, MET, MISFIT, MISSING, NOT_MET, REFUSED
from tests.unit.test_cards import SANDBOX

DEFAULT = Configuration()
NAME = "davinci-crd.configuration"
CODES = {option.code for option in OPTIONS}


def card(topic: str = "guideline", indicator: Any = "info", summary: str = "x") -> Card:
    source = Source(label="Payer", topic=Coding(code=topic, system="https://example.org"))
    return Card(summary=summary, indicator=indicator, source=source)


@pytest.mark.requirement("dev-4")
@pytest.mark.parametrize("option", discovery_extension(payer=True)["davinci-crd.configuration-options"])
def test_an_option_says_all_that_it_must(option: dict[str, Any]) -> None:
    assert list(option) == ["code", "type", "name", "description", "default"]
    assert type(option["default"]) is {"boolean": bool, "integer": int}[option["type"]]
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", option["code"])
    assert 1 <= option["description"].count(". ") + option["description"].endswith(".") <= 2


@pytest.mark.requirement("dev-8")
@pytest.mark.parametrize("member", ["code", "name", "description"])
def test_no_two_options_share_a(member: str) -> None:
    told = [getattr(option, member) for option in OPTIONS]
    assert len(set(told)) == len(told)


@pytest.mark.requirement("dev-5")
def test_every_card_type_has_an_option() -> None:
    cards = [card for one in (MET, NOT_MET, MISFIT, MISSING, REFUSED, DRAFT) for card in render([one], SANDBOX)]
    topics = {one.source.topic.code for one in cards if one.source.topic}
    assert topics == {"guideline", "off-guideline", "claim"}
    assert topics | {"contraindication", "coverage-info", "unsolicited-determ"} == CODES - {"max-cards"}


@pytest.mark.requirement("dev-1")
@pytest.mark.requirement("dev-2")
def test_a_payer_declares_every_version_that_it_serves() -> None:
    assert discovery_extension(payer=True)["davinci-crd.version"] == ["2.0", "2.2"]


def test_who_is_no_payer_offers_nothing_that_only_a_payer_can_say() -> None:
    offered = discovery_extension(payer=False)
    assert "davinci-crd.version" not in offered
    assert {one["code"] for one in offered["davinci-crd.configuration-options"]}.isdisjoint(
        {"coverage-info", "unsolicited-determ"}
    )


@pytest.mark.requirement("dev-14")
def test_a_card_type_that_is_switched_off_is_left_out() -> None:
    asked = read_configuration({NAME: {"guideline": False, "claim": True}})
    kept = asked.chosen([card("guideline"), card("claim"), card("off-guideline")])
    assert [one.source.topic and one.source.topic.code for one in kept] == ["claim", "off-guideline"]


@pytest.mark.requirement("dev-14")
def test_of_more_cards_than_are_wanted_the_most_severe_stay() -> None:
    cards = [card(summary="a"), card(indicator="warning", summary="b"), card(indicator="critical", summary="c")]
    chosen = read_configuration({NAME: {"max-cards": 2}}).chosen([*cards, card(summary="d")])
    assert [one.summary for one in chosen] == ["c", "b"]


def test_a_card_without_a_topic_cannot_be_switched_off() -> None:
    plain = Card(summary="x", indicator="info", source=Source(label="Payer"))
    assert Configuration(frozenset(CODES)).chosen([plain]) == (plain,)


@pytest.mark.requirement("dev-15")
@pytest.mark.requirement("dev-17")
@pytest.mark.requirement("dev-6")
@pytest.mark.parametrize(
    "extension",
    [
        None,
        {},
        {NAME: None},
        {NAME: []},
        {NAME: "guideline"},
        {NAME: {}},
        {NAME: {"alt-drug": True, "cost": False}},
        {NAME: {"guideline": "false", "claim": 0, "coverage-info": None, "off-guideline": []}},
        {NAME: {"max-cards": "3"}},
        {NAME: {"max-cards": -1}},
        {NAME: {"max-cards": True}},
        {NAME: {"max-cards": 2.5}},
        {NAME: {"max-cards": False}},
    ],
)
def test_nonsense_changes_nothing(extension: dict[str, Any] | None) -> None:
    assert read_configuration(extension) == DEFAULT


def test_no_cards_at_all_may_be_asked_for() -> None:
    assert read_configuration({NAME: {"max-cards": 0}}).chosen([card()]) == ()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.requirement("dev-6")
@given(json_values | st.dictionaries(st.sampled_from(sorted(CODES)) | st.text(max_size=5), json_values))
def test_any_configuration_is_survived(asked: Any) -> None:
    read = read_configuration({NAME: asked})
    assert read.off <= CODES - {"max-cards"}
    assert read.max_cards >= 0
