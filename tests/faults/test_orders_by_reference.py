"""Orders that a request names and does not hold are read of the EHR: over a real server on loopback."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import pytest

from cds_service.api.app import create_app
from cds_service.fhir.temporal import Date
from cds_service.settings import Settings
from cds_service.wiring import Application
from tests.faults.ehr_stub import EhrStub, slow, status
from tests.made_up import ORDERS, PATIENT, bundle, finding, made_up_policies, order

Json = dict[str, Any]
CODE = {"coding": [{"system": ORDERS, "code": "replace"}]}
SIGNED = order(status="active")
MEDICATION: Json = {"resourceType": "Medication", "id": "m1", "code": CODE}
TABLET: Json = {
    "resourceType": "MedicationRequest",
    "id": "o2",
    "status": "active",
    "subject": {"reference": "Patient/p1"},
    "medicationReference": {"reference": "Medication/m1"},
}
APPOINTMENT: Json = {"resourceType": "Appointment", "id": "a1", "basedOn": [{"reference": "ServiceRequest/o1"}]}


def call(ehr: EhrStub, hook: str, **context: Any) -> httpx.Response:
    settings = Settings(fhir_servers=(ehr.base_url,), deadline_ms=1000)
    application = Application(settings, made_up_policies(), clock=lambda: Date((2026, 1, 15)))
    message = {"hook": hook, "fhirServer": ehr.base_url, "context": {"patientId": "p1", **context}}

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(application))
        async with httpx.AsyncClient(transport=transport, base_url="http://cds") as client:
            response = await client.post(f"/cds-services/necessity-{hook}", json=message)
        await application.close()
        return response

    return asyncio.run(ask())


def dispatch(ehr: EhrStub, *names: str) -> httpx.Response:
    return call(ehr, "order-dispatch", dispatchedOrders=[*names], performer="Organization/x")


def summaries(response: httpx.Response) -> list[str]:
    assert response.status_code == 200
    return [card["summary"] for card in response.json()["cards"]]


@pytest.mark.parametrize("name", ["ServiceRequest/o1", "MedicationRequest/o2"])
@pytest.mark.requirement("P6")
def test_a_dispatched_order_is_read_and_judged(name: str) -> None:
    with EhrStub(resources=[PATIENT, finding(), SIGNED, TABLET, MEDICATION]) as ehr:
        (summary,) = summaries(dispatch(ehr, name))
    assert "criteria met" in summary
    assert "/".join(ehr.requests[0].steps) == name


def test_the_request_behind_an_appointment_is_read() -> None:
    with EhrStub(resources=[PATIENT, finding(), SIGNED]) as ehr:
        (summary,) = summaries(call(ehr, "appointment-book", appointments=bundle(APPOINTMENT)))
    assert "criteria met" in summary


@pytest.mark.requirement("P6")
@pytest.mark.parametrize(
    "behave", [status(404), status(401), status(500), slow(9.0)], ids=["404", "401", "500", "slow"]
)
def test_an_order_that_cannot_be_had_is_a_412_in_time(behave: Any) -> None:
    with EhrStub(resources=[PATIENT, finding()], by_type={"ServiceRequest": behave}) as ehr:
        started = time.monotonic()
        response = dispatch(ehr, "ServiceRequest/o1")
        assert time.monotonic() - started < 1.5
    assert response.status_code == 412
    assert "ServiceRequest" in response.json()["issue"][0]["details"]["text"]


def test_one_order_that_cannot_be_had_does_not_hide_the_other() -> None:
    with EhrStub(resources=[PATIENT, finding(), SIGNED]) as ehr:
        told = summaries(dispatch(ehr, "ServiceRequest/o1", "ServiceRequest/o9"))
    assert ["could not be read" in one for one in told] == [True, False]
    assert "criteria met" in told[1]
