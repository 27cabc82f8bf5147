"""Generated expressions over the fixtures: our answers against those of the library fhirpathpy.

Only what both carry out is generated; where they differ on purpose, the difference stands below with its reason.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import fhirpathpy
import pytest
from fhirpathpy.models import models

from cds_service.errors import EvaluationError
from cds_service.fhir.temporal import Temporal
from tests.differential.generated import MADE_UP, pairs
from tests.unit.fhirpath.evaluating import items

EXPRESSIONS = 1500
RAISED = "raised"
NOT_THERE = ("hasValue", "defineVariable", "encode", "trace", "type")  # trace prints


# -- what is answered ---------------------------------------------------------------------------------------------


def answer(evaluate: Callable[[], list[Any]]) -> object:
    try:
        return [_plain(one) for one in evaluate()]
    except Exception:  # the library has no error of its own
        return RAISED


def _plain(value: Any) -> Any:
    if isinstance(value, Temporal) or type(value).__module__.startswith("fhirpathpy"):
        return str(value)
    if isinstance(value, float):
        return Decimal(repr(value))
    return value


def ours(resource: dict[str, Any], source: str) -> object:
    try:
        return [_plain(one) for one in items(source, resource, focus=resource)]
    except EvaluationError:
        return RAISED


def theirs(resource: dict[str, Any], source: str) -> object:
    own = copy.deepcopy(resource)  # the library writes into what it is given
    found = answer(lambda: fhirpathpy.evaluate(own, source, {"resource": own}, models["r4"]))
    return RAISED if isinstance(found, list) and any("$status" in str(one) for one in found) else found


def test_generated_expressions_are_answered_as_fhirpathpy_answers_them() -> None:
    differ, answered = [], 0
    for resource, source in pairs(20260115, EXPRESSIONS, without=NOT_THERE):
        mine, other = ours(resource, source), theirs(resource, source)
        answered += mine not in (RAISED, [])
        if mine != other:
            differ.append(f"{resource['resourceType']}/{resource['id']}: {source}: {mine} against {other}")
    assert differ == []
    assert answered > EXPRESSIONS / 2


# -- where they differ, and why -----------------------------------------------------------------------------------

DIFFERENCES: list[tuple[str, object, object, str]] = [
    ("issued.exclude(@2025-11-20T10:00:00Z)", [], ["2025-11-20T10:00:00Z"], "an element equals a literal, as for `=`"),
    ("(status | 'final').count()", [1], [2], "a union keeps one of equal items, of an element and a literal, too"),
    ("id is id", [True], [False], "R4's page gives `Resource.id` the type id, its model says System.String"),
    ("extension.url.first() is uri", [True], [False], "as for the id: R4's page says uri, its model System.String"),
    ("-component.value.ofType(integer).first()", [-5], RAISED, "the library negates literals only"),
    ("today() = @2026-01-15", [True], [False], "the clock is the reference date of the evaluation"),
    ("-7 mod 2", [-1], [1], "mod has the sign of the dividend, as div truncates (FHIRPath 6.6.6)"),
    ("true.toString()", ["true"], ["True"], "a boolean is written in small letters (FHIRPath 5.5.7)"),
]


@pytest.mark.parametrize(("source", "mine", "other", "reason"), DIFFERENCES, ids=[one[0] for one in DIFFERENCES])
def test_a_difference_is_there_and_has_a_reason(source: str, mine: object, other: object, reason: str) -> None:
    assert (ours(MADE_UP, source), theirs(MADE_UP, source)) == (mine, other)
    assert reason
