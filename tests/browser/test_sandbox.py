"""The small EHR in a real browser: an order signed, its cards shown, and answered back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from cds_service.sandbox.personas import Persona, personas
from tests.browser import axe
from tests.browser.conftest import Running, Watched
from tests.browser.ehr import criterion, open_chart, outcomes, sign, summaries


@pytest.mark.parametrize("persona", personas().values(), ids=lambda one: one.id)
def test_a_persona_shows_its_outcome(persona: Persona, page: Page) -> None:
    open_chart(page, persona.id)
    sign(page)
    assert outcomes(page) == {code: outcome for code, outcome in persona.expected.items() if outcome is not None}
    assert page.locator("#answer .card").count() >= 1  # never an empty space that looks like clearance


def test_a_code_that_no_policy_covers_is_not_cleared(page: Page) -> None:
    open_chart(page, "no-policy")
    sign(page)
    assert summaries(page) == ["No card"]
    expect(page.locator("#answer")).to_contain_text("says nothing about its necessity")


def test_an_accepted_suggestion_changes_the_order_and_is_told(page: Page, running: Running) -> None:
    open_chart(page, "spine-seed")
    sign(page)
    card = page.locator(".card", has_text="not independently indicated").first
    card.get_by_role("button", name="Remove 22849").click()
    expect(card.locator(".outcome")).to_have_text("Accepted. The service was told.")
    assert page.locator("#orders code").all_inner_texts() == ["63102", "22854"]
    expect(page.locator(".applied .gone").first).to_be_visible()
    [kept] = running.store.feedback_kept(cards=[str(card.get_attribute("data-uuid"))])
    assert kept.known
    assert (kept.record.outcome, len(kept.record.suggestions)) == ("accepted", 1)


def test_a_dismissed_card_is_told_with_its_reason(page: Page, running: Running) -> None:
    open_chart(page, "pelvis-encased")
    sign(page)
    card = page.locator(".card.warning").first
    card.get_by_label("Reason").select_option(label="Decision of the tumour board")
    card.get_by_role("button", name="Dismiss").click()
    expect(card.locator(".outcome")).to_have_text("Dismissed. The service was told.")
    [kept] = running.store.feedback_kept(cards=[str(card.get_attribute("data-uuid"))])
    assert kept.record.outcome == "overridden"
    assert kept.record.reason is not None
    assert kept.record.reason[1] == "tumour-board-decision"


def test_evidence_leads_to_the_element_it_is(page: Page) -> None:
    open_chart(page, "spine-seed")
    sign(page)
    assert criterion(page, "22849", "RI.failure") == "false"
    page.locator("[data-path='Observation/spine-seed-hw1.value']").first.click()
    expect(page.locator("#viewer-title")).to_have_text("Observation/spine-seed-hw1")
    expect(page.locator("#viewer mark")).to_contain_text('"code": "intact"')


def test_a_newcomer_is_led_to_a_first_patient(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="Begin with the first").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("spine-seed Sample")


def test_evidence_is_looked_at_and_left_without_a_mouse(page: Page) -> None:
    open_chart(page, "spine-seed")
    sign(page)
    evidence = page.locator("[data-path='Observation/spine-seed-hw1.value']").first
    evidence.focus()
    before = page.evaluate("scrollY")
    page.keyboard.press("Enter")
    expect(page.locator("#viewer mark")).to_be_in_viewport()
    expect(page.locator("#viewer")).to_be_focused()
    assert page.evaluate("scrollY") == before
    page.keyboard.press("Escape")
    expect(page.locator("#viewer")).to_be_hidden()
    expect(evidence).to_be_focused()


def test_a_long_card_says_that_there_is_more(page: Page) -> None:
    open_chart(page, "spine-seed")
    sign(page)
    card = page.locator(".card", has_text="Corpectomy + cage").first
    card.get_by_role("button", name="Show all").click()
    expect(card.get_by_role("button", name="Show less")).to_have_attribute("aria-expanded", "true")
    expect(card.locator(".detail")).not_to_contain_class("folded")


def test_an_edited_chart_shows_what_flips(page: Page) -> None:
    open_chart(page, "follow-up-due")
    sign(page)
    page.locator("[data-path^='ImagingStudy/follow-up-due-mri']").first.click()
    page.locator("#viewer summary").click()
    text = page.get_by_label("The resource as JSON")
    study = json.loads(text.input_value())
    text.fill(json.dumps(study | {"started": "2026-01-10T09:00:00+01:00"}))
    page.get_by_role("button", name="Put into the chart").click()
    expect(page.locator("#details > .flips")).to_contain_text("72158: met → ")
    page.get_by_role("button", name="Undo all changes").click()
    page.wait_for_url("**/?patient=follow-up-due**")


def test_an_edited_policy_shows_what_flips_and_stays_as_it_was(page: Page) -> None:
    open_chart(page, "spine-seed")
    sign(page)
    node = page.locator("section[data-code='22849'] li[data-criterion='RI.exist']")
    node.get_by_role("button", name="Expressions").click()
    node.get_by_label("support of RI.exist").fill("%conditions.where(false).exists()")
    node.get_by_role("button", name="Try it otherwise").click()
    expect(node.locator(".flips")).to_contain_text("fixation is in place: true → unknown")
    expect(node.locator(".trial .card", has_text="22849").first).to_contain_text("Missing")
    sign(page)
    assert criterion(page, "22849", "RI.exist") == "true"


def test_an_expression_that_is_none_is_told(page: Page, watched: Watched) -> None:
    open_chart(page, "spine-seed")
    sign(page)
    node = page.locator("section[data-code='22849'] li[data-criterion='RI.exist']")
    node.get_by_role("button", name="Expressions").click()
    node.get_by_label("support of RI.exist").fill("where(")
    node.get_by_role("button", name="Try it otherwise").click()
    expect(node.locator("div[role='status'] p")).to_contain_text("an expression is missing")
    assert len(watched.refused) == 1


@pytest.mark.parametrize(
    ("token", "verdict"),
    [("none", "refused: no-token"), ("audience", "refused: audience"), ("expired", "refused: expired")],
)
def test_a_call_without_a_good_token_is_refused(page: Page, watched: Watched, token: str, verdict: str) -> None:
    open_chart(page, "spine-seed", token=token)
    sign(page)
    assert summaries(page) == ["The service refused: 401"]
    expect(page.locator("#details")).to_contain_text(f"Token: {verdict}")
    assert watched.refused


def test_the_service_reads_what_is_not_sent(page: Page) -> None:
    open_chart(page, "spine-seed", prefetch="no")
    sign(page)
    assert outcomes(page)["63102"] == "met"
    page.get_by_text("The chart's way in").click()
    expect(page.locator("tr", has_text="Condition?").first).to_contain_text("read of the server")


def test_a_payer_writes_into_the_order(page: Page) -> None:
    open_chart(page, "spine-seed", role="payer")
    sign(page)
    expect(page.locator("#answer .applied")).to_contain_text("ext-coverage-information")


def test_state_survives_a_reload(page: Page) -> None:
    open_chart(page, "spine-seed", codes="63102,22849")
    sign(page)
    before = summaries(page)
    page.reload()
    page.wait_for_selector("body[data-ready]")
    assert summaries(page) == before
    assert page.locator("#orders code").all_inner_texts() == ["63102", "22849"]


def test_a_chart_of_ones_own_can_be_signed_for(page: Page, tmp_path: Path) -> None:
    patient = {"resourceType": "Patient", "id": "my-own", "name": [{"family": "Own", "given": ["My"]}]}
    file = tmp_path / "chart.json"
    file.write_text(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": patient}]}))
    open_chart(page, "spine-seed")
    page.get_by_label("Add a chart of your own").set_input_files(file)
    page.wait_for_url("**/?patient=my-own**")
    page.get_by_label("Code", exact=True).fill("63102")
    page.get_by_role("button", name="Add", exact=True).click()
    sign(page)
    assert outcomes(page) == {"63102": "information-missing"}


def test_a_hostile_chart_stays_text(page: Page) -> None:
    open_chart(page, "hostile-chart")
    sign(page)
    assert page.locator("h1").all_inner_texts() == ["hostile-chart Sample"]
    assert page.locator("main img, main script, main svg, main a[href^='javascript']").count() == 0
    page.locator("[data-resource^='Condition/']").first.click()
    expect(page.locator("#viewer pre")).to_contain_text("resourceType")
    assert page.locator("main img, main script, main svg").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_the_order_can_be_signed_without_a_mouse(page: Page) -> None:
    open_chart(page, "spine-seed")
    page.get_by_role("button", name="Sign", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.locator("#answer .card").first).to_be_visible()
    page.get_by_label("Code", exact=True).focus()
    page.keyboard.type("27076")
    page.keyboard.press("Enter")
    assert page.locator("#orders code").all_inner_texts()[-1] == "27076"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.usefixtures("accessible")
def test_axe_finds_nothing_serious(page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto("/")
    assert axe.serious(page) == []
    open_chart(page, "spine-seed")
    sign(page)
    page.locator("[data-path='Observation/spine-seed-hw1.value']").first.click()
    for folded in page.locator("#details > details").all():
        folded.evaluate("(element) => { element.open = true }")
    assert axe.serious(page) == []


def test_a_narrow_screen_needs_no_scrolling_sideways(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    open_chart(page, "pelvis-seed")
    sign(page)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
