"""Hook requests without their access tokens: that member is cut out, every other byte stays."""

from __future__ import annotations

import json
import re
from typing import Final

import msgspec

__all__ = ["AUTHORIZATION", "without_tokens"]

AUTHORIZATION: Final = "fhirAuthorization"
"""The member that carries the token to the EHR's FHIR server. Source: CDS Hooks 2.0.1, FHIR Resource Access."""

_SHORTEST_TOKEN: Final = 16
"""Characters. A shorter text is not looked for elsewhere: it could be any word of the request."""

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NAME = re.compile(rb'\s*("(?:[^"\\]|\\.)*")\s*:\s*', re.DOTALL)
_SEPARATOR = re.compile(rb"\s*([,}])")


def without_tokens(body: bytes) -> bytes:
    """Return a hook request without `fhirAuthorization`, however it is written and however often it stands there.

    All other bytes are kept, save where they repeat the token. A body that is no JSON object cannot be taken apart:
    of it only the length is kept, as `{"unreadable": true, "bytes": n}`.
    """
    try:
        members = _members.decode(body)
        return _cut(body, members) if AUTHORIZATION in members else body
    except (msgspec.DecodeError, ValueError, RecursionError):
        return b'{"unreadable":true,"bytes":%d}' % len(body)


def _cut(body: bytes, members: dict[str, msgspec.Raw]) -> bytes:
    kept, tokens = [], set[bytes]()
    opening = start = body.index(b"{") + 1
    closed = False
    while not closed:
        written = _matched(_NAME, body, start)
        name = json.loads(written[1])
        end = _end(body, written.end(), bytes(members[name]))
        separator = _matched(_SEPARATOR, body, end)
        if name == AUTHORIZATION:
            tokens |= _tokens(body[written.end() : end])
        else:
            kept.append(body[start : separator.start(1)])
        start, closed = separator.end(), separator[1] == b"}"
    stripped = body[:opening] + b",".join(kept) + body[start - 1 :]
    for token in tokens:
        stripped = stripped.replace(token, b"removed")
    return stripped


def _matched(pattern: re.Pattern[bytes], body: bytes, position: int) -> re.Match[bytes]:
    found = pattern.match(body, position)
    if found is None:
        raise ValueError("two readers disagree on this JSON")
    return found


def _end(body: bytes, start: int, value: bytes) -> int:
    """Return where the value at `start` ends: after `value`, its text, unless its name stands there twice."""
    end = start + len(value)
    if body.startswith(value, start) and _SEPARATOR.match(body, end):
        return end
    text = body[start:].decode()
    _, length = json.JSONDecoder().raw_decode(text)
    return start + len(text[:length].encode())


def _tokens(authorization: bytes) -> set[bytes]:
    """Return the token of an authorization in the ways that JSON may write it."""
    value = json.loads(authorization)
    token = value.get("access_token") if type(value) is dict else value
    if type(token) is not str or len(token) < _SHORTEST_TOKEN:
        return set()
    return {json.dumps(token, ensure_ascii=plain)[1:-1].encode("utf-8", "replace") for plain in (True, False)}
