"""order-dispatch: orders by reference, in both shapes of the context."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.errors import RequiredDataUnavailable
from cds_service.fhir.query import FhirQuery
from cds_service.necessity.orders import NotCovered, NotJudged
from cds_service.services.evaluation import Exchange
from tests.made_up import finding, order
from tests.unit.services.calls import SERVER, exchange, judged, outcomes

HOOK = "order-dispatch"


def signed(name: str = "o1", **more: Any) -> dict[str, Any]:
    return order(name, status="active", **more)


def dispatched(*names: str, chart: tuple[dict[str, Any], ...] = (), **more: Any) -> Exchange:
    context = {"dispatchedOrders": [*names], "performer": "Organization/x", **more}
    return exchange(HOOK, context, *(chart or (signed(), finding())), fhirServer=SERVER)


@pytest.mark.parametrize(
    "context",
    [
        {"dispatchedOrders": ["ServiceRequest/o1"], "performer": "Organization/x"},
        {"order": "ServiceRequest/o1", "performer": "Organization/x", "task": {"resourceType": "Task", "id": "t"}},
        {"dispatchedOrders": ["ServiceRequest/o1"], "order": "ServiceRequest/other"},
    ],
    ids=["1.1", "1.0", "both"],
)
@pytest.mark.requirement("hook-4")
def test_an_order_is_judged_in_either_shape(context: dict[str, Any]) -> None:
    assert outcomes(exchange(HOOK, context, signed(), finding())) == {"ServiceRequest/o1": "met"}


@pytest.mark.parametrize(
    "reference",
    ["ServiceRequest/o1", "ServiceRequest/o1/_history/2", f"{SERVER}/ServiceRequest/o1"],
)
def test_a_reference_has_several_forms(reference: str) -> None:
    assert outcomes(dispatched(reference)) == {"ServiceRequest/o1": "met"}


@pytest.mark.requirement("hook-30")
def test_only_what_is_dispatched_is_judged_and_what_was_authorized_with_it_is_read() -> None:
    together = {"requisition": {"system": "urn:x", "value": "7"}}
    chart = (
        signed(**together),
        signed("o2", **together, coded="refit"),
        signed("o3", coded="refit", requisition={"value": "7"}),
    )
    found = dispatched("ServiceRequest/o1", chart=chart)
    assert [one["id"] for one in found.drafts] == ["o1", "o2"]
    assert outcomes(found).keys() == {"ServiceRequest/o1"}


def test_an_order_that_says_the_same_as_one_that_is_not_dispatched_is_judged() -> None:
    together = {"requisition": {"value": "7"}}
    found = dispatched("ServiceRequest/o2", chart=(signed(**together), signed("o2", **together)))
    assert [one.order.references for one in judged(found).determinations] == [
        ("ServiceRequest/o1", "ServiceRequest/o2")
    ]


def test_an_order_is_judged_on_the_day_it_is_dispatched() -> None:
    chart = (signed(authoredOn="2025-01-01"), finding(effectiveDateTime="2026-01-10"))
    (found,) = judged(dispatched("ServiceRequest/o1", chart=chart)).determinations
    assert (str(found.as_of), str(found.outcome)) == ("2026-01-15", "met")


def test_tasks_are_read() -> None:
    task = {"resourceType": "Task", "id": "t", "for": {"reference": "Patient/p1"}}
    found = dispatched("ServiceRequest/o1", fulfillmentTasks=[task])
    assert task in found.chart


def test_orders_that_cannot_be_had_are_asked_for() -> None:
    with pytest.raises(RequiredDataUnavailable) as error:
        dispatched("ServiceRequest/o8", f"{SERVER}/DeviceRequest/o9", chart=(finding(),))
    assert error.value.queries == (
        FhirQuery("ServiceRequest/o8", "ServiceRequest", "o8"),
        FhirQuery("DeviceRequest/o9", "DeviceRequest", "o9"),
    )


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "o1",
        "urn:uuid:0",
        "Widget/o1",
        "ServiceRequest/",
        "ServiceRequest/..",
        "https://elsewhere.org/ServiceRequest/1",
    ],
)
def test_what_is_not_at_the_ehr_is_not_asked_for(reference: str) -> None:
    with pytest.raises(RequiredDataUnavailable) as error:
        dispatched(reference)
    assert error.value.queries == ()


@pytest.mark.parametrize("reference", ["ServiceRequest/o9", "Observation/f1"])
def test_one_order_of_several_that_cannot_be_had_is_told(reference: str) -> None:
    found = dispatched("ServiceRequest/o1", reference)
    assert outcomes(found) == {"ServiceRequest/o1": "met"}
    assert judged(found).not_covered == (NotCovered(reference, None, NotJudged.NOT_HAD),)
    assert [query.url for query in found.lacking] == [reference]


def test_an_order_of_another_patient_is_told() -> None:
    found = dispatched("ServiceRequest/o1", chart=(signed(subject={"reference": "Patient/p2"}),))
    assert [one.reason for one in judged(found).not_covered] == [NotJudged.OTHER_PATIENT]


def test_the_medication_behind_an_order_is_asked_for() -> None:
    chart = {**signed(), "resourceType": "MedicationRequest", "medicationReference": {"reference": "Medication/m1"}}
    found = dispatched("MedicationRequest/o1", chart=(chart,))
    assert [query.url for query in found.lacking] == ["Medication/m1"]
