"""The JSON Web Token of a CDS client: whoever it shows to call, or nobody.

PyJWT checks the signature; what is signed is read and judged here, more strictly than a general library may.

Source: CDS Hooks 2.0.1, Trusting CDS Clients; CDS Hooks Best Practices, Security; RFC 8725.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Final

from jwt import InvalidTokenError
from jwt.api_jws import PyJWS

from cds_service.errors import CallNotChecked, NotAuthenticated
from cds_service.security.clients import Client, TrustedClient
from cds_service.security.key_sets import ALGORITHMS
from cds_service.security.keys import KeyStore
from cds_service.security.reasons import Reason, Refused
from cds_service.security.replay import ReplayGuard
from cds_service.security.tokens import Token, read_token, text_of

__all__ = ["Verifier"]

_LATEST: Final = 2**53
_jws = PyJWS(algorithms=ALGORITHMS, options={"verify_signature": True, "enforce_minimum_key_length": True})
_logger = logging.getLogger(__name__)


class Verifier:
    """Tells who calls. `clock` tells seconds since 1970."""

    def __init__(
        self,
        clients: Iterable[TrustedClient],
        *,
        keys: KeyStore,
        replay: ReplayGuard,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Trust `clients`, and nobody else."""
        self._clients = {client.iss: client for client in clients}
        self._keys = keys
        self._replay = replay
        self._clock = clock

    async def verify(self, authorization: str | None, *, audience: str) -> Client:
        """Return whoever the value of an Authorization header shows to call `audience`, the endpoint's URL.

        Raises NotAuthenticated for everything else, an unforeseen fault included, as CallNotChecked where a token's
        uses cannot be told; why is logged by its code, and stands in the error's `code`. Nothing of the token is in
        either.
        """
        claimed: TrustedClient | None = None
        try:
            token = read_token(authorization)
            claimed = self._claimed(token)
            return await self._verified(token, claimed, audience)
        except Refused as refused:
            reason = refused.reason
        except Exception as error:
            _logger.error("token not verified", extra={"error": type(error).__name__})
            reason = Reason.UNFORESEEN
        # Raised outside the handlers, so that no other error, which may hold the token, travels along.
        name = claimed.name if claimed else None
        _logger.warning("call refused", extra={"reason": str(reason), "client": name})
        error_type = CallNotChecked if reason is Reason.REPLAY_UNCHECKED else NotAuthenticated
        raise error_type(code=reason, claimed=name)

    def _claimed(self, token: Token) -> TrustedClient:
        iss = token.claims.get("iss")
        client = self._clients.get(iss) if isinstance(iss, str) else None
        if client is None:
            raise Refused(Reason.ISSUER)
        return client

    async def _verified(self, token: Token, client: TrustedClient, audience: str) -> Client:
        """Check audience, times, tenant, signature and single use, in this order: what is cheap comes first."""
        _check_audience(token.claims, audience)
        expires = _check_times(token.claims, client, self._clock())
        tenant = _tenant(token.claims, client)
        jti = text_of(token.claims, "jti")
        if jti is None:
            raise Refused(Reason.CLAIMS)
        await self._check_signature(token, client)
        if client.single_use:
            await self._check_first_use(client.iss, jti, expires + client.leeway_seconds)
        return Client(client.name, client.iss, tenant, client.fhir_servers)

    async def _check_signature(self, token: Token, client: TrustedClient) -> None:
        if token.algorithm not in client.algorithms:
            raise Refused(Reason.ALGORITHM)
        key = await self._keys.find(client, token.kid, token.algorithm, token.jku)
        try:
            _jws.decode_complete(token.text, key=key.public, algorithms=[token.algorithm])
        except InvalidTokenError:
            raise Refused(Reason.SIGNATURE) from None

    async def _check_first_use(self, iss: str, jti: str, expires: float) -> None:
        try:
            first = await self._replay.first_use(iss, jti, expires)
        except Exception as error:
            _logger.error("replay not checked", extra={"error": type(error).__name__})
            raise Refused(Reason.REPLAY_UNCHECKED) from None
        if not first:
            raise Refused(Reason.REPLAYED)


def _check_audience(claims: Mapping[str, object], audience: str) -> None:
    """Refuse a token that is meant for somebody else, or for somebody else as well."""
    if claims.get("aud") not in (audience, [audience]):
        raise Refused(Reason.AUDIENCE)


def _check_times(claims: Mapping[str, object], client: TrustedClient, now: float) -> float:
    """Return when the token expires, in seconds since 1970."""
    issued, expires = _seconds(claims, "iat"), _seconds(claims, "exp")
    begins = _seconds(claims, "nbf") if "nbf" in claims else issued
    if not 0 < expires - issued <= client.max_token_lifetime_seconds:
        raise Refused(Reason.LIFETIME)
    if max(issued, begins) > now + client.leeway_seconds:
        raise Refused(Reason.NOT_YET_VALID)
    if expires + client.leeway_seconds <= now:
        raise Refused(Reason.EXPIRED)
    return expires


def _seconds(claims: Mapping[str, object], name: str) -> float:
    """Return a NumericDate: a JSON number, and one that is a time."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not 0 <= value <= _LATEST:
        raise Refused(Reason.CLAIMS)
    return float(value)


def _tenant(claims: Mapping[str, object], client: TrustedClient) -> str | None:
    if "tenant" not in claims and not client.tenants:
        return None
    tenant = text_of(claims, "tenant")
    if tenant is None or (client.tenants and tenant not in client.tenants):
        raise Refused(Reason.TENANT)
    return tenant
