"""Every kind of token, good and forged, sent to discovery, to a service and to its feedback."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cds_service.api.app import create_app
from cds_service.fhir.temporal import Date
from cds_service.security import SigningKey, jwks
from cds_service.settings import Settings
from cds_service.store.memory import InMemoryStore
from cds_service.store.store import Filters
from cds_service.wiring import Application
from tests.integration.test_trusted_clients import BASE, CALLS
from tests.made_up import made_up_policies
from tests.unit.security.world import ISS, bearer, claims, header, key

OF_TENANTS = "https://tenants.example"
RSA = key("RS384", "rsa")
PUBLIC = key().private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
Row = Callable[[str], str | None]
"""The Authorization header of a call, by its address."""
Told = tuple[int, str, InMemoryStore]


def stated(url: str, **changes: Any) -> dict[str, Any]:
    now = int(time.time())
    return claims(**{"aud": url, "iat": now, "exp": now + 300, "jti": str(uuid4())} | changes)


def with_claims(**changes: Any) -> Row:
    return lambda url: bearer(stated(url, **changes))


def with_header(*, by: SigningKey | bytes | None = None, **changes: Any) -> Row:
    return lambda url: bearer(stated(url), header(**changes), by=by)


def with_times(iat: int, exp: int) -> Row:
    def row(url: str) -> str:
        now = int(time.time())
        return bearer(stated(url, iat=now + iat, exp=now + exp))

    return row


def with_text(more: bytes) -> Row:
    return lambda url: bearer(json.dumps(stated(url)).encode()[:-1] + b"," + more + b"}")


def unsigned(url: str) -> str:
    return bearer(stated(url), header(alg="none")).rpartition(".")[0] + "."


YEAR = 365 * 86_400
ACCEPTED: dict[str, Row] = {
    "ES384": with_claims(),
    "RS384": with_header(alg="RS384", kid="rsa", by=RSA),
    "aud in an array": lambda url: bearer(stated(url, aud=[url])),
    "the client's clock is ahead": with_times(30, 330),
    "expired within the leeway": with_times(-320, -20),
    "a tenant that is listed": with_claims(iss=OF_TENANTS, tenant="north"),
    "other claims": with_claims(sub="a-subject"),
}
REFUSED: dict[str, tuple[str, Row]] = {
    "no token": ("no-token", lambda _: None),
    "none": ("algorithm", with_header(alg="none")),
    "none, without a signature": ("malformed", unsigned),
    "a public key as a shared secret": ("algorithm", with_header(alg="HS384", by=PUBLIC)),
    "signed by another's key": ("signature", with_header(by=key("ES384", "another"))),
    "a key that nobody knows": ("key-unknown", with_header(kid="another", by=key("ES384", "another"))),
    "a key of its own": ("header", with_header(jwk=key("ES384", "another").jwk(), by=key("ES384", "another"))),
    "an algorithm of another key": ("key-unknown", with_header(alg="RS384", kid="first", by=RSA)),
    "an address of keys that is not listed": ("key-address", with_header(jku="https://evil.example/jwks.json")),
    "no kid": ("header", with_header(kid=...)),
    "no typ": ("header", with_header(typ=...)),
    "an unknown crit": ("header", with_header(crit=["unknown"])),
    "b64 false": ("header", with_header(b64=False, crit=["b64"])),
    **{f"no {name}": ("claims", with_claims(**{name: ...})) for name in ("exp", "iat", "jti")},
    "no iss": ("issuer", with_claims(iss=...)),
    "no aud": ("audience", with_claims(aud=...)),
    "an issuer that is not listed": ("issuer", with_claims(iss="https://evil.example")),
    "aud of another service": ("audience", with_claims(aud="https://elsewhere.example/cds-services")),
    "aud of all addresses": ("audience", with_claims(aud=BASE)),
    "aud of what is below": ("audience", lambda url: bearer(stated(url, aud=f"{url}/"))),
    "aud with a second member": ("audience", lambda url: bearer(stated(url, aud=[url, "https://elsewhere.example"]))),
    "exp as a text": ("claims", lambda url: bearer(stated(url, exp=str(int(time.time()) + 200)))),
    "exp in ten years": ("lifetime", with_times(0, 10 * YEAR)),
    "a life of more than five minutes": ("lifetime", with_times(0, 301)),
    "expired": ("expired", with_times(-600, -300)),
    "not issued yet": ("not-yet-valid", with_times(120, 400)),
    "an empty jti": ("claims", with_claims(jti="")),
    "a tenant that is not listed": ("tenant", with_claims(iss=OF_TENANTS, tenant="south")),
    "a claim twice": ("malformed", with_text(b'"iss":"%s"' % ISS.encode())),
    "a megabyte": ("too-long", with_text(b'"x":"%s"' % (b"x" * 1_000_000))),
    "two thousand levels": ("malformed", with_text(b'"x":' + b"[" * 2000 + b"]" * 2000)),
    "a claim that is no JSON": ("malformed", with_text(b'"x":NaN')),
}
"""Each with the reason that the operator's log holds."""


@pytest.fixture(scope="module")
def send(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Told]:
    """Return what sends a call and returns the status, the body, and the store in which something may be kept."""
    folder: Path = tmp_path_factory.mktemp("clients")
    (folder / "keys.json").write_text(json.dumps(jwks(key(), RSA)), encoding="utf-8")
    table = '[clients.{name}]\niss = "{iss}"\nkeys_file = "keys.json"\ntenants = {tenants}\n'
    tables = table.format(name="ehr", iss=ISS, tenants="[]") + table.format(
        name="of-tenants", iss=OF_TENANTS, tenants='["north"]'
    )
    (folder / "clients.toml").write_text(tables, encoding="utf-8")
    settings, policies = Settings(clients=folder / "clients.toml", public_base_url=BASE), made_up_policies()

    async def ask(method: str, path: str, body: bytes, *authorizations: str | None) -> Told:
        store = InMemoryStore()
        application = Application(settings, policies, clock=lambda: Date((2026, 1, 15)), store=store)
        transport = httpx.ASGITransport(create_app(application))
        async with httpx.AsyncClient(transport=transport, base_url="http://cds") as client:
            for authorization in authorizations:
                headers = {} if authorization is None else {"Authorization": authorization}
                response = await client.request(method, path, content=body, headers=headers)
        await application.close()
        return response.status_code, response.text, store

    return lambda *call: asyncio.run(ask(*call))


def kept_in(store: InMemoryStore) -> int:
    return len(list(store.each(Filters()))) + len(list(store.feedback_kept()))


@pytest.mark.requirement("J2", "J3", "J4")
@pytest.mark.parametrize(("method", "path", "body"), CALLS, ids=lambda one: None if isinstance(one, bytes) else one)
@pytest.mark.parametrize("row", ACCEPTED.values(), ids=ACCEPTED)
def test_a_good_token_lets_a_client_in(
    send: Callable[..., Told], row: Row, method: str, path: str, body: bytes
) -> None:
    status, _, store = send(method, path, body, row(f"{BASE}{path}"))
    assert (status, kept_in(store)) == (200, int(method == "POST"))


@pytest.mark.requirement("J1", "J2", "J3", "J4", "J5", "J6", "P10")
@pytest.mark.parametrize(("method", "path", "body"), CALLS, ids=lambda one: None if isinstance(one, bytes) else one)
@pytest.mark.parametrize(("reason", "row"), REFUSED.values(), ids=REFUSED)
def test_any_other_token_lets_nobody_in_and_nothing_is_kept(
    send: Callable[..., Told],
    reason: str,
    row: Row,
    method: str,
    path: str,
    body: bytes,
    caplog: pytest.LogCaptureFixture,
) -> None:
    status, told, store = send(method, path, body, row(f"{BASE}{path}"))
    assert (status, kept_in(store)) == (401, 0)
    assert [vars(one)["reason"] for one in caplog.records if one.getMessage() == "call refused"] == [reason]
    assert told == send(method, path, body, None)[1]


@pytest.mark.requirement("J6")
@pytest.mark.parametrize(("method", "path", "body"), CALLS, ids=lambda one: None if isinstance(one, bytes) else one)
def test_a_token_lets_in_once(send: Callable[..., Told], method: str, path: str, body: bytes) -> None:
    token = bearer(stated(f"{BASE}{path}"))
    status, _, store = send(method, path, body, token, token)
    assert (status, kept_in(store)) == (401, int(method == "POST"))


@pytest.mark.requirement("J3")
def test_a_token_for_one_address_is_good_at_no_other(send: Callable[..., Told]) -> None:
    for method, path, body in CALLS:
        others = [bearer(stated(f"{BASE}{other}")) for _, other, _ in CALLS if other != path]
        assert [send(method, path, body, one)[0] for one in others] == [401, 401]
