"""Who may call: a token on every call, discovery too; a plain 401 for everything else."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from cds_service.api.app import create_app
from cds_service.errors import ConfigurationError
from cds_service.fhir.temporal import Date
from cds_service.security import generate_key, jwks, new_claims, sign
from cds_service.settings import Settings
from cds_service.store.memory import InMemoryStore
from cds_service.store.sql import SqlStore
from cds_service.store.store import Store
from cds_service.wiring import Application
from tests.faults.ehr_stub import EhrStub
from tests.integration.store.test_faults import locked
from tests.made_up import PATIENT, finding, made_up_policies, order, request

ISSUER = "https://ehr.example.org"
BASE = "https://cds.example.org"
SIGN = "/cds-services/necessity-order-sign"
KEY = generate_key()


def settings(folder: Path, *servers: str, **more: Any) -> Settings:
    (folder / "keys.json").write_text(json.dumps(jwks(KEY)), encoding="utf-8")
    listed = ", ".join(f'"{one}"' for one in servers)
    table = f'[clients.ehr]\niss = "{ISSUER}"\nkeys_file = "keys.json"\nfhir_servers = [{listed}]\n'
    (folder / "clients.toml").write_text(table, encoding="utf-8")
    return Settings(**{"clients": folder / "clients.toml", "public_base_url": BASE, **more})


def send(
    chosen: Settings, method: str, path: str, *headers: tuple[str, str], body: bytes = b"", store: Store | None = None
) -> httpx.Response:
    async def ask() -> httpx.Response:
        kept = store or InMemoryStore()
        application = Application(chosen, made_up_policies(), clock=lambda: Date((2026, 1, 15)), store=kept)
        transport = httpx.ASGITransport(create_app(application))
        async with httpx.AsyncClient(transport=transport, base_url="http://behind-a-proxy") as client:
            response = await client.request(method, path, content=body, headers=list(headers))
        await application.close()
        return response

    return asyncio.run(ask())


def token(path: str, **claims: Any) -> tuple[str, str]:
    made = new_claims(iss=ISSUER, aud=f"{BASE}{path}", now=time.time()) | claims
    return "Authorization", f"Bearer {sign(made, KEY)}"


REPORT = {"feedback": [{"card": "c", "outcome": "overridden", "outcomeTimestamp": "2026-01-15T10:00:00Z"}]}
CALLS = [
    ("GET", "/cds-services", b""),
    ("POST", SIGN, json.dumps(request()).encode()),
    ("POST", f"{SIGN}/feedback", json.dumps(REPORT).encode()),
]


@pytest.mark.requirement("J2", "J3")
@pytest.mark.parametrize(("method", "path", "body"), CALLS)
def test_a_call_with_a_token_for_its_own_address_is_answered(
    method: str, path: str, body: bytes, tmp_path: Path
) -> None:
    assert send(settings(tmp_path), method, path, token(path), body=body).status_code == 200


@pytest.mark.requirement("J1", "J2", "J3", "J6", "P10")
@pytest.mark.parametrize(("method", "path", "body"), CALLS)
@pytest.mark.parametrize("kind", ["none", "another address", "expired", "another issuer", "twice", "basic"])
def test_every_other_call_is_a_plain_401(kind: str, method: str, path: str, body: bytes, tmp_path: Path) -> None:
    headers = {
        "none": [],
        "another address": [token("/elsewhere")],
        "expired": [token(path, exp=int(time.time()) - 600, iat=int(time.time()) - 800)],
        "another issuer": [token(path, iss="https://evil.example.org")],
        "twice": [token(path), token(path)],
        "basic": [("Authorization", "Basic dXNlcjpwYXNz")],
    }[kind]
    response = send(settings(tmp_path), method, path, *headers, body=body)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    (issue,) = response.json()["issue"]
    assert issue["code"] == "login"
    assert issue["details"]["text"] == (
        "the call is not authenticated; send `Authorization: Bearer` with a token that this service trusts"
    )


@pytest.mark.requirement("J3")
def test_the_audience_is_the_public_address_below_whatever_path_the_service_is_mounted(tmp_path: Path) -> None:
    chosen = settings(tmp_path, public_base_url=f"{BASE}/necessity")
    service = create_app(Application(chosen, made_up_policies(), clock=lambda: Date((2026, 1, 15))))
    mounted = Starlette(routes=[Mount("/necessity", app=service)])

    async def ask(path: str) -> int:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(mounted), base_url="http://inside") as client:
            return (await client.get("/necessity/cds-services", headers=[token(path)])).status_code

    assert asyncio.run(ask("/necessity/cds-services")) == 200
    assert asyncio.run(ask("/necessity/necessity/cds-services")) == 401


@pytest.mark.requirement("J7")
def test_a_browser_may_ask_before_it_has_a_token_and_reads_why_it_is_refused(tmp_path: Path) -> None:
    origin = ("Origin", "https://ehr.example.org")
    asked = [origin, ("Access-Control-Request-Method", "POST")]
    asked.append(("Access-Control-Request-Headers", "authorization, content-type"))
    preflight = send(settings(tmp_path), "OPTIONS", SIGN, *asked)
    assert preflight.status_code == 200
    assert "authorization" in preflight.headers["access-control-allow-headers"].lower()
    refused = send(settings(tmp_path), "POST", SIGN, origin)
    assert refused.headers["access-control-allow-origin"] == "*"


def test_a_client_has_its_own_fhir_servers(tmp_path: Path) -> None:
    with EhrStub(resources=[PATIENT, finding("broken")]) as ehr:
        body = json.dumps(request(order(), chart=()) | {"fhirServer": ehr.base_url}).encode()
        allowed = send(settings(tmp_path, ehr.base_url), "POST", SIGN, token(SIGN), body=body)
        asked = len(ehr.requests)
        other = settings(tmp_path, "https://fhir.example.org/r4", fhir_servers=(ehr.base_url,))
        refused = send(other, "POST", SIGN, token(SIGN), body=body)
        assert len(ehr.requests) == asked > 0
    assert "criteria met" in allowed.json()["cards"][0]["summary"]
    assert "not set up to read this server" in refused.json()["cards"][0]["detail"]


@pytest.mark.requirement("J6")
@pytest.mark.parametrize(("method", "path", "body"), CALLS)
def test_a_token_is_answered_once_by_all_processes_that_share_a_database(
    method: str, path: str, body: bytes, tmp_path: Path
) -> None:
    database, used = f"sqlite:///{tmp_path}/kept.db", token(path)
    answers = [send(settings(tmp_path), method, path, used, body=body, store=SqlStore(database)) for _ in range(2)]
    assert [one.status_code for one in answers] == [200, 401]


def test_while_the_database_is_away_no_call_is_taken_for_the_first(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database = f"sqlite:///{tmp_path}/kept.db"
    store = SqlStore(database, patience=0.2)
    with locked(database):
        refused = send(settings(tmp_path), "GET", "/cds-services", token("/cds-services"), store=store)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
    assert "www-authenticate" not in refused.headers
    assert refused.json()["issue"][0]["code"] == "transient"
    assert "replay not checked" in caplog.text


def test_a_file_with_a_fault_stops_the_service_as_it_starts(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    (tmp_path / "clients.toml").write_text("[clients.ehr]\niss = 5\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"clients\.toml"):
        create_app(Application(chosen, made_up_policies()))


def test_a_file_without_clients_lets_nobody_in(tmp_path: Path) -> None:
    (tmp_path / "clients.toml").write_text("[clients]\n", encoding="utf-8")
    application = Application(Settings(clients=tmp_path / "clients.toml"), made_up_policies())
    with pytest.raises(ConfigurationError, match="`clients` must not be empty"):
        application.prepare()
