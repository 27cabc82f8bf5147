"""Spans: one for a request and one for each of its steps, with names and numbers alone."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from cds_service.api.app import create_app
from cds_service.errors import ConfigurationError
from cds_service.observability.tracing import begin_tracing, span, trace_by
from cds_service.settings import Settings
from cds_service.wiring import Application
from tests.integration.test_operation_processes import served
from tests.made_up import PATIENT, finding, made_up_policies, order, request

CANARY = "canary-of-jane-roe"
SIGN = "/cds-services/necessity-order-sign"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace_by(provider)
    yield exporter
    trace_by(None)


def ask(message: object, **headers: str) -> httpx.Response:
    async def asked() -> httpx.Response:
        app = create_app(Application(Settings(), made_up_policies()))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://cds") as client:
            return await client.post(f"{SIGN}?name={CANARY}", json=message, headers=headers)

    return asyncio.run(asked())


def test_a_request_is_a_span_and_so_is_each_step(spans: InMemorySpanExporter) -> None:
    ask(request(), traceparent=f"00-{TRACE}-00f067aa0ba902b7-01", baggage=f"name={CANARY}")
    found = {one.name: one for one in spans.get_finished_spans()}
    assert found.keys() == {"request", "read", "evaluate", "answer", "keep"}
    whole = found.pop("request")
    assert dict(whole.attributes or {}) == {
        "cds.service": "necessity-order-sign",
        "cds.status": 200,
        "cds.outcomes.met": 1,
    }
    assert f"{whole.context.trace_id:032x}" == TRACE
    assert {one.parent.span_id for one in found.values() if one.parent} == {whole.context.span_id}


def test_no_value_of_a_request_is_in_a_span(spans: InMemorySpanExporter) -> None:
    patient = {**PATIENT, "name": [{"text": CANARY}]}
    ask(request(order(CANARY), chart=(patient, finding(CANARY, id=CANARY))))
    ask({"context": {"patientId": {CANARY: CANARY}}})
    with pytest.raises(ValueError, match=CANARY), span("read"):
        raise ValueError(CANARY)
    told = [json.loads(one.to_json()) for one in spans.get_finished_spans()]
    assert len(told) >= 7
    assert CANARY not in json.dumps(told)


def test_without_a_provider_nothing_is_made() -> None:
    with span("read") as attributes:
        attributes["service"] = "none"


def test_without_the_sdk_the_operator_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(ConfigurationError, match="CDS_TRACING"):
        begin_tracing()


def test_spans_reach_the_collector_before_the_service_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    received: list[tuple[str, bytes]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as collector:
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.server_port}")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
        with served(tmp_path, tracing="true") as service:
            answer = service.ask("POST", SIGN, json=request(order(CANARY), chart=(PATIENT, finding(CANARY))))
            assert answer.status_code == 200
            service.end()
        collector.shutdown()
    assert {path for path, _ in received} == {"/v1/traces"}
    sent = b"".join(body for _, body in received)
    assert b"necessity-order-sign" in sent
    assert CANARY.encode() not in sent
