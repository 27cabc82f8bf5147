"""What is generated from the code is as the code is."""

from __future__ import annotations

from runpy import run_path

from tests.charts import ROOT


def test_the_reference_of_functions_is_up_to_date() -> None:
    made = run_path(str(ROOT / "scripts" / "generate_function_reference.py"))
    assert made["OUT"].read_text(encoding="utf-8") == made["page"](), "run scripts/generate_function_reference.py"


def test_the_profile_is_up_to_date() -> None:
    made = run_path(str(ROOT / "scripts" / "generate_profile.py"))
    stale = [path.name for path, text in made["pages"]().items() if path.read_text(encoding="utf-8") != text]
    assert stale == [], "run scripts/generate_profile.py"


def test_the_reference_of_lint_is_up_to_date() -> None:
    made = run_path(str(ROOT / "scripts" / "generate_lint_reference.py"))
    assert made["OUT"].read_text(encoding="utf-8") == made["page"](), "run scripts/generate_lint_reference.py"


def test_the_reference_of_settings_is_up_to_date() -> None:
    made = run_path(str(ROOT / "scripts" / "generate_settings_reference.py"))
    assert made["OUT"].read_text(encoding="utf-8") == made["page"](), "run scripts/generate_settings_reference.py"
