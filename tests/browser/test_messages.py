"""What a developer takes out of the page: the call as a command, the request as a file, and the same call again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.ehr import open_chart, sign, summaries


@pytest.fixture
def signed(page: Page) -> Page:
    """Return the page after the seed's orders were signed, its messages open."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_chart(page, "spine-seed")
    sign(page)
    page.locator("summary", has_text="Messages").click()
    return page


def run(command: list[str], **more: Any) -> dict[str, Any]:
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, **more)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_the_copied_command_gets_the_cards_that_the_page_got(signed: Page) -> None:
    signed.get_by_role("button", name="Copy as curl").click()
    expect(signed.get_by_text("Copied.")).to_be_visible()
    answer = run(["/bin/sh", "-c", signed.evaluate("() => navigator.clipboard.readText()")])
    assert [one["summary"] for one in answer["cards"]] == summaries(signed)


def test_a_saved_request_evaluates_to_the_same_cards(signed: Page, tmp_path: Path) -> None:
    with signed.expect_download() as download:
        signed.get_by_role("button", name="Save as fixture").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    answer = run([sys.executable, "-m", "cds_service", "evaluate", str(file)])
    shown = signed.locator("#answer .card")
    assert [one["uuid"] for one in answer["cards"]] == [one.get_attribute("data-uuid") for one in shown.all()]
    assert [one["summary"] for one in answer["cards"]] == summaries(signed)


def test_a_changed_request_can_be_sent_again(signed: Page) -> None:
    signed.locator("summary", has_text="Request").click()
    text = signed.get_by_label("The request as JSON")
    request = json.loads(text.input_value())
    drafts = request["context"]["draftOrders"]["entry"]
    request["context"]["draftOrders"]["entry"] = [one for one in drafts if one["resource"]["id"] == "order-22849"]
    text.fill(json.dumps(request))
    signed.get_by_role("button", name="Replay").click()
    expect(signed.get_by_text("200 in")).to_be_visible()
    answer = signed.locator("#details div[role='status'] pre")
    expect(answer).to_contain_text("22849")
    expect(answer).not_to_contain_text("63102")


def test_what_is_no_json_is_not_sent(signed: Page) -> None:
    signed.locator("summary", has_text="Request").click()
    signed.get_by_label("The request as JSON").fill("{")
    signed.get_by_role("button", name="Replay").click()
    expect(signed.get_by_text("This is not JSON.")).to_be_visible()
