"""A payer's answers over HTTP: coverage-information on the orders as they were written, by the version asked for."""

from __future__ import annotations

import asyncio
import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest

from cds_service.api.app import create_app
from cds_service.fhir.encoding import encode
from cds_service.fhir.temporal import Date
from cds_service.plan_definition.policies import Policies
from cds_service.services import SERVICES
from cds_service.settings import Settings
from cds_service.wiring import Application, load_policies
from tests.charts import fixture, shipped
from tests.faults.ehr_stub import EhrStub, status
from tests.made_up import BASE, PATIENT, PLAN, finding, order, request, write_policy
from tests.response_types import response_types
from tests.unit.plan_definition.plans import APPROVED

URL = "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-coverage-information"
PAYER = "http://hl7.org/fhir/sid/us-npi|1234567893"
COVERAGE = {
    "resourceType": "Coverage",
    "id": "cov1",
    "status": "active",
    "beneficiary": {"reference": "Patient/p1"},
    "payor": [{"reference": "Organization/payer"}],
}
ORGANIZATION = {
    "resourceType": "Organization",
    "id": "payer",
    "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "1234567893"}],
}
SIGN = "/cds-services/necessity-order-sign"


@cache
def policies() -> Policies:
    """Return the made-up policy, approved: nothing is granted under a draft."""
    stage = [*PLAN["extension"], *APPROVED["extension"]]
    with TemporaryDirectory() as folder:
        return load_policies(write_policy(Path(folder), {**PLAN, **APPROVED, "extension": stage}))


def application(**settings: Any) -> Application:
    chosen = {"payer_identifiers": (PAYER,), "organization": "Example Health Plan"} | settings
    return Application(Settings(**chosen), policies(), clock=lambda: Date((2026, 1, 15)))


def call(method: str, path: str, body: bytes = b"", **settings: Any) -> httpx.Response:
    async def ask() -> httpx.Response:
        made = application(**settings)
        transport = httpx.ASGITransport(create_app(made))
        async with httpx.AsyncClient(transport=transport, base_url="http://cds") as client:
            response = await client.request(method, path, content=body)
        await made.close()
        return response

    return asyncio.run(ask())


def signed(message: dict[str, Any] | bytes, **settings: Any) -> dict[str, Any]:
    response = call("POST", SIGN, message if isinstance(message, bytes) else json.dumps(message).encode(), **settings)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def message(*chart: dict[str, Any], **more: Any) -> dict[str, Any]:
    return request(order(), chart=chart or (finding("broken"), COVERAGE, ORGANIZATION)) | more


def said(answer: dict[str, Any]) -> dict[str, Any]:
    """Return what the only extension on the only order says, by the url of each part."""
    (action,) = answer["systemActions"]
    (extension,) = [one for one in action["resource"]["extension"] if one["url"] == URL]
    return {one["url"]: next(value for name, value in one.items() if name != "url") for one in extension["extension"]}


@pytest.mark.requirement("hook-16", "resp-29")
def test_a_met_order_is_covered() -> None:
    answer = signed(message())
    assert answer["systemActions"][0]["type"] == "update"
    assert said(answer)["coverage"] == {"reference": "Coverage/cov1"}
    assert (said(answer)["covered"], said(answer)["pa-needed"]) == ("covered", "auth-needed")


@pytest.mark.requirement("found-32", "resp-38")
def test_an_open_order_asks_for_documents_by_the_form_of_its_policy() -> None:
    answer = signed(message(COVERAGE, ORGANIZATION))
    assert (said(answer)["covered"], said(answer)["doc-needed"]) == ("conditional", "clinical")
    assert said(answer)["questionnaire"] == f"{BASE}/Questionnaire/widget|0.1.0"
    assert "suggestions" not in answer["cards"][0]


@pytest.mark.requirement("resp-37")
def test_the_order_comes_back_as_it_was_written() -> None:
    text = (
        b'{"resourceType" : "ServiceRequest","id":"o1","status":"draft","intent":"order","quantityQuantity":'
        b'{"value":2.50,"unit":"1.0e0"},"code":{"coding":[{"system":"https://example.org/orders","code":"replace"}]},'
        b'"subject":{"reference":"Patient\\/p1"},"authoredOn":"2026-01-15","x":1E-7}'
    )
    body = json.dumps(message()).encode()
    start = body.index(b'{"resourceType": "ServiceRequest"')
    end = body.index(b"]", body.index(b'"authoredOn"', start)) - 2
    body = body[:start] + text + body[end + 1 :]
    response = call("POST", SIGN, body)
    resource = response.content.partition(b'"resource":')[2]
    for piece in (b'"value":2.50', b'"x":1E-7', b"Patient\\/p1"):
        assert piece in resource


@pytest.mark.requirement("resp-35")
def test_an_order_that_carries_it_already_is_left_alone() -> None:
    first = signed(message())
    again = message()
    again["context"]["draftOrders"]["entry"][0]["resource"] = first["systemActions"][0]["resource"]
    assert "systemActions" not in signed(again)


@pytest.mark.parametrize(
    ("asked", "topics"),
    [
        (None, "http://hl7.org/fhir/us/davinci-crd/CodeSystem/temp"),
        ("2.0", "http://hl7.org/fhir/us/davinci-crd/CodeSystem/temp"),
        ("2.2", "http://terminology.hl7.org/CodeSystem/cdshooks-card-type"),
        ("nonsense", "http://hl7.org/fhir/us/davinci-crd/CodeSystem/temp"),
    ],
)
@pytest.mark.requirement("dev-1", "resp-5")
def test_the_version_asked_for_is_spoken(asked: str | None, topics: str) -> None:
    extension = {"extension": {"davinci-crd.requestedVersion": asked}} if asked else {}
    (card,) = signed(message(**extension))["cards"]
    assert card["source"]["topic"]["system"] == topics
    assert card["source"]["label"] == "Example Health Plan"
    assert card["extension"]["davinci-crd.associated-resource"] == [{"reference": "ServiceRequest/o1"}]


@pytest.mark.requirement("dev-14", "dev-15", "dev-17", "found-33")
@pytest.mark.parametrize(
    ("asked", "cards", "actions"),
    [
        ({"coverage-info": False}, 1, 0),
        ({"guideline": False}, 0, 1),
        ({"max-cards": 0}, 0, 1),
        ({"max-cards": "many", "guideline": "no", "unknown": {"a": []}}, 1, 1),
        ("nonsense", 1, 1),
    ],
)
def test_what_is_configured_is_obeyed_and_nonsense_survived(asked: object, cards: int, actions: int) -> None:
    answer = signed(message(extension={"davinci-crd.configuration": asked}))
    assert (len(answer["cards"]), len(answer.get("systemActions", []))) == (cards, actions)


@pytest.mark.requirement("found-35")
def test_what_if_grants_nothing() -> None:
    granted = said(signed(message(), payer_authorization="granted"))
    assert (granted["pa-needed"], "satisfied-pa-id" in granted) == ("satisfied", True)
    what_if = {"davinci-crd.configuration": {"unsolicited-determ": False}}
    asked = said(signed(message(extension=what_if), payer_authorization="granted"))
    assert (asked["pa-needed"], "satisfied-pa-id" in asked) == ("auth-needed", False)


NO_COVERAGE: dict[str, tuple[tuple[dict[str, Any], ...], str]] = {
    "none": ((), "there is no Coverage"),
    "another payer": ((COVERAGE, ORGANIZATION | {"identifier": [{"system": "s", "value": "v"}]}), "not served here"),
    "two": ((COVERAGE, COVERAGE | {"id": "cov2"}, ORGANIZATION), "more than one active Coverage"),
}


@pytest.mark.requirement("hook-13")
@pytest.mark.parametrize("name", NO_COVERAGE)
def test_without_one_usable_coverage_there_are_cards_and_a_strict_payer_refuses(name: str) -> None:
    chart, words = NO_COVERAGE[name]
    sent = message(finding("broken"), *chart)
    sent["prefetch"].setdefault("coverage", None)
    assert len(signed(sent)["cards"]) == 1
    refused = call("POST", SIGN, json.dumps(sent).encode(), payer_strict=True)
    assert refused.status_code == 400
    assert words in refused.json()["issue"][0]["details"]["text"]


@pytest.mark.requirement("P6")
def test_a_coverage_that_cannot_be_had_is_a_412_of_a_strict_payer() -> None:
    refused = call("POST", SIGN, json.dumps(message(finding("broken"))).encode(), payer_strict=True)
    assert refused.status_code == 412


@pytest.mark.requirement("found-5", "resp-39")
def test_coverage_and_payer_are_read_of_the_ehr() -> None:
    with EhrStub(resources=[PATIENT, finding("broken"), COVERAGE, ORGANIZATION]) as ehr:
        answer = signed(request(order(), chart=()) | {"fhirServer": ehr.base_url}, fhir_servers=(ehr.base_url,))
    assert said(answer)["covered"] == "covered"
    assert {"Coverage", "Organization"} <= {seen.type for seen in ehr.requests}


@pytest.mark.requirement("resp-43")
@pytest.mark.parametrize(("version", "covered"), [("2.0", "conditional"), ("2.2", "indeterminate")])
def test_a_chart_that_could_not_be_read_is_a_technical_failure(version: str, covered: str) -> None:
    chart = [PATIENT, COVERAGE, ORGANIZATION]
    with EhrStub(resources=chart, by_type={"Observation": status(403)}) as ehr:
        sent = request(order(), chart=()) | {"fhirServer": ehr.base_url}
        sent["extension"] = {"davinci-crd.requestedVersion": version}
        answer = signed(sent, fhir_servers=(ehr.base_url,))
    assert said(answer)["covered"] == covered


@pytest.mark.requirement("dev-1", "dev-4", "dev-7")
def test_discovery_tells_versions_and_options() -> None:
    services = call("GET", "/cds-services").json()["services"]
    for service in services:
        assert service["extension"]["davinci-crd.version"] == ["2.0", "2.2"]
        assert service["prefetch"]["coverage"] == "Coverage?patient={{context.patientId}}&status=active"
        codes = [one["code"] for one in service["extension"]["davinci-crd.configuration-options"]]
        assert len(set(codes)) == len(codes)


def test_a_provider_asserts_nothing() -> None:
    answer = signed(message(), payer_identifiers=())
    assert answer.keys() == {"cards"}


@pytest.mark.requirement("resp-52")
@pytest.mark.parametrize("name", ["seed-1", "seed-2", "both", "follow-up-spine"])
def test_every_card_that_suggests_nothing_has_the_shape_of_a_response_type(name: str) -> None:
    chosen = Settings(payer_identifiers=(PAYER,))
    body = encode(fixture(f"cds_hooks/{name}-order-sign.json"))
    cards = json.loads(Application(chosen, shipped()).answer(SERVICES["necessity-order-sign"], body))["cards"]
    assert cards
    for card in cards:
        assert "suggestions" in card or response_types(card)
        assert not ("suggestions" in card and "links" in card)


def test_what_is_open_is_an_instruction_and_what_is_met_a_reference() -> None:
    (met,), (missing,) = signed(message())["cards"], signed(message(COVERAGE, ORGANIZATION))["cards"]
    assert (response_types(met), response_types(missing)) == ({"External Reference"}, {"Instructions"})


@pytest.mark.requirement("found-5", "resp-29")
def test_what_an_order_refers_to_is_read_and_the_chart_and_then_the_payer() -> None:
    device = {"resourceType": "Device", "id": "d1", "type": order()["code"]}
    named = {**order(status="active"), "resourceType": "DeviceRequest", "codeReference": {"reference": "Device/d1"}}
    del named["code"]
    context = {"patientId": "p1", "dispatchedOrders": ["DeviceRequest/o1"], "performer": "Organization/x"}
    with EhrStub(resources=[PATIENT, named, device, finding("broken"), COVERAGE, ORGANIZATION]) as ehr:
        asked = {"hook": "order-dispatch", "fhirServer": ehr.base_url, "context": context}
        path = "/cds-services/necessity-order-dispatch"
        answer = call("POST", path, json.dumps(asked).encode(), fhir_servers=(ehr.base_url,)).json()
    assert said(answer)["covered"] == "covered"
