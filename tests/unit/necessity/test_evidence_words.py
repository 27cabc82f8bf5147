"""Evidence as a reader sees it: path, words, date and status; and nothing that is not there."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.fhir.element import Location
from cds_service.necessity.evidence import gather_evidence, words_of

WORDS: list[tuple[Any, str | None]] = [
    ("text", "text"),
    (True, "yes"),
    (False, "no"),
    (5, "5"),
    (Decimal("1.50"), "1.50"),
    ({"coding": [{"code": "a", "display": "A display"}], "text": "words"}, "A display"),
    ({"coding": [{"code": "a"}]}, "a"),
    ({"coding": [{"system": "s"}, {"code": "b"}]}, "b"),
    ({"coding": [], "text": "words"}, "words"),
    ({"text": "words"}, "words"),
    ({"code": "a", "system": "s", "display": "A display"}, "A display"),
    ({"value": Decimal("5.0"), "unit": "millimetres", "code": "mm"}, "5.0 millimetres"),
    ({"value": 5, "code": "mm"}, "5 mm"),
    ({"value": 5, "unit": "mm", "comparator": "<"}, "<5 mm"),
    ({"start": "2025-01-01", "end": "2025-01-03"}, "2025-01-01 to 2025-01-03"),
    ({"start": "2025-01-01"}, "2025-01-01 to …"),
    ({"end": "2025-01-03"}, "… to 2025-01-03"),
    ({"reference": "ImagingStudy/mri"}, "ImagingStudy/mri"),
    ({"reference": "ImagingStudy/mri", "display": "MRI"}, "MRI"),
    ({"display": "MRI"}, "MRI"),
    ([{"text": "left"}, {"text": "right"}], "left, right"),
    (["a", None, {}, "b"], "a, b"),
    (None, None),
    ({}, None),
    ([], None),
    ([None], None),
]


@pytest.mark.parametrize(("value", "words"), WORDS, ids=repr)
def test_a_value_reads_as_a_clinician_would_write_it(value: Any, words: str | None) -> None:
    assert words_of(value) == words


MISSHAPEN: list[Any] = [
    {"coding": [], "text": {"canary": 1}},
    {"coding": "canary"},
    {"coding": [None, 5, []], "text": ["x"]},
    {"code": {"a": 1}, "value": {"b": 2}},
    {"value": {"b": 2}, "unit": "mm"},
    {"value": 5, "unit": {"a": 1}, "code": "mm"},
    {"value": 5, "unit": "mm", "comparator": {"a": 1}},
    {"start": {"a": 1}, "end": [1]},
    {"reference": "x", "display": {"a": 1}},
    {"code": "a", "display": ["x"]},
    {"display": 5},
    {"text": None},
    [[["a"]]],
    1.5,
]


@pytest.mark.parametrize("value", MISSHAPEN, ids=repr)
def test_a_misshapen_value_has_words_or_none_but_shows_no_structure(value: Any) -> None:
    words = words_of(value)
    assert words is None or type(words) is str
    assert not set(words or "") & set("{}[]'")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False) | st.text(alphabet="abc"),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(("coding", "code", "text", "display", "value", "unit", "start", "end", "reference")),
                inner,
                max_size=4,
            )
        ),
        max_leaves=10,
    )
)
def test_words_of_anything_are_text_or_none(value: Any) -> None:
    words = words_of(value)
    assert words is None or (type(words) is str and not set(words) & set("{}[]"))


OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "o1",
    "status": "final",
    "effectiveDateTime": "2025-11-20T10:00:00Z",
    "code": {"text": "size"},
    "valueQuantity": {"value": 5, "unit": "mm"},
}


def evidence(resource: dict[str, Any], *steps: tuple[Any, str]) -> Any:
    place = Location(resource)
    for value, name in steps:
        place = place.child(value, name)
    (found,) = gather_evidence([place])
    return found


def test_an_element_is_evidence_with_the_date_and_status_of_its_resource() -> None:
    found = evidence(OBSERVATION, (OBSERVATION["valueQuantity"], "value"))
    assert (found.path, found.value, found.date, found.status) == (
        "Observation/o1.value",
        "5 mm",
        "2025-11-20",
        "final",
    )
    assert found.element is OBSERVATION["valueQuantity"]


@pytest.mark.parametrize(
    ("resource", "words"),
    [
        (OBSERVATION, "5 mm"),
        ({"resourceType": "Condition", "id": "c", "code": {"text": "tumour"}}, "tumour"),
        ({"resourceType": "ImagingStudy", "id": "i", "procedureCode": [{"text": "MRI"}]}, "MRI"),
        ({"resourceType": "MedicationRequest", "id": "m", "medicationCodeableConcept": {"text": "drug"}}, "drug"),
        ({"resourceType": "Patient", "id": "p", "birthDate": "2015-01-01"}, "2015-01-01"),
        ({"resourceType": "Procedure", "id": "p"}, None),
    ],
    ids=lambda one: one["resourceType"] if isinstance(one, dict) else one,
)
def test_a_whole_resource_says_its_value_or_what_it_is_about(resource: dict[str, Any], words: str | None) -> None:
    assert evidence(resource).value == words


def test_a_condition_shows_its_verification() -> None:
    known = {"resourceType": "Condition", "id": "c", "verificationStatus": {"coding": [{"code": "confirmed"}]}}
    assert evidence(known).status == "confirmed"


def test_an_undated_resource_has_no_date() -> None:
    assert evidence({"resourceType": "Condition", "id": "c"}).date is None
    assert evidence({"resourceType": "Condition", "id": "c", "recordedDate": "soon"}).date is None
    assert evidence({"resourceType": "Condition", "id": "c", "recordedDate": "2025"}).date == "2025"


def test_each_path_is_named_once_and_in_order() -> None:
    other = {"resourceType": "Condition", "id": "c"}
    places = [Location(other), Location(OBSERVATION), Location(other)]
    assert [one.path for one in gather_evidence(places)] == ["Condition/c", "Observation/o1"]


@pytest.mark.parametrize("value", [5, "text", {"start": "2025"}, None, [OBSERVATION]], ids=repr)
def test_what_is_computed_stands_nowhere_and_is_no_evidence(value: Any) -> None:
    assert gather_evidence([Location(value)]) == ()
