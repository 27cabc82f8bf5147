"""Generated expressions over the fixtures: our answers against those of fhirpath.js."""

from __future__ import annotations

import json
from decimal import Decimal
from functools import cache
from typing import Any

import pytest

from cds_service.errors import EvaluationError
from cds_service.fhir.encoding import encode
from cds_service.fhir.temporal import Temporal
from tests.differential.generated import MADE_UP, pairs, resources
from tests.peers import node, require_node
from tests.unit.fhirpath.evaluating import items

EXPRESSIONS = 3000
RAISED = "raised"
SCRIPT = """
const fhirpath = require('fhirpath'), r4 = require('fhirpath/fhir-context/r4');
const {resources, pairs} = JSON.parse(require('fs').readFileSync(0));
const plain = x => {
  if (typeof x === 'bigint') return Number(x);
  if (x && typeof x === 'object' && /^FP_|Decimal/.test(x.constructor.name)) return x.toString();
  return x;
};
console.log(JSON.stringify(pairs.map(([i, source]) => {
  try {
    const resource = resources[i];
    return fhirpath.evaluate(resource, source, {resource}, r4, {traceFn: () => {}}).map(plain);
  } catch (error) { return 'raised'; }
})));
"""


@cache
def theirs() -> list[tuple[dict[str, Any], str, object]]:
    """Return (resource, expression, their answer), asked in one go."""
    require_node()
    places = {id(one): i for i, one in enumerate(resources())}
    asked = [*pairs(20260116, EXPRESSIONS), *((MADE_UP, source) for source, *_ in DIFFERENCES)]
    given = {
        "resources": [json.loads(encode(one)) for one in resources()],
        "pairs": [(places[id(resource)], source) for resource, source in asked],
    }
    answers = node(SCRIPT, given)
    return [(resource, source, answer) for (resource, source), answer in zip(asked, answers, strict=True)]


def ours(resource: dict[str, Any], source: str) -> object:
    try:
        return [_plain(one) for one in items(source, resource, focus=resource)]
    except EvaluationError:
        return RAISED


def _plain(value: Any) -> Any:
    """Return a value as it is after a way through JSON, as theirs are."""
    if isinstance(value, Temporal):
        return str(value).removesuffix("T")
    if isinstance(value, Decimal):
        return float(value)
    return json.loads(encode(value)) if isinstance(value, dict) else value


def same(mine: object, other: object) -> bool:
    """Return whether two answers are the same; where dates were moved, theirs is finer than the date was stated."""
    return mine == other or (
        isinstance(mine, list)
        and isinstance(other, list)
        and len(mine) == len(other)
        and all(one == two or _same_number(one, two) for one, two in zip(mine, other, strict=True))
    )


def _same_number(one: object, two: object) -> bool:
    return isinstance(one, int | float) and isinstance(two, int | float) and abs(one - two) < 1e-8


def test_generated_expressions_are_answered_as_fhirpath_js_answers_them() -> None:
    differ, answered = [], 0
    for resource, source, other in theirs()[:EXPRESSIONS]:
        mine = ours(resource, source)
        answered += mine not in (RAISED, [])
        if not same(mine, other):
            differ.append(f"{resource['resourceType']}/{resource['id']}: {source}: {mine} against {other}")
    assert differ == []
    assert answered > EXPRESSIONS / 2


# -- where they differ, and why -----------------------------------------------------------------------------------

DIFFERENCES: list[tuple[str, object, object, str]] = [
    ("id is id", [True], [False], "R4's page gives `Resource.id` the type id, its model says System.String"),
    ("-component.value.ofType(integer).first()", [-5], RAISED, "the library negates literals only"),
    ("today() = @2026-01-15", [True], [False], "the clock is the reference date of the evaluation"),
    ("issued.toDate()", ["2025-11-20"], [], "the date part of a dateTime (FHIRPath 5.5.4)"),
    (
        "component.value.ofType(Quantity).value.toString()",
        ["1.50"],
        ["1.5"],
        "decimals keep their digits (FHIR R4 2.24)",
    ),
    (
        "component.value.ofType(Quantity).first() = 1.5 'mm'",
        [True],
        [False],
        "a quantity without a code is compared by its unit in words, if that is one of UCUM's",
    ),
]


@pytest.mark.parametrize("i", range(len(DIFFERENCES)), ids=[one[0] for one in DIFFERENCES])
def test_a_difference_is_there_and_has_a_reason(i: int) -> None:
    source, mine, other, reason = DIFFERENCES[i]
    assert ours(MADE_UP, source) == mine
    assert theirs()[EXPRESSIONS + i][2] == other
    assert reason
