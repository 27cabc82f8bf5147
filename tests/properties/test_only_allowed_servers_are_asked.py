"""Whatever a request names as its server, and whatever a server answers: no other server is asked, nothing breaks."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Iterator
from urllib.parse import unquote, urlsplit

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.faults.asking import CONDITIONS, PATIENT, ask, client_of
from tests.faults.ehr_stub import Behaviour, Call, EhrStub

SERVER = "https://ehr.example.org/fhir"

schemes = st.sampled_from(
    ["https://", "http://", "HTTPS://", "//", "/", "", "https:", "javascript:", "\\\\", " https://"]
)
hosts = st.sampled_from(
    [
        "ehr.example.org",
        "EHR.example.org",
        "other.example",
        "ehr.example.org.other.example",
        "ehr.example.org@other.example",
        "other.example\\@ehr.example.org",
        "other.example#@ehr.example.org",
        "other.example?@ehr.example.org",
        "ehr.example.org%2eother.example",
        "ehr.example.org:443",
        "ehr.example.org:8443",
        "ehr.example.org:443:80",
        "ehr。example。org",
        "127.0.0.1",
        "[::1]",
        "169.254.169.254",
        "",
    ]
)
steps = st.sampled_from(
    ["/fhir", "/", "/..", "/%2e%2e", "/%252e%252e", "/..;x", "/.", "\\..", "//", "/admin", "fhir", "?a=b"]
)
addresses = st.builds("{}{}{}".format, schemes, hosts, st.lists(steps, max_size=5).map("".join)) | st.text()


class Recording(httpx.AsyncBaseTransport):
    """Keeps what it is asked for, and answers with one body."""

    def __init__(self, body: bytes) -> None:
        self.body, self.asked = body, list[httpx.URL]()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url)
        return httpx.Response(200, content=self.body)


def is_listed(url: httpx.URL) -> bool:
    """Judge an address by another parser than ours, and by where the most generous server would take it to lead."""
    parts, path = urlsplit(str(url)), url.raw_path.decode().partition("?")[0]
    for _ in range(9):
        path = unquote(path)
    way = posixpath.normpath("/".join(step.partition(";")[0] for step in path.replace("\\", "/").split("/")))
    inside = way == "/fhir" or way.startswith("/fhir/")
    return (parts.scheme, parts.netloc, parts.fragment) == ("https", "ehr.example.org", "") and inside


@given(addresses)
@example("https://ehr.example.org/fhir/tenant-1")
@example("https://ehr.example.org:443/fhir")
def test_a_request_cannot_name_a_server_that_is_not_listed(named: str) -> None:
    transport = Recording(b'{"resourceType": "Patient"}')
    ask(named, PATIENT, CONDITIONS, client=lambda: client_of(SERVER, transport=transport))
    assert all(map(is_listed, transport.asked))


@given(addresses)
@example("https://ehr.example.org/fhir?page=2")
@example("Condition?page=2")
def test_a_next_link_cannot_lead_to_a_server_that_is_not_listed(link: str) -> None:
    body = json.dumps({"resourceType": "Bundle", "link": [{"relation": "next", "url": link}]}).encode()
    transport = Recording(body)
    (fetched,) = ask(SERVER, CONDITIONS, client=lambda: client_of(SERVER, transport=transport)).fetched
    assert all(map(is_listed, transport.asked))
    assert not fetched.complete
    assert fetched.pages


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["link", "relation", "url", "entry"]), inner),
    max_leaves=9,
)
bodies = (
    st.binary()
    | json_values.map(lambda value: json.dumps(value).encode())
    | st.builds(
        lambda link, entry: json.dumps({"resourceType": "Bundle", "link": link, "entry": entry}).encode(),
        json_values,
        json_values,
    )
)


@given(bodies)
def test_no_body_is_too_odd_to_be_told_of(body: bytes) -> None:
    transport = Recording(body)
    answer = ask(SERVER, PATIENT, CONDITIONS, client=lambda: client_of(SERVER, transport=transport))
    for fetched in answer.fetched:
        assert fetched.pages == (body,) or not fetched.complete


@pytest.fixture(scope="module")
def ehr() -> Iterator[tuple[EhrStub, Callable[[bytes], None]]]:
    sent = [b""]

    async def behave(call: Call) -> None:
        await call.write(sent[0])
        raise ConnectionAbortedError

    def send(answer: bytes) -> None:
        sent[0] = answer

    raw: Behaviour = behave
    with EhrStub(raw) as stub:
        yield stub, send


heads = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 999 \r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"",
    ]
)


@settings(max_examples=40)
@given(st.builds(bytes.__add__, heads, st.binary()))
def test_no_bytes_on_the_wire_are_too_odd_to_be_told_of(
    ehr: tuple[EhrStub, Callable[[bytes], None]], answer: bytes
) -> None:
    stub, send = ehr
    send(answer)
    (fetched,) = ask(stub.base_url, CONDITIONS).fetched
    assert fetched.pages == ()
    assert not fetched.complete
