"""Values that stand where others should: every type of JSON, and what only looks like it."""

from __future__ import annotations

from copy import deepcopy
from decimal import Decimal
from random import Random
from typing import Any

from msgspec import Raw

__all__ = ["junk"]


_SIMPLE: tuple[Any, ...] = (None, True, False, 0, -1, 1, 2**31, 2**63, -(2**64), 10**300, Decimal("-0.0"), "", {}, [])
_NUMBERS = tuple(
    map(Raw, (b"1e400", b"-1E-400", b"9" * 300, b"0." + b"1" * 3_000, b"1E+999999", b"1e-999999", b"1.0e0"))
)
_NO_JSON = (
    *(b"NaN", b"-Infinity", b"01", b"1.", b"-", b"0x1F", b"+1", b"1e99999999999999999999", b"9" * 5_000, b"undefined"),
    *(b'"\\ud83d"', b'"\\udc00\\ud800"', b'"\xff"', b'"\xed\xa0\x80"', b"'a'", b'"\x01"', b'"\\x41"', b""),
    *(b"[" * levels + b"]" * levels for levels in (70, 2_000, 200_000)),
)
_TEXTS = (
    *(" ", "\x00", "\x7f", "\u202egnp.exe\u2066", "\u200b\ufeff", "\u2028", "é" * 300, "😀", "ſK", "٣", "a" * 100_000),
    *("<script>alert(1)</script>", "[x](javascript:alert(1))", "](http://x.example) **`|*_#~", "\r\nSet-Cookie: a=b"),
    *("${jndi:ldap://x.example/a}", "{{context.patientId}}", "../../etc/passwd", "'; DROP TABLE x; --", "%s%n%x"),
    *("Observation", "Bundle", "OperationOutcome", "final", "active", "entered-in-error", "order", "proposal", "<"),
)
_DATES = (
    *("0000-00-00", "0001-01-01", "9999-12-31", "10000-01-01", "-0001-01-01", "2026-02-30", "2026-1-5", "2026"),
    *("2026-01-15", "2026-01-16", "2026-01-15T24:00:00Z", "2026-01-15T23:59:60Z", "2026-01-15T10:00:00+14:00"),
    *("2026-01-15T00:00:00.000000000000001-12:00", "2026-01-15T10:00", "2026-01-15T10:00:00+99:99", "٢٠٢٦-٠١-١٥"),
)
_REFERENCES = (
    *("#", "#x", "/", "Patient/", "Patient/p1/_history/1", "Patient/p1?_format=json", "urn:uuid:0", "urn:oid:1.2", "?"),
    *("https://ehr.example.org/fhir/Patient/p1", "http://127.0.0.1:9/Patient/p1", "http://[::1", "//x", "file:///"),
)
_STRUCTURES: tuple[Any, ...] = (
    *([None], [[]], [{}], {"": ""}, {"x": {"x": {}}}, {"resourceType": 5}, {"resourceType": "Bundle"}, [True, 5, "a"]),
    *({"resourceType": "Bundle", "entry": 5}, {"resourceType": "Patient", "id": []}, {"coding": "x"}),
    *({"coding": {"code": "x"}}, {"reference": {}}, {"reference": "#"}, {"reference": "Patient/p1"}, {"value": "1"}),
    *({"extension": "x"}, {"extension": [None, {"url": None}]}, {"start": "x", "end": 5}, {"low": {"value": 1}}),
    *(
        {"value": Decimal("1E+999"), "code": "mg"},
        {"modifierExtension": [{"url": "https://example.org/no", "valueBoolean": True}]},
        {"resourceType": "OperationOutcome", "issue": 5},
        {"response": {"status": "404"}},
    ),
    *(Raw(b"[" * levels + b"]" * levels) for levels in (20, 50)),
    Raw(b'{"a":' * 50 + b"1" + b"}" * 50),
)
_KINDS = (_SIMPLE, _SIMPLE, _NUMBERS, _TEXTS, _TEXTS, _DATES, _REFERENCES, _STRUCTURES, _STRUCTURES)


def junk(chance: Random) -> Any:
    """Return a value for msgspec to write, now and then one that makes the whole message no JSON."""
    if chance.random() < 0.04:
        return Raw(chance.choice(_NO_JSON))
    return deepcopy(chance.choice(chance.choice(_KINDS)))
