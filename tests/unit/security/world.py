"""One trusted client with its keys, a clock that stands still, and tokens of every make."""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from functools import cache
from typing import Any, TypeVar

from jwt.algorithms import get_default_algorithms

from cds_service.security import (
    Client,
    InMemoryReplayGuard,
    KeysNotFetched,
    KeyStore,
    ReplayGuard,
    SigningKey,
    TrustedClient,
    Verifier,
    generate_key,
)
from cds_service.security.key_sets import KeySet, read_key

T = TypeVar("T")

NOW = 1_800_000_000
ISS = "https://ehr.example"
URL = "https://cds.example/cds-services/necessity-order-sign"
JKU = "https://ehr.example/jwks.json"


def key(algorithm: str = "ES384", name: str = "first") -> SigningKey:
    """A key that is made once for all tests."""
    return _key(algorithm, name)


@cache
def _key(algorithm: str, name: str) -> SigningKey:
    return replace(generate_key(algorithm), kid=name)


def pinned(*keys: SigningKey) -> KeySet:
    return KeySet(tuple(read_key(one.jwk()) for one in keys))


def client(**changes: Any) -> TrustedClient:
    whole: dict[str, Any] = {"name": "general-hospital", "iss": ISS, "jku": (JKU,), "pinned": pinned(key())}
    return TrustedClient(**whole | changes)


async def nothing_to_fetch(url: str) -> bytes:
    raise KeysNotFetched("is not reached by this test")


def verifier(
    *clients: TrustedClient, replay: ReplayGuard | None = None, clock: Callable[[], float] = lambda: NOW
) -> Verifier:
    keys = KeyStore(nothing_to_fetch, clock=clock)
    return Verifier(clients or (client(),), keys=keys, replay=replay or InMemoryReplayGuard(clock), clock=clock)


def claims(**changes: Any) -> dict[str, Any]:
    """Good claims but for the changes; a member changed to `...` is left out."""
    whole = {"iss": ISS, "aud": URL, "iat": NOW, "exp": NOW + 300, "jti": "one"} | changes
    return {name: value for name, value in whole.items() if value is not ...}


def header(**changes: Any) -> dict[str, Any]:
    """A good header but for the changes; a member changed to `...` is left out."""
    whole = {"alg": "ES384", "kid": "first", "typ": "JWT"} | changes
    return {name: value for name, value in whole.items() if value is not ...}


def bearer(
    payload: Mapping[str, Any] | bytes | None = None,
    head: Mapping[str, Any] | bytes | None = None,
    *,
    by: SigningKey | bytes | None = None,
    algorithm: str | None = None,
) -> str:
    """An Authorization header whose token is signed as it stands, however wrong that is."""
    by = by or key()
    signing_key, own = (by, "HS384") if isinstance(by, bytes) else (by.private, by.algorithm)
    signed = b".".join(_segment(part) for part in (header() if head is None else head, payload or claims()))
    signature = get_default_algorithms()[algorithm or own].sign(signed, signing_key)
    return f"Bearer {(signed + b'.' + _encode(signature)).decode()}"


def verify(authorization: str | None, by: Verifier | None = None) -> Client:
    return run((by or verifier()).verify(authorization, audience=URL))


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(coroutine)


def _segment(part: Mapping[str, Any] | bytes) -> bytes:
    return _encode(part if isinstance(part, bytes) else json.dumps(part).encode())


def _encode(text: bytes) -> bytes:
    return urlsafe_b64encode(text).rstrip(b"=")
