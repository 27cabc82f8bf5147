"""The official FHIRPath suite for R4: all of it passes, but for what exclusions.toml lists with a reason."""

from __future__ import annotations

import os
import tomllib
from functools import cache
from pathlib import Path
from runpy import run_path

import pytest

HERE = Path(__file__).parent
EXCLUSIONS: dict[str, str] = tomllib.loads((HERE / "exclusions.toml").read_text(encoding="utf-8"))["fhirpath"]


@cache
def results() -> dict[str, tuple[str, str]]:
    """Return (passed, failed or skipped; why) of each test by its id."""
    folder = os.environ.get("CONFORMANCE_DIR")
    if not folder:
        pytest.skip("CONFORMANCE_DIR is not set: the official suites are not part of this repository")
    runner = run_path(str(Path(folder) / "fhirpath" / "suite.py"), run_name="suite")
    found: dict[str, tuple[str, str]] = runner["run"](str(HERE / "fhirpath_adapter.py"))
    return found


def test_every_test_of_the_suite_passes_or_is_listed_with_its_reason() -> None:
    failed = {name: why for name, (state, why) in results().items() if state != "passed" and name not in EXCLUSIONS}
    assert failed == {}


def test_no_test_is_skipped_and_the_suite_is_there() -> None:
    states = [state for state, _ in results().values()]
    assert states.count("skipped") == 0
    assert len(states) > 600


def test_what_is_listed_does_fail_and_says_why() -> None:
    for name, reason in EXCLUSIONS.items():
        if name in results():
            assert results()[name][0] == "failed"
        assert len(reason) > 60
