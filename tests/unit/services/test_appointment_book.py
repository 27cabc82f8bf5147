"""appointment-book: appointments, by what they are for."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.necessity.orders import NotJudged
from cds_service.services.evaluation import Exchange
from tests.made_up import ORDERS, bundle, finding, order
from tests.unit.services.calls import SERVER, exchange, judged, outcomes

Json = dict[str, Any]
SERVICE_TYPE = {"serviceType": [{"coding": [{"system": ORDERS, "code": "replace"}]}]}
BASED_ON = {"basedOn": [{"reference": "ServiceRequest/o1"}]}


def appointment(name: str = "a1", **more: Any) -> Json:
    participant = [{"actor": {"reference": "Patient/p1"}, "status": "needs-action"}]
    return {"resourceType": "Appointment", "id": name, "status": "proposed", "participant": participant, **more}


def booked(*appointments: Json, chart: tuple[Json, ...] = ()) -> Exchange:
    context = {"appointments": bundle(*appointments)}
    return exchange("appointment-book", context, *chart, fhirServer=SERVER)


@pytest.mark.requirement("hook-4")
def test_an_appointment_is_judged_by_its_service_type() -> None:
    assert outcomes(booked(appointment(**SERVICE_TYPE), chart=(finding(),))) == {"Appointment/a1": "met"}


def test_an_appointment_is_judged_by_the_request_that_it_is_based_on() -> None:
    chart = (order(status="active"), finding())
    found = booked(appointment(**BASED_ON), chart=chart)
    (one,) = judged(found).determinations
    assert (one.order.reference, one.order.path, str(one.outcome)) == (
        "Appointment/a1",
        "ServiceRequest/o1.code.coding[0]",
        "met",
    )


def test_the_request_may_stand_beside_the_appointment() -> None:
    assert outcomes(booked(appointment(**BASED_ON), order(), chart=(finding(),))) == {"Appointment/a1": "met"}


def test_the_request_is_no_evidence_for_itself() -> None:
    found = booked(appointment(**BASED_ON), chart=(order(status="active"), finding()))
    assert [one["resourceType"] for one in found.chart] == ["Observation"]


def test_a_request_that_is_not_at_hand_is_asked_for() -> None:
    found = booked(appointment(**BASED_ON))
    assert [query.url for query in found.lacking] == ["ServiceRequest/o1"]
    told = judged(found).not_covered
    assert [(one.reference, one.reason) for one in told] == [("ServiceRequest/o1", NotJudged.NOT_HAD)]


@pytest.mark.parametrize("there", [(), (order(status="active"),)], ids=["none of them", "one of them"])
def test_a_request_that_is_not_at_hand_is_told_whatever_else_is_booked(there: tuple[Json, ...]) -> None:
    kind = {"serviceType": [{"coding": [{"system": "https://example.org/kinds", "code": "surgery"}]}]}
    based_on = {"basedOn": [{"reference": "ServiceRequest/o1"}, {"reference": "ServiceRequest/o9"}]}
    told = judged(booked(appointment(**based_on, **kind), chart=there)).not_covered
    missing = {one.reference for one in told if one.reason is NotJudged.NOT_HAD}
    assert missing == {"ServiceRequest/o9"} | ({"ServiceRequest/o1"} if not there else set())


def test_each_appointment_is_judged() -> None:
    found = booked(appointment(**SERVICE_TYPE, start="2026-02-01T08:00:00Z"), appointment("a2", **SERVICE_TYPE))
    assert outcomes(found).keys() == {"Appointment/a1", "Appointment/a2"}


def test_an_appointment_that_is_cancelled_is_not_judged() -> None:
    found = judged(booked(appointment(**SERVICE_TYPE, status="cancelled")))
    assert found.determinations == ()
    assert [one.reason for one in found.not_covered] == [NotJudged.NOT_TO_BE_DONE]
