"""Each way an EHR's server can fail: what is kept, what is said, and that no one waits for it past the deadline."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
from dataclasses import dataclass
from typing import Any

import pytest

from cds_service.ehr import Access, AddressRules, CheckedTransport, FhirClient, Limits, gather
from cds_service.ehr.breaker import Breaker
from cds_service.fhir.query import Fetched
from tests.faults.asking import CONDITIONS, OBSERVATIONS, PATIENT, TOKEN, ask, client_of, ids
from tests.faults.ehr_stub import (
    Behaviour,
    Call,
    EhrStub,
    Resource,
    answering,
    closed_port,
    drip,
    garbage,
    good,
    gzip_bomb,
    huge,
    huge_header,
    in_turn,
    linking,
    outcome,
    paged,
    redirect,
    reset,
    searchset,
    slow,
    status,
    tiny_chunks,
    truncated,
)


def about(type_name: str, count: int, patient: str = "p1") -> list[Resource]:
    subject = {"reference": f"Patient/{patient}"}
    return [{"resourceType": type_name, "id": f"{patient}-{i}", "subject": subject} for i in range(count)]


CHART = [{"resourceType": "Patient", "id": "p1"}, *about("Condition", 6), *about("Observation", 3)]
DEADLINE, GRACE = 1.0, 0.3


def base(call: Call) -> str:
    return call.ehr.base_url


@dataclass(frozen=True)
class Fault:
    behave: Behaviour
    why: str | None
    pages: int = 0
    requests: int = 1


FAULTS = {
    "none": Fault(good, None, pages=1),
    "slow to begin": Fault(slow(9), "timeout"),
    "slow, within the time": Fault(slow(0.1), None, pages=1),
    "dripping": Fault(drip(0.02), "timeout"),
    "chunks of one byte": Fault(tiny_chunks(10_000_000), "timeout"),
    "a header that does not end": Fault(huge_header(), "no-connection", requests=2),
    "401": Fault(status(401), "unauthorized"),
    "403": Fault(outcome(403, "forbidden"), "forbidden"),
    "404 to a search": Fault(outcome(404, "not-found"), "failed"),
    "400": Fault(outcome(400, "invalid"), "failed"),
    "429": Fault(status(429), "failed"),
    "500": Fault(outcome(500), "server-error"),
    "503, and again": Fault(status(503), "server-error", requests=2),
    "503, then well": Fault(in_turn(status(503), good), None, pages=1, requests=2),
    "broken off": Fault(reset, "no-connection", requests=2),
    "broken off, then well": Fault(in_turn(reset, good), None, pages=1, requests=2),
    "cut short": Fault(truncated, "no-connection", requests=2),
    "no HTTP": Fault(garbage, "no-connection", requests=2),
    "no JSON, though it says so": Fault(answering(b"<html>"), "unreadable"),
    "a page for people": Fault(answering(b"<html>", Content_Type="text/html"), "unreadable"),
    "JSON that is no resource": Fault(answering(b'{"error": "x"}'), "unreadable"),
    "JSON that is cut short": Fault(answering(b'{"resourceType": "Bundle", "entry": ['), "unreadable"),
    "nothing": Fault(answering(b""), "unreadable"),
    "204": Fault(status(204), "unreadable"),
    "a gzip bomb": Fault(gzip_bomb(), "unreadable"),
    "JSON that is said to be compressed": Fault(
        answering(b'{"resourceType": "Bundle"}', Content_Encoding="gzip"), "unreadable"
    ),
    "JSON that is said to be something else": Fault(
        answering(b'{"resourceType": "Bundle"}', Content_Type="text/plain"), None, pages=1
    ),
    "an encoding nobody asked for": Fault(answering(b"\x1b", Content_Encoding="br"), "unreadable"),
    "a redirect": Fault(redirect("http://127.0.0.1:1/fhir/Condition"), "unreadable"),
    "a huge body": Fault(huge(1_000_000_000), "too-large"),
    "a huge body in chunks": Fault(huge(1_000_000_000, declared=False), "too-large"),
    "a page of empty entries": Fault(
        answering(b'{"resourceType": "Bundle", "entry": [' + b"{}," * 1_600_000 + b"{}]}"), "too-large"
    ),
    "an OperationOutcome in a 200": Fault(outcome(200), None, pages=1),
    "a page that is its own next": Fault(linking(lambda call: base(call) + "/Condition?patient=p1"), "loop", pages=1),
    "two pages in a circle": Fault(linking(lambda call: base(call) + "/Condition?b"), "loop", pages=2, requests=2),
    "a next page elsewhere": Fault(linking("http://127.0.0.1:1/fhir/Condition?b"), "not-allowed", pages=1),
    "a next page outside the path": Fault(linking(lambda call: base(call) + "/../admin?b"), "not-allowed", pages=1),
    "a next page without an address": Fault(
        answering(b'{"resourceType": "Bundle", "link": [{"relation": "next"}]}'), "unreadable", pages=1
    ),
    "a next page that is no address": Fault(linking("http://[/"), "not-allowed", pages=1),
    "a next page, then 500": Fault(in_turn(paged(2), status(500)), "server-error", pages=1, requests=2),
    "a next page, then nothing": Fault(in_turn(paged(2), slow(9)), "timeout", pages=1, requests=2),
    "a next page, then broken off, then well": Fault(in_turn(paged(3), reset, paged(3)), None, pages=2, requests=3),
}


@pytest.mark.requirement("impl-2")
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_of_one_search_is_told_and_takes_nothing_from_the_others(fault: Fault) -> None:
    with EhrStub(resources=CHART, by_type={"Condition": fault.behave}) as ehr:
        answer = ask(ehr.base_url, PATIENT, CONDITIONS, OBSERVATIONS, seconds=DEADLINE)
    patient, conditions, observations = answer.fetched
    assert answer.whys == [None, fault.why, None]
    assert (len(patient.pages), len(conditions.pages), len(observations.pages)) == (1, fault.pages, 1)
    assert sum(seen.type == "Condition" for seen in ehr.requests) == fault.requests
    assert answer.took <= DEADLINE + GRACE


@pytest.mark.parametrize("behave", [slow(9), drip(0.02), tiny_chunks(10_000_000)], ids=["slow", "dripping", "chunks"])
def test_many_slow_searches_end_at_the_deadline_too(behave: Behaviour) -> None:
    queries = [CONDITIONS] * 20
    with EhrStub(behave) as ehr:
        answer = ask(ehr.base_url, *queries, seconds=DEADLINE)
    assert answer.whys == ["timeout"] * 20
    assert answer.took <= DEADLINE + GRACE


@pytest.mark.parametrize("native", [False, True], ids=["at the deadline", "as the caller goes away"])
def test_giving_up_leaves_no_connection_taken(native: bool) -> None:
    async def given_up(client: FhirClient, seconds: float) -> None:
        deadline = asyncio.get_running_loop().time() + (60 if native else seconds)
        asked = gather([CONDITIONS] * 8, Access(ehr.base_url), client=client, deadline=deadline)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asked, seconds if native else 60)

    async def after_many() -> Fetched:
        transport = CheckedTransport(AddressRules.of(loopback=True), connections=8)
        client = client_of(ehr.base_url, transport=transport, breaker=lambda: Breaker(most=1_000_000))
        for turn in range(100):
            await given_up(client, turn * 0.0002)
        deadline = asyncio.get_running_loop().time() + 5
        (fetched,) = await gather([PATIENT], Access(ehr.base_url), client=client, deadline=deadline)
        await client.aclose()
        return fetched

    with EhrStub(status(401), resources=CHART, by_type={"Patient": good}) as ehr:
        assert asyncio.run(after_many()).complete


def test_a_server_that_is_down_is_told_for_each_query() -> None:
    answer = ask(closed_port(), PATIENT, CONDITIONS, seconds=DEADLINE)
    assert answer.whys == ["no-connection", "no-connection"]
    assert answer.took <= DEADLINE + GRACE


@pytest.mark.parametrize("code", [404, 410])
def test_a_read_of_what_is_not_there_is_a_whole_answer(code: int) -> None:
    with EhrStub(outcome(code, "not-found")) as ehr:
        (fetched,) = ask(ehr.base_url, PATIENT).fetched
    assert fetched.complete
    assert fetched.pages == ()


def test_a_body_is_handed_on_byte_for_byte() -> None:
    written = b' {"resourceType":"Condition" , "value": 1.50, "subject": {"reference": "Patient/another"}}\n'
    with EhrStub(answering(written, Content_Type="application/json; charset=utf-8")) as ehr:
        (fetched,) = ask(ehr.base_url, CONDITIONS).fetched
    assert fetched.pages == (written,)


def test_ten_thousand_resources_are_read_over_their_pages() -> None:
    with EhrStub(paged(500), resources=about("Condition", 10_000)) as ehr:
        (fetched,) = ask(ehr.base_url, CONDITIONS, seconds=20).fetched
    assert fetched.complete
    assert len(fetched.pages) == 20
    assert len(set(ids(fetched.pages))) == 10_000


LIMITS: dict[str, tuple[Limits, str, int]] = {
    "resources": (Limits(resources=5), "too-large", 2),
    "pages": (Limits(pages=2), "too-many-pages", 2),
    "bytes of a page": (Limits(page_bytes=100), "too-large", 0),
    "bytes in all": (Limits(bytes=700), "too-large", 1),
}


@pytest.mark.parametrize(("limits", "why", "pages"), LIMITS.values(), ids=LIMITS)
def test_what_came_before_a_limit_was_met_is_kept(limits: Limits, why: str, pages: int) -> None:
    with EhrStub(paged(2), resources=CHART) as ehr:
        answer = ask(ehr.base_url, CONDITIONS, limits=limits)
    assert answer.whys == [why]
    assert len(answer.fetched[0].pages) == pages


def test_a_page_has_its_limit_though_its_length_was_not_said() -> None:
    limits = Limits(page_bytes=100_000, bytes=10_000_000_000)
    with EhrStub(huge(1_000_000_000, declared=False)) as ehr:
        answer = ask(ehr.base_url, CONDITIONS, limits=limits)
    assert answer.whys == ["too-large"]


def test_of_more_questions_than_the_limit_the_rest_is_said_not_to_be_read() -> None:
    with EhrStub(good, resources=CHART) as ehr:
        answer = ask(ehr.base_url, *[CONDITIONS] * 5, limits=Limits(queries=3))
    assert answer.whys == [None, None, None, "too-large", "too-large"]


def test_no_more_requests_are_under_way_than_the_limit() -> None:
    under_way, most = 0, 0

    async def counting(call: Call) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await slow(0.05)(call)
        under_way -= 1

    with EhrStub(counting, resources=CHART) as ehr:
        answer = ask(ehr.base_url, *[CONDITIONS] * 12, limits=Limits(parallel=3))
    assert answer.whys == [None] * 12
    assert most == 3


@pytest.mark.requirement("F3")
def test_the_token_goes_with_every_request_to_the_server_that_it_is_for() -> None:
    with EhrStub(paged(1), resources=CHART, by_type={"Patient": good}) as ehr:
        ask(ehr.base_url, PATIENT, CONDITIONS, OBSERVATIONS)
    assert len(ehr.requests) == 10
    assert {seen.token for seen in ehr.requests} == {f"Bearer {TOKEN}"}
    assert {(seen.method, seen.headers["accept"], seen.headers["accept-encoding"]) for seen in ehr.requests} == {
        ("GET", "application/fhir+json", "identity")
    }


@pytest.mark.parametrize("token", [None, "", "  "])
def test_without_a_token_there_is_no_authorization(token: str | None) -> None:
    with EhrStub(resources=CHART) as ehr:
        answer = ask(ehr.base_url, PATIENT, token=token)
    assert answer.whys == [None]
    assert [seen.token for seen in ehr.requests] == [None]


@pytest.mark.parametrize("token", ["two words", "a\r\nX-Admin: yes", "a\x00", "tökén"])
def test_a_token_that_no_header_can_hold_is_not_sent(token: str) -> None:
    with EhrStub(resources=CHART) as ehr:
        answer = ask(ehr.base_url, PATIENT, token=token)
    assert answer.whys == ["unauthorized"]
    assert ehr.requests == []


@pytest.mark.requirement("F3")
@pytest.mark.parametrize("lure", [linking, redirect])
def test_neither_token_nor_request_follows_a_link_to_another_server(lure: Any) -> None:
    with EhrStub(resources=CHART) as other:
        away = f"{other.base_url}/Condition?patient=p1"
        with EhrStub(lure(away)) as ehr:
            answer = ask(ehr.base_url, CONDITIONS, client=lambda: client_of(ehr.base_url, other.base_url))
    assert not answer.fetched[0].complete
    assert other.connections == 0


def test_a_server_that_is_not_on_the_list_is_not_even_connected_to() -> None:
    with EhrStub(resources=CHART) as listed, EhrStub(resources=CHART) as other:
        answer = ask(other.base_url, PATIENT, CONDITIONS, client=lambda: client_of(listed.base_url))
    assert answer.whys == ["not-allowed", "not-allowed"]
    assert other.connections == listed.connections == 0


def test_a_tenant_of_a_listed_server_is_not_left_for_another() -> None:
    with EhrStub(linking("../two/Condition?b"), resources=CHART, prefix="/fhir/one") as ehr:
        host = ehr.base_url.removesuffix("/one")
        answer = ask(ehr.base_url, CONDITIONS, client=lambda: client_of(host))
    assert answer.whys == ["not-allowed"]


def test_no_cookie_of_one_user_is_sent_for_the_next() -> None:
    with EhrStub(answering(json.dumps(CHART[0]).encode(), Set_Cookie="session=one; Path=/")) as ehr:
        ask(ehr.base_url, PATIENT, times=2)
    assert [seen.headers.get("cookie") for seen in ehr.requests] == [None, None]


def test_connections_are_kept_between_requests() -> None:
    with EhrStub(resources=CHART) as ehr:
        ask(ehr.base_url, PATIENT, times=5)
    assert (len(ehr.requests), ehr.connections) == (5, 1)


@pytest.mark.requirement("F2")
@pytest.mark.parametrize("behave", [paged(1), linking("https://elsewhere.example/canary-link"), reset, status(401)])
def test_no_log_holds_token_patient_or_link(behave: Behaviour, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    body = json.dumps(searchset(CHART, next="canary-link")).encode()
    with EhrStub(behave, resources=CHART, by_type={"Patient": answering(body, Content_Location="canary-id")}) as ehr:
        ask(ehr.base_url, PATIENT, CONDITIONS)
    assert "canary" not in caplog.text
    assert "p1" not in caplog.text


@pytest.mark.parametrize("behave", [status(500), reset, slow(9)], ids=["500", "broken off", "slow"])
def test_a_server_that_keeps_failing_is_left_alone_for_a_while(behave: Behaviour) -> None:
    with EhrStub(behave) as ehr:
        times = {"client": lambda: client_of(ehr.base_url, breaker=lambda: Breaker(most=2)), "seconds": 0.2}
        ask(ehr.base_url, CONDITIONS, OBSERVATIONS, times=2, **times)
        asked = len(ehr.requests)
        answer = ask(ehr.base_url, CONDITIONS, OBSERVATIONS, times=9, **times)
    assert answer.whys == ["circuit-open", "circuit-open"]
    assert len(ehr.requests) == 2 * asked


def test_after_the_pause_one_request_tries_whether_the_server_is_well_again() -> None:
    ticks = itertools.count()
    with EhrStub(in_turn(status(500), status(500), good), resources=CHART) as ehr:
        answer = ask(
            ehr.base_url,
            PATIENT,
            times=4,
            client=lambda: client_of(
                ehr.base_url, breaker=lambda: Breaker(most=2, pause=2), clock=lambda: float(next(ticks))
            ),
        )
    assert answer.whys == [None]
    assert len(ehr.requests) == 3


def test_a_refusal_is_no_failure_of_the_server() -> None:
    with EhrStub(status(401)) as ehr:
        answer = ask(ehr.base_url, PATIENT, times=9)
    assert answer.whys == ["unauthorized"]
