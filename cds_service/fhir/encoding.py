"""JSON as FHIR needs it: decimals kept exactly, nothing lenient, a bounded depth."""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal

import msgspec

from cds_service.errors import MalformedRequest

__all__ = ["MAX_DEPTH", "canonical", "decode", "encode", "member_of", "refuse_duplicate_keys"]

MAX_DEPTH = 64
"""The deepest official R4 example nests 21 levels."""

_decoder = msgspec.json.Decoder(float_hook=Decimal)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encoder = msgspec.json.Encoder(decimal_format="number")
_canonical = msgspec.json.Encoder(decimal_format="number", order="deterministic")


def decode(body: bytes) -> object:
    """Return the JSON value in `body`, with decimals as Decimal, digits kept.

    Raises MalformedRequest for what is not UTF-8 JSON (NaN and Infinity included) and for a depth over 64.
    The message says where, never what.
    """
    try:
        value = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ArithmeticError) as error:
        raise MalformedRequest("", f"not valid JSON: {_place(str(error))}") from None
    if _deeper_than(value, MAX_DEPTH):
        raise MalformedRequest("", f"nested deeper than {MAX_DEPTH} levels")
    return value


def encode(value: object) -> bytes:
    """Return `value` as compact JSON, members in their order, Decimals as the numbers they were."""
    return _encoder.encode(value)


def canonical(value: object) -> bytes:
    """Return `value` as JSON that is the same for equal content, whatever the order of its members."""
    return _canonical.encode(value)


def member_of(body: bytes, *names: str) -> bytes:
    """Return the text of a member inside nested objects of `body`, as it was written: digits, order, spaces."""
    for name in names:
        body = bytes(_members.decode(body)[name])
    return body


def refuse_duplicate_keys(body: bytes, *, path: str = "") -> None:
    """Raise MalformedRequest when an object in `body` names a member twice: JSON leaves open which one counts."""

    def check(pairs: list[tuple[str, object]]) -> dict[str, object]:
        members = dict(pairs)
        if len(members) < len(pairs):
            raise MalformedRequest(path, "an object names the same member twice")
        return members

    json.loads(body, object_pairs_hook=check)


def _deeper_than(value: object, limit: int) -> bool:
    level: list[object] = [value]
    for _ in range(limit):
        level = [part for container in level for part in _parts(container) if type(part) is dict or type(part) is list]
        if not level:
            return False
    return True


def _parts(container: object) -> Iterable[object]:
    if type(container) is dict:
        return container.values()
    return container if type(container) is list else ()


def _place(message: str) -> str:
    """Keep of the decoder's message only what cannot hold the client's text: the byte position."""
    _, found, position = message.rpartition("(byte ")
    if found:
        return f"at byte {position.rstrip(')')}"
    return "it is cut short, or is not UTF-8"
