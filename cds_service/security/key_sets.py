"""JSON Web Key Sets: what a client publishes, or the operator pins → the public keys that verify.

Source: RFC 7517; RFC 7518 sections 3.1 and 6.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.exceptions import InvalidKeyError

__all__ = ["ALGORITHMS", "Algorithm", "KeyForm", "KeySet", "UnusableKey", "VerificationKey", "read_key", "read_keys"]

Algorithm = Literal["ES256", "ES384", "ES512", "EdDSA", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512"]
"""The signatures that only the holder of a private key can make: neither `none` nor any `HS…` is among them."""
ALGORITHMS: Final[tuple[str, ...]] = get_args(Algorithm)

KeyForm = Literal["jwks", "array"]
"""`array`: a bare array of keys, or of `{id, pem}` around keys, as crd-request-generator publishes them."""

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey

_RSA_BITS: Final = range(2048, 8193)
_SERVES: Final[Mapping[tuple[object, object], frozenset[str]]] = {
    ("RSA", None): frozenset({"PS256", "PS384", "PS512", "RS256", "RS384", "RS512"}),
    ("EC", "P-256"): frozenset({"ES256"}),
    ("EC", "P-384"): frozenset({"ES384"}),
    ("EC", "P-521"): frozenset({"ES512"}),
    ("OKP", "Ed25519"): frozenset({"EdDSA"}),
}
_READ: Final = {"RSA": RSAAlgorithm.from_jwk, "EC": ECAlgorithm.from_jwk, "OKP": OKPAlgorithm.from_jwk}


class UnusableKey(ValueError):
    """A key, or a set of keys, that cannot verify; the text is a predicate and quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A public key with its name and the algorithms that it may verify."""

    kid: str
    algorithms: frozenset[str]
    public: PublicKey = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeySet:
    """The keys of one client."""

    keys: tuple[VerificationKey, ...] = ()

    def find(self, kid: str, algorithm: str) -> VerificationKey | None:
        """Return the first key of that name that may verify `algorithm`, None if there is none."""
        return next((key for key in self.keys if key.kid == kid and algorithm in key.algorithms), None)


def read_key(jwk: object) -> VerificationKey:
    """Return the key that a JSON Web Key holds. Raises UnusableKey, also for one that is private, weak or not named."""
    if not isinstance(jwk, Mapping):
        raise UnusableKey("is not an object")
    if "d" in jwk or "k" in jwk:
        raise UnusableKey("holds a secret; publish its public part only, and make a new key")
    kid, serves = jwk.get("kid"), _serves(jwk)
    if not isinstance(kid, str) or not kid:
        raise UnusableKey("has no `kid`")
    if not serves:
        raise UnusableKey(f"is not one that verifies any of {', '.join(ALGORITHMS)}")
    try:
        public = _READ[jwk["kty"]](dict(jwk))
    except (InvalidKeyError, UnsupportedAlgorithm, TypeError, ValueError):
        public = None
    if not isinstance(public, PublicKey):
        raise UnusableKey("does not hold the numbers of a public key")
    if isinstance(public, RSAPublicKey) and public.key_size not in _RSA_BITS:
        raise UnusableKey(f"has {public.key_size} bits; from {_RSA_BITS[0]} to {_RSA_BITS[-1]} are taken")
    return VerificationKey(kid, serves, public)


def read_keys(document: object, *, form: KeyForm = "jwks") -> tuple[VerificationKey | UnusableKey, ...]:
    """Return each key of a decoded JSON document, in order, or why it cannot be used.

    Raises UnusableKey for a document that is of neither form. Keys that are not understood are left to the caller:
    "implementations SHOULD ignore JWKs within a JWK Set" that they cannot use (RFC 7517 section 5).
    """
    return tuple(_key_or_fault(jwk) for jwk in _members(document, form))


def _members(document: object, form: KeyForm) -> Iterable[object]:
    match document:
        case {"keys": list() as keys}:
            return keys
        case list() if form == "array":
            return (_unwrapped(member) for member in document)
        case _:
            raise UnusableKey("is not a JSON Web Key Set: an object with an array `keys`")


def _unwrapped(member: object) -> object:
    match member:
        case {"id": kid, "pem": Mapping() as jwk}:
            return {**jwk, "kid": kid}
        case _:
            return member


def _key_or_fault(jwk: object) -> VerificationKey | UnusableKey:
    try:
        return read_key(jwk)
    except UnusableKey as fault:
        return fault


def _serves(jwk: Mapping[Any, Any]) -> frozenset[str]:
    """Return the algorithms that a key may verify by its kind, its curve and what it says it is for."""
    kind = jwk.get("kty"), jwk.get("crv")
    use, operations, algorithm = jwk.get("use", "sig"), jwk.get("key_ops", ["verify"]), jwk.get("alg")
    if not all(isinstance(name, str | None) for name in (*kind, algorithm)):
        return frozenset()
    if use != "sig" or not isinstance(operations, list) or "verify" not in operations:
        return frozenset()
    serves = _SERVES.get(kind, frozenset())
    return serves if algorithm is None else serves & {algorithm}
