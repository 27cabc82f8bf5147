"""The text of a token → its header and claims: nothing lenient, nothing trusted yet.

Source: RFC 7515 (JWS), RFC 7519 (JWT), RFC 8725 (best practices); CDS Hooks 2.0.1, Trusting CDS Clients.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cds_service.errors import MalformedRequest
from cds_service.fhir.encoding import decode, refuse_duplicate_keys
from cds_service.security.reasons import Reason, Refused

__all__ = ["LONGEST_HEADER", "LONGEST_NAME", "Token", "read_token", "text_of"]

LONGEST_HEADER: Final = 8192
"""Characters of an Authorization header that are looked at."""
LONGEST_NAME: Final = 256
"""Characters of the name of a key, a token or a tenant, and of the address of keys."""

_BEARER: Final = re.compile(r"bearer +(([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+) *", re.ASCII | re.IGNORECASE)
_MEMBERS: Final = frozenset({"alg", "jku", "kid", "typ"})
"""Any other header member asks for something that is not done here: another key, another encoding, a condition."""


@dataclass(frozen=True, slots=True, repr=False)
class Token:
    """A token whose form is right and whose signature nobody has checked."""

    text: str
    algorithm: str
    kid: str
    jku: str | None
    claims: Mapping[str, object]


def read_token(authorization: str | None) -> Token:
    """Return the token in an Authorization header. Raises Refused."""
    if authorization is None:
        raise Refused(Reason.NO_TOKEN)
    if len(authorization) > LONGEST_HEADER:
        raise Refused(Reason.TOO_LONG)
    parts = _BEARER.fullmatch(authorization)
    if parts is None:
        raise Refused(Reason.MALFORMED)
    header, claims = _json_object(parts[2]), _json_object(parts[3])
    algorithm, kid, jku = text_of(header, "alg"), text_of(header, "kid"), text_of(header, "jku")
    if not header.keys() <= _MEMBERS or header.get("typ") != "JWT" or algorithm is None or kid is None:
        raise Refused(Reason.HEADER)
    if jku is None and "jku" in header:
        raise Refused(Reason.HEADER)
    return Token(parts[1], algorithm, kid, jku, claims)


def text_of(members: Mapping[str, object], name: str) -> str | None:
    """Return a member that is a text of 1 to LONGEST_NAME characters, None for anything else."""
    value = members.get(name)
    return value if isinstance(value, str) and 0 < len(value) <= LONGEST_NAME else None


def _json_object(segment: str) -> Mapping[str, object]:
    """Return what a segment encodes: an object, not deep, no member in it twice."""
    try:
        text = urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
        value = decode(text)
        refuse_duplicate_keys(text)
    except (MalformedRequest, ValueError):
        raise Refused(Reason.MALFORMED) from None
    if not isinstance(value, dict):
        raise Refused(Reason.MALFORMED)
    return value
