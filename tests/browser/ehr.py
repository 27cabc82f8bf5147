"""What a person does in the small EHR."""

from __future__ import annotations

from playwright.sync_api import Page, expect

__all__ = ["criterion", "open_chart", "outcomes", "sign", "summaries"]


def open_chart(page: Page, patient: str, **switches: str) -> None:
    """Open a patient's chart, and wait until its script is ready."""
    more = "".join(f"&{name}={value}" for name, value in switches.items())
    page.goto(f"/?patient={patient}{more}")
    page.wait_for_selector("body[data-ready]")


def sign(page: Page) -> None:
    """Press Sign and wait for the answer."""
    page.get_by_role("button", name="Sign", exact=True).click()
    expect(page.locator("#progress")).to_contain_text("Answered", timeout=20_000)


def summaries(page: Page) -> list[str]:
    """Return the first line of each card."""
    return page.locator("#answer .card h3").all_inner_texts()


def outcomes(page: Page) -> dict[str, str]:
    """Return the outcome of each code, as the developer's panel shows it."""
    return {
        str(one.get_attribute("data-code")): one.locator("h3 .tag").inner_text()
        for one in page.locator("#details section[data-code]").all()
    }


def criterion(page: Page, code: str, name: str) -> str:
    """Return the state of a criterion, as the tree shows it."""
    place = f"section[data-code='{code}'] li[data-criterion='{name}'] > .tag"
    return page.locator(place).first.inner_text()
