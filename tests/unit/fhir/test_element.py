"""Paths into resources: what a Location prints names exactly the element that it stands for."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from cds_service.fhir.definitions import element, elements_of
from cds_service.fhir.element import Location, label, locate, remove
from tests.charts import fixture

CHARTS = ["seed-1-a", "seed-1-b", "seed-1-mixed", "seed-2-a", "seed-2-b", "seed-2-mixed", "both-b"]


def resources(chart: str) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in fixture(f"patients/{chart}.json")["entry"]]


def elements(place: Location, kind: str) -> Iterator[Location]:
    """Every element below a place, found by R4's own definitions."""
    for key, value in place.value.items():
        found = [
            (name, type_name)
            for name in elements_of(kind)
            if (known := element(kind, name)) is not None
            for json_key, type_name in zip(known.keys, known.types, strict=True)
            if json_key == key
        ]
        for name, type_name in found:
            several = isinstance(value, list)
            for i, one in enumerate(value if several else [value]):
                child = place.child(one, name, i if several else None)
                yield child
                if isinstance(one, dict):
                    yield from elements(child, type_name)


def all_places(chart: str) -> Iterator[tuple[dict[str, Any], Location]]:
    for resource in resources(chart):
        for place in elements(Location(resource), resource["resourceType"]):
            yield resource, place


@pytest.mark.parametrize("chart", CHARTS)
def test_a_printed_path_leads_back_to_exactly_its_element(chart: str) -> None:
    count = 0
    for resource, place in all_places(chart):
        ((container, key),) = locate(resource, str(place))
        assert container[key] is place.value, str(place)
        count += 1
    assert count > 300


@pytest.mark.parametrize("chart", CHARTS)
def test_paths_within_a_resource_are_all_different(chart: str) -> None:
    paths = [str(place) for _, place in all_places(chart)]
    assert len(paths) == len(set(paths))


@pytest.mark.parametrize("chart", CHARTS[:2])
def test_what_is_removed_is_gone_and_nothing_else(chart: str) -> None:
    for resource, place in all_places(chart):
        changed = copy.deepcopy(resource)
        before = len(list(elements(Location(changed), changed["resourceType"])))
        below = len(list(elements(place, _type_of(place)))) if isinstance(place.value, dict) else 0
        assert remove(changed, str(place))
        assert len(list(elements(Location(changed), changed["resourceType"]))) == before - 1 - below


def _type_of(place: Location) -> str:
    assert place.parent is not None
    kind = place.parent.value.get("resourceType") or _type_of(place.parent)
    known = element(kind, place.name)
    assert known is not None
    values = dict(zip(known.keys, known.types, strict=True))
    return next(
        values[key]
        for key, value in place.parent.value.items()
        if key in values and (value is place.value or (isinstance(value, list) and place.value in value))
    )


OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "o1",
    "valueString": "x",
    "code": {"coding": [{"code": "a"}, {"code": "b"}]},
    "component": [{"valueQuantity": {"value": 1}}, {"valueString": "y"}],
    "extension": [{"url": "u", "valueCodeableConcept": {"coding": [{"code": "c"}]}}],
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("Observation/o1.value", ["x"]),
        ("value", ["x"]),
        ("component[0].value.value", [1]),
        ("component[1].value", ["y"]),
        ("extension[0].value.coding[0].code", ["c"]),
        ("code.coding", [OBSERVATION["code"]["coding"]]),
        ("code.coding[1].code", ["b"]),
        ("code.coding[7].code", []),
        ("code.nothing", []),
        ("nothing", []),
        ("value.nothing", []),
        ("subject.reference", []),
    ],
)
def test_a_path_is_understood_with_its_resource_in_front_or_without(path: str, found: list[Any]) -> None:
    assert [container[key] for container, key in locate(OBSERVATION, path)] == found


def test_a_path_goes_into_a_contained_resource() -> None:
    resource = {"resourceType": "Procedure", "id": "p1", "contained": [dict(OBSERVATION), None, "odd"]}
    assert [container[key] for container, key in locate(resource, "Procedure/p1.contained[0].value")] == ["x"]
    assert locate(resource, "Procedure/p1.contained[1].value") == []
    assert locate(resource, "Procedure/p1.contained[2].value") == []


def test_an_id_may_hold_dots() -> None:
    resource = {"resourceType": "Condition", "id": "a.b-c", "code": {"text": "x"}}
    place = Location(resource).child(resource["code"], "code").child("x", "text")
    assert [container[key] for container, key in locate(resource, str(place))] == ["x"]


@pytest.mark.parametrize("path", ["Condition/c1", "Condition/c.1", ""])
def test_the_path_of_a_whole_resource_removes_nothing_inside_it(path: str) -> None:
    resource = {"resourceType": "Condition", "id": path.rpartition("/")[2], "code": {"text": "x"}}
    before = copy.deepcopy(resource)
    assert remove(resource, path) is False
    assert resource == before


def test_removing_what_is_not_there_says_so() -> None:
    resource = copy.deepcopy(OBSERVATION)
    assert remove(resource, "Observation/o1.focus[0]") is False
    assert resource == OBSERVATION


@pytest.mark.parametrize("odd", [None, 5, "text", [], [[]], [None]], ids=repr)
def test_a_path_through_something_odd_finds_nothing(odd: object) -> None:
    resource = {"resourceType": "Observation", "id": "o1", "code": odd}
    assert locate(resource, "Observation/o1.code.coding[0].code") == []


def test_a_resource_without_an_id_is_named_by_its_content() -> None:
    one, same = (
        {"resourceType": "Condition", "code": {"text": "x"}},
        {"code": {"text": "x"}, "resourceType": "Condition"},
    )
    assert label(one) == label(same)
    assert label(one).startswith("Condition/~")
    assert label(one) != label({"resourceType": "Condition", "code": {"text": "y"}})


def test_a_computed_value_stands_nowhere() -> None:
    assert str(Location(5)) == ""
    assert Location(5).owner == 5


def test_the_owner_is_the_value_at_the_root() -> None:
    place = Location(OBSERVATION).child(OBSERVATION["code"], "code").child({"code": "a"}, "coding", 0)
    assert place.owner is OBSERVATION
    assert str(place) == "Observation/o1.code.coding[0]"
