"""What an operator set: shown with its source, secrets masked, and told by name where it is wrong."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cds_service.api.app import create_app
from cds_service.cli import run
from cds_service.settings import Settings

SECRET = "hunter-canary"  # noqa: S105 - looked for, and must not be found
Shown = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("CDS_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def shown(capfd: pytest.CaptureFixture[str]) -> Shown:
    def called(*arguments: str) -> tuple[int, str, str]:
        code = run(arguments, create_app=create_app)
        return code, *capfd.readouterr()

    return called


def by_name(out: str) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in json.loads(out)}


def test_every_setting_is_shown_with_value_source_and_meaning(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDS_DEADLINE_MS", "900")
    code, out, _ = shown("settings", "--format", "json")
    rows = by_name(out)
    assert code == 0
    assert set(rows) == {f"CDS_{name}".upper() for name in Settings.model_fields}
    assert (rows["CDS_DEADLINE_MS"]["value"], rows["CDS_DEADLINE_MS"]["source"]) == (900, "environment")
    assert (rows["CDS_FHIR_FETCH"]["value"], rows["CDS_FHIR_FETCH"]["source"]) == (True, "default")
    assert all(one["meaning"] for one in rows.values())


def test_a_secret_may_be_a_file(shown: Shown, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "cds_database_url").write_text(f"postgresql://me:{SECRET}@db/decisions")
    monkeypatch.setenv("CDS_SECRETS_DIR", str(tmp_path))
    _, out, _ = shown("settings", "--format", "json")
    row = by_name(out)["CDS_DATABASE_URL"]
    assert (row["value"], row["source"]) == ("postgresql://me:***@db/decisions", "secrets")
    assert Settings().database_url.endswith(f"{SECRET}@db/decisions")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CDS_ENCRYPTION_KEYS", SECRET),
        ("CDS_DATABASE_URL", f"postgresql://me:{SECRET}@db/decisions"),
        ("CDS_DATABASE_URL", f"postgresql://me:p@{SECRET}@db/decisions"),
        ("CDS_DATABASE_URL", f"postgresql://db/decisions?user=me&password={SECRET}&sslmode=require"),
    ],
)
def test_no_secret_is_shown(shown: Shown, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    for output in ("text", "json"):
        code, out, err = shown("settings", "--format", output)
        assert code == 0
        assert "***" in out
        assert SECRET not in out + err


@pytest.mark.parametrize("command", [("settings",), ("serve", "--mode", "sandbox")])
def test_every_wrong_setting_is_named_with_what_to_write(
    shown: Shown, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("CDS_DEADLINE_MS", SECRET)
    monkeypatch.setenv("CDS_PREFETCH_TOKENS", SECRET)
    monkeypatch.setenv("CDS_MAX_BODY_BYTES", "0")
    code, _, err = shown(*command)
    assert code == 2
    assert "CDS_DEADLINE_MS: write a whole number" in err
    assert "CDS_PREFETCH_TOKENS: write `simple` or `fhirpath`" in err
    assert "CDS_MAX_BODY_BYTES: write a number greater than 0" in err
    assert SECRET not in err


def test_a_list_that_is_no_json_is_named(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDS_FHIR_SERVERS", SECRET)
    code, _, err = shown("settings")
    assert code == 2
    assert err.startswith("cds-service: CDS_FHIR_SERVERS: a list is written as JSON")
    assert SECRET not in err


def test_a_name_with_a_slip_is_told_of(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDS_DATABSE_URL", SECRET)
    code, _, err = shown("settings")
    assert code == 0
    assert "CDS_DATABSE_URL is no setting" in err
    assert SECRET not in err


def test_a_folder_of_secrets_that_is_not_there_is_told(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDS_SECRETS_DIR", "/nowhere/at/all")
    code, _, err = shown("settings")
    assert code == 2
    assert "CDS_SECRETS_DIR: is no folder" in err
