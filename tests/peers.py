"""fhirpath.js, run by Node: an oracle in tests and a peer in benchmarks. Never part of the service.

`make peers` installs it below build/; FHIRPATH_NODE_DIR names another folder that holds its node_modules.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

__all__ = ["NODE_DIR", "install", "node", "require_node"]

ROOT = Path(__file__).parent.parent
NODE_DIR = Path(os.environ.get("FHIRPATH_NODE_DIR", ROOT / "build" / "fhirpath.js"))
PACKAGE = {
    "private": True,
    "dependencies": {"fhirpath": "5.2.2"},
    "overrides": {"@lhncbc/ucum-lhc": "7.1.9"},  # else its newest does not install
}


def install() -> bool:
    """Install fhirpath.js where it is not yet; return whether it is there."""
    if (NODE_DIR / "node_modules" / "fhirpath").exists():
        return True
    if not shutil.which("npm"):
        return False
    NODE_DIR.mkdir(parents=True, exist_ok=True)
    (NODE_DIR / "package.json").write_text(json.dumps(PACKAGE), encoding="utf-8")
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund"]
    return subprocess.run(command, cwd=NODE_DIR, check=False).returncode == 0


def node(script: str, given: object) -> Any:
    """Run a script with `fhirpath` at hand: `given` comes as JSON on stdin, and JSON is what it prints."""
    command = ["node", "-e", script]
    done = subprocess.run(command, cwd=NODE_DIR, input=json.dumps(given), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def require_node() -> None:
    """Skip the test where fhirpath.js is not there; in CI, where it must be, fail."""
    if (NODE_DIR / "node_modules" / "fhirpath").exists() and shutil.which("node"):
        return
    if os.environ.get("PEERS_REQUIRED"):
        pytest.fail("fhirpath.js is not installed: run `make peers`")
    pytest.skip("fhirpath.js is not installed: `make peers` does that where Node is")


if __name__ == "__main__":
    raise SystemExit(0 if install() else "fhirpath.js could not be installed: Node and npm are needed")
