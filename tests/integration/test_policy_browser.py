"""Policies looked through over HTTP: the list, each as its tree, its cases, versions compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cds_service.api.app import create_app
from cds_service.fhir.temporal import Date
from cds_service.settings import Settings
from cds_service.wiring import Application, load_policies
from tests.integration.test_api import send
from tests.integration.test_reviewer import Outline
from tests.made_up import BASE, GROUP, PAGE, PLAN, write_policy

HERE = {"host": "127.0.0.1:8000"}
HTML = HERE | {"accept": "text/html,*/*;q=0.8"}
JSON = HERE | {"accept": "application/json"}
WIDGET = f"{BASE}/PlanDefinition/widget"
CASES = """
- id: W-1
  title: a broken widget
  base: widget
  orders: ["replace"]
  shapes: [a]
  expect:
    replace: {outcome: met}
"""


class Site:
    """A service of the policies in a folder."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        chosen = Settings.model_validate({"policies": folder} | settings)
        self.app = create_app(Application(chosen, load_policies(folder), clock=lambda: Date((2026, 1, 15))))

    def page(self, path: str) -> str:
        response = send(self.app, "GET", path, headers=HTML)
        assert (response.status_code, response.headers["content-type"]) == (200, "text/html; charset=utf-8")
        return response.text

    def model(self, path: str) -> Any:
        response = send(self.app, "GET", path, headers=JSON)
        assert response.status_code == 200
        return response.json()

    def status(self, path: str) -> int:
        return send(self.app, "GET", path, headers=HTML).status_code


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_policy(tmp_path / "policies")


@pytest.fixture
def site(folder: Path) -> Site:
    return Site(folder)


@pytest.fixture
def versions(folder: Path) -> Site:
    """The policy in two versions, one after the other, of which the second asks for more."""
    first = folder / GROUP / "plan_definition.json"
    first.write_text(json.dumps(PLAN | {"effectivePeriod": {"start": "2025-01-01", "end": "2025-12-31"}}))
    later = PLAN | {
        "version": "0.2.0",
        "title": "Replacing a broken widget",
        "effectivePeriod": {"start": "2026-01-01"},
    }
    (folder / GROUP / "later.json").write_text(json.dumps(later))
    return Site(folder)


def test_a_cards_link_gives_words_and_to_a_browser_a_page(site: Site) -> None:
    words = send(site.app, "GET", f"/policies/{GROUP}")
    assert (words.text, words.headers["content-type"]) == (PAGE, "text/plain; charset=utf-8")
    page = site.page(f"/policies/{GROUP}")
    for text in ("Replacing a widget", "DRAFT - NOT FOR CLINICAL USE", "The widget is broken", "<code>broken</code>"):
        assert text in page


def test_a_policy_is_shown_to_browsers_in_production_too_and_its_cases_are_not(folder: Path) -> None:
    site = Site(folder, mode="production", authentication="off")
    assert "Replacing a widget" in site.page("/policies")
    assert "cases" not in site.page(f"/policies/{GROUP}")
    assert site.status(f"/policies/{GROUP}/cases") == site.status("/policies/compare") == 404


def test_the_list_says_whether_production_lets_a_policy_decide(site: Site) -> None:
    (one,) = site.model("/policies")["policies"]
    assert (one["reference"], one["decides"], one["url"]) == (f"{WIDGET}|0.1.0", False, f"/policies/{GROUP}")
    assert one["refusal"]["reason"] in site.page("/policies")


@pytest.mark.parametrize("path", ["/policies", f"/policies/{GROUP}", f"/policies/{GROUP}/cases", "/policies/compare"])
def test_every_page_has_its_json_beside_it(site: Site, path: str) -> None:
    site.page(path)
    assert site.model(path) == send(site.app, "GET", f"{path}.json", headers=HERE).json()


@pytest.mark.parametrize("path", ["/policies/none", "/policies/none.json", "/policies/none/cases"])
def test_of_a_policy_that_is_not_there_is_nothing(site: Site, path: str) -> None:
    assert site.status(path) == 404


def test_the_cases_are_listed_and_what_they_cover_is_shown_once_they_run(folder: Path) -> None:
    (folder / GROUP / "cases.yaml").write_text(CASES)
    charts = folder.parent / "fixtures"
    (charts / "cds_hooks").mkdir(parents=True)
    (charts / "patients").mkdir()
    from tests.made_up import PATIENT, bundle, finding, request

    (charts / "cds_hooks" / "widget-order-sign.json").write_text(json.dumps(request()))
    (charts / "patients" / "widget-a.json").write_text(json.dumps(bundle(PATIENT, finding())))
    site = Site(folder)
    before = site.model(f"/policies/{GROUP}/cases")
    assert ([one["id"] for one in before["cases"]], before["run"]) == (["W-1"], None)
    after = site.model(f"/policies/{GROUP}/cases?run=1")
    assert after["run"] == {"count": 1, "failed": []}
    assert after["coverage"][0]["gaps"] == [
        {"criterion": "broken", "state": "not met"},
        {"criterion": "broken", "state": "missing"},
    ]
    assert "all come out as expected" in site.page(f"/policies/{GROUP}/cases")


def test_two_versions_are_compared(versions: Site) -> None:
    (one,) = versions.model("/policies/compare")["versions"]
    before, after = one["references"]
    found = versions.model(f"/policies/compare?before={before}&after={after}")
    changed = {change["aspect"]: change["after"] for change in found["comparison"]["policies"][0]["changes"]}
    assert changed["version"] == "0.2.0"
    assert "Replacing a broken widget" in versions.page(f"/policies/compare?before={before}&after={after}")


def test_what_is_no_version_is_not_compared(versions: Site) -> None:
    assert versions.status(f"/policies/compare?before={WIDGET}|0.1.0&after={WIDGET}|9") == 404


def test_no_element_comes_of_a_policys_text(tmp_path: Path) -> None:
    plain, hostile = (
        Outline(Site(write_policy(tmp_path / str(i), PLAN | {"description": text})).page(f"/policies/{GROUP}")).found
        for i, text in enumerate(("plain", "<script>alert(1)</script>\u202e<b x=y>"))
    )
    assert hostile == plain
