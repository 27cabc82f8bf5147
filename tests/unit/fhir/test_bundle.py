"""Every shape in which resources come in; what cannot be read is said, never passed over."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.fhir.bundle import gather, read
from cds_service.fhir.unread import Unread, Why

C1: dict[str, Any] = {"resourceType": "Condition", "id": "c1"}
C2: dict[str, Any] = {"resourceType": "Condition", "id": "c2"}
FAILED: dict[str, Any] = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}


def bundle(*resources: object, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": one} for one in resources], **more}


SHAPES: dict[str, object] = {
    "bundle": bundle(C1, C2),
    "bundle without a type": {"resourceType": "Bundle", "entry": [{"resource": C1}, {"resource": C2}]},
    "only entries": {"entry": [{"resource": C1}, {"resource": C2}]},
    "transaction": {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [{"fullUrl": "urn:uuid:1", "resource": C1, "request": {"method": "POST"}}, {"resource": C2}],
    },
    "list of resources": [C1, C2],
    "list of bundles": [bundle(C1), bundle(C2)],
    "bundle in a bundle": bundle(bundle(C1), C2),
    "lists in lists": [[C1], [[C2]]],
    "entries that are resources themselves": bundle(bundle(C1, C2)),
    "before CDS Hooks 1.0": {"response": {"status": "200 OK"}, "resource": bundle(C1, C2)},
    "before CDS Hooks 1.0, one by one": [
        {"response": {"status": "200"}, "resource": C1},
        {"response": {"status": "200"}, "resource": C2},
    ],
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_container_gives_its_resources_in_order(shape: str) -> None:
    holding = read(SHAPES[shape])
    assert holding.resources == [C1, C2]
    assert holding.unread == []


@pytest.mark.parametrize("kind", ["collection", "searchset", "document", "message", "history", "batch", "odd", None, 5])
def test_the_type_of_a_bundle_does_not_matter(kind: object) -> None:
    assert read(bundle(C1, type=kind)).resources == [C1]


def test_a_single_resource_is_itself() -> None:
    assert read(C1).resources == [C1]
    assert read(C1).resources[0] is C1


# -- the five states of a prefetch value --------------------------------------------------------------------------


def test_supplied_values_are_gathered_whatever_their_keys() -> None:
    assert gather({"b": bundle(C2), "a": C1}).resources == [C2, C1]


def test_none_and_empty_mean_that_there_is_nothing() -> None:
    holding = gather({"none": None, "empty": bundle(), "no entries": {"resourceType": "Bundle"}, "list": []})
    assert (holding.resources, holding.unread) == ([], [])


def test_a_missing_key_means_that_nothing_was_asked() -> None:
    assert gather({}) == read([])


def test_a_failed_search_is_incomplete() -> None:
    holding = gather({"conditions": FAILED, "patient": C1})
    assert holding.resources == [C1]
    assert holding.unread == [Unread("prefetch.conditions", Why.FAILED)]


def test_an_outcome_among_the_entries_is_incomplete() -> None:
    holding = gather({"conditions": bundle(C1, FAILED)})
    assert holding.resources == [C1]
    assert holding.unread == [Unread("prefetch.conditions.entry", Why.FAILED)]


@pytest.mark.parametrize(
    "failure",
    [
        {"response": {"status": "500 Internal Server Error"}},
        {"response": {"status": "404", "outcome": FAILED}},
        {"response": {"outcome": FAILED}},
        {"resource": None, "response": {"status": "403"}},
    ],
    ids=["status", "status and outcome", "outcome", "no resource"],
)
def test_an_entry_that_answers_with_a_failure_is_incomplete(failure: dict[str, Any]) -> None:
    holding = gather({"all": {"resourceType": "Bundle", "type": "batch-response", "entry": [failure]}})
    assert holding.unread == [Unread("prefetch.all.entry", Why.FAILED)]


@pytest.mark.parametrize("status", ["200", "201 Created", "304"])
def test_an_entry_that_answers_well_without_a_resource_is_nothing(status: str) -> None:
    holding = read({"resourceType": "Bundle", "entry": [{"response": {"status": status}}]})
    assert (holding.resources, holding.unread) == ([], [])


def test_a_failure_before_cds_hooks_1_0_is_incomplete() -> None:
    holding = gather({"conditions": {"response": {"status": "404 Not Found"}, "resource": None}})
    assert holding.resources == []
    assert holding.unread == [Unread("prefetch.conditions.resource", Why.NO_RESOURCE)]


def test_a_search_with_further_pages_is_incomplete() -> None:
    paged = bundle(C1, link=[{"relation": "self", "url": "x"}, {"relation": "next", "url": "y"}])
    assert gather({"conditions": paged}).unread == [Unread("prefetch.conditions", Why.MORE)]
    assert gather({"conditions": bundle(C1, link=[{"relation": "self"}])}).unread == []


# -- what is no resource ------------------------------------------------------------------------------------------


ODD: list[object] = [
    5,
    True,
    "Condition/c1",
    1.5,
    {},
    {"id": "c1"},
    {"resourceType": None},
    {"resourceType": 5},
    {"resourceType": ["Condition"]},
    {"resourceType": {"a": "b"}},
    {"resourceType": ""},
    {"resourceType": "condition"},
    {"resourceType": "HumanName"},
    {"resourceType": "Condition.evidence"},
    {"resourceType": "Episode"},
    {"resourceType": "Rejected"},
    {"resourceType": "__class__"},
    {"resource": C1},
]


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_what_is_no_resource_is_told_with_its_place(odd: object) -> None:
    holding = gather({"x": [C1, odd, C2]})
    assert holding.resources == [C1, C2]
    assert holding.unread == [Unread("prefetch.x[1]", Why.NO_RESOURCE)]


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_what_is_no_resource_inside_a_bundle_is_told_with_its_place(odd: object) -> None:
    holding = read(bundle(C1, odd))
    assert holding.resources == [C1]
    assert holding.unread == [Unread("Bundle.entry", Why.NO_RESOURCE)]


@pytest.mark.parametrize("entry", [{"resource": C1}, "odd", 5, True, [5]], ids=repr)
def test_entries_in_an_odd_form_are_told(entry: object) -> None:
    holding = read({"resourceType": "Bundle", "entry": entry})
    assert holding.resources == []
    assert len(holding.unread) == 1
    assert holding.unread[0].place.startswith("Bundle.entry")


@pytest.mark.parametrize("entry", [None, [], [None], [[]], [{}], [{"resource": None}]], ids=repr)
def test_entries_without_anything_in_them_are_nothing(entry: object) -> None:
    holding = read({"resourceType": "Bundle", "entry": entry})
    assert (holding.resources, holding.unread) == ([], [])


def test_an_entry_with_an_address_and_nothing_else_is_something_unread() -> None:
    holding = read({"resourceType": "Bundle", "entry": [{"fullUrl": "x"}]})
    assert holding.unread == [Unread("Bundle.entry", Why.NO_RESOURCE)]
    answered = {"fullUrl": "x", "response": {"status": "200"}}
    assert read({"resourceType": "Bundle", "entry": [answered]}).unread == []


@pytest.mark.parametrize("wrap", [lambda inner: [inner], lambda inner: bundle(inner)], ids=["lists", "bundles"])
def test_nesting_is_bounded_and_told(wrap: Any) -> None:
    value: object = C1
    for _ in range(60):
        value = wrap(value)
    holding = gather({"deep": value})
    assert holding.resources == []
    assert len(holding.unread) == 1


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.just(C1) | st.just(FAILED),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(("entry", "resource", "response", "link", "resourceType")), inner)
        ),
        max_leaves=12,
    )
)
def test_nothing_that_can_come_in_makes_reading_fail(value: object) -> None:
    holding = gather({"x": value})
    assert all(one["resourceType"] == "Condition" for one in holding.resources)


# -- full urls ----------------------------------------------------------------------------------------------------


def test_full_urls_are_kept_for_resolution() -> None:
    held = read({"entry": [{"fullUrl": "urn:uuid:1", "resource": C1}, {"fullUrl": 5, "resource": C2}]})
    assert held.full_urls == {"urn:uuid:1": C1}


def test_one_full_url_for_two_resources_means_the_same_in_any_order() -> None:
    entries = [{"fullUrl": "urn:uuid:1", "resource": {**C1, "id": name}} for name in ("a", "b", "c")]
    found = [read({"entry": list(order)}).full_urls for order in permutations(entries)]
    assert all(one == found[0] for one in found)


def test_an_address_of_two_resources_is_neither_whatever_came_first() -> None:
    one, other = ({"resourceType": "Patient", "id": name} for name in ("p1", "p2"))
    for first, second in ((one, other), (other, one)):
        entries = [{"fullUrl": "urn:uuid:1", "resource": held} for held in (first, second, first)]
        assert read({"resourceType": "Bundle", "entry": entries}).full_urls == {}
        apart = gather({"a": {"entry": entries[:1]}, "b": {"entry": entries[1:2]}, "c": {"entry": entries[2:]}})
        assert apart.full_urls == {}


def test_two_forms_of_one_resource_are_known_by_their_address() -> None:
    forms = [{"resourceType": "Patient", "id": "p1", "active": active} for active in (True, False)]
    found = {
        tuple(
            read({"entry": [{"fullUrl": "urn:uuid:1", "resource": one} for one in order]})
            .full_urls["urn:uuid:1"]
            .items()
        )
        for order in (forms, forms[::-1])
    }
    assert len(found) == 1


@pytest.mark.parametrize("url", ["Patient/p2", "p2", "", 5, None])
def test_an_address_that_is_none_names_nothing(url: object) -> None:
    held = {"resourceType": "Patient", "id": "p1"}
    assert read({"entry": [{"fullUrl": url, "resource": held}]}).full_urls == {}
