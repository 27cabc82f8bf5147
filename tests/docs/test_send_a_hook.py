"""The page on `cds-service send` is walked through, against our own service on loopback."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from cds_service.api.app import create_app
from cds_service.cli import run
from cds_service.settings import Settings
from cds_service.wiring import Application
from tests.charts import ROOT, shipped
from tests.docs.walking import walk

PAGE = ROOT / "docs" / "how_to" / "send_a_hook.md"


@pytest.fixture
def address() -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(create_app(Application(Settings(), shipped())), port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


def test_sending_a_hook_comes_out_as_the_page_says(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "fixtures").symlink_to(ROOT / "fixtures")
    monkeypatch.chdir(tmp_path)

    def command(arguments: list[str]) -> str:
        run(arguments, create_app=create_app)
        return capsys.readouterr().out

    page = PAGE.read_text(encoding="utf-8").replace("http://127.0.0.1:8000", address)
    assert list(walk(page, tmp_path, command)) == []
