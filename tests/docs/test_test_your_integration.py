"""The example on the page is a test file: pytest passes it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.charts import ROOT
from tests.docs.walking import walk

PAGE = ROOT / "docs" / "how_to" / "test_your_integration.md"


def test_the_example_passes_as_it_stands(tmp_path: Path) -> None:
    (tmp_path / "fixtures").symlink_to(ROOT / "fixtures")
    assert list(walk(PAGE.read_text(encoding="utf-8"), tmp_path, lambda _: "")) == []
    arguments = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "test_orders.py"]
    done = subprocess.run([sys.executable, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "3 passed" in done.stdout, done.stdout
