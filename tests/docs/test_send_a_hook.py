"""The page on `cds-service send` is walked through, against our own service on loopback."""

from __future__ import annotations

from pathlib import Path

import pytest

from cds_service.api.app import create_app
from cds_service.cli import run
from cds_service.settings import Settings
from cds_service.wiring import Application
from tests.charts import ROOT, shipped
from tests.docs.walking import walk
from tests.serving import serving

PAGE = ROOT / "docs" / "how_to" / "send_a_hook.md"


def test_sending_a_hook_comes_out_as_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "fixtures").symlink_to(ROOT / "fixtures")
    monkeypatch.chdir(tmp_path)

    def command(arguments: list[str]) -> str:
        run(arguments, create_app=create_app)
        return capsys.readouterr().out

    with serving(lambda _: Application(Settings(), shipped())) as address:
        page = PAGE.read_text(encoding="utf-8").replace("http://127.0.0.1:8000", address)
        assert list(walk(page, tmp_path, command)) == []
