"""The client's side: keys, how they are published, and tokens signed with them.

For the sandbox, the command line and tests; nothing here is used to let anybody in.

Source: CDS Hooks 2.0.1, Trusting CDS Clients; RFC 7517; RFC 7638 for the names of keys.
"""

from __future__ import annotations

import json
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from jwt.api_jws import PyJWS

__all__ = ["SigningKey", "generate_key", "jwks", "new_claims", "read_signing_key", "sign", "thumbprint"]

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_CURVES: Final[Mapping[str, type[ec.EllipticCurve]]] = {
    "ES256": ec.SECP256R1,
    "ES384": ec.SECP384R1,
    "ES512": ec.SECP521R1,
}
_RSA: Final = ("RS256", "RS384", "RS512")
_IDENTIFYING: Final = ("crv", "e", "kty", "n", "x", "y")
_jws = PyJWS(algorithms=[*_CURVES, *_RSA])


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key, the algorithm that it signs by, and its public name."""

    private: PrivateKey = field(repr=False)
    algorithm: str
    kid: str

    def pem(self) -> bytes:
        """Return the private key as PKCS #8 in PEM, not encrypted."""
        return self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def jwk(self) -> dict[str, Any]:
        """Return the public key as a JSON Web Key."""
        return {**_public(self.private), "kid": self.kid, "use": "sig", "alg": self.algorithm}


def generate_key(algorithm: str = "ES384") -> SigningKey:
    """Return a new key for one of ES256, ES384, ES512, RS256, RS384, RS512. Raises ValueError for any other."""
    if algorithm in _CURVES:
        return _named(ec.generate_private_key(_CURVES[algorithm]()), algorithm)
    if algorithm in _RSA:
        return _named(rsa.generate_private_key(public_exponent=65537, key_size=3072), algorithm)
    raise ValueError(f"no key can be made for this algorithm; use {', '.join((*_CURVES, *_RSA))}")


def read_signing_key(pem: bytes, *, kid: str | None = None) -> SigningKey:
    """Return the private key in a PEM text that is not encrypted, of a NIST curve or RSA (which signs by RS384).

    Without a `kid` it is named by its thumbprint. Raises ValueError.
    """
    try:
        private = load_pem_private_key(pem, password=None)
    except (TypeError, ValueError):
        raise ValueError("the key is not a private key in PEM without a password") from None
    if isinstance(private, rsa.RSAPrivateKey):
        return _named(private, "RS384", kid)
    if isinstance(private, ec.EllipticCurvePrivateKey):
        for algorithm, curve in _CURVES.items():
            if isinstance(private.curve, curve):
                return _named(private, algorithm, kid)
    raise ValueError("the key is not of P-256, P-384, P-521 or RSA")


def jwks(*keys: SigningKey) -> dict[str, Any]:
    """Return the JSON Web Key Set that a client publishes."""
    return {"keys": [key.jwk() for key in keys]}


def new_claims(*, iss: str, aud: str, now: float, lifetime_seconds: int = 300) -> dict[str, Any]:
    """Return the claims of a token for one call of the endpoint `aud`, with a fresh `jti`."""
    issued = int(now)
    return {"iss": iss, "aud": aud, "iat": issued, "exp": issued + lifetime_seconds, "jti": str(uuid.uuid4())}


def sign(claims: Mapping[str, Any], key: SigningKey, *, jku: str | None = None) -> str:
    """Return the token, as it follows `Bearer `; `jku` is where the key is published."""
    header = {"kid": key.kid} if jku is None else {"kid": key.kid, "jku": jku}
    return _jws.encode(json.dumps(claims).encode(), key.private, key.algorithm, header)


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """Return the name that follows from a key alone, by SHA-256. Source: RFC 7638."""
    members = {name: jwk[name] for name in _IDENTIFYING if name in jwk}
    text = json.dumps(members, sort_keys=True, separators=(",", ":")).encode()
    return urlsafe_b64encode(sha256(text).digest()).rstrip(b"=").decode()


def _named(private: PrivateKey, algorithm: str, kid: str | None = None) -> SigningKey:
    return SigningKey(private, algorithm, kid or thumbprint(_public(private)))


def _public(private: PrivateKey) -> dict[str, Any]:
    """Return the members of a JSON Web Key that make the public key."""
    if isinstance(private, rsa.RSAPrivateKey):
        members = RSAAlgorithm.to_jwk(private.public_key(), as_dict=True)
    else:
        members = ECAlgorithm.to_jwk(private.public_key(), as_dict=True)
    return {name: members[name] for name in _IDENTIFYING if name in members}
