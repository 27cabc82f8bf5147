"""A short run, always of the same requests; and a fault planted in an answer, or in the service, is noticed."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter

from cds_service.fhir.encoding import decode, encode
from cds_service.wiring import Application
from tests.canaries import canaries_in
from tests.fuzz.checks import CPU_SECONDS
from tests.fuzz.requests import checks
from tests.fuzz.requests.cases import LACKING, PATHS, Case, make
from tests.fuzz.requests.checks import Met, check, examine
from tests.fuzz.requests.fuzzer import REQUESTS
from tests.fuzz.requests.json_mutations import lessened
from tests.fuzz.requests.sending import Answer, Services
from tests.fuzz.running import try_cases
from tests.integration.test_payer import COVERAGE, ORGANIZATION
from tests.made_up import finding
from tests.replay.clients import edit, ehr, found
from tests.replay.replay import MET, O1
from tests.replay.test_replay import told

SEED = 20260115
SIGN = "/cds-services/necessity-order-sign"
SIGNED = Case(SIGN, encode(ehr()))


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    opened = Services()
    yield opened
    opened.close()


@pytest.fixture(scope="module", autouse=True)
def _closed() -> Iterator[None]:
    yield
    checks.close()


def test_a_short_run_meets_no_fault() -> None:
    tally = try_cases(REQUESTS, SEED, range(700))
    assert tally.found == {}
    assert tally.outcomes["200"] > 200
    assert {"400", "401", "404", "405", "412", "413", "415", "200 feedback", "400 feedback"} <= tally.outcomes.keys()


# -- what is tried ------------------------------------------------------------------------------------------------


def test_a_case_is_the_same_whenever_it_is_made() -> None:
    cases = [make(SEED, i) for i in range(60)]
    assert cases == [make(SEED, i) for i in range(60)]
    assert len({one.body for one in cases}) > 50


def test_every_address_is_asked_for_providers_and_payers_with_and_without_tokens() -> None:
    cases = [make(SEED, i) for i in range(1_500)]
    assert {(path, payer) for path in PATHS for payer in (True, False)} <= {(one.path, one.payer) for one in cases}
    assert {one.tokens for one in cases} == {"open", "good", "none", "two", "of another"}
    assert {b"content-type", b"content-length", b"content-encoding"} <= {
        name for one in cases for name, _ in one.headers
    }


def test_values_of_patients_are_canaries() -> None:
    assert sum(bool(canaries_in(make(SEED, i).body)) for i in range(200)) > 120


@pytest.mark.parametrize("lack", LACKING, ids=str)
def test_a_finding_counts_but_for_what_it_lacks(lack: dict[str, Any], services: Services) -> None:
    def outcome(**members: Any) -> str:
        message = edit(ehr(), {"prefetch.observation": found(finding(**members))})
        return told(decode(services.send(Case(SIGN, encode(message))).body))[O1]

    assert outcome() == MET
    assert outcome(**lack) != MET


def test_taking_away_leaves_the_orders_and_adds_nothing() -> None:
    message, sizes = ehr(), set[int]()
    for seed in range(50):
        less: Any = decode(lessened(Random(seed), message, apart=("context",)))  # noqa: S311 - a test's own dice
        assert less["context"] == message["context"]
        assert less.keys() <= message.keys()
        sizes.add(len(encode(less)))
    assert len(sizes) > 10
    assert max(sizes) <= len(encode(message))


# -- what is noticed ----------------------------------------------------------------------------------------------


def card(**members: Any) -> Callable[[Answer], Answer]:
    """Return what gives the first card of an answer other members."""

    def doctor(answer: Answer) -> Answer:
        response: Any = decode(answer.body)
        response["cards"][0].update(members)
        return replace(answer, body=encode(response))

    return doctor


def action(**members: Any) -> Callable[[Answer], Answer]:
    """Return what gives the order of the first system action other members."""

    def doctor(answer: Answer) -> Answer:
        response: Any = decode(answer.body)
        response["systemActions"][0]["resource"].update(members)
        return replace(answer, body=encode(response))

    return doctor


def saying(status: int, body: bytes, **headers: str) -> Callable[[Answer], Answer]:
    """Return what puts an error in the place of an answer."""
    return lambda answer: replace(
        answer, status=status, body=body, headers=answer.headers | {"content-type": "application/json"} | headers
    )


def logging_of(text: str) -> Callable[[Answer], Answer]:
    """Return what adds a record to the log, below every level that is shown."""
    record = logging.LogRecord("x", logging.DEBUG, "x.py", 1, "patient %s", (text,), None)
    return lambda answer: replace(answer, records=[*answer.records, record])


def error(text: str = "what is wrong", code: str = "invalid", **more: Any) -> bytes:
    issue = {"severity": "error", "code": code, "details": {"text": text}}
    return encode({"resourceType": "OperationOutcome", "issue": [issue], **more})


PLANTED: list[tuple[Callable[[Answer], Answer], str]] = [
    (saying(500, error(code="exception")), "answered with 500"),
    (saying(503, error(code="transient")), "answered with 503"),
    (saying(404, error(code="not-found")), "answered with 404"),
    (saying(400, error("no Patient canary000001z")), "an error tells a value of a patient"),
    (saying(400, b"Bad Request", **{"content-type": "text/plain"}), "an error is not JSON"),
    (saying(400, b'{"detail":"x"}'), "an error is no OperationOutcome"),
    (saying(400, error(code="exception")), "an OperationOutcome is not as FHIR has it"),
    (lambda answer: replace(answer, status=None), "nothing is answered"),
    (lambda answer: replace(answer, headers={}), "a header is missing"),
    (lambda answer: replace(answer, records=[]), "the log has not one line for the request"),
    (logging_of("canary000001z"), "the log tells a value of a patient"),
    (lambda answer: replace(answer, body=answer.body[:-1]), "what is answered is no response"),
    (card(indicator="green"), "what is answered is no response"),
    (card(summary="x" * 140), "what is answered is no response"),
    (card(uuid=""), "what is answered is no response"),
    (card(detail="left \u202e right"), "a card holds a character of control"),
    (card(detail="<script>alert(1)</script>"), "a card holds markup of the client's"),
    (card(detail="[here](javascript:alert(1))"), "a card holds markup of the client's"),
    (card(detail="**lens** lenses (`VisionPrescription/o2`): **criteria met**"), "criteria are met that nothing shows"),
    (lambda answer: replace(answer, body=b'{"cards":[]}'), "an order is passed over in silence"),
    (action(status="completed"), "a system action changes more of an order than its extensions"),
]


@pytest.mark.parametrize(("doctor", "fault"), PLANTED, ids=[fault for _, fault in PLANTED])
def test_a_fault_planted_in_an_answer_is_noticed(
    doctor: Callable[[Answer], Answer], fault: str, services: Services
) -> None:
    silent = edit(ehr(), {"prefetch.observation": found(), "prefetch.coverage": found(COVERAGE, ORGANIZATION)})
    case = Case(SIGN, encode(silent), payer=True)
    answer = services.send(case)
    check(case, answer)
    with pytest.raises(Met, match=fault):
        check(case, doctor(answer))


def test_what_is_met_after_something_was_taken_away_is_noticed(services: Services) -> None:
    answer = services.send(SIGNED)
    check(SIGNED, answer)
    with pytest.raises(Met, match="criteria are met that nothing shows"):
        check(replace(SIGNED, lessened=True), answer)


def test_a_provider_that_acts_is_noticed(services: Services) -> None:
    message = edit(ehr(), {"prefetch.coverage": found(COVERAGE, ORGANIZATION)})
    answer = services.send(Case(SIGN, encode(message), payer=True))
    with pytest.raises(Met, match="a provider's service acts"):
        check(Case(SIGN, encode(message)), answer)


def test_a_run_meets_a_fault_of_the_service_and_makes_it_small(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = Application.parse

    def faulty(application: Application, service: Any, body: bytes) -> Any:
        incoming = sound(application, service, body)
        nothing: dict[str, str] = {}
        return incoming if incoming.request.fhir_server else nothing["planted"]

    monkeypatch.setattr(Application, "parse", faulty)
    tally = try_cases(REQUESTS, SEED, range(120), shrinking=3)
    (met,) = tally.found.values()
    assert str(met.fault).startswith("answered with 500: KeyError at")
    assert len(met.case) < 450
    assert examine(make(SEED, met.number)).fault == met.fault


def test_a_metric_that_tells_of_a_patient_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = CollectorRegistry()
    metric = Counter("orders", "Orders", ["of"], registry=registry)
    metric.labels("somebody").inc(0.31415926535)
    monkeypatch.setattr(checks, "REGISTRY", registry)
    monkeypatch.setattr(checks, "_METRICS", 1)
    assert examine(SIGNED).fault is None
    metric.labels("canary000001z").inc()
    assert str(examine(SIGNED).fault).startswith("a metric tells a value of a patient")


def test_what_does_not_end_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(*_: Any) -> Any:
        while True:
            pass

    monkeypatch.setattr(Application, "parse", endless)
    monkeypatch.setattr(checks, "CPU_SECONDS", CPU_SECONDS / 20)
    assert str(examine(SIGNED).fault) == f"it does not end: {SIGN}"


# -- what OpenAPI promises ----------------------------------------------------------------------------------------


def test_schemathesis_finds_every_promise_of_openapi_kept() -> None:
    command = [sys.executable, "-m", "tests.fuzz.requests.openapi", "--examples", "5"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stdout
    requests, answered = re.match(r"(\d+) requests: (\d+) × 200", run.stdout).groups()  # type: ignore[union-attr]
    assert int(requests) > 700
    assert int(answered) > 150
