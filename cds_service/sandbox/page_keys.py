"""The keys by which the page signs its calls: made in the browser, published here, trusted by the sandbox alone."""

from __future__ import annotations

from collections.abc import Mapping

from cds_service.security import KeyStore, TrustedClient
from cds_service.security.key_sets import KeySet, VerificationKey, read_key
from cds_service.security.reasons import Reason, Refused

__all__ = ["PublishedKeys"]

_MOST_KEYS = 50


class PublishedKeys(KeyStore):
    """A set of public keys that grows: whoever opens the page adds one. The oldest make room."""

    def __init__(self) -> None:
        """Begin without a key."""
        self._jwks: dict[str, Mapping[str, object]] = {}

    def publish(self, jwk: object) -> None:
        """Take a public key in. Raises UnusableKey, also for a private one."""
        kid = read_key(jwk).kid
        assert isinstance(jwk, Mapping)  # noqa: S101 - narrows the type
        self._jwks.pop(kid, None)
        self._jwks[kid] = jwk
        for old in list(self._jwks)[:-_MOST_KEYS]:
            del self._jwks[old]

    @property
    def document(self) -> dict[str, object]:
        """Return the JSON Web Key Set."""
        return {"keys": list(self._jwks.values())}

    async def find(self, client: TrustedClient, kid: str, algorithm: str, jku: str | None) -> VerificationKey:
        """Return a key that is published: what is published is here, and need not be fetched."""
        if jku is not None and jku not in client.jku:
            raise Refused(Reason.KEY_ADDRESS)
        found = KeySet(tuple(map(read_key, self._jwks.values()))).find(kid, algorithm)
        if found is None:
            raise Refused(Reason.KEY_UNKNOWN)
        return found
