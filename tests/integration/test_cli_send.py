"""`cds-service send`, against services on loopback: ours, and ones that answer what a test wants."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cds_service.api.app import create_app
from cds_service.cli import run
from cds_service.security.signing import SigningKey, generate_key, jwks
from cds_service.settings import Settings
from cds_service.wiring import Application
from tests.faults.ehr_stub import closed_port
from tests.made_up import made_up_policies, request
from tests.serving import serving
from tests.unit.client.service_stub import ServiceStub, answer

CARD = {"summary": "Look.", "indicator": "info", "source": {"label": "Us"}, "uuid": "c1"}
SERVICES = {"services": [{"hook": "order-select", "id": "other"}, {"hook": "order-sign", "id": "sign"}]}
WORKING = {
    "GET /cds-services": answer(SERVICES),
    "POST /cds-services/sign": answer({"cards": [CARD]}),
    "POST /cds-services/other": answer({"cards": []}),
}


@pytest.fixture
def send(capsysbinary: pytest.CaptureFixture[bytes]) -> Callable[..., tuple[int, str, str]]:
    def sent(*arguments: object) -> tuple[int, str, str]:
        code = run(["send", *map(str, arguments)], create_app=create_app)
        captured = capsysbinary.readouterr()
        return code, captured.out.decode(), captured.err.decode()

    return sent


Send = Callable[..., tuple[int, str, str]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    place = tmp_path / "request.json"
    place.write_text(json.dumps(request()))
    return place


@pytest.fixture(scope="module")
def ours() -> Iterator[str]:
    """Our own service with the made-up policy."""
    with serving(lambda _: Application(Settings(), made_up_policies())) as address:
        yield address


def test_our_own_cards_come_back_in_words(send: Send, file: Path, ours: str):
    code, out, err = send(file, "--to", ours)
    assert (code, out[:41]) == (0, "INFO  Widget replacement (replace): crite")
    assert "not as CDS Hooks" not in out
    assert re.fullmatch(rf"cds-service: {ours}/cds-services/necessity-order-sign: 200 in \d+ ms\n", err)


def test_what_our_service_refuses_is_told_with_what_to_do(send: Send, file: Path, ours: str):
    file.write_text('{"hook": "order-sign", "context": {}}')
    code, out, err = send(file, "--to", ours)
    assert (code, out) == (1, "error invalid: context.patientId: is required (at context.patientId)\n")
    assert "correct what it names" in err


def test_the_service_is_chosen_by_the_hook(send: Send, file: Path):
    with ServiceStub(WORKING) as service:
        assert send(file, "--to", service.url)[:2] == (0, "INFO  Look.\n  Us\n")
    assert [call.line for call in service.calls] == ["GET /cds-services", "POST /cds-services/sign"]
    assert service.calls[1].body == file.read_bytes()


@pytest.mark.parametrize("named", ["--service other", "/cds-services/other"])
def test_a_service_that_is_named_is_called_at_once(send: Send, file: Path, named: str):
    with ServiceStub(WORKING) as service:
        where, *chosen = (service.url, *named.split()) if named.startswith("--") else (service.url + named,)
        assert send(file, "--to", where, *chosen)[:2] == (0, "no cards\n")
    assert [call.line for call in service.calls] == ["POST /cds-services/other"]


def test_of_several_services_the_first_is_called_and_the_others_are_told(send: Send, file: Path):
    both = {"services": [{"hook": "order-sign", "id": "sign"}, {"hook": "order-sign", "id": "second"}]}
    with ServiceStub({**WORKING, "GET /cds-services": answer(both)}) as service:
        assert "--service calls another: second" in send(file, "--to", service.url)[2]


def test_the_body_is_what_the_service_sent_where_json_is_wanted(send: Send, file: Path):
    with ServiceStub(WORKING) as service:
        assert json.loads(send(file, "--to", service.url, "--format", "json")[1]) == {"cards": [CARD]}


def test_a_request_is_sent_with_what_is_set(send: Send, file: Path):
    with ServiceStub(WORKING) as service:
        send(file, "--to", service.url, "--fresh", "--fhir-server", "http://ehr.example/fhir")
    sent = json.loads(service.calls[1].body)
    assert sent["fhirServer"] == "http://ehr.example/fhir"
    assert sent["hookInstance"] != request()["hookInstance"]
    assert sent["context"] == request()["context"]


def test_an_exchange_is_kept(send: Send, file: Path, tmp_path: Path):
    with ServiceStub(WORKING) as service:
        send(file, "--to", service.url, "--save", tmp_path / "kept.json")
    kept = json.loads((tmp_path / "kept.json").read_text())
    assert kept["request"]["body"] == request()
    assert kept["response"]["body"] == {"cards": [CARD]}


# -- signed ---------------------------------------------------------------------------------------------------


def decoded(part: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(urlsafe_b64decode(part + "=="))
    return found


def signed(
    send: Send, file: Path, key: SigningKey, *more: str
) -> tuple[str, list[dict[str, Any]], list[dict[str, Any]]]:
    """Send with a key; return the service's address, and the header and the claims of each token that it got."""
    place = file.with_name("key.pem")
    place.write_bytes(key.pem())
    with ServiceStub(WORKING) as service:
        code, _, err = send(file, "--to", service.url, "--key", place, "--iss", "https://ehr.example", *more)
    assert code == 0, err
    tokens = [call.headers["authorization"].removeprefix("Bearer ").split(".") for call in service.calls]
    return service.url, [decoded(one[0]) for one in tokens], [decoded(one[1]) for one in tokens]


def test_each_call_has_a_token_of_its_own_for_its_address(send: Send, file: Path):
    key = generate_key()
    url, headers, claims = signed(send, file, key)
    assert headers == [{"alg": "ES384", "typ": "JWT", "kid": key.kid}] * 2
    assert [one["aud"] for one in claims] == [f"{url}/cds-services", f"{url}/cds-services/sign"]
    assert {one["iss"] for one in claims} == {"https://ehr.example"}
    assert len({one["jti"] for one in claims}) == 2


def test_a_token_says_what_it_is_told_to(send: Send, file: Path):
    more = ["--kid", "k1", "--jku", "https://ehr.example/jwks", "--alg", "RS256", "--tenant", "t1"]
    _, headers, claims = signed(send, file, generate_key("RS384"), *more)
    assert headers[0] == {"alg": "RS256", "typ": "JWT", "kid": "k1", "jku": "https://ehr.example/jwks"}
    assert claims[0]["tenant"] == "t1"


def test_our_service_trusts_whom_it_was_told_to_and_nobody_else(send: Send, file: Path, tmp_path: Path):
    known, unknown = generate_key(), generate_key()
    (tmp_path / "keys.json").write_text(json.dumps(jwks(known)))
    clients = tmp_path / "clients.toml"
    clients.write_text('[clients.ehr]\niss = "https://ehr.example"\nkeys_file = "keys.json"\n')

    def trusting(address: str) -> Application:
        return Application(Settings(clients=clients, public_base_url=address), made_up_policies())

    with serving(trusting) as address:
        for key, code, said in ((known, 0, "200"), (unknown, 1, "401"), (None, 1, "401")):
            place = tmp_path / "key.pem"
            place.write_bytes(key.pem() if key else b"")
            signing = ["--key", place, "--iss", "https://ehr.example"] if key else []
            ended = send(file, "--to", f"{address}/cds-services/necessity-order-sign", *signing)
            assert (ended[0], f": {said} in" in ended[2]) == (code, True), ended


def test_neither_key_nor_token_is_shown_or_kept(send: Send, file: Path, tmp_path: Path):
    key = tmp_path / "key.pem"
    key.write_bytes(generate_key().pem())
    with ServiceStub(WORKING) as service:
        told = send(file, "--to", service.url, "--key", key, "--iss", "x", "--save", tmp_path / "kept.json")
    token = service.calls[1].headers["authorization"].removeprefix("Bearer ")
    assert token not in "".join(map(str, told)) + (tmp_path / "kept.json").read_text()


# -- what goes wrong ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--to", "nowhere"], "http(s)://host/path"),
        (["--to", "http://h", "--key", "k.pem"], "--iss"),
        (["--to", "http://h", "--iss", "x"], "--key"),
        (["--to", "http://h", "--tenant", "x"], "--key"),
        (["--to", "http://h", "--key", __file__, "--iss", "x"], "not a private key"),
        (["--to", "http://h", "--timeout", "0"], "--timeout"),
        ([], "--to"),
    ],
)
def test_wrong_usage_ends_with_2(send: Send, file: Path, arguments: list[str], said: str):
    code, out, err = send(file, *arguments)
    assert (code, out) == (2, "")
    assert said in err


def test_a_key_signs_by_its_own_algorithm(send: Send, file: Path, tmp_path: Path):
    key = tmp_path / "key.pem"
    key.write_bytes(generate_key("ES256").pem())
    code, _, err = send(file, "--to", "http://h", "--key", key, "--iss", "x", "--alg", "ES384")
    assert (code, err) == (2, "cds-service: --alg ES384: this key signs by ES256\n")


def test_a_hook_that_nobody_serves_ends_with_2(send: Send, file: Path):
    file.write_text('{"hook": "patient-view"}')
    with ServiceStub(WORKING) as service:
        code, _, err = send(file, "--to", service.url)
    assert code == 2
    assert "--service among `other` (order-select), `sign` (order-sign)" in err


@pytest.mark.parametrize("body", ["", "[]", "{"])
def test_a_file_that_is_no_request_ends_with_3(send: Send, file: Path, body: str):
    file.write_text(body)
    assert send(file, "--to", "http://h")[0] == 3


@pytest.mark.parametrize("name", ["absent.json", "absent.pem"])
def test_a_file_that_is_not_there_ends_with_3(send: Send, file: Path, name: str):
    where = [file, "--key", name, "--iss", "x"] if name.endswith("pem") else [name]
    assert send(*where, "--to", "http://h")[0] == 3


def test_a_server_that_is_not_there_ends_with_1(send: Send, file: Path):
    code, out, err = send(file, "--to", closed_port())
    assert (code, out) == (1, "")
    assert "does the server run?" in err


def test_an_answer_without_cards_ends_with_1(send: Send, file: Path):
    with ServiceStub({**WORKING, "POST /cds-services/sign": answer({"resourceType": "Bundle"})}) as service:
        code, _, err = send(file, "--to", service.url)
    assert code == 1
    assert "holds no `cards`" in err
