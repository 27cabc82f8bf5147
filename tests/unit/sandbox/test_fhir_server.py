"""The FHIR server of the sandbox: what the simulators of EHRs ask of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from cds_service.sandbox.fhir_server import fhir_routes
from cds_service.sandbox.fhir_store import FhirStore

BASE = "http://127.0.0.1/fhir"
Call = Callable[..., httpx.Response]


def condition(name: str, patient: str, day: str, code: str = "a") -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": name,
        "subject": {"reference": f"Patient/{patient}"},
        "recordedDate": day,
        "code": {"coding": [{"system": "urn:codes", "code": code}]},
        "clinicalStatus": {"coding": [{"code": "active"}]},
    }


@pytest.fixture
def call() -> Call:
    patients = [{"resourceType": "Patient", "id": one, "name": [{"family": one}]} for one in ("p", "q")]
    conditions = [
        condition("c1", "p", "2025-01-01"),
        condition("c2", "p", "2026-01-01", "b"),
        condition("c3", "q", "2026"),
    ]
    app = FastAPI()
    app.include_router(fhir_routes(FhirStore([*patients, *conditions]), BASE))

    def send(method: str, path: str, **more: Any) -> httpx.Response:
        async def sent() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE) as client:
                return await client.request(method, f"{BASE}{path}", **more)

        return asyncio.run(sent())

    return send


def ids(answer: httpx.Response) -> list[str]:
    return [one["resource"]["id"] for one in answer.json()["entry"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("patient=p", ["c1", "c2"]),
        ("patient=Patient/p", ["c1", "c2"]),
        ("subject=Patient/q", ["c3"]),
        ("_id=c1,c3", ["c1", "c3"]),
        ("code=urn:codes|b", ["c2"]),
        ("code=b", ["c2"]),
        ("code=|b", []),
        ("code=urn:others|b", []),
        ("code:not=b", ["c1", "c3"]),
        ("clinical-status=active&patient=q", ["c3"]),
        ("recorded-date=ge2025-06-01", ["c2", "c3"]),
        ("recorded-date=lt2026", ["c1"]),
        ("patient=p&_sort=-recorded-date", ["c2", "c1"]),
        ("patient=nobody", []),
    ],
)
def test_a_search_finds_what_it_asks_for(call: Call, query: str, found: list[str]) -> None:
    assert ids(call("GET", f"/Condition?{query}")) == found


def test_a_search_by_form_is_the_same_search(call: Call) -> None:
    answer = call("POST", "/Condition/_search", data={"patient": "p"})
    assert ids(answer) == ["c1", "c2"]
    assert answer.json()["entry"][0]["fullUrl"] == f"{BASE}/Condition/c1"


def test_pages_lead_to_the_end(call: Call) -> None:
    first = call("GET", "/Condition?_count=2").json()
    assert (first["total"], len(first["entry"])) == (3, 2)
    following = next(one["url"] for one in first["link"] if one["relation"] == "next")
    last = call("GET", following.removeprefix(BASE)).json()
    assert [one["relation"] for one in last["link"]] == ["self"]
    assert len(last["entry"]) == 1


def test_a_count_has_no_entries(call: Call) -> None:
    assert call("GET", "/Patient?_summary=count").json() == {"resourceType": "Bundle", "type": "searchset", "total": 2}


def test_what_is_referred_to_can_be_included(call: Call) -> None:
    answer = call("GET", "/Condition?_id=c1&_include=Condition:subject").json()
    assert [one["search"]["mode"] for one in answer["entry"]] == ["match", "include"]


def test_what_is_not_there_is_told_as_an_outcome(call: Call) -> None:
    answer = call("GET", "/Condition/none")
    assert answer.status_code == 404
    assert answer.json()["resourceType"] == "OperationOutcome"


def test_a_resource_is_created_changed_and_deleted(call: Call) -> None:
    made = call("POST", "/Patient", json={"resourceType": "Patient"})
    assert made.status_code == 201
    place = made.headers["location"].removeprefix(BASE)
    changed = call("PUT", place, json={"resourceType": "Patient", "active": True})
    assert changed.status_code == 200
    assert call("GET", place).json()["active"] is True
    assert call("DELETE", place).status_code == 204
    assert call("GET", place).status_code == 404


def test_a_bundle_of_any_type_comes_in(call: Call) -> None:
    bundle = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": condition("c9", "p", "2026")}]}
    assert call("POST", "", json=bundle).json()["entry"][0]["response"]["location"] == "Condition/c9"
    assert "c9" in ids(call("GET", "/Condition?patient=p"))


def test_what_can_be_searched_by_is_told(call: Call) -> None:
    found = {one["type"]: one["searchParam"] for one in call("GET", "/metadata").json()["rest"][0]["resource"]}
    assert {"name": "patient", "type": "reference"} in found["Condition"]
    assert {"name": "family", "type": "string"} in found["Patient"]
    assert "patient" not in {one["name"] for one in found["Patient"]}


def test_a_type_that_is_not_registered_is_accepted(call: Call) -> None:
    answer = call("GET", "/metadata", headers={"Accept": "application/json+fhir"})
    assert answer.json()["fhirVersion"] == "4.0.1"
