"""An element without a value is there only for what looks beside values, whatever else the expression asks."""

from __future__ import annotations

import pytest

from cds_service.errors import ExpressionError
from cds_service.expressions.language import Scope
from cds_service.fhirpath import compile_fhirpath
from tests.unit.fhirpath.evaluating import URL, Asked, condition, items

UNKNOWN = {"extension": [{"url": URL, "valueCode": "unknown"}]}
UNDATED = condition("c1", _recordedDate=UNKNOWN, _abatementDateTime=UNKNOWN)
DATED = condition("c2", recordedDate="2025-11-20", _recordedDate=UNKNOWN)
LOOK = f"extension('{URL}')"


def ask(source: str) -> list[object]:
    return items(source, one=[UNDATED], both=[UNDATED, DATED])


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("%one.recordedDate.exists()", False),
        (f"%one.recordedDate.exists() or %one.recordedDate.{LOOK}.empty()", False),
        (f"%one.recordedDate.exists() and %one.recordedDate.{LOOK}.exists()", False),
        (f"%one.where(recordedDate.exists()).recordedDate.{LOOK}.exists()", False),
        (f"%one.select(iif(recordedDate.exists(), recordedDate, abatement)).{LOOK}.value.exists()", True),
        (f"%one.recordedDate.{LOOK}.exists()", True),
        ("%one.recordedDate.extension.exists()", True),
        (f"%one.recordedDate.where({LOOK}.exists()).exists()", True),
        (f"%one.recordedDate.where($this.where({LOOK}.exists()).exists()).exists()", True),
        (f"%one.recordedDate.select({LOOK}).exists()", True),
        (f"(%one.recordedDate | %one.abatement.ofType(dateTime)).{LOOK}.exists()", True),
        (f"%one.recordedDate.combine(%one.onset).{LOOK}.exists()", True),
        (f"%one.select(recordedDate).{LOOK}.exists()", True),
        (f"coalesce(%one.onset, %one.recordedDate).{LOOK}.exists()", True),
        (f"iif(true, %one.recordedDate).{LOOK}.exists()", True),
        (f"%one.recordedDate.first()[0].trace('t').{LOOK}.exists()", True),
        (f"%one.recordedDate.defineVariable('d').select(%d.{LOOK}).exists()", True),
        ("%one.recordedDate.hasValue()", False),
        ("%one.children().ofType(dateTime).exists()", True),
    ],
)
def test_an_element_without_a_value_is_there_for_what_looks_beside_values(source: str, expected: bool) -> None:
    assert ask(source) == [expected]


def test_values_are_counted_alike_whatever_else_is_asked() -> None:
    assert ask(f"%both.recordedDate.count() + %both.recordedDate.{LOOK}.count()") == [3]
    assert ask(f"%both.recordedDate.where({LOOK}.exists()).count()") == [2]


def test_what_stands_beside_a_value_is_not_kept_in_a_variable() -> None:
    with pytest.raises(ExpressionError, match="name the element's path") as caught:
        compile_fhirpath(f"%dates.{LOOK}", Scope({"dates": ("dateTime",)}))
    assert caught.value.position == 7


def test_the_place_of_an_element_without_a_value_is_told() -> None:
    assert Asked(f"%one.recordedDate.where({LOOK}.exists())", one=[UNDATED]).located() == ["Condition/c1.recordedDate"]
