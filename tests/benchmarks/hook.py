"""One order-sign request, raw bytes in to response bytes out, and the share of each step. CPU time of one thread."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from cds_service.cards import render
from cds_service.cds_hooks import Response, parse, to_json_object
from cds_service.fhir.encoding import decode, encode, member_of, refuse_duplicate_keys
from cds_service.fhir.record import PatientRecord
from cds_service.necessity.determine import determine_all
from cds_service.necessity.orders import read_orders
from cds_service.services import SERVICES
from cds_service.services.needs import NOTHING
from cds_service.settings import Settings
from cds_service.wiring import Application
from tests.charts import RECEIVED, ROOT, shipped

ROUNDS = 200


def cpu(step: Callable[[], Any]) -> float:
    """Return the median CPU time of a step in microseconds."""
    step()
    times = []
    for _ in range(ROUNDS):
        start = time.process_time_ns()
        step()
        times.append((time.process_time_ns() - start) / 1000)
    return median(times)


def measure(name: str) -> None:
    """Print the figures of one request."""
    body = (ROOT / "fixtures" / "cds_hooks" / f"{name}-order-sign.json").read_bytes()
    application = Application(Settings(), shipped())
    service = SERVICES["necessity-order-sign"]
    request = decode(body)
    parsed = parse(request, hook=service.hook)
    exchange = application.read(application.parse(service, body))

    def record() -> PatientRecord:
        return PatientRecord(exchange.patient_id, (*exchange.drafts, *exchange.chart), full_urls=exchange.full_urls)

    chart = record()
    orders = read_orders(exchange.drafts, shipped(), chart, received=RECEIVED)
    determinations = determine_all(orders, shipped(), chart)
    cards = render(determinations, application.presentation)
    steps: dict[str, Callable[[], Any]] = {
        "JSON decoded, depth checked": lambda: decode(body),
        "envelope parsed": lambda: parse(request, hook=service.hook),
        "duplicate keys in the drafts refused": lambda: refuse_duplicate_keys(
            member_of(body, "context", "draftOrders")
        ),
        "bundles read, needs found": lambda: application.reader.exchange(service, parsed, NOTHING, received=RECEIVED),
        "record indexed": record,
        "orders read": lambda: read_orders(exchange.drafts, shipped(), chart, received=RECEIVED),
        "criteria evaluated": lambda: determine_all(orders, shipped(), record()),
        "cards rendered": lambda: render(determinations, application.presentation),
        "response encoded": lambda: encode(to_json_object(Response(cards=cards))),
    }
    whole = cpu(lambda: application.answer(service, body))
    resources = len(exchange.chart) + len(exchange.drafts)
    print(f"{name}: {len(body) / 1000:.0f} KB, {resources} resources, {len(determinations)} determinations")
    print(f"  {'request bytes to response bytes':40} {whole:8.0f} us")
    taken = {title: cpu(step) for title, step in steps.items()}
    taken["criteria evaluated"] -= taken["record indexed"]
    for title, microseconds in taken.items():
        print(f"    {title:38} {microseconds:8.0f} us  {microseconds / whole:5.0%}")
    print()


def main() -> None:
    """Measure the three requests that the fixtures hold."""
    gc.collect()
    gc.freeze()
    for name in ("seed-1", "seed-2", "both"):
        measure(name)
