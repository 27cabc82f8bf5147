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
from tests.made_up import BASE, PATIENT, PLAN, bundle, finding, order, prefetch, request, write_policy
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


def signed(message: dict[str, Any], **settings: Any) -> dict[str, Any]:
    return called("order-sign", message, **settings)


def message(*chart: dict[str, Any], **more: Any) -> dict[str, Any]:
    return request(order(), chart=chart or (finding("broken"), COVERAGE, ORGANIZATION)) | more


def said(answer: dict[str, Any]) -> dict[str, Any]:
    """Return what the only extension on the only order says, by the url of each part."""
    (action,) = answer["systemActions"]
    (extension,) = [one for one in action["resource"]["extension"] if one["url"] == URL]
    return parts(extension)


def parts(extension: dict[str, Any]) -> dict[str, Any]:
    return {one["url"]: next(value for name, value in one.items() if name != "url") for one in extension["extension"]}


def by_order(answer: dict[str, Any]) -> dict[str, list[tuple[Any, ...]]]:
    """Return (Coverage, covered, pa-needed) of what is said of each order."""
    told = ("covered", "pa-needed")
    return {
        f"{one['resourceType']}/{one['id']}": [
            (said["coverage"]["reference"], *(said.get(name) for name in told)) for said in map(parts, one["extension"])
        ]
        for one in (action["resource"] for action in answer.get("systemActions", []))
    }


def called(service: str, message: dict[str, Any], **settings: Any) -> dict[str, Any]:
    response = call("POST", f"/cds-services/necessity-{service}", json.dumps(message).encode(), **settings)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


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
    assert refused.json()["issue"][0]["details"]["text"] == (
        "the Coverage could not be read: send it in prefetch, or give access to `Coverage`"
    )


# -- each order under its Coverage --------------------------------------------------------------------------------

CHART = (PATIENT, finding("broken"), ORGANIZATION)
SECOND = COVERAGE | {"id": "cov2"}


def orders(*drafts: dict[str, Any], coverages: tuple[dict[str, Any], ...] = (COVERAGE,), **more: Any) -> dict[str, Any]:
    return request(*drafts, chart=(finding("broken"), ORGANIZATION, *coverages)) | more


@pytest.mark.requirement("resp-45")
def test_each_order_is_held_against_its_coverage_on_its_own_day() -> None:
    ended = COVERAGE | {"period": {"end": "2025-12-31"}}
    two = order("o1", authoredOn="2025-12-30"), order("o2", "refit")
    chart = finding("broken", effectiveDateTime="2025-12-01"), ended, ORGANIZATION
    assert by_order(signed(request(*two, chart=chart))) == {
        "ServiceRequest/o1": [("Coverage/cov1", "covered", "auth-needed")],
        "ServiceRequest/o2": [("Coverage/cov1", "not-covered", "no-auth")],
    }


@pytest.mark.requirement("hook-13")
@pytest.mark.parametrize("strict", [False, True])
def test_an_order_is_answered_under_the_coverage_that_it_names(strict: bool) -> None:
    insured = order(insurance=[{"reference": "Coverage/cov2"}])
    found = by_order(signed(orders(insured, coverages=(COVERAGE, SECOND)), payer_strict=strict))
    assert found == {"ServiceRequest/o1": [("Coverage/cov2", "covered", "auth-needed")]}


NOT_GRANTED: dict[str, dict[str, Any]] = {
    "two Coverages": orders(coverages=(COVERAGE, SECOND)),
    "a copy that was cancelled": orders(coverages=(COVERAGE, COVERAGE | {"status": "cancelled"})),
    "a copy that has ended": orders(coverages=(COVERAGE, COVERAGE | {"period": {"end": "2020-01-01"}})),
    "a proposal": orders(order(intent="proposal")),
    "a plan": orders(order(intent="plan")),
    "a patient at an unknown address": orders(order(subject={"reference": "urn:uuid:9"})),
}


@pytest.mark.parametrize("name", NOT_GRANTED)
def test_nothing_is_granted_where_it_is_not_clear_that_it_should_be(name: str) -> None:
    answer = signed(NOT_GRANTED[name], payer_authorization="granted")
    assert len(answer["cards"]) == 1
    assert {pa for said in by_order(answer).values() for _, _, pa in said} <= {"auth-needed"}
    assert "satisfied-pa-id" not in json.dumps(answer)


def test_an_authorization_is_granted_under_the_one_coverage_that_an_order_names() -> None:
    insured = order(insurance=[{"reference": "Coverage/cov2"}])
    found = by_order(signed(orders(insured, coverages=(COVERAGE, SECOND)), payer_authorization="granted"))
    assert found == {"ServiceRequest/o1": [("Coverage/cov2", "covered", "satisfied")]}


@pytest.mark.requirement("hook-13")
def test_a_coverage_that_no_reference_can_name_is_none() -> None:
    sent = orders(coverages=(COVERAGE | {"id": "a b/c"},))
    assert signed(sent).keys() == {"cards"}
    assert call("POST", SIGN, json.dumps(sent).encode(), payer_strict=True).status_code == 400


# -- what could not be judged -------------------------------------------------------------------------------------

COARSE: dict[str, dict[str, Any]] = {
    "in words only": order(code={"text": "a new widget"}),
    "without a system": order(code={"coding": [{"code": "replace"}]}),
}


@pytest.mark.requirement("resp-29", "hook-16")
@pytest.mark.parametrize("name", COARSE)
def test_an_order_without_a_code_is_asked_for_one(name: str) -> None:
    answer = signed(orders(COARSE[name], extension={"davinci-crd.requestedVersion": "2.2"}))
    assert len(answer["cards"]) == 1
    found = said(answer)
    assert [found[name] for name in ("covered", "pa-needed", "info-needed")] == [
        "conditional",
        "conditional",
        "detail-code",
    ]


@pytest.mark.requirement("found-5")
def test_the_coverage_of_an_order_without_a_code_is_read() -> None:
    with EhrStub(resources=[*CHART, COVERAGE]) as ehr:
        sent = request(COARSE["in words only"], chart=()) | {"fhirServer": ehr.base_url}
        answer = signed(sent, fhir_servers=(ehr.base_url,))
    assert said(answer)["covered"] == "conditional"


def test_of_an_order_on_which_no_policy_decides_nothing_is_said_nor_read() -> None:
    with EhrStub(resources=[*CHART, COVERAGE]) as ehr:
        sent = request(order(coded="repaint"), chart=()) | {"fhirServer": ehr.base_url}
        assert signed(sent, fhir_servers=(ehr.base_url,)) == {"cards": []}
    assert ehr.requests == []


# -- the other primary hooks --------------------------------------------------------------------------------------

ACTIVE = order(status="active")
BOOKED = {
    "resourceType": "Appointment",
    "id": "a1",
    "status": "proposed",
    "participant": [{"actor": {"reference": "Patient/p1"}, "status": "accepted"}],
}
TOLD = [("Coverage/cov1", "covered", "auth-needed")]


@pytest.mark.requirement("hook-33", "resp-29")
@pytest.mark.parametrize("named", [{"dispatchedOrders": ["ServiceRequest/o1"]}, {"order": "ServiceRequest/o1"}])
def test_an_order_that_is_dispatched_carries_what_is_said_of_it(named: dict[str, Any]) -> None:
    context = {"patientId": "p1", "performer": "Organization/x", **named}
    sent = {"hook": "order-dispatch", "context": context, "prefetch": prefetch(*CHART, COVERAGE, ACTIVE)}
    assert by_order(called("order-dispatch", sent)) == {"ServiceRequest/o1": TOLD}


def booked(version: str, **more: Any) -> dict[str, Any]:
    context = {"userId": "Practitioner/d1", "patientId": "p1", "appointments": bundle(BOOKED | more)}
    asked = {"davinci-crd.requestedVersion": version}
    chart = prefetch(*CHART, COVERAGE, ACTIVE)
    return {"hook": "appointment-book", "context": context, "prefetch": chart, "extension": asked}


@pytest.mark.requirement("hook-39", "resp-29")
@pytest.mark.parametrize(
    ("version", "more", "carrier"),
    [
        ("2.0", {"basedOn": [{"reference": "ServiceRequest/o1"}]}, "Appointment/a1"),
        ("2.2", {"basedOn": [{"reference": "ServiceRequest/o1"}]}, "ServiceRequest/o1"),
        ("2.2", {"basedOn": [{"reference": "#c"}], "contained": [ACTIVE | {"id": "c"}]}, "Appointment/a1"),
        ("2.2", {"basedOn": [{"reference": "#o1"}], "contained": [ACTIVE]}, "Appointment/a1"),
        ("2.2", {"serviceType": [ACTIVE["code"]]}, "Appointment/a1"),
    ],
)
def test_a_booking_has_what_is_said_of_it(version: str, more: dict[str, Any], carrier: str) -> None:
    assert by_order(called("appointment-book", booked(version, **more))) == {carrier: TOLD}


@pytest.mark.requirement("hook-26", "hook-33", "hook-39", "hook-16")
@pytest.mark.parametrize("hook", ["order-sign", "order-dispatch", "appointment-book"])
def test_every_primary_hook_says_that_more_is_needed(hook: str) -> None:
    context: dict[str, dict[str, Any]] = {
        "order-sign": {"userId": "Practitioner/d1", "draftOrders": bundle(order())},
        "order-dispatch": {"dispatchedOrders": ["ServiceRequest/o1"], "performer": "Organization/x"},
        "appointment-book": {
            "userId": "Practitioner/d1",
            "appointments": bundle(BOOKED | {"serviceType": [ACTIVE["code"]]}),
        },
    }
    silent = prefetch(PATIENT, ORGANIZATION, COVERAGE, ACTIVE)
    answer = called(hook, {"hook": hook, "context": {"patientId": "p1", **context[hook]}, "prefetch": silent})
    assert (said(answer)["covered"], said(answer)["doc-needed"]) == ("conditional", "clinical")


@pytest.mark.requirement("X2", "found-33")
def test_members_and_extensions_that_nobody_knows_change_no_answer() -> None:
    plain = message()
    strange = json.loads(json.dumps(plain))
    unknown = {"org.example.unknown": {"nothing": None, "list": [1, {"a": "b"}]}}
    draft = strange["context"]["draftOrders"]
    for one in (strange, strange["context"], draft, draft["entry"][0]):
        one.update(unknown)
    for one in strange["prefetch"].values():
        one.update(unknown)
        one["entry"][0]["resource"].update(unknown)
    strange["extension"] = unknown
    assert signed(strange) == signed(plain)


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
