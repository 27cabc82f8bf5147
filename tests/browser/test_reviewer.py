"""The reviewer's pages in a real browser: a determination found, read, printed, and disagreed with."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser import axe
from tests.browser.conftest import IMAGES, Running
from tests.browser.ehr import open_chart, sign

REQUEST = Path(__file__).parents[2] / "fixtures" / "cds_hooks" / "seed-1-order-sign.json"
PAGES = (
    "/review",
    "/review/charts",
    "/policies",
    "/policies/spinal-tumor-corpectomy",
    "/policies/sarcoma-surveillance-imaging/cases?run=1",
    "/policies/compare",
)


@pytest.fixture
def decided(page: Page) -> str:
    """Have the first seed's orders decided; return the address of the page on them."""
    answer = page.request.post("/cds-services/necessity-order-sign", data=json.loads(REQUEST.read_bytes()))
    assert answer.ok
    return str(page.request.get("/review.json").json()["items"][0]["url"])


def test_a_reviewer_finds_a_determination_and_disagrees(page: Page, decided: str, running: Running) -> None:
    page.goto("/review")
    page.get_by_label("Code", exact=True).fill("22849")
    page.get_by_label("Reviewed").select_option("not yet")
    page.get_by_role("button", name="Show").press("Enter")
    page.get_by_role("row").nth(1).get_by_role("link").click()
    card = page.locator("article", has_text="22849").filter(has=page.get_by_role("button", name="Disagree with 22849"))
    card.get_by_label("Reason").fill("the rod is broken, which the report does not say")
    card.get_by_role("button", name="Disagree with 22849").click()
    expect(page.get_by_role("status")).to_contain_text("It changes no determination")
    expect(card).to_contain_text("sandbox disagreed")
    assert [one.record.outcome for one in running.store.feedback_kept() if one.record.service == "review"] == [
        "disagreed"
    ]


def test_a_determination_prints_without_what_only_a_screen_needs(page: Page, decided: str) -> None:
    page.goto(decided)
    page.emulate_media(media="print")
    assert page.locator("button:visible, textarea:visible, nav:visible, summary:visible").count() == 0
    expect(page.locator("ol.sources li").first).to_be_visible()
    expect(page.get_by_role("heading", name="Criteria").first).to_be_visible()
    assert page.locator(".warning:visible").count() >= 1
    assert page.pdf().startswith(b"%PDF")


@pytest.mark.usefixtures("accessible")
def test_evidence_opens_its_element_in_the_chart_and_closes_again(page: Page, decided: str) -> None:
    page.goto(decided.partition("#")[0])
    evidence = page.locator("a.evidence-link", has_text="Observation/hw1.value").first
    evidence.focus()
    before = page.evaluate("scrollY")
    page.keyboard.press("Enter")
    marked = page.locator(".json :target")
    expect(marked).to_contain_text('"valueCodeableConcept"')
    expect(marked).to_be_in_viewport()
    assert axe.serious(page) == []
    assert page.evaluate("scrollY") == before
    page.keyboard.press("Escape")
    expect(marked).to_have_count(0)
    expect(evidence).to_be_focused()


@pytest.mark.usefixtures("accessible")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_keeps_anybody_out(page: Page, decided: str, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    for path in (*PAGES, decided):
        page.goto(path)
        assert axe.serious(page) == [], path


def test_a_hostile_chart_stays_text(page: Page) -> None:
    open_chart(page, "hostile-chart")
    sign(page)
    found = page.request.get("/review.json").json()["items"][0]
    page.goto(found["url"])
    assert page.locator("main img, main svg, main script, main a[href^='javascript']").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    texts = page.locator("main").inner_text()
    assert not any(one in texts for one in "\u202e\u200b\u2066")


@pytest.mark.parametrize("width", [360, 1500])
def test_no_page_is_wider_than_the_window(page: Page, decided: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    for path in (*PAGES, decided):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_the_pages_can_be_pictured(page: Page, decided: str) -> None:
    """WRITE_IMAGES=1 writes them anew."""
    for patient in ("follow-up-over", "production", "pelvis-no-report", "spine-wrong-code"):
        open_chart(page, patient)
        sign(page)
    page.set_viewport_size({"width": 1200, "height": 900})
    for name, path in (("review_queue", "/review"), ("review_determination", decided.partition("#")[0])):
        page.goto(path)
        image = page.screenshot(type="jpeg", quality=70)
        assert image
        if os.environ.get("WRITE_IMAGES"):
            (IMAGES / f"{name}.jpg").write_bytes(image)
