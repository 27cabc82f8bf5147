"""Codes out of whatever stands where a code should stand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.fhir.values import CPT_SYSTEMS, Quantity, codes_of, same_system

SNOMED = "http://snomed.info/sct"


def codes(value: object) -> list[Any]:
    return list(codes_of(value))


def test_every_coding_of_a_concept_is_a_code() -> None:
    concept = {"coding": [{"system": SNOMED, "code": "1"}, {"code": "2"}], "text": "words"}
    assert codes(concept) == [(SNOMED, "1"), (None, "2")]


def test_a_coding_alone_and_a_bare_code_are_codes() -> None:
    assert codes({"system": SNOMED, "code": "1"}) == [(SNOMED, "1")]
    assert codes("final") == [(None, "final")]


@pytest.mark.parametrize(
    "value",
    [
        None,
        5,
        True,
        [],
        {},
        {"text": "words"},
        {"coding": []},
        {"coding": None},
        {"coding": "1"},
        {"coding": [None, "1", 5, [], {"system": SNOMED}, {"code": 5}, {"code": None}, {"code": {"code": "1"}}]},
        [{"coding": [{"code": "1"}]}],
    ],
    ids=repr,
)
def test_what_holds_no_code_gives_none(value: object) -> None:
    assert codes(value) == []


@pytest.mark.parametrize("system", [{}, {"a": "b"}, [SNOMED], 5, True, None, ""], ids=repr)
def test_a_system_that_is_no_text_is_no_system(system: object) -> None:
    assert codes({"coding": [{"system": system, "code": "1"}]}) == [(None, "1")]


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(
    st.sampled_from(("coding", "code", "system", "text")), x)))  # fmt: skip
def test_codes_of_anything_never_fail(value: object) -> None:
    for system, code in codes_of(value):
        assert system is None or type(system) is str
        assert type(code) is str


@pytest.mark.parametrize("system", CPT_SYSTEMS)
def test_the_names_of_cpt_are_one(system: str) -> None:
    assert same_system(system) == CPT_SYSTEMS[0]
    assert codes({"system": system, "code": "63102"}) == [(CPT_SYSTEMS[0], "63102")]


def test_another_system_keeps_its_name() -> None:
    assert same_system(SNOMED) == SNOMED
    assert same_system(SNOMED + "/") != SNOMED


@pytest.mark.parametrize(
    ("quantity", "text"),
    [
        (Quantity(Decimal(90), "day"), "90 days"),
        (Quantity(Decimal(1), "month"), "1 month"),
        (Quantity(Decimal("1.50"), "mg/dL"), "1.50 'mg/dL'"),
    ],
)
def test_a_quantity_reads_as_number_and_unit(quantity: Quantity, text: str) -> None:
    assert str(quantity) == text
