"""`cds-service policies test`, from files to exit code."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import yaml

from cds_service.api.app import create_app
from cds_service.cli import run
from tests.unit.authoring.widgets import CASES, POLICY, VALUE_SETS, but_for, case, finding, fixture
from tests.unit.plan_definition.plans import Json

Cli = Callable[..., tuple[int, str, str]]


def write(folder: Path, cases: Iterable[Json] = CASES, accepted: Json | None = None) -> Path:
    """Write the made-up policy with its cases and charts, and return the folder of policies."""
    group = folder / "policies" / "widgets"
    (group / "value_sets").mkdir(parents=True)
    (group / "widget.json").write_text(json.dumps(POLICY))
    for one in VALUE_SETS:
        name = one["url"].rpartition("/")[2]
        (group / "value_sets" / f"{name}.json").write_text(json.dumps(one))
    (group / "cases.yaml").write_text(yaml.safe_dump(list(cases)))
    if accepted is not None:
        (group / "mutants.yaml").write_text(yaml.safe_dump(accepted))
    for path in ("cds_hooks/widget-order-sign.json", "patients/widget-a.json"):
        place = folder / "fixtures" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(fixture(path)))
    return folder / "policies"


@pytest.fixture
def cli(capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.delenv("CDS_POLICIES", raising=False)

    def called(*arguments: object) -> tuple[int, str, str]:
        code = run(["policies", "test", *map(str, arguments), "--jobs", "1"], create_app=create_app)
        out, err = capsysbinary.readouterr()
        return code, out.decode(), err.decode()

    return called


def test_complete_cases_pass(cli: Cli, tmp_path: Path) -> None:
    code, out, err = cli(write(tmp_path))
    assert (code, err) == (0, "")
    assert "9 cases in 9 charts, all as expected; 1 deciding criterion" in out
    assert "15 mutants, none unnoticed" in out
    code, out, err = cli(tmp_path / "policies", "--thorough")
    assert (code, err) == (0, "")
    assert "19 mutants, none unnoticed" in out


def test_a_survivor_fails(cli: Cli, tmp_path: Path) -> None:
    code, out, _ = cli(write(tmp_path, but_for("a day more")))
    assert code == 4
    assert "no case notices these:\n    widget parameter maxAge: 31 for 30 days\n" in out


def test_the_inside_of_expressions_is_changed_where_that_is_asked_for(cli: Cli, tmp_path: Path) -> None:
    folder = write(tmp_path, but_for("mended"))
    assert cli(folder)[0] == 0
    code, out, _ = cli(folder, "--thorough")
    assert code == 4
    assert "no case notices these:\n    widget variable lately: not only the latest of" in out


def test_a_survivor_with_a_written_reason_passes(cli: Cli, tmp_path: Path) -> None:
    name = "widget variable lately: not only the latest of `%findings.where(clinicalDate() >= (%asOf - %maxAge))`"
    accepted = {"mutants": [{"reason": "a widget is looked at once", "mutants": [name]}]}
    folder = write(tmp_path, but_for("mended"), accepted)
    assert cli(folder, "--thorough")[0] == 0
    assert cli(folder)[0] == 0, "what was not tried is not out of date"


def test_without_mutants_only_cases_and_states_count(cli: Cli, tmp_path: Path) -> None:
    code, out, _ = cli(write(tmp_path, but_for("mended")), "--no-mutate")
    assert code == 0
    assert "mutant" not in out
    code, out, _ = cli(write(tmp_path / "more", but_for("sound", "mended")), "--no-mutate")
    assert code == 4
    assert "never not met (a case is missing)" in out


def test_a_case_that_differs_fails_and_keeps_mutants_from_being_tried(cli: Cli, tmp_path: Path) -> None:
    code, out, _ = cli(write(tmp_path, [*CASES, case("wrong", "true", finding("sound", "2026-01-10"))]))
    assert code == 4
    assert out.startswith("wrong/a: wrong\n    A is not-met (clinical), expected met\n")
    assert "mutant" not in out


def test_one_case_alone(cli: Cli, tmp_path: Path) -> None:
    folder = write(tmp_path)
    assert cli(folder, "--case", "cracked")[:2] == (0, "1 case in 1 chart, all as expected (0 s)\n")
    code, _, err = cli(folder, "--case", "nothing")
    assert (code, err) == (2, "cds-service: there is no case `nothing`\n")


def test_one_policy_alone(cli: Cli, tmp_path: Path) -> None:
    folder = write(tmp_path)
    assert cli(folder, "--policy", "widget")[0] == 0
    code, _, err = cli(folder, "--policy", "gadget")
    assert (code, err) == (2, "cds-service: there is no policy `gadget`; there are widget\n")


def test_json_for_machines(cli: Cli, tmp_path: Path) -> None:
    code, out, _ = cli(write(tmp_path), "--format", "json")
    told = json.loads(out)
    assert (code, told["passed"], told["mutants"]["tried"]) == (0, True, 15)


def test_a_chart_that_is_not_there_is_named(cli: Cli, tmp_path: Path) -> None:
    code, _, err = cli(write(tmp_path, [case("one", "true", base="gadget")]))
    assert code == 3
    assert "cds_hooks/gadget-order-sign.json: cannot be read" in err


def test_charts_may_stand_elsewhere(cli: Cli, tmp_path: Path) -> None:
    folder = write(tmp_path)
    (tmp_path / "fixtures").rename(tmp_path / "charts")
    assert cli(folder, "--no-mutate", "--fixtures", tmp_path / "charts")[0] == 0


def test_a_fault_in_a_file_of_cases_names_file_case_and_member(cli: Cli, tmp_path: Path) -> None:
    code, _, err = cli(write(tmp_path, [{**CASES[0], "order": ["A"]}]))
    assert code == 4
    assert err == "cds-service: policy: widgets/cases.yaml: cracked: `order` is no member there\n"


def test_several_processes_come_to_the_same(tmp_path: Path) -> None:
    folder, told = write(tmp_path, but_for("mended")), []
    for jobs in ("1", "2"):
        command = [sys.executable, "-m", "cds_service", "policies", "test", folder, "--format", "json", "--jobs", jobs]
        told.append(json.loads(subprocess.run(command, capture_output=True, check=False).stdout))
    assert told[0]["mutants"]["tried"] == 15
    assert told[0] == told[1]


def test_a_person_who_waits_is_told_how_far_it_is(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    assert cli(write(tmp_path))[0] == 0
    assert screen.getvalue().endswith("\rmutants: 15 of 15, 0 unnoticed\r\x1b[K")
