"""A newcomer's first minute: the command started, a page opened, an order signed. How long it takes is told."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from time import perf_counter

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import IMAGES
from tests.browser.ehr import open_chart, sign, summaries


def test_the_first_card_comes_within_a_minute(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    begun = perf_counter()
    command = [sys.executable, "-m", "cds_service", "sandbox", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            address = re.search(r"http://\S+", process.stderr.readline())
            assert address is not None
            page.goto(f"{address[0]}/?patient=spine-seed")
            page.wait_for_selector("body[data-ready]")
            ready = perf_counter()
            sign(page)
            assert len(summaries(page)) == 2
            assert perf_counter() - begun < 60
            told = page.locator("#progress").inner_text()
        finally:
            process.terminate()
    with capsys.disabled():
        sys.stdout.write(f"\nfrom the command to a usable page: {ready - begun:.1f} s; sign to card: {told}\n")


def test_the_pictures_in_the_documentation_can_be_made(page: Page) -> None:
    """WRITE_IMAGES=1 writes them anew."""
    open_chart(page, "spine-seed")
    sign(page)
    whole = page.screenshot(type="jpeg", quality=70)
    page.locator("[data-path='Observation/spine-seed-hw1.value']").first.click()
    expect(page.locator("#viewer mark")).to_be_in_viewport()
    element = page.screenshot(type="jpeg", quality=70)
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    page.locator("#answer").evaluate("(element) => element.scrollIntoView()")
    narrow = page.screenshot(type="jpeg", quality=70)
    made = {"sandbox.jpg": whole, "sandbox_evidence.jpg": element, "sandbox_narrow.jpg": narrow}
    assert all(image.startswith(b"\xff\xd8") for image in made.values())
    if os.environ.get("WRITE_IMAGES"):
        for name, image in made.items():
            (IMAGES / name).write_bytes(image)
