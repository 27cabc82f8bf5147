from __future__ import annotations

import asyncio

import httpx
import pytest
from fastapi import FastAPI
from jinja2 import TemplateNotFound

from cds_service.api.ui import Pages, asset_routes


def test_a_page_may_run_no_script_of_its_text_and_be_in_no_frame() -> None:
    rules = Pages().page("base.html").headers["content-security-policy"]
    assert "script-src 'self'" in rules
    assert "unsafe" not in rules
    assert "frame-ancestors 'none'" in rules


def test_a_template_that_is_not_there_is_an_error() -> None:
    with pytest.raises(TemplateNotFound):
        Pages().page("none.html")


def test_the_stylesheet_is_served_and_loads_nothing() -> None:
    app = FastAPI()
    app.include_router(asset_routes())

    async def get() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            return await client.get("/ui/style.css")

    answer = asyncio.run(get())
    assert answer.headers["content-type"].startswith("text/css")
    assert "url(" not in answer.text
    assert "@import" not in answer.text
