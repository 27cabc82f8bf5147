"""The sandbox as one application: whom it lets in, and what its page may hold."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from cds_service.fhir.encoding import encode
from cds_service.sandbox.app import create_sandbox_app, sandbox_application
from cds_service.sandbox.order_sign import order_sign
from cds_service.sandbox.personas import personas
from cds_service.settings import Settings
from cds_service.wiring import Application, load_policies, policies_folder

BASE = "http://127.0.0.1:8000"
SIGN = "/cds-services/necessity-order-sign"
Call = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def call() -> Call:
    plain = Application(Settings(), load_policies(policies_folder(None)))
    app = create_sandbox_app(sandbox_application(plain, BASE, "memory"))

    def send(method: str, path: str, **more: Any) -> httpx.Response:
        async def sent() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE) as client:
                return await client.request(method, path, **more)

        return asyncio.run(sent())

    return send


def test_the_page_says_what_it_is_and_loads_nothing_from_elsewhere(call: Call) -> None:
    answer = call("GET", "/?patient=spine-seed")
    assert "SANDBOX" in answer.headers["x-sandbox"]
    assert "SANDBOX" in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    for name in ("src", "href"):
        assert f'{name}="http' not in answer.text
        assert f'{name}="//' not in answer.text


def test_every_persona_has_a_page(call: Call) -> None:
    assert {call("GET", f"/?patient={one}").status_code for one in personas()} == {200}
    assert call("GET", "/?patient=<script>").status_code == 404


def test_markup_in_a_chart_is_escaped(call: Call) -> None:
    text = call("GET", "/?patient=hostile-chart").text
    assert "<img src=x" not in text
    assert "<script>alert" not in text
    assert "\u202e" not in text
    assert "&lt;img src=x onerror=alert(1)&gt;" in text


def test_everybody_may_call_the_service_but_in_a_role_only_those_with_a_token(call: Call) -> None:
    request = encode(order_sign(personas()["spine-seed"]))
    assert call("POST", SIGN, content=request).status_code == 200
    assert call("POST", f"/provider{SIGN}", content=request).status_code == 401
    assert call("POST", f"/production{SIGN}", content=request).status_code == 401


def test_an_exchange_is_seen_with_what_it_rests_on(call: Call) -> None:
    request = order_sign(personas()["pelvis-seed"])
    call("POST", SIGN, content=encode(request))
    seen = call("GET", f"/sandbox/exchanges/{request['hookInstance']}").json()
    assert seen["report"]["determinations"][0]["criteria"][0]["title"]
    assert {one["key"]: one["state"] for one in seen["prefetch"]}["condition"] == "missing"
    assert call("GET", "/sandbox/exchanges/none").status_code == 404


def test_a_public_key_is_published_and_a_private_one_refused(call: Call) -> None:
    private = ec.generate_private_key(ec.SECP384R1())
    public = ECAlgorithm.to_jwk(private.public_key(), as_dict=True) | {"kid": "mine", "alg": "ES384"}
    assert call("POST", "/sandbox/keys", json=public).status_code == 204
    assert public in call("GET", "/.well-known/jwks.json").json()["keys"]
    secret = ECAlgorithm.to_jwk(private, as_dict=True) | {"kid": "secret"}
    assert call("POST", "/sandbox/keys", json=secret).status_code == 400


def test_a_page_of_another_origin_may_change_the_synthetic_charts(call: Call) -> None:
    headers = {"Origin": "http://127.0.0.1:3000", "Access-Control-Request-Method": "PUT"}
    assert call("OPTIONS", "/fhir/Patient/spine-seed", headers=headers).status_code == 200


def test_changes_are_undone(call: Call) -> None:
    assert call("DELETE", "/fhir/Patient/spine-silent").status_code == 204
    assert call("POST", "/sandbox/reset").status_code == 204
    assert call("GET", "/fhir/Patient/spine-silent").status_code == 200


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"policy": "none"}, "no PlanDefinition"),
        ({"criterion": "none"}, "no criterion `none`"),
        ({"support": "where("}, "an expression is missing"),
        ({"service": "none"}, "must be the id of a service"),
        ({"criterion": None}, "must be a text"),
    ],
)
def test_a_trial_that_cannot_be_is_told(call: Call, change: dict[str, Any], told: str) -> None:
    asked = {
        "policy": "https://cds-service.example/fhir/PlanDefinition/spine-fixation-reinsertion",
        "criterion": "RI.exist",
        "service": "necessity-order-sign",
        "request": order_sign(personas()["spine-seed"]),
    }
    answer = call("POST", "/sandbox/trial", json=asked | change)
    assert answer.status_code == 400
    assert told in answer.json()["issue"][0]["details"]["text"]
