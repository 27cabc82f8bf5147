"""The keys of clients: fetched from where the operator says, kept, and renewed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from math import inf
from typing import Final

from cds_service.errors import MalformedRequest
from cds_service.fhir.encoding import decode
from cds_service.security.clients import TrustedClient
from cds_service.security.key_sets import KeySet, UnusableKey, VerificationKey, read_keys
from cds_service.security.reasons import Reason, Refused

__all__ = ["FRESH_SECONDS", "USABLE_SECONDS", "Fetch", "KeyStore", "KeysNotFetched"]

FRESH_SECONDS: Final = 600
"""How old keys may become before they are fetched again: how long a key that was withdrawn may still count."""
USABLE_SECONDS: Final = 86_400
"""How old keys may become while they cannot be fetched."""
_PAUSE_SECONDS: Final = 60
"""Between two fetches, whatever tokens ask for."""
_PAUSE_WITHOUT_KEYS_SECONDS: Final = 5
"""The same while there are no keys, and so nobody can be let in."""

_logger = logging.getLogger(__name__)

Fetch = Callable[[str], Awaitable[bytes]]
"""Returns the body at an address. Raises KeysNotFetched."""


class KeysNotFetched(Exception):
    """Keys that could not be had; the text is a predicate and quotes nothing of the answer."""


class KeyStore:
    """The keys of all clients. `clock` tells seconds and never goes back."""

    def __init__(self, fetch: Fetch, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without keys; they are fetched when a token first needs them."""
        self._fetch = fetch
        self._clock = clock
        self._sources: dict[tuple[str, str], _Source] = {}

    async def find(self, client: TrustedClient, kid: str, algorithm: str, jku: str | None) -> VerificationKey:
        """Return the client's key of that name that verifies `algorithm`.

        `jku` is what the token names, if it does: one of the client's own, and then its keys are the only ones.
        Raises Refused: KEY_ADDRESS for an address that is not the client's, which is never fetched; KEY_UNKNOWN;
        KEYS_UNAVAILABLE where keys could not be had.
        """
        if jku is not None and jku not in client.jku:
            raise Refused(Reason.KEY_ADDRESS)
        if client.pinned is not None:
            sources, found = [], client.pinned.find(kid, algorithm)
        else:
            sources = [self._source(client, address) for address in (client.jku if jku is None else (jku,))]
            found = await _first(sources, kid, algorithm)
        if found is None:
            available = all(source.available for source in sources)
            raise Refused(Reason.KEY_UNKNOWN if available else Reason.KEYS_UNAVAILABLE)
        return found

    def _source(self, client: TrustedClient, address: str) -> _Source:
        if (client.name, address) not in self._sources:
            self._sources[client.name, address] = _Source(client, address, self._fetch, self._clock)
        return self._sources[client.name, address]


class _Source:
    """The keys at one address of one client."""

    def __init__(self, client: TrustedClient, address: str, fetch: Fetch, clock: Callable[[], float]) -> None:
        self._client = client
        self._address = address
        self._fetch = fetch
        self._clock = clock
        self._keys = KeySet()
        self._fetched = -inf
        self._tried = -inf
        self._fetching: asyncio.Task[None] | None = None

    @property
    def available(self) -> bool:
        """Return whether there are keys that are not too old."""
        return self._clock() - self._fetched < USABLE_SECONDS

    async def find(self, kid: str, algorithm: str) -> VerificationKey | None:
        """Return a key; one that is not known is looked for where the keys come from."""
        if self._clock() - self._fetched >= FRESH_SECONDS:
            await self._renew()
        found = self._held(kid, algorithm)
        if found is None:
            await self._renew()
            found = self._held(kid, algorithm)
        return found

    def _held(self, kid: str, algorithm: str) -> VerificationKey | None:
        return self._keys.find(kid, algorithm) if self.available else None

    async def _renew(self) -> None:
        """Fetch the keys, unless that was just tried. Whoever comes meanwhile waits for the same fetch."""
        if self._fetching is None or self._fetching.done():
            pause = _PAUSE_SECONDS if self.available else _PAUSE_WITHOUT_KEYS_SECONDS
            if self._clock() - self._tried < pause:
                return
            self._tried = self._clock()
            self._fetching = asyncio.create_task(self._fetch_keys())
        # A caller who hangs up must not end the fetch for the others.
        await asyncio.shield(self._fetching)

    async def _fetch_keys(self) -> None:
        """Replace the keys; where that fails, for whatever reason, those that are held stay."""
        try:
            read = read_keys(decode(await self._fetch(self._address)), form=self._client.key_form)
        except Exception as error:
            fields = {"client": self._client.name, "address": self._address, "fault": _predicate(error)}
            _logger.warning("keys not fetched", extra=fields)
            return
        self._keys = KeySet(tuple(key for key in read if isinstance(key, VerificationKey)))
        self._fetched = self._clock()
        usable = len(self._keys.keys)
        _logger.info("keys fetched", extra={"client": self._client.name, "usable": usable, "keys": len(read)})


async def _first(sources: Iterable[_Source], kid: str, algorithm: str) -> VerificationKey | None:
    for source in sources:
        found = await source.find(kid, algorithm)
        if found is not None:
            return found
    return None


def _predicate(error: Exception) -> str:
    match error:
        case KeysNotFetched() | UnusableKey():
            return str(error)
        case MalformedRequest():
            return f"is {error.reason}"
        case _:
            return f"could not be read: {type(error).__name__}"
