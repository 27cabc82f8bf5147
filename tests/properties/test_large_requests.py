"""Requests that are large in one way each: every one is answered, or refused, in seconds and not in minutes.

The bound is a guard against what grows with the square of what is sent; each of these once took longer.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from cds_service.errors import TooManyOrders
from cds_service.fhir.temporal import Date
from cds_service.services import SERVICES
from cds_service.settings import Settings
from cds_service.wiring import Application
from tests.charts import fixture, shipped

Json = dict[str, Any]
SECONDS = 10
DAY = Date((2026, 3, 20))
PAYER = {"system": "http://hl7.org/fhir/sid/us-npi", "value": "1234567893"}


def ordering(count: int, **more: Any) -> Json:
    request: Json = fixture("cds_hooks/seed-1-order-sign.json")
    written = json.dumps(request["context"]["draftOrders"]["entry"][0]["resource"])
    orders = [{**json.loads(written), "id": f"o{i}", "note": [{"text": str(i)}], **more} for i in range(count)]
    request["context"]["draftOrders"]["entry"] = [{"resource": one} for one in orders]
    return request


def many_codings() -> Json:
    request = ordering(1)
    order = request["context"]["draftOrders"]["entry"][0]["resource"]
    del order["id"]
    order["code"]["coding"] += [{"system": "https://example.org", "code": f"c{i}"} for i in range(20_000)]
    return request


def equal_codings() -> Json:
    request = ordering(2)
    for entry in request["context"]["draftOrders"]["entry"]:
        coding = entry["resource"]["code"]["coding"]
        entry["resource"]["code"]["coding"] = json.loads(json.dumps(coding * 20_000))
    return request


def a_code_like_many_modifiers() -> Json:
    request = ordering(1)
    coding = request["context"]["draftOrders"]["entry"][0]["resource"]["code"]["coding"]
    coding[0] |= {"system": "https://example.org", "code": "-aa" * 60_000 + "!"}
    return request | {"context": request["context"] | {"draftOrders": both(request, ordering(1))}}


def many_contained() -> Json:
    request = ordering(1)
    order = request["context"]["draftOrders"]["entry"][0]["resource"]
    order["contained"] = [{"resourceType": "Coverage", "id": f"c{i}"} for i in range(8_000)]
    order["insurance"] = [{"reference": f"#c{i}"} for i in range(8_000)]
    return request


def both(*requests: Json) -> Json:
    return {"entry": [one for request in requests for one in request["context"]["draftOrders"]["entry"]]}


def copies_of_a_tumour() -> Json:
    request: Json = fixture("cds_hooks/seed-2-order-sign.json")
    entries = request["prefetch"]["condition"]["entry"]
    entries += [{"resource": {**entries[0]["resource"], "id": f"copy-{i}"}} for i in range(2_000)]
    return request


def a_tumour_everywhere() -> Json:
    request: Json = fixture("cds_hooks/seed-2-order-sign.json")
    condition = request["prefetch"]["condition"]["entry"][0]["resource"]
    del condition["id"]
    condition["bodySite"] = json.loads(json.dumps(condition["bodySite"] * 3_000))
    return request


def many_coverages() -> Json:
    request: Json = fixture("cds_hooks/seed-1-order-sign.json")
    patient = {"reference": f"Patient/{request['context']['patientId'].removeprefix('Patient/')}"}
    payor = [{"identifier": PAYER}]
    coverage = {"resourceType": "Coverage", "status": "active", "beneficiary": patient, "payor": payor}
    request["prefetch"]["coverage"] = {"entry": [{"resource": coverage | {"id": f"c{i}"}} for i in range(2_000)]}
    return request


LARGE: dict[str, Callable[[], Json]] = {
    "200 orders": lambda: ordering(200),
    "codings of one order without an id": many_codings,
    "equal codings": equal_codings,
    "a code like many modifiers": a_code_like_many_modifiers,
    "what an order contains": many_contained,
    "copies of a Condition": copies_of_a_tumour,
    "sites of a Condition": a_tumour_everywhere,
    "Coverages": many_coverages,
}


@pytest.fixture(scope="module")
def payer() -> Application:
    return Application(
        Settings(payer_identifiers=(f"{PAYER['system']}|{PAYER['value']}",)), shipped(), clock=lambda: DAY
    )


@pytest.mark.parametrize("large", LARGE.values(), ids=LARGE)
def test_a_large_request_is_answered_in_seconds(large: Callable[[], Json], payer: Application) -> None:
    body = json.dumps(large()).encode()
    begun = time.process_time()
    assert json.loads(payer.answer(SERVICES["necessity-order-sign"], body))["cards"]
    assert time.process_time() - begun < SECONDS


def test_too_many_orders_are_refused_in_seconds(payer: Application) -> None:
    body = json.dumps(ordering(10_000)).encode()
    begun = time.process_time()
    with pytest.raises(TooManyOrders):
        payer.answer(SERVICES["necessity-order-sign"], body)
    assert time.process_time() - begun < SECONDS
