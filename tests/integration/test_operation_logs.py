"""What is logged: a line for each request with names and numbers, and nothing else, whatever goes wrong."""

from __future__ import annotations

import ast
import asyncio
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

import cds_service
from cds_service.api.app import create_app
from cds_service.fhir.temporal import Date
from cds_service.observability.logs import EVENTS, configure_logs
from cds_service.settings import Settings
from cds_service.store.store import Filters
from cds_service.wiring import Application
from tests.faults.ehr_stub import EhrStub
from tests.made_up import PATIENT, finding, made_up_policies, order, request

CANARY = "canary-of-jane-roe"
SIGN = "/cds-services/necessity-order-sign"
TYPE = type(CANARY.replace("-", "_"), (Exception,), {})


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What the process logs, at the level that tells most."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    written = io.StringIO()
    configure_logs("debug", "json", written)
    yield written
    root.handlers[:] = before[0]
    root.setLevel(before[1])


def told(lines: io.StringIO, event: str) -> list[dict[str, Any]]:
    return [one for one in map(json.loads, lines.getvalue().splitlines()) if one["event"] == event]


def ask(application: Application, method: str, path: str, **more: Any) -> httpx.Response:
    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(application), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://cds") as client:
            response = await client.request(method, path, **more)
        await application.close()
        return response

    return asyncio.run(asked())


def service(**settings: Any) -> Application:
    return Application(Settings(**settings), made_up_policies(), clock=lambda: Date((2026, 1, 15)))


def test_a_request_is_one_line_of_names_and_numbers(lines: io.StringIO) -> None:
    with EhrStub(resources=[PATIENT, finding("broken")]) as ehr:
        application = service(fhir_servers=(ehr.base_url,))
        message = request(order(), chart=()) | {"fhirServer": ehr.base_url, "prefetch": {}}
        assert ask(application, "POST", SIGN, json=message).status_code == 200
    (line,) = told(lines, "request")
    (kept,) = application.store.each(Filters())
    assert (line["service"], line["status"], line["outcomes"]) == ("necessity-order-sign", 200, {"met": 1})
    assert line["fetched"].keys() == {"complete"}
    assert UUID(line["decision"]) == UUID(kept.decision.exchange)
    assert set(line["steps_ms"]) == {"read", "fetch", "evaluate", "answer", "keep"}
    assert 0 < sum(line["steps_ms"].values()) <= line["duration_ms"]
    assert "withheld" not in line


def test_an_address_that_is_not_ours_is_not_told(lines: io.StringIO) -> None:
    ask(service(), "GET", f"/fhir/Patient/{CANARY}?name={CANARY}")
    (line,) = told(lines, "request")
    assert (line["service"], line["status"]) == ("none", 404)
    assert CANARY not in lines.getvalue()


def test_a_refused_call_is_told_by_its_code(lines: io.StringIO, tmp_path: Path) -> None:
    clients = tmp_path / "clients.toml"
    clients.write_text('[clients.hospital]\niss = "https://ehr.example.org"\njku = ["https://ehr.example.org/jwks"]\n')
    response = ask(
        service(clients=clients), "POST", SIGN, json=request(), headers={"Authorization": f"Bearer {CANARY}"}
    )
    assert response.status_code == 401
    (line,) = told(lines, "request")
    assert line["reason"] == told(lines, "call refused")[0]["reason"] == "malformed"
    assert CANARY not in lines.getvalue()


def test_health_is_not_told_of_unless_for_debugging(lines: io.StringIO) -> None:
    ask(service(), "GET", "/health/live")
    assert [one["level"] for one in told(lines, "request")] == ["debug"]


def test_what_is_not_on_the_list_does_not_pass(lines: io.StringIO) -> None:
    ours, library = logging.getLogger("cds_service.api.access"), logging.getLogger("some.library")
    ours.info("request", extra={"service": CANARY + "!", "patient": CANARY, "outcomes": {CANARY: 1}, "status": 200})
    ours.info(f"request of {CANARY}")
    ours.info("request %s", CANARY)
    library.error(f"cannot insert {CANARY}", extra={"status": 200})
    logging.getLogger("uvicorn.error").error("%s", CANARY, exc_info=ValueError(CANARY), stack_info=True)
    try:
        raise TYPE(CANARY)
    except Exception:
        library.exception(CANARY)
    assert "canary-of" not in lines.getvalue()
    assert told(lines, "request")[0]["withheld"] == ["outcomes", "service"]
    assert [one["event"] for one in map(json.loads, lines.getvalue().splitlines())][1:] == ["unlisted"] * 5
    assert all(one["place"].startswith("test_operation_logs.py:") for one in told(lines, "unlisted"))


@pytest.mark.parametrize("output", ["json", "text"])
def test_both_formats_keep_the_list(lines: io.StringIO, output: Any) -> None:
    configure_logs("info", output, lines)
    logging.getLogger("cds_service.api.access").info("request", extra={"status": 200, "patient": CANARY})
    assert "200" in lines.getvalue()
    assert CANARY not in lines.getvalue()


def test_every_event_that_the_code_tells_is_on_the_list() -> None:
    """A message that is built, or that the list does not have, would be told as unlisted."""
    for place in Path(cds_service.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(place.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("_logger."):
                message = node.args[1 if ast.unparse(node.func) == "_logger.log" else 0]
                assert isinstance(message, ast.Constant), f"{place.name}:{node.lineno}"
                assert message.value in EVENTS, f"{place.name}:{node.lineno}"


@pytest.mark.parametrize("fault", ["none", "malformed", "no orders", "unforeseen"])
def test_no_value_of_a_request_is_in_a_log_or_an_error(lines: io.StringIO, fault: str) -> None:
    """The canary stands in every text of patient, finding and order."""
    application = service()
    patient = {
        **PATIENT,
        "name": [{"text": CANARY, "family": CANARY}],
        "birthDate": CANARY,
        "telecom": [{"value": CANARY}],
    }
    message = request(order(CANARY, note=[{"text": CANARY}]), chart=(patient, finding(CANARY, id=CANARY)))
    message["context"] |= {"userId": f"Practitioner/{CANARY}", "encounterId": CANARY}
    match fault:
        case "malformed":
            message["context"]["patientId"] = {CANARY: CANARY}
        case "no orders":
            message["context"]["draftOrders"] = CANARY
        case "unforeseen":
            object.__setattr__(application, "clock", lambda: (_ for _ in ()).throw(TYPE(CANARY)))
    response = ask(application, "POST", f"{SIGN}?patient={CANARY}", json=message)
    assert (response.status_code == 200) is (fault == "none")
    assert len(told(lines, "request")) == 1
    assert CANARY not in lines.getvalue()
    assert fault == "none" or CANARY not in response.text
