from __future__ import annotations

from decimal import Decimal

from cds_service.client.difference import changes

ORDER = {"resourceType": "ServiceRequest", "id": "o1", "status": "draft"}


def test_what_comes_and_goes_is_shown_beside_what_stays():
    after = {**ORDER, "status": "active", "priority": "stat"}
    assert list(changes(ORDER, after)) == [
        "  …",
        " {",
        '   "id": "o1",',
        '+  "priority": "stat",',
        '   "resourceType": "ServiceRequest",',
        '-  "status": "draft"',
        '+  "status": "active"',
        " }",
    ]


def test_the_order_of_members_is_no_change():
    assert list(changes(ORDER, dict(reversed(ORDER.items())))) == []


def test_a_digit_that_was_lost_is_a_change():
    lines = list(changes({"value": Decimal("2.50")}, {"value": Decimal("2.5")}))
    assert '-  "value": 2.50' in lines
    assert '+  "value": 2.5' in lines


def test_all_of_something_new_is_new():
    assert list(changes(None, {"id": "x"})) == ["  …", "+{", '+  "id": "x"', "+}"]


def test_what_cannot_be_seen_is_written_out():
    shown = "\n".join(changes(None, {"id": "\u202e\x1b[31m\u200bé"}))
    assert r"\u202e\u001b[31m\u200bé" in shown


def test_what_is_too_large_is_not_compared():
    (line,) = changes(None, list(range(6_000)))
    assert "--format json" in line
