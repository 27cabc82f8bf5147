"""The Dockerfile and what it installs: locked by hashes, no root, alive where it says it is."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

from cds_service.settings import Settings
from tests.charts import ROOT
from tests.deploy.settings import routes

TEXT = (ROOT / "Dockerfile").read_text()
_PIN = re.compile(r"^([a-z0-9-]+)(?:\[\w+\])?==(\S+)", re.MULTILINE)


@cache
def instructions() -> list[tuple[str, str]]:
    joined = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", TEXT, flags=re.MULTILINE))
    return [(one[0], one[2]) for line in joined.splitlines() if (one := line.strip().partition(" "))[0]]


def sources() -> set[str]:
    """Return what is copied from the folder that the image is built of."""
    copies = (value for name, value in instructions() if name == "COPY" and not value.startswith("--from"))
    return {one for value in copies for one in value.split()[:-1]}


def last_stage() -> dict[str, str]:
    start = max(i for i, (name, _) in enumerate(instructions()) if name == "FROM")
    return dict(instructions()[start:])


def pins(place: Path) -> dict[str, str]:
    return dict(_PIN.findall(place.read_text()))


def test_it_runs_as_nobody_and_needs_no_file_system_but_its_volume() -> None:
    stage = last_stage()
    assert stage["USER"] == "10001:10001"
    assert stage["VOLUME"] == stage["WORKDIR"] == "/var/lib/cds-service"
    assert Settings(database_url="sqlite:////var/lib/cds-service/decisions.db").database_url in stage["ENV"]


def test_it_asks_a_route_that_exists_whether_it_lives() -> None:
    path = re.search(r"127\.0\.0\.1:8000(/[^']+)'", last_stage()["HEALTHCHECK"])
    assert path is not None
    assert path[1] in routes()
    assert "8000" in last_stage()["CMD"]


def test_all_that_is_installed_is_locked_by_its_hash() -> None:
    built = next(value for name, value in instructions() if name == "RUN" and "requirements.lock" in value)
    installs = [part for part in built.split("&&") if " install " in part]
    assert len(installs) == 2
    assert all("--require-hashes" in one for one in installs)
    for name in ("requirements.lock", "build.lock"):
        text = (ROOT / "deploy" / name).read_text()
        assert "://" not in text
        requirements = re.split(r"\n(?=[a-z])", text.strip())
        assert all("--hash=sha256:" in one for one in requirements)


def test_what_the_image_holds_is_what_was_tested() -> None:
    image, tested = pins(ROOT / "deploy" / "requirements.lock"), pins(ROOT / "requirements.lock")
    assert image.keys() >= {"fastapi", "psycopg", "sqlalchemy"}
    assert {name: version for name, version in image.items() if tested.get(name) != version} == {}


def test_what_runs_is_locked_and_what_tests_is_not_in_the_image() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {re.split(r"[\[<>=; ]", one)[0].replace(".", "-") for one in pyproject["dependencies"]}
    image = pins(ROOT / "deploy" / "requirements.lock")
    assert needed <= image.keys()
    assert not {"pytest", "mypy", "ruff", "pyarrow", "lxml"} & image.keys()


def test_only_what_is_built_from_is_sent_to_the_builder() -> None:
    first, *others = (ROOT / ".dockerignore").read_text().splitlines()
    assert first == "*"
    copied = sources()
    allowed = {one[1:] for one in others if one.startswith("!")}
    assert {one for one in copied if one not in allowed and not one.endswith(".lock")} == set()


def test_all_that_the_package_is_made_of_is_copied() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]
    made_of = {*wheel["packages"], *wheel["force-include"], pyproject["project"]["readme"]}
    assert {one.split("/")[0] for one in made_of} | {"pyproject.toml", "LICENSE"} <= sources()


def test_the_bill_of_materials_names_what_the_image_holds(tmp_path: Path) -> None:
    place = tmp_path / "sbom.json"
    program = [str(Path(sys.executable).with_name("cyclonedx-py")), "requirements", "deploy/requirements.lock"]
    given = ["--pyproject", "pyproject.toml", "--output-reproducible", "--of", "JSON", "-o", str(place)]
    subprocess.run([*program, *given], cwd=ROOT, check=True, capture_output=True, timeout=120)
    bill = json.loads(place.read_text())
    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["name"] == "cds-service"
    assert {one["name"] for one in bill["components"]} == pins(ROOT / "deploy" / "requirements.lock").keys()
    assert all(one["externalReferences"][0]["hashes"] for one in bill["components"])
