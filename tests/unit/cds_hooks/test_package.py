import subprocess
import sys

from cds_service import cds_hooks

OTHERS = {"fastapi", "fhir", "fhir_core", "httpx", "msgspec", "starlette", "yaml"}


def test_public_names_are_sorted_and_exist():
    """Constants first, then types, then functions: ruff's order."""
    names = cds_hooks.__all__
    assert names == sorted(set(names), key=lambda name: (not name.isupper(), name))
    assert all(hasattr(cds_hooks, name) for name in names)


def test_package_stands_alone():
    program = "import sys, cds_service.cds_hooks; print(*sorted(sys.modules))"
    command = [sys.executable, "-W", "error", "-c", program]
    modules = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert not {name for name in modules if name.split(".")[0] in OTHERS}
    ours = {name for name in modules if name.startswith("cds_service.")}
    assert {name.split(".")[1] for name in ours} == {"cds_hooks"}
