"""Who may see the reviewer's pages: holders of a token, whom a proxy names, or who sits at a sandbox's machine."""

from __future__ import annotations

import hmac
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from ipaddress import ip_address, ip_network
from secrets import token_bytes
from typing import Literal
from urllib.parse import urlsplit

from starlette.requests import Request

from cds_service.api.reviewer.refusal import Refusal, no_such_page
from cds_service.api.reviewer.sessions import Attempts, Sessions
from cds_service.errors import ConfigurationError
from cds_service.settings import Settings

__all__ = ["Access", "Person", "Role", "access_of"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_SHORTEST = 32
"""Characters of a token: what its cookies are signed with is made of it, so that it must not be guessed."""
_LONGEST_NAME = 200
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


class Role(StrEnum):
    """What a person may do: read, or also agree and disagree."""

    READER = "reader"
    REVIEWER = "reviewer"


@dataclass(frozen=True, slots=True)
class Person:
    """Who looks at the pages. `subject` is what their forms are bound to: their name, or their session."""

    name: str
    role: Role
    subject: str = ""

    @property
    def may_review(self) -> bool:
        """Return whether the person may agree and disagree."""
        return self.role is Role.REVIEWER


@dataclass(frozen=True)
class Access:
    """How persons are told, one way per deployment."""

    way: Literal["open", "token", "proxy"]
    sessions: Sessions
    attempts: Attempts
    host: str = ""
    """Where clients reach the service, as the host of its public address with its port."""
    secure: bool = True
    tokens: Mapping[str, tuple[Role, bytes]] = field(default_factory=dict, repr=False)
    """By name: the role, and the SHA-256 of the token."""
    proxies: tuple[str, ...] = ()
    header: str = ""
    reviewers: frozenset[str] = frozenset()

    @property
    def cookie(self) -> str:
        """Return the name of the cookie; where it may, it forbids that another host or path sets it."""
        return "__Host-cds_reviewer" if self.secure else "cds_reviewer"

    def person(self, request: Request) -> Person:
        """Return who asks. Raises Refusal: 404 where nobody is to know of the pages, else 401 or 403."""
        if self.way == "open":
            return _at_the_machine(request)
        return self._signed_in(request) if self.way == "token" else self._named_by_proxy(request)

    def peer(self, request: Request) -> str:
        """Return the address that a request comes from."""
        return _peer(request)

    def sign_in(self, token: str) -> str | None:
        """Return the name of a token's holder. Every token is compared, each in the same time."""
        given = sha256(token.encode("utf-8", "replace")).digest()
        found = [name for name, (_, held) in self.tokens.items() if hmac.compare_digest(given, held)]
        return found[0] if found else None

    def _signed_in(self, request: Request) -> Person:
        session = self.sessions.read(request.cookies.get(self.cookie, ""))
        if session is None or session.name not in self.tokens:
            raise Refusal(401, "login", "sign in first, at /review/login")
        return Person(session.name, self.tokens[session.name][0], f"{session.name}/{session.nonce}")

    def _named_by_proxy(self, request: Request) -> Person:
        names = request.headers.getlist(self.header)
        if not _is_in(_peer(request), self.proxies) or len(names) != 1:
            raise Refusal(403, "forbidden", "this page is given through the operator's proxy, which says who asks")
        name = names[0].strip()
        if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
            raise Refusal(403, "forbidden", "the proxy names nobody")
        may = name in self.reviewers or "*" in self.reviewers
        return Person(name, Role.REVIEWER if may else Role.READER, name)


def access_of(settings: Settings, clock: Callable[[], float] = time.time) -> Access | None:
    """Return how persons are told; None where the pages are off. Raises ConfigurationError."""
    way = settings.reviewers or ("off" if settings.mode == "production" else "open")
    if way == "off":
        return None
    if way == "open" and settings.mode == "production":
        raise ConfigurationError("CDS_REVIEWERS", ("must be `off`, `token` or `proxy` in production",))
    tokens = dict(_tokens(settings.reviewer_tokens.get_secret_value())) if way == "token" else {}
    if way == "token" and not tokens:
        raise ConfigurationError(
            "CDS_REVIEWER_TOKENS", ("names nobody; give `name:reviewer:token` or set another way",)
        )
    if way == "proxy":
        _check_proxies(settings.reviewer_proxies)
    return Access(
        way,
        Sessions(_key(settings), clock),
        Attempts(clock),
        host=urlsplit(settings.public_base_url).netloc.lower(),
        secure=urlsplit(settings.public_base_url).scheme == "https",
        tokens=tokens,
        proxies=settings.reviewer_proxies,
        header=settings.reviewer_header,
        reviewers=frozenset(settings.reviewer_names),
    )


def _tokens(text: str) -> Iterator[tuple[str, tuple[Role, bytes]]]:
    """Yield name, role and hash of each `name:role:token`; no fault says anything of a token."""
    known: set[str] = set()
    for i, one in enumerate(filter(None, map(str.strip, text.split(","))), 1):
        name, _, rest = one.partition(":")
        role, _, token = rest.partition(":")
        if not _NAME.fullmatch(name) or name in known or role not in tuple(Role):
            raise ConfigurationError("CDS_REVIEWER_TOKENS", (f"number {i} must be `name:reader|reviewer:token`, once",))
        if len(token) < _SHORTEST:
            raise ConfigurationError("CDS_REVIEWER_TOKENS", (f"number {i} needs {_SHORTEST} characters or more",))
        known.add(name)
        yield name, (Role(role), sha256(token.encode()).digest())


def _check_proxies(networks: tuple[str, ...]) -> None:
    if not networks:
        raise ConfigurationError("CDS_REVIEWER_PROXIES", ("names no proxy that may say who asks",))
    for one in networks:
        try:
            ip_network(one)
        except ValueError:
            raise ConfigurationError(
                "CDS_REVIEWER_PROXIES", (f"`{one}` is no network such as `10.1.0.7/32`",)
            ) from None


def _key(settings: Settings) -> bytes:
    """Return what signs: made of the secret or the tokens, so that replicas agree; else it is good for one process."""
    secret = settings.reviewer_secret.get_secret_value() or settings.reviewer_tokens.get_secret_value()
    return hmac.new(b"cds-service reviewers", secret.encode(), sha256).digest() if secret else token_bytes(32)


def _at_the_machine(request: Request) -> Person:
    """Whoever is at the machine itself: not through a proxy, and not by another name that leads here."""
    forwarded = any(name == "forwarded" or name.startswith("x-forwarded-") for name in request.headers)
    if forwarded or _host(request) not in _LOOPBACK_NAMES or not _is_in(_peer(request), ("127.0.0.0/8", "::1/128")):
        raise no_such_page()
    return Person("sandbox", Role.REVIEWER, "sandbox")


def _host(request: Request) -> str:
    try:
        return urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    except ValueError:
        return ""


def _peer(request: Request) -> str:
    return request.client.host if request.client else ""


def _is_in(address: str, networks: tuple[str, ...]) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return any((mapped or found) in ip_network(one) for one in networks)
