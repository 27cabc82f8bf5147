"""`policies lint` from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cds_service.api.app import create_app
from cds_service.cli import run
from cds_service.plan_definition.package import PolicyFiles, pack_policies
from cds_service.plan_definition.profile import Extension
from tests.unit.authoring.sound import Files, sound
from tests.unit.plan_definition.plans import variable

Lint = Callable[..., tuple[int, str]]


@pytest.fixture
def lint(capsysbinary: pytest.CaptureFixture[bytes]) -> Lint:
    def called(*arguments: object) -> tuple[int, str]:
        code = run(["policies", "lint", *map(str, arguments)], create_app=create_app)
        captured = capsysbinary.readouterr()
        return code, (captured.out or captured.err).decode()

    return called


def written(folder: Path, change: Callable[[Files], Any] | None = None) -> Path:
    """Write the policies as a folder."""
    files = sound(change)
    for one in files.artifacts:
        place = folder / one.place
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(one.body)
    for one in files.texts:
        (folder / one.group / one.place).write_bytes(one.body)
    return folder


def never_refuted(files: Files) -> None:
    files.drop("worn", Extension.REFUTATION)


def read_by_nothing(files: Files) -> None:
    files.plan["extension"].append(variable("dates", "%findings.effective"))


def packed(files: PolicyFiles, place: Path) -> Path:
    place.write_bytes(pack_policies(files, name="example.widgets", version="1.0.0"))
    return place


def test_sound_policies_end_with_0(lint: Lint, tmp_path: Path) -> None:
    assert lint(written(tmp_path / "all")) == (0, "nothing found\n")


def test_an_error_ends_with_4(lint: Lint, tmp_path: Path) -> None:
    code, text = lint(written(tmp_path / "all", never_refuted))
    assert code == 4
    assert "error: no-refutation, worn" in text


def test_a_warning_ends_with_4_only_where_it_is_strict(lint: Lint, tmp_path: Path) -> None:
    folder = written(tmp_path / "all", read_by_nothing)
    assert lint(folder)[0] == 0
    code, text = lint(folder, "--strict")
    assert code == 4
    assert "warning: unused-variable" in text


def test_a_machine_gets_json(lint: Lint, tmp_path: Path) -> None:
    code, text = lint(written(tmp_path / "all", never_refuted), "--format", "json")
    assert code == 4
    assert json.loads(text)["summary"] == {"errors": 1, "warnings": 0, "accepted": 0}


def test_a_package_is_checked_as_its_folder_is(lint: Lint, tmp_path: Path) -> None:
    place = packed(sound(never_refuted), tmp_path / "widgets.tgz")
    code, text = lint(place)
    assert code == 4
    assert "no-refutation" in text


def test_a_release_to_compare_with_may_be_a_package(lint: Lint, tmp_path: Path) -> None:
    release = packed(sound(), tmp_path / "release.tgz")

    def change(files: Files) -> None:
        files.criterion("broken")["textEquivalent"] = "Broken."

    code, text = lint(written(tmp_path / "all", change), "--against", release)
    assert code == 4
    assert "version-not-raised" in text


def test_what_is_no_folder_ends_with_4(lint: Lint, tmp_path: Path) -> None:
    code, text = lint(tmp_path / "nothing")
    assert code == 4
    assert "no folder and no package" in text


def test_the_folder_may_come_from_the_environment(lint: Lint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDS_POLICIES", str(written(tmp_path / "all")))
    assert lint() == (0, "nothing found\n")
