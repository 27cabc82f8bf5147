"""axe-core, which finds what keeps people from using a page. `make peers` installs it below build/."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

__all__ = ["SCRIPT", "install", "serious"]

FOLDER = Path(__file__).parents[2] / "build" / "axe-core"
SCRIPT = FOLDER / "node_modules" / "axe-core" / "axe.min.js"
PACKAGE = {"private": True, "dependencies": {"axe-core": "4.11.0"}}


def install() -> bool:
    """Install it where it is not yet; return whether it is there."""
    if SCRIPT.exists():
        return True
    if not shutil.which("npm"):
        return False
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "package.json").write_text(json.dumps(PACKAGE), encoding="utf-8")
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
    return subprocess.run(command, cwd=FOLDER, check=False).returncode == 0


def serious(page: Page) -> list[str]:
    """Return what axe finds on a page and calls serious or critical: rule and elements."""
    page.evaluate(SCRIPT.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = page.evaluate("axe.run().then((result) => result.violations)")
    bad = [one for one in found if one["impact"] in ("serious", "critical")]
    return [f"{one['id']}: {[node['target'] for node in one['nodes']][:5]}" for one in bad]


if __name__ == "__main__":
    raise SystemExit(0 if install() else "axe-core could not be installed: npm is needed")
