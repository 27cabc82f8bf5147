"""What counts as a key that verifies."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import RSAAlgorithm

from cds_service.security import jwks
from cds_service.security.key_sets import KeySet, UnusableKey, VerificationKey, read_key, read_keys
from tests.unit.security.world import key

EC, RSA = key("ES384").jwk(), key("RS384").jwk()


def changed(jwk: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {name: value for name, value in (jwk | changes).items() if value is not ...}


@pytest.mark.requirement("J4")
@pytest.mark.parametrize(
    ("jwk", "algorithms"),
    [
        (EC, {"ES384"}),
        (changed(EC, alg=...), {"ES384"}),
        (changed(EC, use=...), {"ES384"}),
        (changed(EC, key_ops=["verify"]), {"ES384"}),
        (RSA, {"RS384"}),
        (changed(RSA, alg=...), {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
        (changed(RSA, x5t="abc", nbf=0), {"RS384"}),
    ],
)
def test_a_key_serves_the_algorithms_of_its_kind_or_the_one_that_it_names(jwk: Any, algorithms: set[str]) -> None:
    assert read_key(jwk).algorithms == algorithms


@pytest.mark.requirement("J4")
@pytest.mark.parametrize(
    ("jwk", "why"),
    [
        (None, "not an object"),
        ([], "not an object"),
        (changed(EC, kid=...), "no `kid`"),
        (changed(EC, kid=""), "no `kid`"),
        (changed(EC, kid=1), "no `kid`"),
        (changed(EC, d="AA"), "holds a secret"),
        ({"kty": "oct", "k": "AA", "kid": "x", "alg": "HS256"}, "holds a secret"),
        ({"kty": "oct", "kid": "x"}, "not one that verifies"),
        (changed(EC, kty=...), "not one that verifies"),
        (changed(EC, kty=["EC"]), "not one that verifies"),
        (changed(EC, kty="ec"), "not one that verifies"),
        (changed(EC, crv="secp256k1"), "not one that verifies"),
        (changed(EC, crv=...), "not one that verifies"),
        (changed(EC, use="enc"), "not one that verifies"),
        (changed(EC, use=None), "not one that verifies"),
        (changed(EC, key_ops=["encrypt"]), "not one that verifies"),
        (changed(EC, key_ops="verify"), "not one that verifies"),
        (changed(EC, alg="ES256"), "not one that verifies"),
        (changed(EC, alg="none"), "not one that verifies"),
        (changed(EC, alg="HS256"), "not one that verifies"),
        (changed(RSA, alg="HS256"), "not one that verifies"),
        (changed(EC, x=...), "numbers of a public key"),
        (changed(EC, x=1), "numbers of a public key"),
        (changed(EC, x=EC["y"], y=EC["x"]), "numbers of a public key"),
        (changed(EC, crv="P-256", alg="ES256"), "numbers of a public key"),
        (changed(RSA, n=...), "numbers of a public key"),
        (changed(RSA, n=""), "numbers of a public key"),
        (changed(RSA, e="AA"), "numbers of a public key"),
        ({"kty": "OKP", "crv": "Ed25519", "x": "AA", "kid": "x"}, "numbers of a public key"),
        ({"kty": "OKP", "crv": "Ed448", "x": "AA", "kid": "x"}, "not one that verifies"),
    ],
)
def test_a_key_that_cannot_be_relied_on_is_not_used(jwk: Any, why: str) -> None:
    with pytest.raises(UnusableKey, match=why):
        read_key(jwk)


@pytest.mark.parametrize("bits", [1024, 2047, 8200])
def test_an_rsa_key_is_neither_weak_nor_a_burden(bits: int) -> None:
    if bits < 3000:
        jwk = RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, bits).public_key(), as_dict=True)
    else:
        jwk = RSAAlgorithm.to_jwk(rsa.RSAPublicNumbers(65537, 2**bits - 1).public_key(), as_dict=True)
    with pytest.raises(UnusableKey, match="bits"):
        read_key({**jwk, "kid": "x"})


def test_a_key_is_found_by_its_name_and_its_use() -> None:
    keys = KeySet(tuple(one for one in read_keys({"keys": [EC, RSA]}) if isinstance(one, VerificationKey)))
    assert [key and key.algorithms for key in (keys.find("first", name) for name in ("ES384", "RS384", "ES256"))] == [
        {"ES384"},
        {"RS384"},
        None,
    ]
    assert keys.find("second", "ES384") is None


def test_what_cannot_be_used_is_told_in_its_place() -> None:
    faults = [isinstance(one, UnusableKey) for one in read_keys({"keys": [EC, {"kty": "oct"}, RSA]})]
    assert faults == [False, True, False]


@pytest.mark.parametrize("document", [None, {}, [], {"keys": {}}, {"keys": None}, "x", [EC], EC])
def test_what_is_no_key_set_is_refused(document: Any) -> None:
    with pytest.raises(UnusableKey, match="not a JSON Web Key Set"):
        read_keys(document)


def test_a_key_set_may_stand_where_an_array_may() -> None:
    assert len(read_keys(jwks(key()), form="array")) == 1


def test_nothing_of_a_key_is_in_its_repr() -> None:
    assert EC["x"] not in repr(read_key(EC))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["EC", "RSA", "P-384", "AQAB"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*EC, *RSA, "keys"]), inner),
    max_leaves=8,
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys({*EC, *RSA, "d", "key_ops"}, JSON)), st.sampled_from([EC, RSA]))
def test_however_a_key_is_twisted_it_is_a_key_or_told_to_be_none(changes: dict[str, Any], jwk: dict[str, Any]) -> None:
    for one in read_keys({"keys": [jwk | changes, changes]}):
        assert isinstance(one, VerificationKey | UnusableKey)


@given(JSON, st.sampled_from(["jwks", "array"]))
def test_whatever_is_published_it_is_a_key_set_or_told_to_be_none(document: Any, form: Any) -> None:
    is_set = isinstance(document, dict) and isinstance(document.get("keys"), list)
    if is_set or (form == "array" and isinstance(document, list)):
        assert isinstance(read_keys(document, form=form), tuple)
    else:
        with pytest.raises(UnusableKey, match="not a JSON Web Key Set"):
            read_keys(document, form=form)
