"""Code systems: which code stands above which, however the resource says it."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.errors import ContentError
from cds_service.fhir.code_system import CodeSystem, read_code_system

URL = "https://example.org/fhir/CodeSystem/growths"


def concept(code: str, *inside: dict[str, Any], **properties: str | list[str]) -> dict[str, Any]:
    named = [
        {"code": name, "valueCode": value}
        for name, values in properties.items()
        for value in ([values] if isinstance(values, str) else values)
    ]
    return {"code": code, **({"concept": list(inside)} if inside else {}), **({"property": named} if named else {})}


def system(*concepts: object, **more: Any) -> CodeSystem:
    return read_code_system({"url": URL, "content": "complete", "concept": list(concepts), **more})


# growth ─┬─ tumour ─┬─ sarcoma ── osteosarcoma
#         │          └─ carcinoma
#         └─ cyst
NESTED = system(
    concept(
        "growth", concept("tumour", concept("sarcoma", concept("osteosarcoma")), concept("carcinoma")), concept("cyst")
    )
)
BY_PARENTS = system(
    concept("osteosarcoma", parent="sarcoma"),
    concept("sarcoma", parent="tumour"),
    concept("carcinoma", subsumedBy="tumour"),
    concept("tumour", parent="growth"),
    concept("cyst", parent="growth"),
    concept("growth"),
)
BY_CHILDREN = system(
    concept("growth", child=["tumour", "cyst"]),
    concept("tumour", child=["sarcoma", "carcinoma"]),
    concept("sarcoma", child="osteosarcoma"),
    *(concept(code) for code in ("osteosarcoma", "carcinoma", "cyst")),
)
ABOVE = {
    "growth": set(),
    "tumour": {"growth"},
    "sarcoma": {"growth", "tumour"},
    "osteosarcoma": {"growth", "tumour", "sarcoma"},
    "carcinoma": {"growth", "tumour"},
    "cyst": {"growth"},
}


@pytest.mark.parametrize("growths", [NESTED, BY_PARENTS, BY_CHILDREN], ids=["nested", "parents", "children"])
@pytest.mark.parametrize(("general", "special"), list(product(ABOVE, ABOVE)))
def test_a_code_subsumes_itself_and_what_is_below_it(growths: CodeSystem, general: str, special: str) -> None:
    assert growths.subsumes(general, special) is (general == special or general in ABOVE[special])


@pytest.mark.parametrize(
    ("general", "special"), [("growth", "mole"), ("mole", "growth"), ("mole", "mole"), ("", "cyst")]
)
def test_a_code_that_the_system_does_not_have_is_neither(general: str, special: str) -> None:
    assert NESTED.subsumes(general, special) is None


def test_codes_are_told_apart_by_case() -> None:
    assert NESTED.subsumes("Growth", "cyst") is None


def test_a_code_may_stand_below_several() -> None:
    mixed = system(concept("a"), concept("b", concept("d", parent=["c", "a"])), concept("c"))
    assert [mixed.subsumes(code, "d") for code in "abcd"] == [True, True, True, True]
    assert mixed.subsumes("a", "b") is False


def test_a_circle_ends_and_each_stands_above_the_other() -> None:
    circle = system(concept("a", parent="b"), concept("b", parent="c"), concept("c", parent="a"), concept("d"))
    assert all(circle.subsumes(one, other) for one, other in product("abc", "abc"))
    assert circle.subsumes("a", "d") is False


def test_a_parent_that_the_system_does_not_have_is_not_asked_for() -> None:
    assert system(concept("a", parent="elsewhere")).subsumes("elsewhere", "a") is None


def test_odd_concepts_are_passed_over() -> None:
    odd: list[object] = [None, "a", {}, {"code": 5}, {"code": "b", "property": [None, "x", {"code": "parent"}]}]
    odd += [{"code": "c", "property": {"code": "parent"}, "concept": "d"}, {"code": "e", "concept": [concept("f")]}]
    assert set(system(*odd).parents) == {"b", "c", "e", "f"}


def test_a_system_is_known_by_its_url() -> None:
    assert NESTED.url == URL


@pytest.mark.parametrize(
    ("resource", "words"),
    [
        ({"content": "complete"}, "a CodeSystem has no `url`"),
        ({"url": 5, "content": "complete"}, "a CodeSystem has no `url`"),
        ({"url": URL}, "`content` complete"),
        ({"url": URL, "content": "fragment"}, "`content` complete"),
        ({"url": URL, "content": "not-present"}, "`content` complete"),
        ({"url": URL, "content": "complete", "hierarchyMeaning": "part-of"}, "means is-a"),
        ({"url": URL, "content": "complete", "hierarchyMeaning": "grouped-by"}, "means is-a"),
    ],
)
def test_a_system_that_cannot_be_asked_is_refused_when_it_is_loaded(resource: dict[str, Any], words: str) -> None:
    with pytest.raises(ContentError) as fault:
        read_code_system(resource)
    assert words in str(fault.value)


def test_a_hierarchy_that_says_it_means_is_a_is_one() -> None:
    assert system(concept("a", concept("b")), hierarchyMeaning="is-a").subsumes("a", "b") is True


CODES = st.sampled_from("abcde")


@given(st.dictionaries(CODES, st.lists(CODES, max_size=3), min_size=1))
def test_what_stands_above_what_stands_above_stands_above(above: dict[str, list[str]]) -> None:
    made = system(*(concept(code, parent=parents) for code, parents in above.items()))
    for one, other, third in product(above, above, above):
        if made.subsumes(one, other) and made.subsumes(other, third):
            assert made.subsumes(one, third) is True
