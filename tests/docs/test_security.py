"""SECURITY.md: every row of its table names what is there."""

from __future__ import annotations

import re

from tests.charts import ROOT

TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")


def test_all_ten_risks_have_what_shows_it() -> None:
    rows = re.findall(r"^\| (API\d+) .*\| (.*) \|$", TEXT, re.MULTILINE)
    assert [name for name, _ in rows] == [f"API{i}" for i in range(1, 11)]
    for name, shown in rows:
        places = re.findall(r"`([^`]+)`", shown)
        assert places, name
        assert [one for one in places if not (ROOT / one).exists()] == []


def test_every_file_and_page_that_it_names_exists() -> None:
    named = {one for one in re.findall(r"`([\w/.]+\.(?:lock|py|sql))`|\]\(([\w/.]+)\)", TEXT) for one in one if one}
    assert named
    assert [one for one in sorted(named) if not (ROOT / one).exists()] == []


def test_xml_is_parsed_in_one_place_only() -> None:
    locked = (ROOT / "deploy" / "requirements.lock").read_text()
    assert not re.search(r"^(lxml|defusedxml|xmltodict)==", locked, re.MULTILINE)
    imported = re.compile(r"^\s*(?:import|from) (?:xml|lxml)\b", re.MULTILINE)
    parsing = [one.name for one in (ROOT / "cds_service").rglob("*.py") if imported.search(one.read_text())]
    assert parsing == ["fhir.py"]
