from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.fhir.query import Fetched, FhirQuery, literal
from cds_service.fhir.unread import Why

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


def search(*parameters: tuple[str, str]) -> FhirQuery:
    return FhirQuery("key", "Observation", parameters=parameters)


URLS = {
    "Patient/p-1.2": FhirQuery("patient", "Patient", id="p-1.2"),
    "Patient/a%2F..%3Fb%23": FhirQuery("patient", "Patient", id="a/..?b#"),
    "Observation?patient=p1&code=http://loinc.org%7C718-7,http://loinc.org%7C4548-4": search(
        ("patient", "p1"), ("code", "http://loinc.org|718-7,http://loinc.org|4548-4")
    ),
    "Observation?date=ge2025-01-01&date=lt2026-01-01T00:00:00%2B02:00": search(
        ("date", "ge2025-01-01"), ("date", "lt2026-01-01T00:00:00+02:00")
    ),
    "Observation?code:in=http://a.example/b%3Fc%3Dd%26e": search(("code:in", "http://a.example/b?c=d&e")),
}


@pytest.mark.parametrize(("url", "query"), URLS.items(), ids=URLS)
def test_a_query_is_one_relative_url(url: str, query: FhirQuery) -> None:
    assert query.url == url


@given(st.lists(st.tuples(texts, texts), min_size=1))
def test_no_value_gets_out_of_its_place(parameters: list[tuple[str, str]]) -> None:
    url = urlsplit(search(*parameters).url)
    assert url.path == "Observation"
    assert parse_qsl(url.query, keep_blank_values=True) == parameters


@given(texts)
def test_a_literal_holds_no_sign_of_a_search_and_nothing_of_it_is_lost(text: str) -> None:
    unescaped = r"(?<!\\)(?:\\\\)*[$,|]"
    assert not re.search(unescaped, literal(text))
    assert re.sub(r"\\([\\$,|])", r"\1", literal(text)) == text


@given(texts)
def test_no_id_gets_out_of_its_place(name: str) -> None:
    url = urlsplit(FhirQuery("key", "Patient", id=name).url)
    assert url.path.count("/") == 1
    assert not url.query
    assert not url.fragment


@pytest.mark.parametrize(
    ("type_name", "name", "parameters"),
    [
        ("Patient", None, ()),
        ("Patient", "p1", (("a", "b"),)),
        ("patient", "p1", ()),
        ("Patient/x", "p1", ()),
        ("", "p1", ()),
    ],
)
def test_what_is_neither_a_read_nor_a_search_is_refused(
    type_name: str, name: str | None, parameters: tuple[tuple[str, str], ...]
) -> None:
    with pytest.raises(ValueError, match="a query"):
        FhirQuery("key", type_name, name, parameters)


def test_an_answer_is_complete_unless_something_says_why_not() -> None:
    query = search(("patient", "p1"))
    assert Fetched(query).complete
    assert not Fetched(query, (b"{}",), Why.TIMEOUT).complete
