"""Who is let in: good tokens of every make, and every forged one that we know of."""

from __future__ import annotations

import json
import logging
import traceback
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cds_service.errors import NotAuthenticated
from cds_service.security import Client, ReplayGuardFull, TrustedClient
from tests.unit.security.world import (
    ISS,
    JKU,
    NOW,
    URL,
    bearer,
    claims,
    client,
    header,
    key,
    pinned,
    verifier,
    verify,
)


def code(authorization: str | None, *clients: TrustedClient) -> str:
    """Why a call is refused."""
    with pytest.raises(NotAuthenticated) as refusal:
        verify(authorization, verifier(*clients))
    return refusal.value.code


@pytest.mark.requirement("J2")
def test_a_good_token_tells_who_calls() -> None:
    trusted = client(fhir_servers=("https://fhir.ehr.example/r4",))
    assert verify(bearer(), verifier(trusted)) == Client(
        name="general-hospital", iss=ISS, tenant=None, fhir_servers=("https://fhir.ehr.example/r4",)
    )


@pytest.mark.requirement("J4")
@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512", "RS256", "RS384", "RS512"])
def test_a_token_signed_as_the_client_may_sign_is_good(algorithm: str) -> None:
    mine = key(algorithm, algorithm)
    trusted = client(pinned=pinned(key(), mine), algorithms=(algorithm,))
    token = bearer(claims(), header(alg=algorithm, kid=algorithm), by=mine)
    assert verify(token, verifier(trusted)).name == "general-hospital"


@pytest.mark.requirement("J4")
def test_only_the_recommended_algorithms_are_taken_unless_the_client_lists_others() -> None:
    mine = key("RS256", "RS256")
    token = bearer(claims(), header(alg="RS256", kid="RS256"), by=mine)
    assert code(token, client(pinned=pinned(mine))) == "algorithm"


@pytest.mark.requirement("J2")
@pytest.mark.parametrize(
    "good",
    [
        claims(aud=[URL]),
        claims(exp=NOW + 300.5, iat=NOW + 0.5),
        claims(exp=NOW - 59, iat=NOW - 300),
        claims(iat=NOW + 60, exp=NOW + 360),
        claims(nbf=NOW + 60),
        claims(tenant="north"),
        claims(jti="-" * 256),
        claims(sub="a-subject", amr=["x"], fhirContext=[{"reference": "Basic/1"}]),
    ],
    ids=[
        "aud array",
        "fractions",
        "just expired",
        "client's clock is ahead",
        "nbf",
        "tenant",
        "long jti",
        "other claims",
    ],
)
def test_a_token_may_be_written_so(good: dict[str, Any]) -> None:
    assert verify(bearer(good)).iss == ISS


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer  ", "Bearer    "])
def test_the_scheme_is_read_as_http_says(scheme: str) -> None:
    """Its case does not matter, and any number of spaces may follow. Source: RFC 9110 sections 11.1 and 11.4."""
    token = bearer().removeprefix("Bearer ")
    assert verify(f"{scheme} {token}").iss == ISS


GOOD = bearer()
HEAD, PAYLOAD, SIGNATURE = GOOD.removeprefix("Bearer ").split(".")
NOT_ONE_TOKEN = {
    "nothing": "",
    "no token": "Bearer",
    "a space for a token": "Bearer ",
    "no scheme": GOOD.removeprefix("Bearer "),
    "another scheme": GOOD.replace("Bearer", "Basic"),
    "a tab": GOOD.replace(" ", "\t"),
    "two tokens": f"{GOOD} {HEAD}.{PAYLOAD}.{SIGNATURE}",
    "two headers": f"{GOOD}, {GOOD}",
    "one segment": f"Bearer {HEAD}",
    "two segments": f"Bearer {HEAD}.{PAYLOAD}",
    "no signature": f"Bearer {HEAD}.{PAYLOAD}.",
    "no claims": f"Bearer {HEAD}..{SIGNATURE}",
    "no header": f"Bearer .{PAYLOAD}.{SIGNATURE}",
    "five segments, as if encrypted": f"{GOOD}.x.y",
    "padding": f"{GOOD}=",
    "claims cut": f"Bearer {HEAD}.{PAYLOAD[:-3]}.{SIGNATURE}",
    "a line break": f"{GOOD}\n",
    "not ASCII": f"Bearer {HEAD}.{PAYLOAD}.é{SIGNATURE[1:]}",
    "a letter that lower case makes ASCII": GOOD.replace("Bearer", "Bearer \u212a"),
}


@pytest.mark.requirement("J2")
@pytest.mark.parametrize("authorization", NOT_ONE_TOKEN.values(), ids=NOT_ONE_TOKEN)
def test_what_is_not_one_token_is_refused(authorization: str) -> None:
    assert code(authorization) == "malformed"


@pytest.mark.requirement("J2")
def test_a_call_without_a_token_is_refused() -> None:
    assert code(None) == "no-token"


def test_a_token_of_a_megabyte_is_not_looked_at() -> None:
    assert code(bearer(claims(filler="x" * 1_000_000))) == "too-long"
    assert code("Bearer " + "." * 8186) == "too-long"
    assert code("Bearer " + "." * 8185) == "malformed"


@pytest.mark.requirement("J2")
@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[]",
        b'"x"',
        b"{",
        b'{"a":NaN}',
        b"{} {}",
        b"\xef\xbb\xbf{}",
        b'{"a":"\xff"}',
        b'{"a":"\\ud800"}',
        "{}".encode("utf-16"),
        json.dumps(claims()).encode()[:-1] + b',"exp":1}',
        json.dumps(claims()).encode()[:-1] + b',"x":{"y":1,"y":1}}',
        json.dumps(claims()).encode()[:-1] + b',"\\u0065xp":1}',
        json.dumps(claims()).encode()[:-1] + b',"x":' + b"9" * 5000 + b"}",
        json.dumps(claims()).encode()[:-1] + b',"x":' + b"[" * 2000 + b"]" * 2000 + b"}",
        json.dumps(claims()).encode()[:-1] + b',"x":' + b"[" * 65 + b"]" * 65 + b"}",
    ],
    ids=lambda text: ascii(text[-40:]),
)
def test_claims_that_are_not_one_plain_json_object_are_refused(text: bytes) -> None:
    assert code(bearer(text or b" ")) == "malformed"


def test_a_header_with_a_member_twice_is_refused() -> None:
    assert code(bearer(claims(), b'{"alg":"ES384","typ":"JWT","kid":"first","kid":"first"}')) == "malformed"


@pytest.mark.requirement("J2")
@pytest.mark.parametrize(
    "changes",
    [
        {"kid": ...},
        {"kid": ""},
        {"kid": 1},
        {"kid": ["first"]},
        {"kid": "k" * 257},
        {"typ": ...},
        {"typ": "JWS"},
        {"typ": ["JWT"]},
        {"alg": ...},
        {"alg": None},
        {"alg": ["ES384"]},
        {"jku": 1},
        {"jku": None},
        {"jku": ""},
        {"jku": "https://ehr.example/" + "k" * 257},
        {"jku": [JKU]},
        {"crit": ["exp"], "exp": NOW},
        {"crit": ["unknown"]},
        {"crit": []},
        {"b64": False},
        {"b64": False, "crit": ["b64"]},
        {"b64": True},
        {"x5u": JKU},
        {"x5c": ["MIIB"]},
        {"cty": "JWT"},
        {"zip": "DEF"},
    ],
    ids=repr,
)
def test_a_header_with_another_or_an_odd_member_is_refused(changes: dict[str, Any]) -> None:
    assert code(bearer(claims(), header(**changes))) == "header"


@pytest.mark.requirement("J5")
def test_a_token_does_not_bring_its_own_key() -> None:
    mine = key("ES384", "another")
    assert code(bearer(claims(), header(jwk=mine.jwk()), by=mine)) == "header"


@pytest.mark.requirement("J4")
@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "HS256", "HS384", "HS512", "es384", "ES256K"])
def test_no_token_without_a_private_key_behind_it_is_taken(algorithm: str) -> None:
    unsigned = bearer(claims(), header(alg=algorithm))
    assert code(unsigned) == "algorithm"


@pytest.mark.requirement("J4")
def test_an_unsigned_token_is_refused() -> None:
    unsigned = bearer(claims(), header(alg="none")).rpartition(".")[0]
    assert code(unsigned + ".") == "malformed"


@pytest.mark.requirement("J4")
@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_a_public_key_is_no_shared_secret(encoding: Encoding) -> None:
    public = key().private.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
    assert code(bearer(claims(), header(alg="HS384"), by=public)) == "algorithm"


@pytest.mark.requirement("J4")
@pytest.mark.parametrize(
    ("said", "by"), [("RS384", "ES384"), ("ES384", "RS384"), ("ES256", "ES384"), ("ES384", "ES256"), ("PS384", "RS384")]
)
def test_a_key_of_another_kind_does_not_sign(said: str, by: str) -> None:
    mine = key(by, by)
    trusted = client(pinned=pinned(mine), algorithms=("ES256", "ES384", "RS384"))
    assert code(bearer(claims(), header(alg=said, kid=by), by=mine), trusted) in ("key-unknown", "algorithm")


@pytest.mark.requirement("J4")
def test_a_key_for_one_algorithm_does_not_sign_by_another() -> None:
    """The key says that it is for RS384; an RS256 signature of the same key is genuine, and not for this."""
    mine = key("RS384", "rsa")
    trusted = client(pinned=pinned(mine), algorithms=("RS256", "RS384"))
    assert code(bearer(claims(), header(alg="RS256", kid="rsa"), by=mine, algorithm="RS256"), trusted) == "key-unknown"


@pytest.mark.requirement("J5")
@pytest.mark.parametrize(
    "iss", [..., None, "", 1, [ISS], {"": ISS}, ISS + "/", ISS.upper(), "https://ehr.example.evil"]
)
def test_an_issuer_that_is_not_listed_is_refused(iss: Any) -> None:
    assert code(bearer(claims(iss=iss))) == "issuer"


@pytest.mark.requirement("J3")
@pytest.mark.parametrize(
    "aud",
    [
        ...,
        None,
        "",
        1,
        {},
        [],
        [[URL]],
        URL + "/",
        URL[:-1],
        URL.upper(),
        URL.rpartition("/")[0],
        URL + "/feedback",
        "https://elsewhere.example/cds-services/necessity-order-sign",
        [URL, "https://elsewhere.example"],
        ["https://elsewhere.example", URL],
        [URL, URL],
    ],
    ids=repr,
)
def test_a_token_for_another_endpoint_is_refused(aud: Any) -> None:
    assert code(bearer(claims(aud=aud))) == "audience"


@pytest.mark.requirement("J2")
@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
@pytest.mark.parametrize(
    "value", [None, True, "", str(NOW + 200), [NOW + 200], {}, -1, 10**30, 2**53 + 1, -0.5, float("1e300")], ids=repr
)
def test_a_time_that_is_no_number_or_no_time_is_refused(name: str, value: Any) -> None:
    assert code(bearer(claims(**{name: value}))) == "claims"


@pytest.mark.requirement("J2")
@pytest.mark.parametrize("number", [b"1e400", b"1e999999999999", b"-1e400"])
def test_a_number_beyond_all_bounds_is_no_time(number: bytes) -> None:
    text = json.dumps(claims(exp="HERE")).encode().replace(b'"HERE"', number)
    assert code(bearer(text)) == "claims"


@pytest.mark.requirement("J2")
@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"exp": ...}, "claims"),
        ({"iat": ...}, "claims"),
        ({"jti": ...}, "claims"),
        ({"jti": ""}, "claims"),
        ({"jti": 7}, "claims"),
        ({"jti": None}, "claims"),
        ({"jti": "-" * 257}, "claims"),
        ({"exp": NOW + 10 * 365 * 86_400}, "lifetime"),
        ({"exp": NOW + 301}, "lifetime"),
        ({"exp": NOW + 300.001}, "lifetime"),
        ({"exp": NOW}, "lifetime"),
        ({"iat": NOW + 100, "exp": NOW + 50}, "lifetime"),
        ({"iat": NOW - 3600}, "lifetime"),
        ({"iat": NOW + 61, "exp": NOW + 300}, "not-yet-valid"),
        ({"iat": NOW + 86_400, "exp": NOW + 86_500}, "not-yet-valid"),
        ({"nbf": NOW + 61}, "not-yet-valid"),
        ({"exp": NOW - 60, "iat": NOW - 300}, "expired"),
        ({"exp": 300, "iat": 0}, "expired"),
    ],
    ids=repr,
)
def test_a_token_without_a_short_life_and_a_name_of_its_own_is_refused(changes: dict[str, Any], why: str) -> None:
    assert code(bearer(claims(**changes))) == why


def test_a_client_may_be_given_a_longer_life_and_no_leeway() -> None:
    trusted = client(max_token_lifetime_seconds=86_400, leeway_seconds=0)
    assert verify(bearer(claims(exp=NOW + 86_400)), verifier(trusted)).iss == ISS
    assert code(bearer(claims(exp=NOW + 86_401)), trusted) == "lifetime"
    assert code(bearer(claims(iat=NOW + 1)), trusted) == "not-yet-valid"
    assert code(bearer(claims(iat=NOW - 300, exp=NOW)), trusted) == "expired"


@pytest.mark.requirement("J6")
@pytest.mark.parametrize("tenant", [..., None, "", 1, ["north"], "North", "south"], ids=repr)
def test_a_tenant_that_is_not_listed_is_refused(tenant: Any) -> None:
    assert code(bearer(claims(tenant=tenant)), client(tenants=("north",))) == "tenant"


@pytest.mark.requirement("J6")
@pytest.mark.parametrize("tenants", [(), ("south", "north")])
def test_a_tenant_comes_back_with_the_client(tenants: tuple[str, ...]) -> None:
    found = verify(bearer(claims(tenant="north")), verifier(client(tenants=tenants)))
    assert found.tenant == "north"
    assert "north" not in repr(found)


def test_a_tenant_is_a_short_text_even_where_any_will_do() -> None:
    assert code(bearer(claims(tenant=["north"]))) == "tenant"
    assert code(bearer(claims(tenant="n" * 257))) == "tenant"


FORGED = {
    "claims changed": f"Bearer {HEAD}.{bearer(claims(jti='two')).split('.')[1]}.{SIGNATURE}",
    "header changed": f"{bearer(claims(), header(jku=JKU)).split('.')[0]}.{PAYLOAD}.{SIGNATURE}",
    "signature changed": f"Bearer {HEAD}.{PAYLOAD}.{'AAAA' if SIGNATURE[0] != 'A' else 'BBBB'}{SIGNATURE[4:]}",
    "signature cut": f"Bearer {HEAD}.{PAYLOAD}.{SIGNATURE[:64]}",
    "signature of zeros": f"Bearer {HEAD}.{PAYLOAD}.{'A' * 128}",
    "signed by another's key": bearer(by=key("ES384", "another")),
}


@pytest.mark.requirement("J6")
@pytest.mark.parametrize("authorization", FORGED.values(), ids=FORGED)
def test_what_its_signer_did_not_sign_so_is_refused(authorization: str) -> None:
    assert code(authorization) == "signature"


@pytest.mark.requirement("J6")
def test_a_signature_is_written_in_one_way_only() -> None:
    """64 bytes leave four bits of their last character open: a second spelling would be a second token."""
    mine = key("ES256", "short")
    trusted = client(pinned=pinned(mine), algorithms=("ES256",))
    good = bearer(claims(), header(alg="ES256", kid="short"), by=mine)
    assert verify(good, verifier(trusted)).iss == ISS
    assert code(good[:-1] + chr(ord(good[-1]) + 1), trusted) == "signature"


@pytest.mark.requirement("J5")
def test_a_key_of_another_client_does_not_sign_for_this_one() -> None:
    theirs = key("ES384", "theirs")
    clients = client(), client(name="another-hospital", iss="https://another.example", pinned=pinned(theirs))
    assert code(bearer(claims(), header(kid="theirs"), by=theirs), *clients) == "key-unknown"
    assert code(bearer(claims(iss="https://another.example")), *clients) == "key-unknown"


@pytest.mark.requirement("J5")
@pytest.mark.parametrize("jku", ["https://evil.example/jwks.json", JKU + "/", JKU.upper(), JKU + "?", "file:///etc/x"])
def test_a_token_that_names_an_address_that_is_not_listed_is_refused(jku: str) -> None:
    assert code(bearer(claims(), header(jku=jku))) == "key-address"


@pytest.mark.requirement("J5")
def test_a_token_may_name_an_address_that_is_listed() -> None:
    assert verify(bearer(claims(), header(jku=JKU))).iss == ISS


@pytest.mark.requirement("J6")
def test_a_token_is_good_once() -> None:
    door = verifier()
    assert verify(GOOD, door).iss == ISS
    with pytest.raises(NotAuthenticated) as refusal:
        verify(GOOD, door)
    assert refusal.value.code == "replayed"


@pytest.mark.requirement("J6")
def test_a_client_that_reuses_its_tokens_may_be_let_in_again() -> None:
    door = verifier(client(single_use=False))
    assert [verify(GOOD, door).iss for _ in range(3)] == [ISS] * 3


@pytest.mark.requirement("J6")
def test_a_token_is_remembered_until_nobody_would_take_it() -> None:
    now = [float(NOW)]
    door = verifier(clock=lambda: now[0])
    verify(GOOD, door)
    for later, why in ((359, "replayed"), (360, "expired")):
        now[0] = NOW + later
        with pytest.raises(NotAuthenticated) as refusal:
            verify(GOOD, door)
        assert refusal.value.code == why


@pytest.mark.requirement("J6")
def test_a_forged_token_does_not_use_up_a_genuine_one() -> None:
    door = verifier()
    with pytest.raises(NotAuthenticated):
        verify(bearer(by=key("ES384", "another")), door)
    assert verify(GOOD, door).iss == ISS


@pytest.mark.requirement("J6")
def test_what_is_wrong_is_looked_for_in_the_order_that_costs_least() -> None:
    """Issuer, audience, expiry, tenant, signature, single use; each token is wrong in one way less."""
    trusted = client(tenants=("north",))
    door = verifier(trusted)
    wrong = {"iss": "x", "aud": "x", "iat": 0, "exp": 1, "tenant": "x"}
    right = claims(tenant="north")
    seen = []
    for name in (None, "iss", "aud", "iat", "tenant"):
        if name:
            wrong.pop(name)
        if name == "iat":
            wrong.pop("exp")
        seen.append(code(bearer(right | wrong, by=key("ES384", "another")), trusted))
    verify(bearer(right), door)
    with pytest.raises(NotAuthenticated) as refusal:
        verify(bearer(right), door)
    assert [*seen, refusal.value.code] == ["issuer", "audience", "expired", "tenant", "signature", "replayed"]


@pytest.mark.requirement("J6")
@pytest.mark.parametrize(
    "broken", [ReplayGuardFull(), OSError("no database"), RuntimeError()], ids=lambda error: type(error).__name__
)
def test_a_token_of_which_nobody_can_tell_whether_it_was_seen_is_refused(broken: Exception) -> None:
    class Broken:
        async def first_use(self, *_: object) -> bool:
            raise broken

    with pytest.raises(NotAuthenticated) as refusal:
        verify(GOOD, verifier(replay=Broken()))
    assert refusal.value.code == "replay-unchecked"


def test_whatever_breaks_nobody_is_let_in() -> None:
    def broken() -> float:
        raise ZeroDivisionError

    with pytest.raises(NotAuthenticated) as refusal:
        verify(GOOD, verifier(clock=broken))
    assert refusal.value.code == "unforeseen"


CANARIES = {
    "iss": bearer(claims(iss="https://canary.example")),
    "aud": bearer(claims(aud="https://canary.example")),
    "exp": bearer(claims(exp="canary")),
    "tenant": bearer(claims(tenant=["canary"])),
    "jti": bearer(claims(jti="canary"), by=key("ES384", "another")),
    "kid": bearer(claims(), header(kid="canary")),
    "jku": bearer(claims(), header(jku="https://canary.example")),
    "alg": bearer(claims(), header(alg="canary")),
    "header": bearer(claims(), header(canary="canary")),
    "twice": bearer(b'{"canary":1,"canary":1}'),
    "cut": bearer(b'{"canary":'),
    "no token": "Bearer canary",
}


@pytest.mark.requirement("J6")
@pytest.mark.parametrize("authorization", CANARIES.values(), ids=CANARIES)
def test_nothing_of_a_token_is_in_an_error_or_a_log(authorization: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(NotAuthenticated) as refusal:
        verify(authorization)
    error = refusal.value
    told = "\n".join((str(error), repr(error), *traceback.format_exception(error), caplog.text))
    secrets = ("canary", *(part for part in authorization.removeprefix("Bearer ").split(".") if part))
    assert error.__context__ is None
    assert [secret for secret in secrets if secret in told] == []


@pytest.mark.requirement("J6")
def test_the_client_learns_nothing_of_why_and_the_operator_does(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(NotAuthenticated) as expired:
        verify(bearer(claims(exp=NOW - 60, iat=NOW - 300)))
    with pytest.raises(NotAuthenticated) as unknown:
        verify(bearer(claims(iss="x")))
    assert str(expired.value) == str(unknown.value)
    assert (expired.value.claimed, unknown.value.claimed) == ("general-hospital", None)
    told = [(one.getMessage(), vars(one)["reason"], vars(one)["client"]) for one in caplog.records]
    assert told == [("call refused", "expired", "general-hospital"), ("call refused", "issuer", None)]
