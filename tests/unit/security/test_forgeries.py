"""Whatever comes, it is let in by a good signature or refused in one way."""

from __future__ import annotations

import json
import string
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from cds_service.errors import NotAuthenticated
from cds_service.security import Client
from tests.unit.security.world import bearer, claims, client, header, verifier, verify

GOOD = bearer()
SEGMENT = st.text(string.ascii_letters + string.digits + "-_", max_size=60)


def outcome(authorization: str) -> Client | NotAuthenticated:
    try:
        return verify(authorization, verifier(client(single_use=False)))
    except NotAuthenticated as refusal:
        return refusal


@given(st.text() | st.builds("Bearer {}.{}.{}".format, SEGMENT, SEGMENT, SEGMENT))
@example("Bearer ")
def test_no_text_is_let_in(authorization: str) -> None:
    assert isinstance(outcome(authorization), NotAuthenticated)


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_no_bytes_are_let_in_though_they_are_signed(payload: bytes, head: bytes) -> None:
    assert isinstance(outcome(bearer(payload or b" ")), NotAuthenticated)
    assert isinstance(outcome(bearer(claims(), head)), NotAuthenticated)


@given(st.integers(7, len(GOOD) - 1), st.sampled_from(string.ascii_letters + string.digits + "-_. ="))
def test_no_character_of_a_token_can_be_another(place: int, character: str) -> None:
    changed = GOOD[:place] + character + GOOD[place + 1 :]
    assert isinstance(outcome(changed), Client if changed == GOOD else NotAuthenticated)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(claims())), JSON)
def test_no_claim_that_is_asked_for_can_be_anything(name: str, value: Any) -> None:
    """A `jti` may be any text, and a time may be close to the right one; nothing else may differ."""
    found = outcome(bearer(claims(**{name: value})))
    if name == "jti" and isinstance(value, str) and value:
        assert isinstance(found, Client)
    else:
        assert isinstance(found, NotAuthenticated)


@given(st.dictionaries(st.sampled_from(["alg", "kid", "typ", "jku", "crit", "b64"]), JSON, min_size=1))
def test_no_header_can_be_anything(changes: dict[str, Any]) -> None:
    assert isinstance(outcome(bearer(claims(), header(**changes))), NotAuthenticated)


@given(st.dictionaries(st.text(max_size=8), JSON, max_size=4))
def test_other_claims_let_nobody_in_or_out(others: dict[str, Any]) -> None:
    """But for what is no JSON: Python writes `NaN`, and half characters."""
    text = json.dumps(others | claims())
    plain = not any(sign in text for sign in ("NaN", "Infinity", "\\ud")) and not {"nbf", "tenant"} & others.keys()
    assert isinstance(outcome(bearer(text.encode())), Client if plain else Client | NotAuthenticated)
