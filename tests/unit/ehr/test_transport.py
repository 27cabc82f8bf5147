from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from cds_service.ehr import AddressRules, CheckedTransport, FhirClient
from cds_service.ehr.transport import Resolve, resolve
from tests.faults.asking import PATIENT, Answer, ask, client_of
from tests.faults.ehr_stub import Call, EhrStub, head

CHART = [{"resourceType": "Patient", "id": "p1"}]
HOST = "ehr.example.org"


def resolving(*answers: Sequence[str] | OSError | UnicodeError) -> Resolve:
    """Resolve the first time to the first answer, and so on; then to the last."""
    waiting = list(answers)

    async def resolved(host: str, port: int) -> Sequence[str]:
        answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return resolved


def asked_of(
    ehr: EhrStub,
    resolve: Resolve,
    *,
    times: int = 1,
    rules: AddressRules | None = None,
    tls: ssl.SSLContext | None = None,
) -> Answer:
    """Ask for the patient, where nothing but loopback is open unless `rules` say otherwise."""

    def client() -> FhirClient:
        transport = CheckedTransport(rules or AddressRules.of(loopback=True), resolve=resolve, tls=tls)
        return client_of(ehr.base_url, transport=transport)

    return ask(ehr.base_url, PATIENT, client=client, times=times)


@pytest.fixture
def ehr() -> Iterator[EhrStub]:
    with EhrStub(resources=CHART) as stub:
        yield stub


HIDDEN = {
    "a private address": ["10.0.0.1"],
    "metadata": ["169.254.169.254"],
    "several": ["192.168.1.1", "fe80::1", "::"],
    "loopback in a wrapping": ["64:ff9b::7f00:1"],
    "no address": [],
}


@pytest.mark.parametrize("found", HIDDEN.values(), ids=HIDDEN)
def test_a_name_that_hides_a_closed_address_is_not_connected_to(found: list[str], ehr: EhrStub) -> None:
    answer = asked_of(ehr, resolving(found))
    assert answer.whys == ["not-allowed"]
    assert ehr.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0177.1", "0x7f.1", "[::1]"])
def test_no_way_to_write_loopback_reaches_it_unless_it_is_open(host: str, ehr: EhrStub) -> None:
    named = f"https://{host}:{ehr.port}/fhir"
    answer = ask(named, PATIENT, client=lambda: client_of(named, transport=CheckedTransport(AddressRules())))
    assert answer.whys == ["not-allowed"]
    assert ehr.connections == 0


def test_what_was_checked_is_connected_to_whatever_the_name_means_next(ehr: EhrStub) -> None:
    rebinding = resolving(["127.0.0.1"], ["10.0.0.1"])
    assert asked_of(ehr, rebinding).whys == [None]
    assert ehr.connections == 1


def test_each_new_connection_is_checked_anew() -> None:
    async def closing(call: object) -> None:
        raise ConnectionAbortedError

    with EhrStub(closing) as ehr:
        answer = asked_of(ehr, resolving(["127.0.0.1"], ["10.0.0.1"]))
    assert answer.whys == ["not-allowed"]
    assert ehr.connections == 1


def test_of_several_addresses_the_open_ones_are_tried_in_turn(ehr: EhrStub) -> None:
    assert asked_of(ehr, resolving(["10.0.0.1", "127.99.99.99", "127.0.0.1"])).whys == [None]


@pytest.mark.parametrize("fault", [OSError("canary"), UnicodeError("canary")])
def test_a_name_that_means_nothing_is_no_connection(fault: OSError | UnicodeError, ehr: EhrStub) -> None:
    assert asked_of(ehr, resolving(fault)).whys == ["no-connection"]


def test_names_are_resolved_as_this_machine_does() -> None:
    assert asyncio.run(resolve("127.0.0.1", 80)) == ("127.0.0.1",)


def certified(name: str, folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return what a server of this name shows, and a client that trusts nothing else."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    day = timedelta(days=1)
    made = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(datetime.now(UTC) - day).not_valid_after(datetime.now(UTC) + day)
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    certificate = made.sign(key, SHA256()).public_bytes(Encoding.PEM)
    (folder / "cert.pem").write_bytes(certificate)
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return server, ssl.create_default_context(cadata=certificate.decode())


def test_the_certificate_is_that_of_the_name_though_the_address_is_connected_to(tmp_path: Path) -> None:
    shown, trusted = certified(HOST, tmp_path)
    with EhrStub(resources=CHART, tls=shown, host=HOST) as ehr:
        answer = asked_of(ehr, resolving(["127.0.0.1"]), tls=trusted)
    assert answer.whys == [None]
    assert ehr.requests[0].headers["host"] == f"{HOST}:{ehr.port}"


def test_a_connection_whose_encryption_breaks_is_no_connection(tmp_path: Path) -> None:
    async def breaking(call: Call) -> None:
        await call.write(head(200, {"Content-Length": "100"}))
        with socket.socket(fileno=os.dup(call.writer.get_extra_info("socket").fileno())) as raw:
            raw.send(b"not encrypted")
        await asyncio.sleep(1)

    shown, trusted = certified(HOST, tmp_path)
    with EhrStub(breaking, tls=shown, host=HOST) as ehr:
        answer = asked_of(ehr, resolving(["127.0.0.1"]), tls=trusted)
    assert answer.whys == ["no-connection"]


@pytest.mark.requirement("F2")
@pytest.mark.parametrize(("name", "known"), [("other.example.org", True), (HOST, False)], ids=["other name", "unknown"])
def test_a_server_that_does_not_prove_its_name_gets_no_request(name: str, known: bool, tmp_path: Path) -> None:
    shown, trusted = certified(name, tmp_path)
    with EhrStub(resources=CHART, tls=shown, host=HOST) as ehr:
        answer = asked_of(ehr, resolving(["127.0.0.1"]), tls=trusted if known else None)
    assert answer.whys == ["no-connection"]
    assert ehr.requests == []
