"""The order comes back as it was written: our extension is put on it, and nothing else of it changes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.crd.coverage_information import URL
from cds_service.crd.patch import find_orders, with_coverage_information
from cds_service.fhir.encoding import encode
from tests.unit.plan_definition.plans import Json

OTHER = '{"url":"https://example.org/rank","valueDecimal":1.50}'


def said(coverage: str = "Coverage/c1", covered: str = "covered", **parts: Any) -> Json:
    """Return a coverage-information extension, short of what a real one has."""
    more = [{"url": name.replace("_", "-"), "valueString": value} for name, value in parts.items()]
    named = {"url": "coverage", "valueReference": {"reference": coverage}}
    return {"url": URL, "extension": [named, {"url": "covered", "valueCode": covered}, *more]}


def written(text: str, *extensions: Json) -> str:
    """Return an order's text with the extensions on it."""
    resource = with_coverage_information(text.encode(), extensions)
    assert resource is not None
    return encode(resource).decode()


def as_text(value: str) -> Any:
    """Return JSON decoded with its numbers as they were written and its members in their order."""
    return json.loads(value, parse_float=lambda one: f"number {one}", parse_int=lambda one: f"number {one}",
                      object_pairs_hook=lambda pairs: ("object", pairs))  # fmt: skip


# -- what is on the order already ---------------------------------------------------------------------------------

ORDER = '{"resourceType":"ServiceRequest","id":"o1","quantityQuantity":{"value":2.50}}'


@pytest.mark.requirement("resp-37")
def test_an_order_without_extensions_gets_ours() -> None:
    assert written(ORDER, said()) == ORDER[:-1] + f',"extension":[{encode(said()).decode()}]}}'


@pytest.mark.requirement("resp-37")
def test_ours_takes_the_place_of_the_one_for_the_same_coverage_and_no_other() -> None:
    held = [said("Coverage/c2", "conditional"), said("Coverage/c1", "conditional"), said("Coverage/c3")]
    before = f'{{"resourceType":"X","extension":[{OTHER},{",".join(encode(one).decode() for one in held)}],"id":"o1"}}'
    held[1] = said("Coverage/c1", "covered")
    after = f'{{"resourceType":"X","extension":[{OTHER},{",".join(encode(one).decode() for one in held)}],"id":"o1"}}'
    assert written(before, said("Coverage/c1", "covered")) == after


def test_several_for_the_same_coverage_become_one() -> None:
    twice = encode({"resourceType": "X", "extension": [said(covered="conditional"), said(covered="indeterminate")]})
    assert json.loads(written(twice.decode(), said()))["extension"] == [said()]


def test_each_coverage_has_its_own() -> None:
    found = json.loads(written(ORDER, said("Coverage/c1"), said("Coverage/c2")))["extension"]
    assert found == [said("Coverage/c1"), said("Coverage/c2")]


@pytest.mark.requirement("resp-35")
def test_what_an_order_carries_already_is_not_put_on_it_again() -> None:
    carried = said(date="2026-01-01", coverage_assertion_id="1", satisfied_pa_id="2")
    order = encode({"resourceType": "X", "extension": [carried]})
    assert with_coverage_information(order, [said(date="2026-02-02", coverage_assertion_id="3")]) is None
    assert with_coverage_information(order, []) is None
    changed = with_coverage_information(order, [said(covered="conditional"), said("Coverage/c2")])
    assert changed is not None
    assert changed["extension"] == [said(covered="conditional"), said("Coverage/c2")]


@pytest.mark.requirement("resp-35")
def test_of_two_assertions_only_the_new_one_changes_the_order() -> None:
    old = said("Coverage/c1", date="2026-01-01")
    order = encode({"resourceType": "X", "extension": [old]}).decode()
    found = json.loads(written(order, said("Coverage/c1", date="2026-02-02"), said("Coverage/c2")))
    assert found["extension"] == [old, said("Coverage/c2")]


def test_an_order_whose_extension_is_null_gets_ours() -> None:
    assert json.loads(written('{"resourceType":"X","extension":null}', said()))["extension"] == [said()]


def test_an_extension_outside_of_a_list_is_kept_in_one() -> None:
    assert json.loads(written(f'{{"resourceType":"X","extension":{OTHER}}}', said()))["extension"] == [
        json.loads(OTHER),
        said(),
    ]


@pytest.mark.parametrize("extension", ['"x"', "1", "true"])
def test_an_order_whose_extensions_are_none_is_left_alone(extension: str) -> None:
    assert with_coverage_information(f'{{"resourceType":"X","extension":{extension}}}'.encode(), [said()]) is None


NAMELESS = (f'{{"url":"{URL}"}}', f'{{"url":"{URL}","extension":[1]}}')


@pytest.mark.parametrize("extension", ["null", "1", "[]", '{"url":1}', *NAMELESS])
def test_an_extension_that_is_malformed_stays_where_it_is(extension: str) -> None:
    found = as_text(written(f'{{"resourceType":"X","extension":[{extension}]}}', said()))
    assert found[1][1][1][0] == as_text(extension)


# -- nothing else changes -----------------------------------------------------------------------------------------

NUMBERS = (
    "2.50",
    "1.500",
    "1E-7",
    "1e+5",
    "-0.0",
    "0",
    "-1",
    "12345678901234567890",
    "0.00000000000000000001",
    "1e400",
)
STRINGS = ("", "a", "\\u0041", "\\/", "\\n", "\\ud83d\\ude00", "é", "😀", "\u2028", "\\\\", '\\"', "</script>")
SPACES = ("", " ", "\n  ", "\t", "\r\n")

scalars = st.sampled_from([*NUMBERS, *(f'"{one}"' for one in STRINGS), "true", "false", "null"])
spaces = st.sampled_from(SPACES)
names = st.sampled_from(["a", "b", "c", "valueDecimal", "\\u0065xtra", "ü", "note"])


def objects(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    def text(members: dict[str, str], space: str) -> str:
        return "{" + space + f",{space}".join(f'"{name}"{space}:{value}' for name, value in members.items()) + "}"

    return st.builds(text, st.dictionaries(names, values, max_size=4), spaces)


def arrays(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(lambda held, space: f"[{space}{f'{space},'.join(held)}]", st.lists(values, max_size=4), spaces)


json_text = st.recursive(scalars, lambda inner: objects(inner) | arrays(inner), max_leaves=12)


@st.composite
def orders(draw: st.DrawFn) -> str:
    """Draw the text of an order: any members in any order, with extensions of others, in any spacing."""
    space = draw(spaces)
    members = draw(st.dictionaries(names, json_text, max_size=5)) | {"resourceType": '"ServiceRequest"', "id": '"o1"'}
    if draw(st.booleans()):
        members["extension"] = draw(arrays(objects(json_text)))
    order = draw(st.permutations(list(members)))
    held = f",{space}".join(f'"{name}" :{space}{members[name]}' for name in order)
    return f"{{{space}{held}{space}}}"


@pytest.mark.requirement("resp-37")
@given(orders())
def test_whatever_an_order_holds_comes_back_as_it_was_written(order: str) -> None:
    _, before = as_text(order)
    _, after = as_text(written(order, said()))
    assert [one for one in after if one[0] != "extension"] == [one for one in before if one[0] != "extension"]
    assert dict(after)["extension"] == [*dict(before).get("extension", []), as_text(encode(said()).decode())]


@pytest.mark.requirement("found-40")
@pytest.mark.requirement("resp-37")
@given(orders())
def test_an_order_found_in_a_request_is_as_it_was_but_for_white_space(order: str) -> None:
    body = f'{{ "context" : {{"draftOrders":{{"entry":[ {{"resource": {order} }}]}} }} }}'.encode()
    (found,) = find_orders(body, ["ServiceRequest/o1"]).values()
    assert as_text(found.decode()) == as_text(order)
    assert b"\n" not in found


# -- where orders stand -------------------------------------------------------------------------------------------


def draft(name: str = "o1", **more: Any) -> Json:
    return {"resourceType": "ServiceRequest", "id": name, **more}


def bundle(*resources: Any) -> Json:
    return {"resourceType": "Bundle", "entry": [{"resource": one} for one in resources]}


def found(request: Json, *wanted: str) -> dict[str, Any]:
    orders = find_orders(encode(request), wanted or ("ServiceRequest/o1",))
    return {name: json.loads(text) for name, text in orders.items()}


@pytest.mark.parametrize(
    "request_",
    [
        {"context": {"patientId": "p1", "draftOrders": bundle(draft())}},
        {"context": {"draftOrders": {"entry": [{"resource": draft()}]}}},
        {"context": {"draftOrders": {"entry": [{"fullUrl": "urn:uuid:1", "resource": draft()}, None, 1, {}]}}},
        {"context": {"appointments": bundle(draft())}},
        {"context": {"dispatchedOrders": ["ServiceRequest/o1"]}, "prefetch": {"orders": bundle(draft())}},
        {"context": {"order": "ServiceRequest/o1"}, "prefetch": {"order": draft()}},
        {"prefetch": {"orders": {"response": {}, "resource": bundle(draft())}}},
        {"prefetch": {"patient": None, "orders": [draft(), None]}},
        {"context": {"draftOrders": bundle(bundle(draft()))}},
    ],
)
def test_an_order_is_found_wherever_a_request_may_hold_it(request_: Json) -> None:
    assert found(request_) == {"ServiceRequest/o1": draft()}


def test_what_the_context_holds_counts_before_what_was_prefetched() -> None:
    both = {"context": {"draftOrders": bundle(draft(status="draft"))}, "prefetch": {"orders": bundle(draft())}}
    assert found(both) == {"ServiceRequest/o1": draft(status="draft")}


def test_only_what_is_wanted_is_found_in_the_order_of_the_request() -> None:
    request = {"context": {"draftOrders": bundle(draft("o3"), draft("o1"), draft("o2"))}}
    assert list(found(request, "ServiceRequest/o1", "ServiceRequest/o3")) == ["ServiceRequest/o3", "ServiceRequest/o1"]


def test_one_name_for_two_different_orders_is_left_out() -> None:
    assert found({"context": {"draftOrders": bundle(draft(), draft(status="draft"))}}) == {}
    twice = {"draftOrders": bundle(draft(), draft(status="draft"))}
    assert found({"context": twice, "prefetch": {"order": draft()}}) == {}
    assert found({"context": {"draftOrders": bundle(draft(), draft())}}) == {"ServiceRequest/o1": draft()}


@pytest.mark.parametrize(
    "resource",
    [
        {"resourceType": "ServiceRequest"},
        {"resourceType": 1, "id": "o1"},
        {"resourceType": "ServiceRequest", "id": 1},
        {"id": "o1"},
    ],
)
def test_what_has_no_name_is_not_found(resource: Json) -> None:
    assert found({"context": {"draftOrders": bundle(resource)}}, "ServiceRequest/o1", "ServiceRequest/1") == {}


@pytest.mark.parametrize("name", ["id", "resourceType"])
def test_a_name_beyond_every_number_is_passed_over(name: str) -> None:
    nameless = json.dumps({**draft(), name: 0}).replace(f'"{name}": 0', f'"{name}": 1E+400')
    body = f'{{"context":{{"draftOrders":[{nameless},{json.dumps(draft("o2"))}]}}}}'.encode()
    assert find_orders(body, ["ServiceRequest/o2"]) == {"ServiceRequest/o2": encode(draft("o2"))}


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b'{"context":1}', b'{"context":[[[[[[[[[[[[]]]]]]]]]]]]}'])
def test_a_body_without_orders_holds_none(body: bytes) -> None:
    assert find_orders(body, ["ServiceRequest/o1"]) == {}


def test_orders_are_found_in_what_a_server_returned() -> None:
    pages = [b'{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"\xff"}}]}', encode(bundle(draft("o2")))]
    assert find_orders(b"{}", ["ServiceRequest/o2"], pages) == {"ServiceRequest/o2": encode(draft("o2"))}


def test_an_order_that_stands_twice_in_the_request_is_not_taken_from_what_a_server_returned() -> None:
    sent = encode({"context": {"draftOrders": bundle(draft(), draft(priority="stat"))}})
    assert find_orders(sent, ["ServiceRequest/o1"], [encode(bundle(draft()))]) == {}
