"""What a client does: it makes keys, publishes them, and signs."""

from __future__ import annotations

import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from cds_service.security import generate_key, jwks, new_claims, read_signing_key, sign
from cds_service.security.signing import thumbprint
from tests.unit.security.world import ISS, JKU, NOW, URL, client, key, pinned, verifier, verify


@pytest.mark.requirement("J4")
@pytest.mark.parametrize("algorithm", ["ES384", "RS384"])
def test_what_is_signed_here_is_let_in_there(algorithm: str) -> None:
    mine = generate_key(algorithm)
    token = sign(new_claims(iss=ISS, aud=URL, now=NOW), mine, jku=JKU)
    assert verify(f"Bearer {token}", verifier(client(pinned=pinned(mine)))).iss == ISS


@pytest.mark.requirement("J2")
def test_a_token_has_every_member_that_the_standard_asks_for() -> None:
    token = sign(new_claims(iss=ISS, aud=URL, now=NOW + 0.9), key(), jku=JKU)
    assert jwt.get_unverified_header(token) == {"alg": "ES384", "kid": "first", "typ": "JWT", "jku": JKU}
    payload = jwt.decode(token, options={"verify_signature": False})
    assert payload | {"jti": "?"} == {"iss": ISS, "aud": URL, "iat": NOW, "exp": NOW + 300, "jti": "?"}


@pytest.mark.requirement("J6")
def test_no_two_tokens_have_one_name() -> None:
    names = {new_claims(iss=ISS, aud=URL, now=NOW)["jti"] for _ in range(100)}
    assert len(names) == 100


def test_another_library_reads_the_keys_and_the_token() -> None:
    mine = generate_key()
    published = jwt.PyJWKSet.from_json(json.dumps(jwks(mine)))
    claims = new_claims(iss=ISS, aud=URL, now=NOW) | {"exp": 4_000_000_000}
    token = sign(claims, mine)
    read = jwt.decode(token, published[mine.kid], algorithms=["ES384"], audience=URL, options={"verify_iat": False})
    assert read == claims


def test_a_key_is_named_by_its_thumbprint() -> None:
    """The example of RFC 7638 section 3.1, with a member that does not count."""
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n"
        "3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zg"
        "dAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFC"
        "ur-kEgU8awapJzKnqDKgw"
    )
    jwk = {"kty": "RSA", "n": modulus, "e": "AQAB", "alg": "RS256"}
    assert thumbprint(jwk) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    mine = generate_key()
    assert mine.kid == thumbprint(mine.jwk())


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512", "RS384"])
def test_a_key_is_the_same_after_it_was_kept_in_a_file(algorithm: str) -> None:
    mine = key(algorithm)
    read = read_signing_key(mine.pem(), kid="first")
    assert (read.jwk(), read.algorithm) == (mine.jwk(), algorithm)


PRIVATE = ec.generate_private_key(ec.SECP384R1())
PKCS8 = PrivateFormat.PKCS8


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"canary",
        PRIVATE.private_bytes(Encoding.PEM, PKCS8, BestAvailableEncryption(b"canary")),
        ec.generate_private_key(ec.SECP256K1()).private_bytes(Encoding.PEM, PKCS8, NoEncryption()),
        ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PKCS8, NoEncryption()),
    ],
    ids=["nothing", "text", "with a password", "another curve", "another kind"],
)
def test_a_key_that_cannot_sign_is_told_without_quoting_it(pem: bytes) -> None:
    with pytest.raises(ValueError, match="the key is not") as refusal:
        read_signing_key(pem)
    assert "canary" not in str(refusal.value)


@pytest.mark.parametrize("algorithm", ["none", "HS256", "EdDSA", ""])
def test_no_key_is_made_for_what_cannot_be_told_from_its_reader(algorithm: str) -> None:
    with pytest.raises(ValueError, match="use ES256, ES384"):
        generate_key(algorithm)


def test_nothing_private_is_published_or_shown() -> None:
    mine = key("RS384")
    assert set(mine.jwk()) == {"kty", "n", "e", "kid", "use", "alg"}
    assert set(key().jwk()) == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    assert "private" not in repr(mine)
