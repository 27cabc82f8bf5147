from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cds_service.cds_hooks import (
    Action,
    Card,
    Coding,
    Link,
    ProtocolError,
    Response,
    Source,
    Suggestion,
    to_json_object,
)

from . import messages
from .messages import refused_at

ORDER = {"resourceType": "ServiceRequest", "id": "sr-1"}
SOURCE = Source(label="Example Health")


def card(**changes: Any) -> Card:
    return Card(**{"summary": "A card", "indicator": "info", "source": SOURCE} | changes)


def link(**changes: Any) -> Link:
    return Link(**{"label": "Policy", "url": "https://example.org", "type": "absolute"} | changes)


def suggestions(*recommended: bool | None) -> tuple[Suggestion, ...]:
    return tuple(Suggestion(label="Choose this", is_recommended=flag) for flag in recommended)


@pytest.mark.requirement("C1")
def test_no_guidance_is_an_empty_array_of_cards():
    assert to_json_object(Response(cards=())) == {"cards": []}


@pytest.mark.requirement("C1")
def test_no_system_actions_are_left_out():
    assert "systemActions" not in to_json_object(Response(cards=(card(),), system_actions=()))


@pytest.mark.requirement("C12")
def test_system_actions_are_written():
    action = Action(type="update", description="Record it", resource=ORDER)
    written = to_json_object(Response(cards=(), system_actions=(action,)))
    assert written["systemActions"] == [{"type": "update", "description": "Record it", "resource": ORDER}]


@pytest.mark.requirement("C1")
def test_cards_are_required():
    with refused_at("cards"):
        Response.read({})


def test_a_card_needs_summary_indicator_and_source_only():
    written = to_json_object(card())
    assert written == {"summary": "A card", "indicator": "info", "source": {"label": "Example Health"}}


@pytest.mark.requirement("C3")
@pytest.mark.parametrize("member", ["summary", "indicator", "source"])
def test_a_card_without_a_required_member_is_refused(member: str):
    body = messages.card()
    del body[member]
    with refused_at(member):
        Card.read(body)


@pytest.mark.requirement("C2")
@given(length=st.integers(min_value=1, max_value=300))
@example(length=139)
@example(length=140)
def test_a_summary_has_139_characters_at_most(length: int):
    if length <= 139:
        assert card(summary="ä" * length).summary
    else:
        with refused_at("summary"):
            card(summary="ä" * length)


@pytest.mark.requirement("C2")
@pytest.mark.parametrize("summary", ["", "two\nlines", "two\r\nlines", "two\u2028lines", "one\n"], ids=repr)
def test_a_summary_is_one_line(summary: str):
    with refused_at("summary"):
        card(summary=summary)


@pytest.mark.requirement("C3")
@pytest.mark.parametrize("indicator", ["info", "warning", "critical"])
def test_an_indicator_is_one_of_three(indicator: str):
    assert card(indicator=indicator).indicator == indicator


@pytest.mark.requirement("C3")
@pytest.mark.parametrize("indicator", ["", "hard-stop", "Info", None, 1])
def test_another_indicator_is_refused(indicator: object):
    with pytest.raises(ProtocolError, match=r"^`indicator` must be 'info', 'warning' or 'critical'$"):
        card(indicator=indicator)


@pytest.mark.parametrize("member", ["uuid", "detail"])
def test_an_optional_text_is_not_empty(member: str):
    with refused_at(member):
        card(**{member: ""})


@pytest.mark.requirement("C7")
def test_suggestions_need_a_selection_behavior():
    with refused_at("selectionBehavior"):
        card(suggestions=suggestions(None))
    for behavior in ("any", "at-most-one"):
        assert card(suggestions=suggestions(None), selection_behavior=behavior).suggestions


@pytest.mark.requirement("C7")
def test_another_selection_behavior_is_refused():
    with refused_at("selectionBehavior"):
        card(suggestions=suggestions(None), selection_behavior="all")


@pytest.mark.requirement("C7")
@given(st.lists(st.none() | st.booleans(), min_size=1, max_size=4), st.sampled_from(["any", "at-most-one"]))
def test_at_most_one_suggestion_is_recommended_if_one_may_be_chosen(flags: list[bool | None], behavior: str):
    if behavior == "at-most-one" and flags.count(True) > 1:
        with refused_at("suggestions"):
            card(suggestions=suggestions(*flags), selection_behavior=behavior)
    else:
        assert card(suggestions=suggestions(*flags), selection_behavior=behavior).suggestions


@pytest.mark.requirement("C8")
def test_a_suggestion_needs_a_label():
    for body in ({}, {"label": ""}):
        with refused_at("label"):
            Suggestion.read(body)


def test_is_recommended_is_a_boolean():
    with refused_at("isRecommended"):
        Suggestion.read({"label": "x", "isRecommended": "yes"})


@pytest.mark.requirement("C6")
@pytest.mark.parametrize("member", ["code", "system"])
def test_a_coding_needs_code_and_system(member: str):
    body = messages.coding()
    del body[member]
    for wrong in (body, messages.coding() | {member: ""}):
        with refused_at(member):
            Coding.read(wrong)


@pytest.mark.requirement("C10")
def test_an_override_reason_needs_a_display():
    reason = Coding(code="refused", system="https://example.org/reasons")
    with refused_at("overrideReasons[1].display"):
        card(override_reasons=(Coding.read(messages.coding()), reason))


def test_a_topic_needs_no_display():
    topic = Coding(code="necessity", system="https://example.org/topics")
    assert Source(label="Example", topic=topic).topic == topic


@pytest.mark.requirement("C6")
@pytest.mark.parametrize("member", ["url", "icon"])
@pytest.mark.parametrize("url", ["", "policy.html", "//example.org", "ftp://example.org", "https:///path"])
def test_a_source_has_absolute_urls(member: str, url: str):
    with refused_at(member):
        Source(**{"label": "Example", member: url})


@pytest.mark.parametrize("kind", ["absolute", "smart"])
@pytest.mark.parametrize(
    "url",
    [
        "",
        "/policy",
        "example.org",
        "http://",
        "https://:80",
        "javascript:alert(1)",
        "https://a b",
        "http://[x",
    ],
)
def test_a_link_without_web_address_is_refused(kind: str, url: str):
    with refused_at("url"):
        link(type=kind, url=url)


@pytest.mark.parametrize("url", ["http://localhost:8000/x", "https://example.org/a?b=c#d", "HTTPS://EXAMPLE.ORG"])
def test_a_link_has_a_web_address(url: str):
    assert link(url=url).url == url


@pytest.mark.requirement("C11")
def test_a_link_needs_label_url_and_type():
    for member in ("label", "url", "type"):
        body = {"label": "Policy", "url": "https://example.org", "type": "absolute"}
        del body[member]
        with refused_at(member):
            Link.read(body)


@pytest.mark.requirement("C11")
def test_a_link_is_absolute_or_smart():
    with refused_at("type"):
        link(type="relative")


@pytest.mark.requirement("C11")
def test_app_context_is_for_smart_links():
    assert link(type="smart", app_context="handle").app_context == "handle"
    with refused_at("appContext"):
        link(type="absolute", app_context="handle")


def test_app_context_is_a_string_with_content():
    for wrong in ("", {"session": 1}):
        with refused_at("appContext"):
            link(type="smart", app_context=wrong)


@pytest.mark.parametrize("flag", [True, False])
def test_a_link_may_be_autolaunchable(flag: bool):
    assert link(autolaunchable=flag).autolaunchable is flag
    with refused_at("autolaunchable"):
        link(autolaunchable=int(flag))


@pytest.mark.requirement("C9")
@pytest.mark.parametrize("kind", ["create", "update"])
def test_create_and_update_carry_the_resource(kind: str):
    assert Action(type=kind, description="Do it", resource=ORDER).resource is ORDER
    with refused_at("resource"):
        Action(type=kind, description="Do it")
    with refused_at("resourceId"):
        Action(type=kind, description="Do it", resource=ORDER, resource_id="ServiceRequest/sr-1")


def test_a_resource_says_what_it_is():
    with refused_at("resource.resourceType"):
        Action(type="create", description="Do it", resource={"id": "sr-1"})
    with refused_at("resource"):
        Action(type="create", description="Do it", resource="ServiceRequest/sr-1")


@pytest.mark.requirement("C9")
def test_delete_names_the_resource():
    assert Action(type="delete", description="Remove it", resource_id="ServiceRequest/sr-1")
    with refused_at("resourceId"):
        Action(type="delete", description="Remove it", resource=ORDER)


def test_delete_may_carry_the_resource_as_well():
    action = Action(type="delete", description="Remove it", resource=ORDER, resource_id="ServiceRequest/sr-1")
    assert to_json_object(action)["resource"] is ORDER


@pytest.mark.requirement("C9")
@pytest.mark.parametrize("reference", ["", "sr-1", "ServiceRequest/", "/sr-1", "A/b/c", "https://example.org/A/b"])
def test_a_resource_id_is_a_relative_reference(reference: str):
    with refused_at("resourceId"):
        Action(type="delete", description="Remove it", resource_id=reference)


@pytest.mark.requirement("C9", "C12")
@pytest.mark.parametrize("kind", ["create", "update", "delete"])
def test_an_action_needs_a_description(kind: str):
    for description in ({}, {"description": ""}):
        with refused_at("description"):
            Action.read({"type": kind, "resource": ORDER} | description)


@pytest.mark.requirement("C9")
def test_another_type_of_action_is_refused():
    with refused_at("type"):
        Action(type="patch", description="Do it", resource=ORDER)


def test_a_resource_is_written_as_it_is():
    resource = ORDER | {"quantityQuantity": {"value": Decimal("2.50")}, "note": []}
    action = Action(type="update", description="Record it", resource=resource)
    assert to_json_object(action)["resource"] is resource


@pytest.mark.requirement("C5")
def test_card_uuids_differ():
    with refused_at("cards[2].uuid"):
        Response(cards=(card(uuid="c-1"), card(uuid="c-2"), card(uuid="c-1")))


def test_cards_without_uuid_may_stand_together():
    assert len(Response(cards=(card(), card(), card(uuid="c-1"))).cards) == 3


@pytest.mark.requirement("X1")
@pytest.mark.parametrize("build", [card, link, Response], ids=["card", "link", "response"])
def test_extension_is_an_object(build: Any):
    with refused_at("extension"):
        build(**({"cards": ()} if build is Response else {}), extension=["x"])
