from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from cds_service.api.app import create_app
from cds_service.fhir.temporal import Date
from cds_service.services import SERVICES
from cds_service.settings import Settings
from cds_service.wiring import Application, load_policies
from tests.made_up import GROUP, PAGE, PATIENT, finding, order, request, write_policy

SIGN, SELECT = "/cds-services/necessity-order-sign", "/cds-services/necessity-order-select"
CANARY = "canary-of-jane-roe"
ORIGIN = "https://ehr.example.org"
MOST = 20_000

BAD_BODIES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "JSON"),
    "not JSON": (CANARY.encode(), "JSON"),
    "cut off": (json.dumps(request()).encode()[:-1], "JSON"),
    "text after the end": (b'{} "' + CANARY.encode() + b'"', "JSON"),
    "NaN": (b'{"context": {"patientId": NaN}}', "JSON"),
    "Infinity": (b'{"context": {"patientId": -Infinity}}', "JSON"),
    "a byte order mark": (b"\xef\xbb\xbf{}", "JSON"),
    "UTF-16": (json.dumps(request()).encode("utf-16"), "JSON"),
    "bytes that are no UTF-8": (b'{"' + CANARY.encode() + b'": "\xff"}', "JSON"),
    "a surrogate on its own": (b'{"a": "' + CANARY.encode() + b'\\ud800"}', "JSON"),
    "a control character": (b'{"a": "\x01"}', "JSON"),
    "an exponent beyond measure": (b'{"a": 1e99999999999999999999}', "JSON"),
    "an integer beyond measure": (b'{"a": ' + b"9" * 5000 + b"}", "JSON"),
    "65 levels": (b'{"a":' + b"[" * 64 + b"]" * 64 + b"}", "deeper"),
    "9000 levels": (b"[" * 9000, "JSON"),
    "an array": (b"[]", "object"),
    "a string": (json.dumps(CANARY).encode(), "object"),
    "null": (b"null", "object"),
}


def without(member: str) -> dict[str, Any]:
    message = request()
    del message["context"][member]
    return message


def with_context(**members: object) -> dict[str, Any]:
    message = request()
    message["context"] |= members
    return message


BAD_REQUESTS: dict[str, tuple[dict[str, Any], str]] = {
    "no context": ({"hook": "order-sign", "note": CANARY}, "context"),
    "no patientId": (without("patientId"), "context.patientId"),
    "no draftOrders": (without("draftOrders"), "context.draftOrders"),
    "an empty patientId": (with_context(patientId=""), "context.patientId"),
    "a patientId of another type": (with_context(patientId={"id": CANARY}), "context.patientId"),
    "a patientId that is a path": (with_context(patientId=f"Patient/{CANARY}/x"), "context.patientId"),
    "draftOrders that are no object": (with_context(draftOrders=[CANARY]), "context.draftOrders"),
    "draftOrders that are no Bundle": (
        with_context(draftOrders={"resourceType": CANARY}),
        "context.draftOrders.resourceType",
    ),
    "entries that are no array": (with_context(draftOrders={"entry": CANARY}), "context.draftOrders.entry"),
}


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> Application:
    folder = write_policy(tmp_path_factory.mktemp("policies"))
    settings = Settings(policies=folder, max_body_bytes=MOST, mode="sandbox")
    return Application(settings, load_policies(folder), clock=lambda: Date((2026, 1, 15)))


@pytest.fixture(scope="module")
def app(application: Application) -> FastAPI:
    return create_app(application)


@pytest.fixture(scope="module")
def production(application: Application) -> FastAPI:
    chosen = {"mode": "production", "allowed_origins": (ORIGIN,), "authentication": "off"}
    settings = application.settings.model_copy(update=chosen)
    return create_app(replace(application, settings=settings))


@pytest.fixture(scope="module")
def failing(application: Application) -> FastAPI:
    def clock() -> Date:
        raise ValueError(CANARY)

    return create_app(replace(application, clock=clock))


def send(app: FastAPI, method: str, path: str, **more: Any) -> httpx.Response:
    async def sent() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
            return await client.request(method, path, **more)

    return asyncio.run(sent())


def post(app: FastAPI, body: object, path: str = SIGN, **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return send(app, "POST", path, content=content, headers={"content-type": "application/json", **headers})


def issue(response: httpx.Response) -> dict[str, Any]:
    """Return the one issue of an OperationOutcome, of which the whole body consists."""
    outcome = response.json()
    assert response.headers["content-type"] == "application/json"
    assert outcome.keys() == {"resourceType", "issue"}
    assert outcome["resourceType"] == "OperationOutcome"
    (found,) = outcome["issue"]
    assert found["severity"] == "error"
    assert found["code"]
    assert found["details"]["text"]
    return found


# -- what is answered -----------------------------------------------------------------------------------------


@pytest.mark.requirement("D1", "D3")
def test_discovery_lists_every_service(app: FastAPI):
    response = send(app, "GET", "/cds-services")
    assert response.status_code == 200
    hooks = ["order-sign", "order-select", "order-dispatch", "appointment-book"]
    listed = [(service["id"], service["hook"]) for service in response.json()["services"]]
    assert listed == [(f"necessity-{hook}", hook) for hook in hooks]


@pytest.mark.requirement("D2", "P1")
def test_discovery_asks_for_what_the_policies_read(app: FastAPI):
    (service, *_) = send(app, "GET", "/cds-services").json()["services"]
    assert service["prefetch"] == {
        "patient": "Patient/{{context.patientId}}",
        "observation": "Observation?patient={{context.patientId}}",
        "questionnaireResponse": "QuestionnaireResponse?patient={{context.patientId}}",
    }


@pytest.mark.requirement("C1", "D3")
def test_signing_an_order_is_answered_with_a_card(app: FastAPI):
    response = post(app, request())
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert [card["summary"][:31] for card in response.json()["cards"]] == ["Widget replacement (replace): c"]


def test_the_answer_is_what_the_application_says(app: FastAPI, application: Application):
    body = json.dumps(request()).encode()
    assert post(app, body).content == application.answer(SERVICES["necessity-order-sign"], body)


def test_an_answer_has_no_member_that_a_client_takes_for_an_error(app: FastAPI):
    assert post(app, request()).json().keys() == {"cards"}


@pytest.mark.requirement("hook-34")
def test_selecting_an_order_judges_the_selection_only(app: FastAPI):
    message = request(order("o1"), order("o2", "refit"))
    message["context"]["selections"] = ["ServiceRequest/o2"]
    (card,) = post(app, message, SELECT).json()["cards"]
    assert "ServiceRequest/o2" in card["detail"]
    assert "ServiceRequest/o1" not in card["detail"]


def test_selecting_needs_selections(app: FastAPI):
    assert issue(post(app, request(), SELECT))["expression"] == ["context.selections"]


def test_the_address_names_the_service_whatever_hook_the_body_names(app: FastAPI):
    assert post(app, request() | {"hook": "patient-view"}).status_code == 200


@pytest.mark.requirement("Q1")
@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        'application/json;fhirVersion=4.0; Charset="UTF-8"',
        "application/json; charset=ISO-8859-1",
        "application/fhir+json",
        "application/vnd.example+json",
        "APPLICATION/JSON",
    ],
)
def test_json_is_read_under_any_of_its_names(app: FastAPI, content_type: str):
    assert post(app, request(), **{"content-type": content_type}).status_code == 200


def test_a_body_without_a_content_type_is_read_as_json(app: FastAPI):
    assert send(app, "POST", SIGN, content=json.dumps(request()).encode()).status_code == 200


def test_a_body_that_is_not_encoded_may_say_so(app: FastAPI):
    assert post(app, request(), **{"content-encoding": "identity"}).status_code == 200


def test_the_process_tells_that_it_lives(app: FastAPI):
    assert send(app, "GET", "/health/live").json() == {"live": True}


def test_a_card_links_to_a_page_with_the_policy_in_words(app: FastAPI):
    (card,) = post(app, request()).json()["cards"]
    page = send(app, "GET", httpx.URL(card["links"][0]["url"]).path)
    assert page.status_code == 200
    assert page.text == PAGE
    assert page.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("group", ["other", "..", "%2e%2e", "..%2f..%2fetc", f"{GROUP}%2fpolicy.md", f"..%5c{GROUP}"])
def test_there_are_no_other_pages(app: FastAPI, group: str):
    response = send(app, "GET", f"/policies/{group}")
    assert response.status_code == 404
    assert issue(response)["code"] == "not-found"


def test_a_policy_without_a_page_has_none(application: Application, tmp_path: Path):
    folder = write_policy(tmp_path)
    (folder / GROUP / "policy.md").unlink()
    settings = application.settings.model_copy(update={"policies": folder})
    assert send(create_app(replace(application, settings=settings)), "GET", f"/policies/{GROUP}").status_code == 404


# -- what is refused ------------------------------------------------------------------------------------------


@pytest.mark.requirement("Q2", "P10", "hook-9", "hook-10", "hook-13")
@pytest.mark.parametrize("name", BAD_BODIES)
def test_what_is_no_readable_json_object_is_a_400(app: FastAPI, name: str):
    body, told = BAD_BODIES[name]
    response = post(app, body)
    assert response.status_code == 400
    assert told in issue(response)["details"]["text"]
    assert CANARY not in response.text


@pytest.mark.requirement("Q2", "P10", "hook-9", "hook-10", "hook-13", "hook-14")
@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_what_breaks_the_protocol_is_a_400_that_says_where(app: FastAPI, name: str):
    message, path = BAD_REQUESTS[name]
    response = post(app, message)
    assert response.status_code == 400
    assert issue(response)["expression"] == [path]
    assert CANARY not in response.text


def test_an_order_that_names_a_member_twice_is_a_400(app: FastAPI):
    text = json.dumps(request()).replace('"status": "draft"', f'"status": "draft", "status": "{CANARY}"')
    response = post(app, text.encode())
    assert response.status_code == 400
    assert issue(response)["expression"] == ["context.draftOrders"]
    assert CANARY not in response.text


def test_64_levels_are_read(app: FastAPI):
    body = json.dumps(request())[:-1] + ', "extension": {"deep": ' + "[" * 62 + "]" * 62 + "}}"
    assert post(app, body.encode()).status_code == 200


def test_a_body_that_says_it_is_too_large_is_not_read(app: FastAPI):
    taken = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal taken
        taken += 1
        yield b" " * (MOST + 1)

    response = send(app, "POST", SIGN, content=pieces(), headers={"content-length": str(MOST + 1)})
    assert response.status_code == 413
    assert str(MOST) in issue(response)["details"]["text"]
    assert taken == 0


def test_a_body_of_the_largest_size_is_read(app: FastAPI):
    body = json.dumps(request()).encode()
    assert post(app, body + b" " * (MOST - len(body))).status_code == 200


def test_a_body_in_pieces_is_read_up_to_the_limit_and_no_further(app: FastAPI):
    taken = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal taken
        for _ in range(1_000):
            taken += 1
            yield b" " * (MOST // 4)

    response = send(app, "POST", SIGN, content=pieces())
    assert response.status_code == 413
    assert taken == 5


@pytest.mark.parametrize("length", ["9" * 5000, "-1", "x", "²"])
def test_a_length_that_is_no_length_does_no_harm(app: FastAPI, length: str):
    headers = {"content-length": length.encode("latin-1"), "content-type": b"application/json"}
    response = send(app, "POST", SIGN, content=json.dumps(request()).encode(), headers=headers)
    assert response.status_code in (200, 413)


@pytest.mark.parametrize("encoding", ["gzip", "br", "gzip, identity"])
def test_a_compressed_body_is_a_415(app: FastAPI, encoding: str):
    assert post(app, request(), **{"content-encoding": encoding}).status_code == 415


@pytest.mark.parametrize("charset", ["utf-16", '"UTF-16LE"', "utf-32", "ebcdic", CANARY])
def test_a_body_that_is_not_utf_8_by_its_headers_is_a_415(app: FastAPI, charset: str):
    response = post(app, request(), **{"content-type": f"application/fhir+json; charset={charset}"})
    assert response.status_code == 415
    assert "UTF-8" in issue(response)["details"]["text"]
    assert CANARY not in response.text


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "application/fhir+xml", "json", CANARY])
def test_a_body_that_is_not_json_by_its_headers_is_a_415(app: FastAPI, content_type: str):
    response = post(app, request(), **{"content-type": content_type})
    assert response.status_code == 415
    assert "application/json" in issue(response)["details"]["text"]
    assert CANARY not in response.text


@pytest.mark.requirement("P10", "hook-9")
@pytest.mark.parametrize("path", [f"/cds-services/{CANARY}", f"{SIGN}/feed", f"{SIGN}/", f"/{CANARY}", "/"])
def test_what_is_not_there_is_a_404(app: FastAPI, path: str):
    response = post(app, request(), path)
    assert response.status_code == 404
    assert issue(response)["code"] == "not-found"
    assert CANARY not in response.text


@pytest.mark.requirement("P10", "hook-9")
@pytest.mark.parametrize(("method", "path"), [("GET", SIGN), ("PUT", SIGN), ("POST", "/cds-services")])
def test_another_method_is_a_405_that_names_the_one_there_is(app: FastAPI, method: str, path: str):
    response = send(app, method, path)
    assert response.status_code == 405
    assert issue(response)["code"] == "not-supported"
    assert response.headers["allow"] == ("GET" if path == "/cds-services" else "POST")


@pytest.mark.requirement("P10", "hook-9", "hook-10")
def test_an_unforeseen_error_is_a_500_that_says_nothing_of_it(failing: FastAPI):
    response = post(failing, request())
    assert response.status_code == 500
    assert issue(response)["code"] == "exception"
    assert CANARY not in response.text


def test_an_unforeseen_error_is_logged_by_type_and_place_only(failing: FastAPI, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.DEBUG):
        post(failing, request())
    (record,) = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert (record.getMessage(), vars(record)["error"]) == ("unforeseen error", "ValueError")
    assert "test_api.py" in vars(record)["place"]
    assert CANARY not in str(vars(record))


def exchanged(app: FastAPI, received: list[dict[str, Any]], *, fails_at: str = "") -> list[str]:
    """Return the types of the messages that an ASGI server would get; it fails at one of them."""
    sent: list[str] = []

    async def receive() -> dict[str, Any]:
        return received.pop(0)

    async def take(message: Any) -> None:
        sent.append(message["type"])
        if message["type"] == fails_at:
            raise OSError(CANARY)

    scope = {"type": "http", "method": "POST", "path": SIGN, "query_string": b"", "headers": []}
    asyncio.run(app(scope, receive, take))
    return sent


def test_a_client_that_leaves_is_not_answered(app: FastAPI, caplog: pytest.LogCaptureFixture):
    pieces = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    assert exchanged(app, pieces) == []
    assert [one for one in caplog.records if one.levelno >= logging.WARNING] == []


def test_an_answer_that_breaks_off_is_not_begun_again(app: FastAPI, caplog: pytest.LogCaptureFixture):
    whole = [{"type": "http.request", "body": json.dumps(request()).encode(), "more_body": False}]
    sent = exchanged(app, whole, fails_at="http.response.body")
    assert sent == ["http.response.start", "http.response.body"]
    assert "OSError" in [vars(one).get("error") for one in caplog.records]
    assert CANARY not in str([vars(one) for one in caplog.records])


@pytest.mark.requirement("F2")
def test_no_value_of_the_chart_is_in_any_error(app: FastAPI, failing: FastAPI):
    """The canary stands in every text of the request, which then fails in each way that a request can."""
    message = request(order(CANARY), chart=({**PATIENT, "name": [{"text": CANARY}]}, finding(CANARY)))
    message["context"]["userId"] = message["hookInstance"] = CANARY
    message["fhirAuthorization"] = {"access_token": CANARY}
    del message["context"]["patientId"]
    whole = json.dumps(message).encode()
    for response in (
        post(app, whole),
        post(app, whole[:-1]),
        post(app, whole.replace(b'"userId"', b'"userId": "\xff"')),
        post(app, whole + b" " * MOST),
        post(app, whole, "/cds-services/other"),
        post(app, whole, **{"content-type": "text/plain"}),
        post(failing, request(order(CANARY))),
    ):
        assert response.status_code >= 400
        assert CANARY not in response.text
        assert CANARY not in str(response.headers)


# -- around every answer --------------------------------------------------------------------------------------


def answers(app: FastAPI, failing: FastAPI, **headers: str) -> Iterator[tuple[int, httpx.Response]]:
    """Yield an answer of each status, with the status it must have."""
    origin = {"origin": ORIGIN, **headers}
    yield 200, send(app, "GET", "/cds-services", headers=origin)
    yield 200, post(app, request(), **origin)
    yield 200, send(app, "GET", f"/policies/{GROUP}", headers=origin)
    yield 400, post(app, b"", **origin)
    yield 400, post(app, without("patientId"), **origin)
    yield 404, send(app, "GET", "/other", headers=origin)
    yield 405, send(app, "GET", SIGN, headers=origin)
    yield 413, post(app, b" " * (MOST + 1), **origin)
    yield 415, post(app, request(), **{**origin, "content-encoding": "gzip"})
    yield 500, post(failing, request(), **origin)


@pytest.mark.requirement("J7")
def test_a_browser_may_read_every_answer_of_a_sandbox(app: FastAPI, failing: FastAPI):
    for status, response in answers(app, failing):
        assert response.status_code == status
        assert response.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in response.headers


def test_every_answer_is_kept_by_nobody_and_read_as_what_it_says_it_is(app: FastAPI, failing: FastAPI):
    for _, response in answers(app, failing):
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-content-type-options"] == "nosniff"


def preflight(app: FastAPI, path: str, origin: str = ORIGIN, **more: str) -> httpx.Response:
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type"}
    return send(app, "OPTIONS", path, headers={"origin": origin, **asked, **more})


@pytest.mark.requirement("J7")
@pytest.mark.parametrize("path", ["/cds-services", SIGN, f"{SIGN}/feedback"])
def test_a_preflight_passes_and_names_the_headers(app: FastAPI, path: str):
    response = preflight(app, path)
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == "*"
    allowed = response.headers["access-control-allow-headers"].lower().split(", ")
    assert {"authorization", "content-type"} <= set(allowed)
    assert "access-control-allow-credentials" not in response.headers


def test_a_page_on_the_web_may_call_a_sandbox_on_the_readers_machine(app: FastAPI):
    response = preflight(app, SIGN, **{"access-control-request-private-network": "true"})
    assert response.headers["access-control-allow-private-network"] == "true"


@pytest.mark.requirement("J7")
def test_production_lets_listed_origins_in(production: FastAPI):
    assert preflight(production, SIGN).headers["access-control-allow-origin"] == ORIGIN
    assert post(production, b"", origin=ORIGIN).headers["access-control-allow-origin"] == ORIGIN


@pytest.mark.requirement("J7")
def test_production_lets_no_other_origin_in(production: FastAPI):
    other = "https://other.example.org"
    response = preflight(production, SIGN, other)
    assert response.status_code == 400
    assert issue(response)["code"] == "forbidden"
    assert "access-control-allow-origin" not in response.headers
    assert "access-control-allow-origin" not in post(production, request(), origin=other).headers


def test_production_lets_no_draft_decide(production: FastAPI):
    (card,) = post(production, request()).json()["cards"]
    assert "not evaluated" in card["summary"]


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json"])
def test_documentation_is_for_sandboxes(app: FastAPI, production: FastAPI, path: str):
    assert send(app, "GET", path).status_code == 200
    assert send(production, "GET", path).status_code == 404


@pytest.mark.requirement("D7")
def test_openapi_describes_what_goes_in_and_out(app: FastAPI):
    paths = send(app, "GET", "/openapi.json").json()["paths"]
    operation = paths[SIGN]["post"]
    body = operation["requestBody"]["content"]["application/json"]["schema"]
    assert {"patientId", "draftOrders"} <= body["properties"]["context"]["properties"].keys()
    answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert "cards" in answer["required"]
    statuses = "200 400 401 404 405 408 412 413 415 429 500 503"
    assert sorted(operation["responses"]) == statuses.split()


def test_fastapis_own_validation_is_nowhere(app: FastAPI):
    text = send(app, "GET", "/openapi.json").text
    assert "422" not in text
    assert "HTTPValidationError" not in text


WATCHED = """
import asyncio, sys
import httpx
from opentelemetry import _logs, trace

seen = []

class Tracer(trace.NoOpTracer):
    def start_span(self, *args, **more):
        seen.append((args, more))
        return super().start_span(*args, **more)

class Tracers(trace.TracerProvider):
    def get_tracer(self, *args, **more):
        return Tracer()

class Log(_logs.NoOpLogger):
    def emit(self, *args, **more):
        seen.append((args, more))

class Logs(_logs.LoggerProvider):
    def get_logger(self, *args, **more):
        return Log("log")

trace.set_tracer_provider(Tracers())
_logs.set_logger_provider(Logs())

from cds_service.api.app import create_app
from cds_service.settings import Settings
from cds_service.wiring import Application, load_policies
from pathlib import Path

def clock():
    raise ValueError("canary")

folder = Path(sys.argv[1])
app = create_app(Application(Settings(policies=folder), load_policies(folder), clock=clock))

async def main():
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
        await client.post(sys.argv[2] + "?canary", content=sys.argv[3].encode())

asyncio.run(main())
print(len(seen))
"""


def test_nothing_is_exported_to_a_telemetry_provider_that_happens_to_exist(application: Application):
    """FastAPI exports the texts of exceptions and the queries of addresses, unless it is told not to."""
    policies = str(application.settings.policies)
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, policies, SIGN, json.dumps(request())],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "0\n"
    assert "canary" not in done.stderr


def test_the_questions_of_a_policy_can_be_read(app: FastAPI):
    found = send(app, "GET", "/fhir/Questionnaire/widget")
    assert found.headers["content-type"] == "application/fhir+json"
    assert found.json()["item"][0]["linkId"] == "broken"
    assert send(app, "GET", "/fhir/Questionnaire/gadget").status_code == 404
