"""Value sets as sets: what is a member, and which definitions are refused because they cannot be expanded."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.errors import ContentError
from cds_service.fhir.value_set import ValueSet, read_value_set

URL = "https://example.org/fhir/ValueSet/levels"
SNOMED = "http://snomed.info/sct"
CPT, CPT_OID = "http://www.ama-assn.org/go/cpt", "urn:oid:2.16.840.1.113883.6.12"


def concepts(*codes: str) -> list[dict[str, Any]]:
    return [{"code": code} for code in codes]


def composed(*include: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"resourceType": "ValueSet", "url": URL, "version": "1", "compose": {"include": [*include]}, **more}


def levels(system: str = SNOMED) -> ValueSet:
    return read_value_set(composed({"system": system, "concept": concepts("L1", "L2")}))


@pytest.mark.parametrize(
    "value",
    [
        {"coding": [{"system": SNOMED, "code": "L1"}]},
        {"coding": [{"system": "http://other", "code": "x"}, {"system": SNOMED, "code": "L2"}]},
        {"system": SNOMED, "code": "L1"},
        "L1",
    ],
    ids=repr,
)
def test_a_member_is_known_in_a_concept_a_coding_or_a_bare_code(value: object) -> None:
    assert levels().has(value)


@pytest.mark.parametrize(
    "value",
    [
        {"coding": [{"system": "http://other", "code": "L1"}]},
        {"coding": [{"code": "L1"}]},
        {"coding": [{"system": None, "code": "L1"}]},
        {"coding": [{"system": {}, "code": "L1"}]},
        {"coding": [{"system": SNOMED, "code": "l1"}]},
        {"coding": [{"system": SNOMED, "code": " L1"}]},
        {"coding": [{"system": SNOMED, "display": "L1"}]},
        {"text": "L1"},
        {},
        [],
        None,
        5,
        "L3",
    ],
    ids=repr,
)
def test_what_is_no_member_is_none(value: object) -> None:
    assert not levels().has(value)


def test_a_system_may_be_written_in_several_ways() -> None:
    assert levels(CPT_OID).has({"coding": [{"system": CPT, "code": "L1"}]})
    assert levels(CPT).has({"coding": [{"system": CPT_OID, "code": "L1"}]})


def test_the_first_member_of_several_codes_is_found() -> None:
    assert levels().first([(SNOMED, "x"), (SNOMED, "L2"), (SNOMED, "L1")]) == (SNOMED, "L2")
    assert levels().first([(None, "L1")]) is None


def test_an_expansion_wins_over_the_definition() -> None:
    expanded = composed(
        {"system": SNOMED, "filter": [{"property": "concept", "op": "is-a", "value": "1"}]},
        expansion={"contains": [{"system": SNOMED, "code": "L5"}]},
    )
    assert read_value_set(expanded).codes == {(SNOMED, "L5")}


def test_an_expansion_is_read_to_its_leaves() -> None:
    tree = {
        "contains": [
            {"abstract": True, "display": "lumbar", "contains": [{"system": SNOMED, "code": "L1"}]},
            {"system": SNOMED, "code": "L2", "contains": [{"system": SNOMED, "code": "L2a"}]},
        ]
    }
    assert read_value_set(composed(expansion=tree)).codes == {(SNOMED, "L1"), (SNOMED, "L2"), (SNOMED, "L2a")}


def test_a_part_of_an_expansion_is_not_taken_for_the_whole() -> None:
    page = {"total": 5, "contains": [{"system": SNOMED, "code": "L1"}]}
    with pytest.raises(ContentError, match="total"):
        read_value_set(composed(expansion=page))


def test_names_are_our_own_words_else_the_display_else_the_code() -> None:
    ours = {"code": "1", "display": "theirs", "designation": [{"use": {"code": "paraphrase"}, "value": "ours"}]}
    other = {"code": "2", "display": "theirs", "designation": [{"value": "not ours"}]}
    names = read_value_set(composed({"system": SNOMED, "concept": [ours, other, {"code": "3"}]})).names
    assert [names[SNOMED, code] for code in ("1", "2", "3")] == ["ours", "theirs", "3"]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no url": ({"resourceType": "ValueSet"}, "has no `url`"),
    "nothing": ({"url": URL}, "holds no code"),
    "empty": (composed(), "holds no code"),
    "a whole system": (composed({"system": SNOMED}), "only listed codes"),
    "a filter": (composed({"system": SNOMED, "concept": concepts("1"), "filter": [{}]}), "only listed codes"),
    "another set": (composed({"valueSet": ["https://example.org/other"]}), "only listed codes"),
    "codes of another set": (composed({"system": SNOMED, "concept": concepts("1"), "valueSet": ["x"]}), "only listed"),
    "an exclusion": (
        {"url": URL, "compose": {"include": [{"system": SNOMED, "concept": concepts("1")}], "exclude": [{}]}},
        "`exclude` is not carried out",
    ),
    "a code without a system": (composed({"concept": concepts("1")}), "`system` and a `code`"),
    "a system that is no text": (composed({"system": {}, "concept": concepts("1")}), "`system` and a `code`"),
    "a concept without a code": (composed({"system": SNOMED, "concept": [{"display": "x"}]}), "`system` and a `code`"),
    "an empty expansion": (composed(expansion={"contains": []}), "holds no code"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_a_set_that_cannot_be_expanded_is_refused_with_its_canonical(fault: str) -> None:
    resource, words = REFUSED[fault]
    with pytest.raises(ContentError, match=words) as refusal:
        read_value_set(resource)
    assert refusal.value.canonical == resource.get("url")


def test_a_refusal_names_the_include_that_is_at_fault() -> None:
    with pytest.raises(ContentError) as refusal:
        read_value_set(composed({"system": SNOMED, "concept": concepts("1")}, {"system": SNOMED}))
    assert refusal.value.element == "compose.include[1]"


def test_the_version_is_kept_where_it_is_text() -> None:
    assert levels().version == "1"
    assert read_value_set(composed({"system": SNOMED, "concept": concepts("1")}, version=5)).version is None
