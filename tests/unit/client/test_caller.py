from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from cds_service.client import Caller, CallFailed
from tests.faults.ehr_stub import closed_port
from tests.unit.client.service_stub import ServiceStub, answer
from tests.unit.ehr.test_transport import certified

PATH = "/cds-services/x"
CALLER = Caller(timeout_seconds=10)


def test_a_request_goes_out_as_it_is_and_the_reply_comes_back():
    with ServiceStub({f"POST {PATH}": answer(b'{"cards": []}')}) as service:
        reply = CALLER.post(service.url + PATH, b'{"a": 2.50}')
    (call,) = service.calls
    assert (reply.status, reply.body, reply.url) == (200, b'{"cards": []}', service.url + PATH)
    assert (call.body, call.headers["content-type"]) == (b'{"a": 2.50}', "application/json")
    assert "authorization" not in call.headers


def test_each_call_is_signed_for_its_own_address():
    caller = Caller(10, token=lambda url: f"signed-for-{url}")
    with ServiceStub({}) as service:
        caller.get(f"{service.url}/cds-services")
        caller.post(service.url + PATH, b"{}")
    assert [call.headers["authorization"] for call in service.calls] == [
        f"Bearer signed-for-{service.url}/cds-services",
        f"Bearer signed-for-{service.url}{PATH}",
    ]


def test_a_redirect_is_told_and_not_followed():
    with ServiceStub({f"POST {PATH}": answer(b"", 307, Location="/elsewhere")}) as service:
        reply = CALLER.post(service.url + PATH, b"{}")
    assert (reply.status, reply.location, len(service.calls)) == (307, "/elsewhere", 1)


def test_a_service_that_drips_is_given_up():
    with (
        ServiceStub({f"POST {PATH}": answer(b"x" * 600, pause=0.05)}) as service,
        pytest.raises(CallFailed, match=r"within 0\.3 s"),
    ):
        Caller(0.3).post(service.url + PATH, b"{}")


def test_more_than_can_be_read_is_not_read():
    bomb = gzip.compress(b" " * 30_000_000)
    bombing = ServiceStub({f"POST {PATH}": answer(bomb, **{"Content-Encoding": "gzip"})})
    with bombing as service, pytest.raises(CallFailed, match="more than the 20000000 bytes"):
        CALLER.post(service.url + PATH, b"{}")
    assert service.calls[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("url", [closed_port(), f"http://{'a' * 70}.example/x"], ids=["closed", "no such host"])
def test_what_cannot_be_reached_is_told(url: str):
    with pytest.raises(CallFailed, match="cannot be reached"):
        CALLER.get(url)


def test_a_certificate_nobody_vouches_for_is_accepted_only_where_that_is_asked_for(tmp_path: Path):
    shown, _ = certified("localhost", tmp_path)
    with ServiceStub({f"GET {PATH}": answer({})}, tls=shown) as service:
        with pytest.raises(CallFailed, match="--insecure"):
            CALLER.get(service.url + PATH)
        assert Caller(10, verify_tls=False).get(service.url + PATH).status == 200
