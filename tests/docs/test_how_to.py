"""The pages that walk through something are walked through."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from cds_service.api.app import create_app
from cds_service.authoring.case_format import parse_yaml, read_cases
from cds_service.authoring.cases import check, run_case, set_up
from cds_service.cli import run
from cds_service.wiring import load_policies
from tests.charts import ROOT
from tests.docs.walking import commands, walk

PAGE = ROOT / "docs" / "how_to" / "write_a_policy.md"


@pytest.fixture
def walked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[Any]:
    """The page done in an empty folder: where it came out otherwise."""
    monkeypatch.chdir(tmp_path)

    def command(arguments: list[str]) -> str:
        code = run(arguments, create_app=create_app)
        captured = capsys.readouterr()
        assert (code, captured.err) == (0, ""), f"{arguments}: {captured.err}"
        return captured.out

    return list(walk(PAGE.read_text(encoding="utf-8"), tmp_path, command))


def test_writing_a_policy_comes_out_as_the_page_says(walked: list[Any]) -> None:
    assert walked == []


def test_the_cases_of_the_page_pass(walked: list[Any], tmp_path: Path) -> None:
    policies = load_policies(tmp_path / "policies")
    place = tmp_path / "policies" / "repeat-bone-density" / "cases.yaml"

    def fixture(path: str) -> Any:
        return json.loads((tmp_path / "fixtures" / path).read_text(encoding="utf-8"))

    cases = read_cases(parse_yaml(place.read_text(encoding="utf-8"), place="page"), place="page")
    assert len(cases) == 10
    for case in cases:
        assert list(check(case, run_case(case, set_up(case, "b", fixture), policies))) == [], case.id


def test_the_page_leaves_nothing_undecided(walked: list[Any], tmp_path: Path) -> None:
    for path in (tmp_path / "policies").rglob("*"):
        assert not path.is_file() or "DECIDE" not in path.read_text(encoding="utf-8"), path.name


def test_the_page_goes_from_paper_to_production(walked: list[Any]) -> None:
    said = commands(PAGE.read_text(encoding="utf-8"))
    for step in (
        "policies new",
        "policies lint",
        "policies test",
        "evaluate",
        "policies show",
        "--mode production",
        "policies package",
    ):
        assert any(step in command for command in said), step


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "how_to").glob("*.md")), ids=lambda page: page.stem)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target
