"""Decisions for other systems: valid FHIR, and a table."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cds_service.fhir.validate import validate
from cds_service.store.export import COLUMNS, to_csv, to_ndjson
from cds_service.store.model import Caller
from cds_service.store.store import Filters, Kept, Store
from tests.unit.store.making import CANARY, contents, decision, determined, name, report


def resources(store: Store) -> list[dict[str, Any]]:
    return [json.loads(line) for line in to_ndjson(store.each(Filters()))]


def by_type(store: Store) -> dict[str, dict[str, Any]]:
    return {one["resourceType"]: one for one in resources(store)}


def rows(store: Store, kept: Iterator[Kept] | None = None) -> list[dict[str, str]]:
    return list(csv.DictReader(to_csv(kept or store.each(Filters()))))


@pytest.mark.parametrize("outcome", ["met", "not-met", "information-missing", "not-applicable", "not-evaluated"])
def test_every_line_is_valid_fhir(store: Store, outcome: str) -> None:
    stated = json.loads(report(outcome))
    stated["determinations"][0]["problem"] = "the policy is a draft"
    stated["determinations"][0]["criteria"][0] |= {"reason": "absent", "missing": "an MRI", "problem": "odd"}
    one = decision(
        determined=(replace(determined(outcome), kind="clinical"),),
        contents=contents(determinations=json.dumps(stated).encode()),
    )
    store.append_now(one)
    store.append_now(decision(status=412, caller=Caller(), determined=(), contents=contents("", determinations=b"")))
    found = resources(store)
    assert [one["resourceType"] for one in found] == ["GuidanceResponse", "Provenance", "AuditEvent", "AuditEvent"]
    assert [issue for one in found for issue in validate(one)] == []


def test_what_was_determined_is_told_with_its_policy_and_evidence(store: Store) -> None:
    store.append_now(decision())
    found = by_type(store)["GuidanceResponse"]
    assert found["moduleCanonical"] == "https://example.org/fhir/PlanDefinition/widget|0.1.0"
    assert found["subject"] == {"reference": f"Patient/{CANARY}"}
    assert found["identifier"][0]["value"] == f"urn:uuid:{name('determination')}"
    parameters = found["contained"][0]["parameter"]
    assert {"name": "outcome", "valueCode": "met"} in parameters
    (criterion,) = (one["part"] for one in parameters if one["name"] == "criterion")
    assert {"name": "evidence", "valueString": "Observation/f.1.value"} in criterion


@pytest.mark.parametrize(
    ("outcome", "status"), [("met", "success"), ("information-missing", "data-required"), ("not-evaluated", "failure")]
)
def test_what_lacks_information_is_not_told_as_a_success(store: Store, outcome: str, status: str) -> None:
    store.append_now(decision(determined=(determined(outcome),)))
    assert by_type(store)["GuidanceResponse"]["status"] == status


def test_evidence_leads_to_the_resource_though_its_id_has_a_dot(store: Store) -> None:
    store.append_now(decision())
    found = by_type(store)
    sources = [one["what"] for one in found["Provenance"]["entity"]]
    assert {"reference": "Observation/f.1", "display": "Observation/f.1.value"} in sources
    assert {"reference": "ServiceRequest/o1", "display": "ServiceRequest/o1.code.coding[0]"} in sources
    assert found["Provenance"]["target"] == [{"reference": f"GuidanceResponse/{found['GuidanceResponse']['id']}"}]


def test_evidence_that_was_fetched_is_referred_to(store: Store) -> None:
    pages = [{"url": "Observation", "pages": [{"entry": [{"resource": {"resourceType": "Observation", "id": "f.1"}}]}]}]
    store.append_now(decision(contents=contents(request=b"no JSON", fetched=json.dumps(pages).encode())))
    sources = [one["what"] for one in by_type(store)["Provenance"]["entity"]]
    assert {"reference": "Observation/f.1", "display": "Observation/f.1.value"} in sources


def test_evidence_that_came_with_no_resource_is_named_and_not_referred_to(store: Store) -> None:
    store.append_now(decision(contents=contents(request=b"{}")))
    sources = [one["what"] for one in by_type(store)["Provenance"]["entity"]]
    assert {"display": "Observation/f.1.value"} in sources
    assert not any("reference" in one for one in sources)


def test_an_audit_event_tells_who_asked_and_how_it_ended(store: Store) -> None:
    store.append_now(decision(status=503))
    found = by_type(store)["AuditEvent"]
    assert found["outcome"] == "8"
    assert found["agent"][0]["who"]["identifier"] == {"system": "https://ehr.example.org", "value": "north"}
    assert [one["type"]["code"] for one in found["entity"]] == ["1", "XrequestId"]


def test_a_repeat_is_told_under_ids_of_its_own(store: Store) -> None:
    store.append_now(decision())
    store.append_now(decision())
    names = [(one["resourceType"], one["id"]) for one in resources(store)]
    assert len(set(names)) == len(names) == 6


def test_what_was_purged_is_told_as_far_as_it_is_left(store: Store) -> None:
    store.append_now(decision())
    (kept,) = store.search(Filters()).items
    found = [json.loads(line) for line in to_ndjson([replace(kept, purged=True)])]
    assert [issue for one in found for issue in validate(one)] == []
    assert "purged" in found[0]["note"][0]["text"]
    assert CANARY not in json.dumps(found)


def test_a_table_has_a_row_per_determination_and_nothing_of_a_chart(store: Store) -> None:
    store.append_now(decision("two", determined=(determined(), replace(determined("not-met"), kind="coding"))))
    store.append_now(decision("none", determined=(), status=400))
    found = rows(store)
    assert tuple(found[0]) == COLUMNS
    assert [(one["exchange"], one["outcome"], one["kind"]) for one in found] == [
        ("two", "met", ""),
        ("two", "not-met", "coding"),
        ("none", "", ""),
    ]
    assert CANARY not in "".join(to_csv(store.each(Filters())))


@pytest.mark.parametrize("odd", ["=1+1", "+1", "-1", "@sum", "\tx"])
def test_no_cell_is_a_formula(store: Store, odd: str) -> None:
    store.append_now(decision(caller=Caller(odd, 'a"b,c\nd')))
    (row,) = rows(store)
    assert row["issuer"] == f"'{odd}"
    assert row["tenant"] == 'a"b,c\nd'


def test_the_command_line_takes_the_lines_for_valid(store: Store, tmp_path: Path) -> None:
    store.append_now(decision())
    names = []
    for i, line in enumerate(to_ndjson(store.each(Filters()))):
        (tmp_path / f"{i}.json").write_bytes(line)
        names.append(str(tmp_path / f"{i}.json"))
    told = subprocess.run([sys.executable, "-m", "cds_service", "validate", *names], capture_output=True, check=False)
    assert (told.returncode, told.stdout.count(b": ok")) == (0, 3)
