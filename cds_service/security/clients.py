"""The clients that are trusted: who they are, how they sign, what they may ask for."""

from __future__ import annotations

from dataclasses import dataclass, field

from cds_service.security.key_sets import KeyForm, KeySet

__all__ = ["Client", "TrustedClient"]


@dataclass(frozen=True, slots=True)
class TrustedClient:
    """A client as the operator describes it; docs/reference/clients.md is the reference."""

    name: str
    """The operator's word for the client: what logs and metrics call it."""
    iss: str
    jku: tuple[str, ...] = ()
    """The addresses of keys that a token may name."""
    pinned: KeySet | None = None
    """The only keys that count, where there are any; else keys are fetched from `jku`."""
    key_form: KeyForm = "jwks"
    algorithms: tuple[str, ...] = ("ES384", "RS384")
    tenants: tuple[str, ...] = ()
    """A token must name one of these; where there are none, it may name any or none."""
    fhir_servers: tuple[str, ...] = ()
    max_token_lifetime_seconds: int = 300
    leeway_seconds: int = 60
    """How far the client's clock may be from ours."""
    single_use: bool = True
    """Whether a token is refused the second time it comes."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who calls: a trusted client whose token was verified."""

    name: str
    """What logs and metrics call it: the operator's word, nothing of the token."""
    iss: str
    tenant: str | None = field(repr=False)
    """What the token says; not for logs, unless the operator listed the tenants."""
    fhir_servers: tuple[str, ...]
    """The base URLs of the FHIR servers that its requests may name."""
