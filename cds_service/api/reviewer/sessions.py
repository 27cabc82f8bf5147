"""What a browser is given to come back with: who signed in, and that a form is one of ours. Signed, kept nowhere."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from secrets import token_hex

import msgspec

__all__ = ["Attempts", "Session", "Sessions"]

LIFETIME = 8 * 3600
"""Seconds after which a person signs in again, and a form is fetched again: a working day."""


class Session(msgspec.Struct, frozen=True, array_like=True):
    """Who signed in, when in seconds since 1970, and a number that tells this session from others."""

    name: str
    since: int
    nonce: str


@dataclass(frozen=True, slots=True)
class Sessions:
    """Makes and reads cookies and the tokens of forms. `key` is secret; replicas share it."""

    key: bytes = field(repr=False)
    clock: Callable[[], float]

    def begin(self, name: str) -> str:
        """Return the cookie of a new session."""
        body = msgspec.json.encode(Session(name, int(self.clock()), token_hex(8)))
        text = urlsafe_b64encode(body).decode().rstrip("=")
        return f"{text}.{self._signature('session', text)}"

    def read(self, cookie: str) -> Session | None:
        """Return the session that a cookie tells, None where it is not ours or is over."""
        text, _, signature = cookie.partition(".")
        if not _equal(signature, self._signature("session", text)):
            return None
        try:
            session = msgspec.json.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=Session)
        except (msgspec.DecodeError, NotBase64, ValueError):
            return None
        return session if self._lasts(session.since) else None

    def form_token(self, subject: str) -> str:
        """Return the token of a form that is given to `subject` now."""
        moment = str(int(self.clock() * 1000))
        return f"{moment}.{self._signature('form', moment, subject)}"

    def form_made(self, token: str, subject: str) -> int | None:
        """Return when a form was made for `subject`, in milliseconds since 1970; None for one that is not ours."""
        moment, _, signature = token.partition(".")
        if not _equal(signature, self._signature("form", moment, subject)):
            return None
        return int(moment) if self._lasts(int(moment) // 1000) else None

    def _lasts(self, since: int) -> bool:
        return 0 <= self.clock() - since + 1 <= LIFETIME + 1

    def _signature(self, *parts: str) -> str:
        return hmac.new(self.key, msgspec.json.encode(parts), sha256).hexdigest()


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


class Attempts:
    """Counts failed attempts to sign in: by address, and all together, within a minute."""

    MOST, MOST_OF_ALL, WINDOW = 5, 100, 60.0

    def __init__(self, clock: Callable[[], float]) -> None:
        """Count by a clock of seconds."""
        self._clock = clock
        self._failed: list[tuple[float, str]] = []

    def wait(self, address: str) -> int:
        """Return in how many seconds an address may try again; 0 for now."""
        now = self._clock()
        self._failed = [one for one in self._failed if now - one[0] < self.WINDOW]
        mine = [when for when, whose in self._failed if whose == address]
        since = [mine[-self.MOST]] if len(mine) >= self.MOST else []
        since += [self._failed[-self.MOST_OF_ALL][0]] if len(self._failed) >= self.MOST_OF_ALL else []
        return int(max(since) + self.WINDOW - now) + 1 if since else 0

    def failed(self, address: str) -> None:
        """Count an attempt."""
        self._failed.append((self._clock(), address))
