"""`cds-service policies new` writes a folder, and overwrites nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cds_service.api.app import create_app
from cds_service.cli import run

CODE = "http://www.ama-assn.org/go/cpt|77080"
Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    monkeypatch.chdir(tmp_path)

    def called(*arguments: str) -> tuple[int, str, str]:
        code = run(["policies", "new", *arguments], create_app=create_app)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return called


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_and_the_chart_of_its_cases_are_written_and_named(cli: Cli, tmp_path: Path) -> None:
    code, out, err = cli("bone-density", "--code", CODE, "-o", "policies")
    assert (code, err) == (0, "")
    assert sorted(out.splitlines()) == sorted(files(tmp_path))
    assert "policies/bone-density/bone-density.json" in out
    assert "fixtures/patients/bone-density-b.json" in out


def test_the_title_is_the_name_in_words_unless_one_is_given(cli: Cli, tmp_path: Path) -> None:
    cli("bone-density", "--code", CODE)
    cli("other", "--code", CODE, "--title", "  density of   bone ")
    assert (tmp_path / "bone-density" / "policy.md").read_text().startswith("# Bone density\n")
    assert (tmp_path / "other" / "policy.md").read_text().startswith("# Density of bone\n")


def test_places_and_addresses_may_be_chosen(cli: Cli, tmp_path: Path) -> None:
    base = "https://policies.example.org/fhir/"
    code, _, _ = cli("one", "--code", CODE, "--output", "a/b", "--fixtures", "c", "--base", base)
    assert code == 0
    assert (
        '"url": "https://policies.example.org/fhir/PlanDefinition/one"' in (tmp_path / "a/b/one/one.json").read_text()
    )
    assert (tmp_path / "c/patients/one-b.json").is_file()


@pytest.mark.parametrize("there", ["one/policy.md", "one/value_sets/one-orders.json", "fixtures/patients/one-b.json"])
def test_nothing_is_written_where_something_is(cli: Cli, tmp_path: Path, there: str) -> None:
    place = tmp_path / there
    place.parent.mkdir(parents=True)
    place.write_text("mine")
    code, out, err = cli("one", "--code", CODE)
    assert (code, out) == (2, "")
    assert f"{there} is there already; nothing is written" in err
    assert files(tmp_path) == {there: b"mine"}


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("One", "--code", CODE), "`One` is no name for a policy"),
        (("../one", "--code", CODE), "`../one` is no name for a policy"),
        (("one",), "Missing option '--code'"),
        (("one", "--code", "77080"), "--code is a system and a code"),
        (("one", "--code", "http://x|"), "--code is a system and a code"),
        (("one", "--code", "http://x|a b"), "--code is a system and a code"),
        (("one", "--code", 'http://x"|1'), "--code is a system and a code"),
        (("one", "--code", CODE, "--base", "here"), "--base is an address"),
    ],
)
def test_a_wish_that_cannot_be_is_told_and_nothing_is_written(
    cli: Cli, tmp_path: Path, arguments: tuple[str, ...], why: str
) -> None:
    code, out, err = cli(*arguments)
    assert (code, out) == (2, "")
    assert why in err
    assert files(tmp_path) == {}


def test_a_place_that_cannot_be_written_is_told(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "policies").write_text("a file, no folder")
    code, _, err = cli("one", "--code", CODE, "-o", "policies")
    assert code == 1
    assert "cannot be made" in err
