"""Check digits: every published code passes, and no single slip or swap of neighbours does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.fhir.check_digits import is_loinc, is_snomed, is_sound

SNOMED = ["22298006", "73211009", "2667000", "52101004", "314973003", "1155707008", "404684003", "900000000000207008"]
LOINC = ["8716-3", "24968-0", "24967-2", "31206-6", "97509-4", "718-7", "1-8"]


@pytest.mark.parametrize("code", SNOMED)
def test_concepts_of_snomed_pass(code: str) -> None:
    assert is_snomed(code)


@pytest.mark.parametrize("code", LOINC)
def test_codes_of_loinc_pass(code: str) -> None:
    assert is_loinc(code)


@given(st.sampled_from(SNOMED), st.data())
def test_a_slip_in_a_digit_is_noticed(code: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(code) - 1))
    other = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != code[at]]))
    assert not is_snomed(code[:at] + other + code[at + 1 :])


@given(st.sampled_from(SNOMED), st.data())
def test_neighbours_in_the_wrong_order_are_noticed(code: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(code) - 2))
    swapped = code[:at] + code[at + 1] + code[at] + code[at + 2 :]
    assert is_snomed(swapped) is (swapped == code)


@given(st.sampled_from(LOINC), st.data())
def test_a_slip_in_a_loinc_code_is_noticed(code: str, data: st.DataObject) -> None:
    at = data.draw(st.sampled_from([i for i, char in enumerate(code) if char.isdigit()]))
    other = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != code[at]]))
    assert not is_loinc(code[:at] + other + code[at + 1 :])


@pytest.mark.parametrize("code", ["", "123", "abc", "022298006", "22298006 ", "1234567890123456789", "751689013"])
def test_what_is_no_concept_of_snomed_does_not_pass(code: str) -> None:
    """The last is a description, by its partition."""
    assert not is_snomed(code)


@pytest.mark.parametrize("code", ["", "8716", "8716-", "8716-33", "-3", "x-3", "12345678-1"])
def test_what_has_not_the_form_of_loinc_does_not_pass(code: str) -> None:
    assert not is_loinc(code)


def test_other_systems_have_no_check_digit() -> None:
    assert is_sound("http://hl7.org/fhir/sid/icd-10-cm", "anything")
    assert is_sound("http://snomed.info/sct", "22298006")
    assert not is_sound("http://loinc.org", "8716-4")
