"""A sandbox that runs, and Chromium before it. BROWSER_REQUIRED=1 makes a browser that is not there a failure."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import uvicorn
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from cds_service.sandbox.app import create_sandbox_app, sandbox_application
from cds_service.settings import Settings
from cds_service.store.store import Store
from cds_service.wiring import Application, load_policies, policies_folder
from tests.browser import axe

REQUIRED = bool(os.environ.get("BROWSER_REQUIRED"))
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
IMAGES = Path(__file__).parents[2] / "docs" / "images"
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)


def lacking(what: str) -> None:
    (pytest.fail if REQUIRED else pytest.skip)(f"{what}; BROWSER_REQUIRED=1 makes this a failure")


@dataclass(frozen=True)
class Running:
    """A sandbox at an address, and where its decisions are kept."""

    address: str
    store: Store


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    import socket

    listener = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    database = tmp_path_factory.mktemp("sandbox") / "decisions.db"
    plain = Application(Settings(), load_policies(policies_folder(None)))
    application = sandbox_application(plain, address, f"sqlite:///{database}")
    server = uvicorn.Server(
        uvicorn.Config(create_sandbox_app(application), log_level="error", timeout_graceful_shutdown=1)
    )

    async def serve() -> None:
        await server.serve([listener])
        await asyncio.sleep(0.1)  # connections that were cut are closed a turn of the loop later

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    yield Running(address, application.store)
    server.should_exit = True
    thread.join()
    listener.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return Chromium. It ends with its module: as long as it is there, its event loop runs in this thread."""
    if not Path(CHROMIUM).exists():
        lacking("no Chromium on this machine (apt-get install chromium, or CHROMIUM)")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield started
        started.close()


@dataclass
class Watched:
    """What a page did that nobody saw: calls beyond this machine, errors, and refused calls."""

    beyond: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            place = self.refused if message.text.startswith("Failed to load resource") else self.errors
            place.append(message.text)


@pytest.fixture
def watched() -> Watched:
    return Watched()


@pytest.fixture
def page(browser: Browser, running: Running, watched: Watched) -> Iterator[Page]:
    """Return a page that opens addresses of the sandbox; at its end nothing may have left loopback or failed."""
    context = browser.new_context(base_url=running.address, viewport={"width": 1500, "height": 1000})
    opened = context.new_page()
    opened.set_default_timeout(20_000)
    opened.on("console", watched.console)
    opened.on("pageerror", lambda error: watched.errors.append(str(error)))
    opened.on("dialog", lambda dialog: (watched.errors.append("a dialog"), dialog.dismiss()))
    opened.on("request", lambda one: beyond_loopback(one.url) and watched.beyond.append(one.url))
    yield opened
    context.close()
    assert watched.errors == []
    assert watched.beyond == []


def beyond_loopback(url: str) -> bool:
    return urlsplit(url).scheme not in ("data", "blob") and urlsplit(url).hostname != "127.0.0.1"


@pytest.fixture(scope="session")
def accessible() -> None:
    if not axe.SCRIPT.exists():
        lacking("axe-core is not installed: `make peers` does that where npm is")
