"""JSON at the border: exact, strict, bounded; and a refusal never repeats what it refuses."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.errors import MalformedRequest
from cds_service.fhir.encoding import MAX_DEPTH, canonical, decode, encode, member_of, refuse_duplicate_keys

CANARY = "canary-of-jane-roe"

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False, places=3)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_what_is_encoded_is_decoded_to_the_same(value: object) -> None:
    assert decode(encode(value)) == value


@pytest.mark.parametrize("number", ["1.10", "0.30", "1E+400", "100000000000000000000.5", "-0.0", "1e-7"])
def test_decimals_keep_their_digits(number: str) -> None:
    read = decode(number.encode())
    assert isinstance(read, Decimal)
    assert Decimal(encode(read).decode()).as_tuple() == Decimal(number).as_tuple()


def test_integers_beyond_64_bits_stay_exact() -> None:
    assert decode(b"123456789012345678901234567890") == 123456789012345678901234567890


NOT_JSON = [
    b"",
    b"{",
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"{'a': 1}",
    b'{"a": 1,}',
    b"[1] 2",
    b"01",
    b"1e999999999999999999999",
    b"1" * 5000,
    b"[" * 100_000,
    b"\xef\xbb\xbf{}",
    b'"\xff"',
    b'"\xc0\xaf"',
    b'"\\ud800"',
    b'"\x00"',
    '{"a": 1}'.encode("utf-16"),
    f'{{"{CANARY}": "{CANARY}'.encode(),
    f'{{"{CANARY}" 1}}'.encode(),
    f'{{"a": "{CANARY}\x01"}}'.encode(),
    f'["{CANARY}" "{CANARY}"]'.encode(),
    f'{{"a": 1}} {CANARY}'.encode(),
    f'"\\q{CANARY}"'.encode(),
    f'"{CANARY}\\ud800"'.encode(),
]


@pytest.mark.parametrize("body", NOT_JSON, ids=lambda body: repr(body[:20]))
def test_what_is_not_json_is_refused_without_being_repeated(body: bytes) -> None:
    with pytest.raises(MalformedRequest, match="not valid JSON") as refusal:
        decode(body)
    assert CANARY not in str(refusal.value)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__


@given(st.binary(max_size=40))
def test_any_bytes_are_decoded_or_refused(body: bytes) -> None:
    try:
        value = decode(body)
    except MalformedRequest:
        return
    assert decode(encode(value)) == value


def nested(depth: int, *, lists: bool) -> bytes:
    return b"[" * depth + b"]" * depth if lists else b'{"a":' * depth + b"1" + b"}" * depth


@pytest.mark.parametrize("lists", [True, False])
def test_depth_is_bounded(lists: bool) -> None:
    decode(nested(MAX_DEPTH, lists=lists))
    with pytest.raises(MalformedRequest, match=f"deeper than {MAX_DEPTH} levels"):
        decode(nested(MAX_DEPTH + 1, lists=lists))


def test_a_deep_branch_beside_shallow_ones_is_found() -> None:
    with pytest.raises(MalformedRequest, match="deeper"):
        decode(b'[{"a": [1, [2]]}, ' + nested(MAX_DEPTH, lists=False) + b", 3]")


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_canonical_text_does_not_depend_on_the_order_of_members(value: dict[str, Any]) -> None:
    assert canonical(dict(reversed(value.items()))) == canonical(value)


@given(JSON, JSON)
def test_canonical_text_is_equal_only_for_equal_content(one: object, other: object) -> None:
    if canonical(one) == canonical(other):
        assert one == other


def test_a_member_is_returned_as_it_was_written() -> None:
    body = b'{"context": {"draftOrders":  {"b": 1.10, "a": [ ] } , "x": 1}}'
    assert member_of(body, "context", "draftOrders") == b'{"b": 1.10, "a": [ ] }'


@pytest.mark.parametrize(
    "body",
    [b'{"a": 1, "a": 1}', b'{"x": [{"a": 1, "b": 2, "a": 3}]}', b'{"a": 1, "\\u0061": 2}', b'{"": 0, "": 1}'],
)
def test_a_member_named_twice_is_refused_at_any_depth(body: bytes) -> None:
    with pytest.raises(MalformedRequest, match="twice") as refusal:
        refuse_duplicate_keys(body, path="context.draftOrders")
    assert refusal.value.path == "context.draftOrders"


def test_the_same_name_in_different_objects_is_no_duplicate() -> None:
    refuse_duplicate_keys(json.dumps([{"a": {"a": 1}}, {"a": 2}]).encode())
