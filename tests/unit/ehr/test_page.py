from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.ehr.page import Page, look


def bundle(**members: Any) -> bytes:
    return json.dumps({"resourceType": "Bundle", **members}).encode()


NEXT = {"relation": "next", "url": "https://ehr.example.org/fhir?p=2"}
PAGES = {
    "a last page": (bundle(entry=[{}, {}]), Page(2, False, None)),
    "a page with a next one": (
        bundle(entry=[{}], link=[{"relation": "self", "url": "x"}, NEXT]),
        Page(1, True, NEXT["url"]),
    ),
    "a page that has no entries": (bundle(), Page(0, False, None)),
    "entries and links that are null": (bundle(entry=None, link=None), Page(0, False, None)),
    "entries of any kind": (bundle(entry=[None, 1, "a", [], {}]), Page(5, False, None)),
    "entries that are no array": (bundle(entry={}), Page(0, False, None)),
    "a link without a URL": (bundle(link=[{"relation": "next"}]), Page(0, True, None)),
    "a link whose URL is no text": (bundle(link=[{"relation": "next", "url": 5}]), Page(0, True, None)),
    "links that are no array": (bundle(link=NEXT), Page(0, True, None)),
    "links that are no objects": (bundle(link=["next"]), Page(0, True, None)),
    "a single resource": (b'{"resourceType": "Patient", "link": [{"type": "seealso"}]}', Page(0, False, None)),
}
NO_PAGES = {
    "nothing": b"",
    "no JSON": b"<html>",
    "an array": b"[]",
    "null": b"null",
    "no resource": b'{"entry": []}',
    "a type that is no text": b'{"resourceType": 5}',
    "cut short": bundle(entry=[{}])[:-1],
    "more after the end": bundle() + b"x",
    "a byte order mark": b"\xef\xbb\xbf" + bundle(),
    "UTF-16": bundle().decode().encode("utf-16"),
    "nested beyond all": b'{"resourceType": "Bundle", "entry": ' + b"[" * 100_000,
}


@pytest.mark.parametrize(("body", "page"), PAGES.values(), ids=PAGES)
def test_a_page_tells_its_entries_and_what_is_next(body: bytes, page: Page) -> None:
    assert look(body) == page


@pytest.mark.parametrize("body", NO_PAGES.values(), ids=NO_PAGES)
def test_what_is_no_resource_in_json_is_no_page(body: bytes) -> None:
    assert look(body) is None


@given(st.binary() | st.binary().map(lambda part: b'{"resourceType": "Bundle", "link": [' + part))
def test_no_bytes_are_too_odd_to_be_looked_at(body: bytes) -> None:
    look(body)
