"""`policies package`, and the package in place of the folder, from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cds_service.api.app import create_app
from cds_service.cli import run
from tests.made_up import GROUP, request, write_policy


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("CDS_POLICIES", raising=False)
    return write_policy(tmp_path / "widgets")


def called(*arguments: object) -> int:
    return run([str(one) for one in arguments], create_app=create_app)


def pack(folder: Path, place: Path) -> int:
    return called("policies", "package", folder, "-o", place, "--name", "example.widgets", "--version", "1.0.0")


def test_a_package_answers_as_its_folder_does(
    folder: Path, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    (tmp_path / "request.json").write_text(json.dumps(request()))
    place = tmp_path / "widgets.tgz"
    assert pack(folder, place) == 0
    answers = []
    for policies in (folder, place):
        assert called("evaluate", tmp_path / "request.json", "--policies", policies) == 0
        answers.append(capsysbinary.readouterr().out)
    assert answers[0] == answers[1] != b""


def test_policies_that_do_not_load_are_not_packed(folder: Path, tmp_path: Path) -> None:
    (folder / GROUP / "orders.json").unlink()
    assert pack(folder, tmp_path / "widgets.tgz") == 4
    assert not (tmp_path / "widgets.tgz").exists()


def test_a_package_without_a_name_is_a_fault(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert called("policies", "package", folder, "-o", tmp_path / "widgets.tgz") == 4
    assert "needs a `name`" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_told(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pack(folder, tmp_path / "nowhere" / "widgets.tgz") == 1
    assert "cannot be written" in capsys.readouterr().err
