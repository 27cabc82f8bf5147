"""Why a call is refused: for the operator's log and metrics, never for the client."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Reason", "Refused"]


class Reason(StrEnum):
    """What kept a call out. The values are stable; docs/reference/clients.md says what to do about each."""

    NO_TOKEN = "no-token"  # noqa: S105 - not a password
    TOO_LONG = "too-long"
    MALFORMED = "malformed"
    HEADER = "header"
    ISSUER = "issuer"
    AUDIENCE = "audience"
    CLAIMS = "claims"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    LIFETIME = "lifetime"
    TENANT = "tenant"
    ALGORITHM = "algorithm"
    KEY_ADDRESS = "key-address"
    KEYS_UNAVAILABLE = "keys-unavailable"
    KEY_UNKNOWN = "key-unknown"
    SIGNATURE = "signature"
    REPLAYED = "replayed"
    REPLAY_UNCHECKED = "replay-unchecked"
    UNFORESEEN = "unforeseen"


class Refused(Exception):
    """Ends a verification inside this package; `verify` turns it into NotAuthenticated."""

    def __init__(self, reason: Reason) -> None:
        """Refuse for `reason`."""
        super().__init__(reason)
        self.reason = reason
