"""What two simulators of EHRs ask of the sandbox, in their order and in their manner, and that they get what they need.

The requests are those that the CDS Hooks Sandbox and the Da Vinci CRD request generator send; neither is run here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from cds_service.sandbox.app import create_sandbox_app, sandbox_application
from cds_service.settings import Settings
from cds_service.wiring import Application, load_policies, policies_folder
from tests.serving import serving

ORIGIN = {"Origin": "http://127.0.0.1:3000"}
SIGN, SELECT = "/cds-services/necessity-order-sign", "/cds-services/necessity-order-select"
PATIENT = "follow-up-due"


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    plain = Application(Settings(), load_policies(policies_folder(None)))
    with (
        serving(lambda address: sandbox_application(plain, address, "memory"), create_sandbox_app) as address,
        httpx.Client(base_url=address, headers=ORIGIN, timeout=30, trust_env=False) as client,
    ):
        yield client


def got(client: httpx.Client, path: str, **headers: str) -> Any:
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200, path
    assert answer.headers["access-control-allow-origin"] in ("*", ORIGIN["Origin"])
    return answer.json()


def allowed(client: httpx.Client, path: str, headers: str) -> bool:
    """Return whether a browser may call an address of another origin with these headers."""
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": headers}
    answer = client.options(path, headers=asked)
    granted = answer.headers.get("access-control-allow-headers", "").lower()
    return answer.status_code == 200 and all(one in granted for one in headers.split(","))


def test_the_cds_hooks_sandbox_gets_what_it_asks_for(client: httpx.Client) -> None:
    json_fhir = {"Accept": "application/json+fhir"}
    assert got(client, "/fhir/metadata", **json_fhir)["fhirVersion"] == "4.0.1"
    patients = got(client, "/fhir/Patient", **json_fhir)["entry"]
    assert all(one["resource"]["name"][0]["given"] for one in patients)  # one without empties its list of patients
    assert got(client, "/fhir/Patient/smart-1288992", **json_fhir)["resourceType"] == "Patient"
    assert got(client, f"/fhir/Condition?patient={PATIENT}", **json_fhir)["total"] > 0
    assert allowed(client, "/cds-services", "authorization")
    offers = {one["id"]: one for one in got(client, "/cds-services", Authorization="Bearer of-its-own")["services"]}
    prefetch = {
        key: _posted(client, query.replace("{{context.patientId}}", PATIENT))
        for key, query in offers["necessity-order-select"]["prefetch"].items()
    }
    order = {
        "resourceType": "ServiceRequest",
        "id": "example-request-id",
        "status": "draft",
        "intent": "plan",
        "code": {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "72158"}]},
        "reasonCode": [],
        "subject": {"reference": f"Patient/{PATIENT}"},
    }
    context = {"userId": "Practitioner/COREPRACTITIONER1", "patientId": PATIENT, "selections": []}
    context["selections"] = ["ServiceRequest/example-request-id"]
    context["draftOrders"] = {"resourceType": "Bundle", "entry": [{"resource": order}]}
    asked = {"hook": "order-select", "hookInstance": "1", "context": context, "prefetch": prefetch}
    assert allowed(client, SELECT, "authorization,content-type")
    [card] = client.post(SELECT, json=asked | {"fhirServer": str(client.base_url.join("/fhir"))}).json()["cards"]
    feedback = {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": "2026-01-15T10:00:00Z"}
    assert client.post(f"{SELECT}/feedback", json={"feedback": [feedback]}).status_code == 200
    assert client.post("/fhir/_services/smart/Launch", json={"launch_url": "x"}).json()["launch_id"]


def _posted(client: httpx.Client, query: str) -> Any:
    kind, is_search, parameters = query.partition("?")
    if not is_search:
        return got(client, f"/fhir/{query}")
    answer = client.post(f"/fhir/{kind}/_search", data=dict(parse_qsl(parameters)))
    assert answer.status_code == 200
    return answer.json()


def test_the_crd_request_generator_gets_what_it_asks_for(client: httpx.Client) -> None:
    subject = f"Patient/{PATIENT}"
    assert got(client, "/fhir/Patient?_summary=count")["total"] > 0
    listed = got(client, "/fhir/Patient?_sort=identifier&_count=12")["entry"]
    assert len([one for one in listed if one["resource"]["name"][0]["given"][0]]) == 12
    for kind in ("DeviceRequest", "MedicationRequest", "MedicationDispense"):
        assert got(client, f"/fhir/{kind}?subject={subject}")["total"] == 0
    found = [one["resource"] for one in got(client, f"/fhir/ServiceRequest?subject={subject}")["entry"]]
    [order] = [one for one in found if one["status"] == "draft"]
    assert order["code"]["coding"][0]["code"] == "72158"
    got(client, f"/fhir/{order['subject']['reference']}")
    coverage = got(client, f"/fhir/Coverage?patient={PATIENT}")
    asked = {
        "hook": "order-sign",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "fhirServer": str(client.base_url.join("/fhir")),
        "fhirAuthorization": {
            "access_token": "",
            "token_type": "Bearer",
            "expires_in": 300,
            "scope": "",
            "subject": "x",
        },
        "extension": {"davinci-crd.configuration": {"alt-drug": True}},
        "context": {
            "userId": "Practitioner/example",
            "patientId": PATIENT,
            "encounterId": "enc89284",
            "draftOrders": {"resourceType": "Bundle", "entry": [{"resource": order}]},
        },
        "prefetch": {
            "serviceRequestBundle": {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": order}]},
            "coverageBundle": coverage | {"type": "collection"},
        },
    }
    for _ in range(2):  # it names every call the same
        answer = client.post(SIGN, json=asked)
        assert answer.status_code == 200
        assert "criteria met" in answer.json()["cards"][0]["summary"]  # what was not sent was read of the server
        assert "status" not in answer.json()
    changed = client.put(f"/fhir/ServiceRequest/{order['id']}", json=order | {"priority": "urgent"})
    assert changed.status_code == 200
