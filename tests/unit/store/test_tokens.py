"""No token is kept, and nothing else is lost with it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.store.tokens import AUTHORIZATION, without_tokens

TOKEN = "s3cret-access-token-of-the-ehr"  # noqa: S105 - made up
GRANT = json.dumps({"access_token": TOKEN, "token_type": "Bearer", "scope": "patient/*.rs"})

spaces = st.text(" \t\r\n", max_size=3)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
names = st.text().filter(lambda name: name != AUTHORIZATION)
others = st.tuples(names, values).map(lambda member: f"{json.dumps(member[0])}:{json.dumps(member[1])}")
grants = st.sampled_from(
    [f'"{AUTHORIZATION}":{GRANT}', f'"fhir\\u0041uthorization" : {GRANT}', f'"{AUTHORIZATION}":"{TOKEN}"']
)


def written(members: list[str]) -> bytes:
    return ("{" + ",".join(members) + "}").encode()


@given(st.lists(st.tuples(spaces, others | grants, spaces), max_size=6), spaces)
def test_all_but_the_authorization_is_kept_to_the_byte(members: list[tuple[str, str, str]], after: str) -> None:
    texts = ["".join(member) for member in members]
    kept = [text for text, (_, member, _) in zip(texts, members, strict=True) if TOKEN not in member]
    stripped = without_tokens(written(texts) + after.encode())
    assert stripped == written(kept) + after.encode()
    json.loads(stripped)


@given(st.text(min_size=16), values)
def test_a_token_is_nowhere_in_what_is_kept(token: str, value: object) -> None:
    grant = {"access_token": token}
    request = {AUTHORIZATION: grant, "context": value, "prefetch": {"copied": f"Bearer {token}"}}
    for plain in (True, False):
        body = json.dumps(request, ensure_ascii=plain).encode("utf-8", "replace")
        assert token not in json.dumps(json.loads(without_tokens(body))["prefetch"], ensure_ascii=False)


def test_what_stands_there_twice_goes_twice() -> None:
    body = f'{{"a": 1, "{AUTHORIZATION}": 1, "b": 2 , "a": "11", "{AUTHORIZATION}": 12}}'.encode()
    assert without_tokens(body) == b'{"a": 1, "b": 2 , "a": "11"}'


def test_a_short_token_is_no_reason_to_change_words_elsewhere() -> None:
    body = b'{"fhirAuthorization":{"access_token":"hook"},"hook":"order-sign"}'
    assert without_tokens(body) == b'{"hook":"order-sign"}'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'{"fhirAuthorization": {"access_token": "s3',
        b"\xff\xfe{\x00}\x00",
        b'{"a":\xff}',
        b"[" * 9999,
    ],
)
def test_of_what_is_no_json_object_only_its_length_is_kept(body: bytes) -> None:
    assert json.loads(without_tokens(body)) == {"unreadable": True, "bytes": len(body)}


@given(st.binary(max_size=60))
def test_anything_can_be_stripped(body: bytes) -> None:
    json.loads(without_tokens(body))
