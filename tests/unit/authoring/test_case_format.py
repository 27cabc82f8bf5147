"""Files of cases: what they may say, what is told of a fault, and that the schema for editors says the same."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import fastjsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.authoring.case_format import Case, case_schema, parse_yaml, read_cases
from cds_service.errors import ContentError
from cds_service.fhir.encoding import decode
from cds_service.necessity.model import Outcome
from tests.charts import POLICIES, ROOT

SCHEMA = ROOT / "docs" / "reference" / "cases.schema.json"
CASE: dict[str, Any] = {
    "id": "W-1",
    "title": "a broken widget",
    "base": "widget",
    "orders": ["A"],
    "expect": {"A": {"outcome": "met"}},
}
FULL: dict[str, Any] = {
    **CASE,
    "shapes": ["a"],
    "remove": ["*/residual", "Observation/f1.value"],
    "set": {"Observation/f?.status": "final"},
    "copy": [{"of": "Observation/f1", "id": "old", "set": {"effectiveDateTime": "2025-01-01"}}],
    "add": [{"resourceType": "Observation", "id": "f2"}],
    "parameters": {"minimum": 2},
    "as_of": "2026-01-15",
    "mode": "production",
    "note": "why",
    "expect": {
        "A": {
            "outcome": "not-met",
            "kind": "clinical",
            "review": True,
            "criteria": {"broken": True, "seen": "unknown/stale", "odd": "unknown"},
            "evidence": ["Observation/f1"],
            "conditions": ["later", "no never"],
            "cautions": [],
            "duplicates": 1,
        },
        "B": {},
    },
}


def read(**changed: Any) -> Case:
    (case,) = read_cases([{**CASE, **changed}], place="cases.yaml")
    return case


def fault(documents: object) -> str:
    with pytest.raises(ContentError) as raised:
        read_cases(documents, place="widgets/cases.yaml")
    return str(raised.value)


def test_a_case_is_read_as_it_is_written() -> None:
    case = read(**FULL)
    assert (case.id, case.orders, case.shapes, case.production) == ("W-1", ("A",), ("a",), True)
    assert str(case.as_of) == "2026-01-15"
    assert case.copy[0].of == "Observation/f1"
    expected = case.expect["A"]
    assert expected.outcome is Outcome.NOT_MET
    assert expected.criteria == {"broken": "true", "seen": "unknown/stale", "odd": "unknown"}
    assert case.expect["B"].outcome is None


def test_a_case_runs_in_every_shape_unless_it_says_otherwise() -> None:
    assert read().shapes == ("a", "b", "mixed")
    assert not read().production


def test_a_day_may_be_written_as_yaml_has_it() -> None:
    documents = parse_yaml(json.dumps([CASE])[:-2] + ", as_of: 2026-03-01}]", place="")
    assert str(read_cases(documents, place="")[0].as_of) == "2026-03-01"


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"sets": {}}, "W-1: `sets` is no member there"),
        ({"orders": [63102]}, "W-1: `orders.0` must be a text; write codes in quotes"),
        ({"orders": "63102"}, "W-1: `orders` must be a list"),
        ({"expect": {"A": {"outcome": "mett"}}}, "W-1: `expect.A.outcome` is wrong: input should be 'met', 'not-met'"),
        (
            {"expect": {"A": {"criteria": {"x": "maybe"}}}},
            "W-1: `expect.A.criteria.x` is `maybe`, which is not written",
        ),
        ({"expect": {"A": None}}, "W-1: `expect.A` must have members"),
        ({"expect": {"A": {"review": "yes"}}}, "W-1: `expect.A.review` is wrong"),
        ({"remove": ["residual"]}, "W-1: `remove.0` is `residual`, which is not written as it must be"),
        ({"as_of": "2026-01"}, "W-1: `as_of` is wrong: a day is needed, such as 2026-01-15"),
        ({"add": [{"id": "x"}]}, "W-1: `add.0` is wrong: a resource needs a `resourcetype`"),
        ({"copy": [{"of": "Observation/x"}]}, "W-1: `copy.0.id` is missing"),
        ({"mode": "prod"}, "W-1: `mode` is wrong: input should be 'sandbox' or 'production'"),
        ({"shapes": []}, "W-1: `shapes` is wrong"),
    ],
)
def test_a_fault_is_told_with_file_case_and_member(changed: dict[str, Any], told: str) -> None:
    assert fault([{**CASE, **changed}]).startswith(f"widgets/cases.yaml: {told}")


def test_what_is_no_list_of_cases_is_told() -> None:
    assert fault({}) == "widgets/cases.yaml: the file must be a list"
    assert fault([3]) == "widgets/cases.yaml: case 0 must have members"
    assert fault([{"id": "W-2"}]).startswith("widgets/cases.yaml: W-2: `title` is missing; W-2: `base` is missing")
    assert fault([CASE, CASE]) == "widgets/cases.yaml: the id `W-1` is used twice"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- a: 1\n  a: 2\n", "f, line 2: `a` stands here twice"),
        ("a: [", "f, line 1: expected the node content"),
        ("- a: !!python/object:os.system x", "f, line 1: could not determine a constructor"),
    ],
)
def test_yaml_that_cannot_be_meant_is_refused(text: str, told: str) -> None:
    with pytest.raises(ContentError) as raised:
        parse_yaml(text, place="f")
    assert str(raised.value).startswith(told)


def test_what_is_merged_may_be_said_again() -> None:
    assert parse_yaml("- &x {a: 1}\n- {<<: *x, a: 2}", place="f") == [{"a": 1}, {"a": 2}]


# -- the schema for editors ----------------------------------------------------------------------------------------


@cache
def accepts() -> Any:
    return fastjsonschema.compile(case_schema())


def valid(documents: object) -> bool:
    try:
        accepts()(documents)
    except fastjsonschema.JsonSchemaValueException:
        return False
    return True


def readable(documents: object) -> bool:
    try:
        read_cases(documents, place="")
    except ContentError:
        return False
    return True


def test_the_schema_that_editors_are_given_is_the_readers() -> None:
    assert decode(SCHEMA.read_bytes()) == case_schema(), "run scripts/generate_case_schema.py"


def test_every_shipped_case_is_valid_by_the_schema() -> None:
    files = sorted(POLICIES.glob("*/cases.yaml"))
    assert files
    for place in files:
        documents = parse_yaml(place.read_text(encoding="utf-8"), place=str(place))
        for case in documents if isinstance(documents, list) else ():
            accepts()([case])


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from(["", "A", "Observation/f1", "unknown", "2026-01-15"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["id", "A", "of"]), inner, max_size=2),
    max_leaves=4,
)


def places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield above
    for step in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from places(value[step], (*above, step))


@settings(max_examples=400)
@given(st.sampled_from(list(places(FULL))[1:]), st.sampled_from(["put", "drop"]), JSON)
def test_reader_and_schema_accept_the_same(path: tuple[Any, ...], change: str, value: Any) -> None:
    case = copy.deepcopy(FULL)
    holder = case
    for step in path[:-1]:
        holder = holder[step]
    if change == "put":
        holder[path[-1]] = value
    else:
        del holder[path[-1]]
    assert readable([case]) == valid([case])
