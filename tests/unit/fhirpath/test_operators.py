"""What each operator answers, as FHIRPath 2.0 chapter 6 says it; what has changed in 3.0.0 is noted where it stands."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.errors import EvaluationError, ExpressionError, LimitExceeded
from cds_service.expressions.language import Missing
from cds_service.expressions.logic import Truth
from cds_service.fhir.temporal import Date, DateTime, Time, parse_date, parse_date_time, parse_time
from cds_service.fhir.values import Quantity
from tests.unit.fhirpath.evaluating import coded, condition, items, observation

T, F, NONE = [True], [False], list[Any]()


def day(text: str) -> Date:
    found = parse_date(text)
    assert found is not None
    return found


def moment(text: str) -> DateTime:
    found = parse_date_time(text)
    assert found is not None
    return found


def clock(text: str) -> Time:
    found = parse_time(text)
    assert found is not None
    return found


def amount(text: str) -> Quantity:
    value, _, unit = text.partition(" ")
    return Quantity(Decimal(value), unit or "1")


CONCEPT = {"coding": [{"system": "s", "code": "a"}, {"system": "s", "code": "b"}], "text": "A  growth"}
CHART: dict[str, list[Any]] = {
    "o": [
        observation(
            "o1",
            code=CONCEPT,
            valueQuantity={"value": Decimal("1.50"), "unit": "g", "system": "http://unitsofmeasure.org", "code": "g"},
            effectiveDateTime="2025-11-20T10:00:00+01:00",
            component=[{"valueInteger": 1}, {"valueInteger": 2}, {"valueInteger": 2}],
        )
    ],
    "same": [observation("o2", code={"text": "A  growth", "coding": [dict(one) for one in CONCEPT["coding"]]})],
    "turned": [observation("o3", code={"coding": CONCEPT["coding"][::-1], "text": "a\tGrowth"})],
    "other": [observation("o4", code=coded("a"))],
    "months": [condition("c1", onsetAge={"value": 50, "system": "http://unitsofmeasure.org", "code": "a"})],
    "none": [],
}


def ask(source: str) -> list[Any]:
    return items(source, types={"none": ("Observation",)}, **CHART)


def check(source: str, expected: list[Any]) -> None:
    found = ask(source)
    assert found == expected
    assert [type(one) for one in found] == [type(one) for one in expected]


# -- equals -------------------------------------------------------------------------------------------------------

EQUAL: list[tuple[str, str, Truth]] = [
    # nothing
    ("{}", "{}", None),
    ("1", "{}", None),
    ("{}", "false", None),
    # booleans, whole numbers, decimals
    ("true", "true", True),
    ("true", "false", False),
    ("1", "1", True),
    ("1", "2", False),
    ("1", "1.0", True),
    ("1.0", "1.000", True),
    ("1.1", "1.10", True),
    ("1.1", "1.11", False),
    ("0", "-0", True),
    ("0.1 + 0.2", "0.3", True),
    ("1 / 3 * 3", "1", False),
    ("123456789012345678", "123456789012345678.0", True),
    # texts
    ("'a'", "'a'", True),
    ("'a'", "'A'", False),
    ("'a'", "'a '", False),
    ("''", "''", True),
    ("'é'", r"'e\u0301'", False),
    # other types
    ("1", "'1'", False),
    ("1", "true", False),
    ("0", "false", False),
    ("'2025'", "@2025", False),
    ("@T10:00", "@2025-01-01T10:00", False),
    ("@2025", "2025", False),
    # dates: each precision in turn
    ("@2012", "@2012", True),
    ("@2012", "@2013", False),
    ("@2012-01", "@2012", None),
    ("@2012-02", "@2013", False),
    ("@2012-01-02", "@2012-01", None),
    ("@2012-02-02", "@2012-01", False),
    ("@2012-01-02", "@2012-01-02", True),
    ("@2012-01-02", "@2012-01-03", False),
    # dates with time
    ("@2012-01-01T10:30", "@2012-01-01T10:30", True),
    ("@2012-01-01T10:30", "@2012-01-01T10:31", False),
    ("@2012-01-01T10:30:31", "@2012-01-01T10:30", None),
    ("@2012-01-01T10:31:31", "@2012-01-01T10:30", False),
    ("@2012-01-01T10", "@2012-01-01T10:30", None),
    ("@2012-01-01T10:30:31.0", "@2012-01-01T10:30:31", True),
    ("@2012-01-01T10:30:31.10", "@2012-01-01T10:30:31.1", True),
    ("@2012-01-01T10:30:31.1", "@2012-01-01T10:30:31", False),
    ("@2012-01-01T", "@2012-01-01", True),
    ("@2012-01-01", "@2012-01-01T10:30", None),
    ("@2012-01-02", "@2012-01-01T10:30", False),
    ("@2012T", "@2012", True),
    # time zones
    ("@2017-11-05T01:30:00-04:00", "@2017-11-05T00:30:00-05:00", True),
    ("@2017-11-05T01:30:00-04:00", "@2017-11-05T01:15:00-05:00", False),
    ("@2017-11-05T23:30:00-04:00", "@2017-11-06T03:30:00Z", True),
    ("@2017-11-05T01:30:00+00:00", "@2017-11-05T01:30:00-00:00", True),
    ("@2017-11-05T01:30:00Z", "@2017-11-05T01:30:00", None),
    ("@2017-11-05T01:30:00Z", "@2018-11-05T01:30:00", None),
    # times
    ("@T10:00", "@T10:00", True),
    ("@T10:00", "@T10:01", False),
    ("@T10", "@T10:00", None),
    ("@T10", "@T11:00", False),
    ("@T10:00:00", "@T10:00:00.0", True),
    ("@T10:00:00.1", "@T10:00:00.2", False),
    # quantities
    ("1 'cm'", "1 'cm'", True),
    ("1 'cm'", "10.0 'mm'", True),
    ("1 'cm'", "1 'm'", False),
    ("1 'cm'", "1 'cm2'", None),
    ("1 'cm'", "1 's'", None),
    ("1", "1 '1'", True),
    ("1.0 '1'", "1", True),
    ("100 '%'", "1", True),
    ("1", "1 'cm'", None),
    ("'1'", "1 'cm'", False),
    ("7 days", "1 week", True),
    ("7 days", "1 'wk'", True),
    ("1 second", "1 's'", True),
    ("1 year", "12 months", True),
    ("1 year", "365 days", True),
    ("1 month", "30 days", True),
    ("1 year", "1 'a'", None),
    ("1 month", "1 'mo'", None),
    ("37 'Cel'", "98.6 '[degF]'", True),
    ("5 'mg/dL'", "50 'mg/L'", True),
    # elements
    ("%o.code", "%o.code", True),
    ("%o.code", "%same.code", True),
    ("%o.code", "%turned.code", False),
    ("%o.code", "%other.code", False),
    ("%o.code", "%o.code.coding", False),
    ("%o.code.coding[0]", "%same.code.coding[0]", True),
    ("%o.code.coding[0]", "'a'", False),
    ("%o.value", "1.5 'g'", True),
    ("%o.value", "1500 'mg'", True),
    ("%o.value.ofType(Quantity).value", "1.5", True),
    ("%o.effective", "@2025-11-20T09:00:00Z", True),
    ("%o.effective", "@2025-11-20", None),
    ("%o.effective", "@2025-11-21", False),
    ("%o.status", "'final'", True),
    ("%none.status", "'final'", None),
    # collections: in order
    ("1 | 2", "1 | 2", True),
    ("1 | 2", "2 | 1", False),
    ("1 | 2", "1", False),
    ("1 | 2", "1 | 2 | 3", False),
    ("%o.component.value", "1.combine(2).combine(2)", True),
    ("@2012 | @2013", "@2012 | @2013-01", None),
    ("@2012 | @2014", "@2012-01 | @2013", False),
    ("%o.code.coding", "%same.code.coding", True),
    ("%o.code.coding", "%turned.code.coding", False),
]


@pytest.mark.parametrize(("left", "right", "answer"), EQUAL)
def test_equals(left: str, right: str, answer: Truth) -> None:
    expected = NONE if answer is None else [answer]
    assert ask(f"({left}) = ({right})") == expected
    assert ask(f"({right}) = ({left})") == expected
    assert ask(f"({left}) != ({right})") == [not one for one in expected]


# -- is equivalent to ---------------------------------------------------------------------------------------------

EQUIVALENT: list[tuple[str, str, bool]] = [
    # nothing
    ("{}", "{}", True),
    ("1", "{}", False),
    ("%none.status", "{}", True),
    # booleans and numbers, rounded to the fewer of their decimals; zeros at the end do not count
    ("true", "true", True),
    ("true", "false", False),
    ("1", "1", True),
    ("1", "2", False),
    ("1.1", "1.10", True),
    ("1.1", "1.14", True),
    ("1.1", "1.15", False),
    ("1.2 / 1.8", "0.67", True),
    ("1.2 / 1.8", "0.66", False),
    ("1", "1.4", True),
    ("1", "1.5", False),
    ("2", "1.5", True),
    ("1.50", "1.54", True),
    ("0.0", "0", True),
    # texts, whatever their case and their blanks
    ("'a'", "'A'", True),
    ("'a'", "'b'", False),
    ("'Straße'", "'STRASSE'", True),
    (r"'a\tb'", "'a b'", True),
    (r"'a\nb'", r"'a\rb'", True),
    ("'a b'", "'ab'", False),
    ("'a  b'", "'a b'", False),
    ("' a'", "'a'", False),
    (r"'a\u00a0b'", "'a b'", False),
    ("''", "''", True),
    # other types
    ("1", "'1'", False),
    ("1", "true", False),
    ("@2025", "'2025'", False),
    # dates and times; what is open for `=` is false
    ("@2012", "@2012", True),
    ("@2012", "@2013", False),
    ("@2012-01", "@2012", False),
    ("@2012-01-01T10:30", "@2012-01-01T10:30", True),
    ("@2012-01-01T10:30:31", "@2012-01-01T10:30", False),
    ("@2012-01-01T10:30:31.0", "@2012-01-01T10:30:31", True),
    ("@2012-01-01T10:30:31.1", "@2012-01-01T10:30:31", False),
    ("@2017-11-05T01:30:00-04:00", "@2017-11-05T05:30:00Z", True),
    ("@2017-11-05T01:30:00Z", "@2017-11-05T01:30:00", False),
    ("@T10:30", "@T10:30", True),
    ("@T10:30", "@T10", False),
    # quantities, in the coarser of their units
    ("1 'cm'", "10 'mm'", True),
    ("2.1 'cm'", "21 'mm'", True),
    ("21 'mm'", "2 'cm'", True),
    ("25 'mm'", "2 'cm'", False),
    ("4 'g'", "4000 'mg'", True),
    ("4 'g'", "4040 'mg'", True),
    ("4.00 'g'", "4040 'mg'", True),
    ("1 '[in_i]'", "2.5 'cm'", True),
    ("1 'cm'", "1 'cm2'", False),
    ("1 'cm'", "1 's'", False),
    ("1", "1 '1'", True),
    ("1", "'1'", False),
    ("1 year", "1 'a'", True),
    ("1 month", "1 'mo'", True),
    ("1 year", "12 'mo'", True),
    ("1 second", "1 's'", True),
    ("1 year", "2 'a'", False),
    ("5 'smoots'", "5 'mg'", False),
    ("5 'smoots'", "5 'smoots'", True),
    # elements, collections in any order
    ("%o.code", "%same.code", True),
    ("%o.code", "%turned.code", False),  # `A  growth` has two blanks, `a growth` one
    ("%o.code.coding", "%turned.code.coding", True),
    ("%o.code", "%other.code", False),
    ("%o.code.coding[0]", "%turned.code.coding[1]", True),
    ("1 | 2 | 3", "3 | 1 | 2", True),
    ("1 | 2", "1 | 3", False),
    ("1 | 2", "1", False),
    ("1.combine(1).combine(2)", "1.combine(2).combine(2)", False),
    ("'a' | 'B'", "'b' | 'A'", True),
    ("%o.value", "1.5 'g'", True),
    ("%o.effective", "@2025-11-20", False),
]


@pytest.mark.parametrize(("left", "right", "answer"), EQUIVALENT)
def test_is_equivalent_to(left: str, right: str, answer: bool) -> None:
    assert ask(f"({left}) ~ ({right})") == [answer]
    assert ask(f"({right}) ~ ({left})") == [answer]
    assert ask(f"({left}) !~ ({right})") == [not answer]


def test_the_id_of_an_element_does_not_count_for_equivalence() -> None:
    one, other = ({"coding": [{"id": name, "code": "a"}]} for name in "ab")
    codes = {"one": [observation("x", code=one)], "other": [observation("y", code=other)]}
    assert items("%one.code ~ %other.code", **codes) == T
    assert items("%one.code = %other.code", **codes) == F


# -- order --------------------------------------------------------------------------------------------------------

ORDERED: list[tuple[str, str, int | None]] = [
    # -1 where the left side is less, None where it is open
    ("1", "2", -1),
    ("1", "1.0", 0),
    ("1.1", "1.09", 1),
    ("-1", "-2", 1),
    ("'a'", "'b'", -1),
    ("'a'", "'a'", 0),
    ("'abc'", "'ABC'", 1),
    ("'a'", "'ab'", -1),
    ("'10'", "'9'", -1),
    ("'z'", "'é'", -1),
    ("''", "'a'", -1),
    ("{}", "1", None),
    ("1", "{}", None),
    ("{}", "{}", None),
    # dates
    ("@2018-03-01", "@2018-01-01", 1),
    ("@2018-03-01", "@2018-03-01", 0),
    ("@2018-03", "@2018-03-01", None),
    ("@2018-03", "@2018-04-01", -1),
    ("@2018-04", "@2018-03-31", 1),
    ("@2018", "@2018-12-31", None),
    ("@2018", "@2019-01-01", -1),
    ("@2018", "@2018", 0),
    ("@2018-03-01T10:30:00", "@2018-03-01T10:00:00", 1),
    ("@2018-03-01T10", "@2018-03-01T10:30", None),
    ("@2018-03-01T10", "@2018-03-01T11:30", -1),
    ("@2018-03-01T10:30:00", "@2018-03-01T10:30:00.0", 0),
    ("@2018-03-01T10:30:00", "@2018-03-01T10:30:00.001", -1),
    ("@2018-03-01", "@2018-03-01T10:30", None),
    ("@2018-03-01", "@2018-03-02T00:00", -1),
    ("@2018-01-01T16:00:00+11:00", "@2018-01-01T15:00:00.0+10:00", 0),
    ("@2018-01-01T16:00:00+12:00", "@2018-01-01T15:00:00.0+10:00", -1),
    ("@2018-01-01T23:59:59-12:00", "@2018-01-02T00:00:00+14:00", 1),
    ("@2018-01-01T16:00:00Z", "@2018-01-01T17:00:00", None),
    # times
    ("@T10:30:00", "@T10:00:00", 1),
    ("@T10", "@T10:30", None),
    ("@T10", "@T11:00", -1),
    ("@T10:30:00", "@T10:30:00.0", 0),
    # quantities
    ("4 'm'", "4 'cm'", 1),
    ("4 'm'", "400 'cm'", 0),
    ("10 seconds", "1 's'", 1),
    ("6 months", "1 year", -1),
    ("3 months", "90 days", 0),
    ("1 year", "1 'a'", None),
    ("1 'm'", "1 's'", None),
    ("5", "5 '1'", 0),
    ("5", "6 'mg'", None),
    ("37 'Cel'", "100 '[degF]'", -1),
    # elements
    ("%o.value", "1 'g'", 1),
    ("%o.value", "1600 'mg'", -1),
    ("%months.onset", "50 years", 0),
    ("%months.onset", "18 years", 1),
    ("%months.onset", "601 months", -1),
    ("%o.effective", "@2025-11-20T09:00:00Z", 0),
    ("%o.effective", "@2025-11-21", -1),
    ("%o.component.value.first()", "1.5", -1),
]
SIGNS = {"<": (-1,), "<=": (-1, 0), ">": (1,), ">=": (1, 0)}


@pytest.mark.parametrize("operator", SIGNS)
@pytest.mark.parametrize(("left", "right", "order"), ORDERED)
def test_order(left: str, right: str, order: int | None, operator: str) -> None:
    assert ask(f"{left} {operator} {right}") == ([] if order is None else [order in SIGNS[operator]])
    turned = None if order is None else -order
    assert ask(f"{right} {operator} {left}") == ([] if turned is None else [turned in SIGNS[operator]])


@pytest.mark.parametrize("operator", SIGNS)
@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("1", "'1'"),
        ("true", "false"),
        ("true", "1"),
        ("@2025", "2025"),
        ("@2025", "'2025'"),
        ("@T10:00", "@2025-01-01T10:00"),
        ("1 'mg'", "'1 mg'"),
        ("1 day", "@2025"),
        ("%o.code", "%o.code"),
        ("(1 | 2)", "1"),
        ("1", "(1 | 2)"),
    ],
)
def test_what_has_no_order_is_a_fault(left: str, right: str, operator: str) -> None:
    with pytest.raises(EvaluationError) as fault:
        ask(f"{left} {operator} {right}")
    assert not isinstance(fault.value, Missing)


# -- what cannot be told of an element is told as missing, where the specification has it empty --------------------


@pytest.mark.parametrize("operator", ["=", "!=", "<", "<=", ">", ">="])
def test_a_unit_that_nobody_knows_leaves_the_answer_missing(operator: str) -> None:
    with pytest.raises(Missing):
        ask(f"5 'smoots' {operator} 5 'mg'")


@pytest.mark.parametrize("operator", ["=", "!=", "<", "~"])
@pytest.mark.parametrize(
    "quantity",
    [
        {"value": 5, "system": "http://snomed.info/sct", "code": "258669008", "unit": "m"},
        {"value": 5, "comparator": "<", "code": "mg"},
        {"value": Decimal("1E+5000"), "code": "mg"},
        {"unit": "mg"},
    ],
    ids=["code of another system", "bound", "huge", "no number"],
)
def test_a_quantity_that_cannot_be_read_leaves_the_answer_missing(operator: str, quantity: dict[str, Any]) -> None:
    with pytest.raises(Missing):
        items(f"%o.value.ofType(Quantity) {operator} 5", o=[observation("x", valueQuantity=quantity)])


@pytest.mark.parametrize(
    ("quantity", "same_as"),
    [
        ({"value": 5, "code": "mg"}, "5 'mg'"),
        ({"value": 5, "unit": "mg"}, "5 'mg'"),
        ({"value": 5, "unit": "milligram", "code": "mg"}, "5 'mg'"),
        ({"value": 5}, "5"),
        ({"value": 2, "system": "http://unitsofmeasure.org", "code": "a"}, "2 years"),
        ({"value": 2, "system": "http://unitsofmeasure.org", "code": "mo"}, "2 months"),
        ({"value": 2, "system": "http://unitsofmeasure.org", "code": "d"}, "2 days"),
        ({"value": 2, "system": "http://unitsofmeasure.org", "code": "d"}, "2 'd'"),
        ({"value": 2, "system": "http://unitsofmeasure.org", "code": "wk"}, "2 weeks"),
        ({"value": 2, "system": "http://hl7.org/fhirpath/CodeSystem/calendar-units", "code": "month"}, "2 months"),
    ],
)
def test_an_element_is_the_quantity_that_fhir_says(quantity: dict[str, Any], same_as: str) -> None:
    assert items(f"%o.value.ofType(Quantity) = {same_as}", o=[observation("x", valueQuantity=quantity)]) == T


# -- membership ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("item", "others", "answer"),
    [
        ("1", "1 | 2", T),
        ("1.0", "1 | 2", T),
        ("3", "1 | 2", F),
        ("'a'", "'A' | 'b'", F),
        ("{}", "1 | 2", NONE),
        ("1", "{}", F),
        ("{}", "{}", NONE),
        ("@2012", "@2012-01 | @2013", F),  # open is not surely equal
        ("@2012-01-01T10:00:00Z", "@2012-01-01T11:00:00+01:00", T),
        ("1 'm'", "100 'cm' | 5 's'", T),
        ("1", "1 '1' | 2", T),
        ("'1'", "1 | 2", F),
        ("%o.status", "'final' | 'amended'", T),
        ("%o.code", "%same.code | %other.code", T),
        ("%o.code.coding[0]", "%turned.code.coding", T),
        ("%none.status", "'final'", NONE),
    ],
)
def test_in_and_contains(item: str, others: str, answer: list[bool]) -> None:
    assert ask(f"{item} in ({others})") == answer
    assert ask(f"({others}) contains {item}") == answer


@pytest.mark.parametrize("source", ["(1 | 2) in (1 | 2)", "(1 | 2) contains (1 | 2)"])
def test_only_one_item_can_be_asked_for(source: str) -> None:
    with pytest.raises(EvaluationError, match="needs one item"):
        ask(source)


# -- unions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("1 | 2", 2),
        ("1 | 1", 1),
        ("1 | 1.0", 1),
        ("1 | 1 '1'", 1),
        ("1 | '1'", 2),
        ("1 | true", 2),
        ("{} | {}", 0),
        ("{} | 1", 1),
        ("1.combine(1) | {}", 1),
        ("'a' | 'A'", 2),
        ("@2012 | @2012-01", 2),
        ("@2012-01-01T10:30:31 | @2012-01-01T10:30:31.0", 1),
        ("@2012-01-01T10:00:00Z | @2012-01-01T11:00:00+01:00", 1),
        ("1 'm' | 100 'cm'", 1),
        ("1 'm' | 1 's'", 2),
        ("1 year | 12 months", 1),
        ("1 year | 1 'a'", 2),
        ("5 'smoots' | 5 'smoots' | 6 'smoots'", 2),
        ("%o.code | %same.code", 1),
        ("%o.code | %turned.code", 2),
        ("%o.code.coding | %turned.code.coding", 2),
        ("%o.component.value | 2", 2),
        ("%o.value | 1500 'mg'", 1),
        ("%o | %same", 2),
    ],
)
def test_a_union_holds_equal_items_once(source: str, count: int) -> None:
    assert ask(f"({source}).count()") == [count]


# -- arithmetic ---------------------------------------------------------------------------------------------------

RECKONED: list[tuple[str, list[Any]]] = [
    ("1 + 2", [3]),
    ("1 + 2.0", [Decimal("3.0")]),
    ("1.5 + 1.5", [Decimal("3.0")]),
    ("1 - 2", [-1]),
    ("2 * 3", [6]),
    ("2 * 1.5", [Decimal("3.0")]),
    ("1.2 * 1.8", [Decimal("2.16")]),
    ("4 / 2", [Decimal(2)]),
    ("1 / 4", [Decimal("0.25")]),
    ("12 / 0", NONE),
    ("0 / 0", NONE),
    ("1.0 / 0.0", NONE),
    ("5 div 2", [2]),
    ("-5 div 2", [-2]),
    ("5 div -2", [-2]),
    ("-5 div -2", [2]),
    ("5.5 div 0.7", [7]),
    ("2.2 div 1.8", [1]),
    ("5 div 0", NONE),
    ("5 mod 2", [1]),
    ("-5 mod 2", [-1]),
    ("5 mod -2", [1]),
    ("-5 mod -2", [-1]),
    ("5.5 mod 0.7", [Decimal("0.6")]),
    ("-5.5 mod 0.7", [Decimal("-0.6")]),
    ("5 mod 0", NONE),
    ("9007199254740993 + 0", [9007199254740993]),
    ("0.1 + 0.2", [Decimal("0.3")]),
    # nothing
    ("1 + {}", NONE),
    ("{} - 1", NONE),
    ("{} * {}", NONE),
    ("1 / {}", NONE),
    ("{} div 1", NONE),
    ("1 mod {}", NONE),
    ("'a' + {}", NONE),
    ("@2025 + {}", NONE),
    ("{} + 1 day", NONE),
    # signs
    ("-5", [-5]),
    ("+5", [5]),
    ("-(-5)", [5]),
    ("--5", [5]),
    ("-1.50", [Decimal("-1.50")]),
    ("-{}", NONE),
    ("-(5 'mg')", [amount("-5 mg")]),
    ("-(%o.value)", [amount("-1.50 g")]),
    ("-%o.component.value.first()", [-1]),
    # texts
    ("'a' + 'b'", ["ab"]),
    ("'' + ''", [""]),
    ("'a' & 'b'", ["ab"]),
    ("'a' & {}", ["a"]),
    ("{} & 'b'", ["b"]),
    ("{} & {}", [""]),
    ("'a' & {} & 'b'", ["ab"]),
    ("%o.status & '!'", ["final!"]),
    # quantities
    ("5 'mg' + 3 'mg'", [amount("8 mg")]),
    ("5.0 'mg' - 3 'mg'", [amount("2.0 mg")]),
    ("12 'cm' * 2", [amount("24 cm")]),
    ("2 * 12 'cm'", [amount("24 cm")]),
    ("12 'cm' / 3", [amount("4 cm")]),
    ("12 'cm' / 3 'cm'", [amount("4 1")]),
    ("12 'cm' / 0 'cm'", NONE),
    ("12 'cm' + {}", NONE),
    ("2 days + 3 days", [amount("5 day")]),
    ("1 minute - 30 's'", [amount("0.5 minute")]),
    ("5 'smoots' + 6 'smoots'", [amount("11 smoots")]),
]


@pytest.mark.parametrize(("source", "expected"), RECKONED)
def test_arithmetic(source: str, expected: list[Any]) -> None:
    check(source, expected)


@pytest.mark.parametrize(
    ("source", "same_as"),
    [
        ("3 'm' + 3 'cm'", "303 'cm'"),
        ("3 'm' - 3 'cm'", "2.97 'm'"),
        ("1 week + 14 days", "3 weeks"),
        ("3 'd' + 1 'wk'", "10 'd'"),
        ("2 minutes + 60 seconds", "3 minutes"),
        ("12 'cm' * 3 'cm'", "36 'cm2'"),
        ("3 'cm' * 12 'cm2'", "36 'cm3'"),
        ("12 'cm2' / 3 'cm'", "4.0 'cm'"),
        ("120 'm' / 60 's'", "2 'm/s'"),
        ("60 / 1 's'", "60 '/s'"),
        ("10 'm/s' * 10 's'", "100 'm'"),
        ("%o.value * 2", "3 'g'"),
        ("%o.value + 500 'mg'", "2 'g'"),
        ("37 'Cel' + 0 'Cel'", "37 'Cel'"),
    ],
)
def test_arithmetic_with_units(source: str, same_as: str) -> None:
    assert ask(f"{source} = {same_as}") == T


@pytest.mark.parametrize(
    "source",
    [
        "1 + 'a'",
        "'a' + 1",
        "true + 1",
        "1 - true",
        "'a' - 'b'",
        "'a' * 2",
        "1 div 'a'",
        "(1 | 2) + 1",
        "1 + (1 | 2)",
        "'a' & (1 | 2)",
        "1 'm' + 1 's'",
        "1 'm' - 1",
        "1 'm' div 1 'm'",
        "1 'm' mod 1 'm'",
        "-'a'",
        "-(1 | 2)",
        "-@2025",
        "%o.code + 1",
        "@2025 - @2024",
        "1 day + @2025",
        "@2025 * 2",
    ],
)
def test_what_cannot_be_reckoned_with_is_a_fault(source: str) -> None:
    with pytest.raises((EvaluationError, ExpressionError)):
        ask(source)


@pytest.mark.parametrize(
    "source", ["9999999999999999999999999999 + 1", "100000000000000 * 100000000000000", "-%x - %x"]
)
def test_a_number_beyond_all_bounds_is_a_fault_not_nothing(source: str) -> None:
    with pytest.raises(LimitExceeded):
        items(source, x=[9 * 10**27])


# -- dates moved by durations -------------------------------------------------------------------------------------

MOVED: list[tuple[str, Any]] = [
    # days and weeks
    ("@1973-12-25 + 7 days", day("1974-01-01")),
    ("@1973-12-25 + 7.9 days", day("1974-01-01")),
    ("@1973-12-25 + 1 week", day("1974-01-01")),
    ("@1973-12-25 + 1 'd'", day("1973-12-26")),
    ("@1973-12-25 + 1 'wk'", day("1974-01-01")),
    ("@2024-02-28 + 1 day", day("2024-02-29")),
    ("@2025-02-28 + 1 day", day("2025-03-01")),
    ("@2024-03-01 - 1 day", day("2024-02-29")),
    ("@2025-01-01 - 1 day", day("2024-12-31")),
    ("@2025-01-10 - 2 weeks", day("2024-12-27")),
    ("@2025-01-10 + -2 weeks", day("2024-12-27")),
    ("@2025-01-10 + 0 days", day("2025-01-10")),
    # months and years: a day that the month lacks becomes its last
    ("@2026-01-31 + 1 month", day("2026-02-28")),
    ("@2024-01-31 + 1 month", day("2024-02-29")),
    ("@2025-03-31 - 1 month", day("2025-02-28")),
    ("@2025-05-31 + 1 month", day("2025-06-30")),
    ("@2019-03-01 + 24 months", day("2021-03-01")),
    ("@2019-03-01 - 24 months", day("2017-03-01")),
    ("@2025-11-30 + 3 months", day("2026-02-28")),
    ("@2025-01-15 - 1 month", day("2024-12-15")),
    ("@2024-02-29 + 1 year", day("2025-02-28")),
    ("@2024-02-29 + 4 years", day("2028-02-29")),
    ("@2024-02-29 - 1 year", day("2023-02-28")),
    ("@2025-11-20 + 1.9 years", day("2026-11-20")),
    # dates with time
    ("@2026-01-01T13:00:00 + 30 minutes", moment("2026-01-01T13:30:00")),
    ("@2025-12-31T23:30:00 + 1 hour", moment("2026-01-01T00:30:00")),
    ("@2024-02-28T23:59:59 + 1 second", moment("2024-02-29T00:00:00")),
    ("@2026-01-01T00:00:00 - 1 second", moment("2025-12-31T23:59:59")),
    ("@1973-12-25T00:00:00.000+10:00 + 42.53 seconds", moment("1973-12-25T00:00:42.530+10:00")),
    ("@1973-12-25T00:00:00.000+10:00 + 0.1 's'", moment("1973-12-25T00:00:00.100+10:00")),
    ("@1973-12-25T00:00:00.000+10:00 + 10 milliseconds", moment("1973-12-25T00:00:00.010+10:00")),
    ("@1973-12-25T00:00:00.990 + 10 'ms'", moment("1973-12-25T00:00:01.000")),
    ("@1973-12-25T00:00:00.000 - 1 millisecond", moment("1973-12-24T23:59:59.999")),
    ("@1973-12-25T00:00:00 + 1 millisecond", moment("1973-12-25T00:00:00.001")),
    ("@1973-12-25T00:00:00.000+10:00 + 1 'min'", moment("1973-12-25T00:01:00.000+10:00")),
    ("@1973-12-25T00:00:00+10:00 + 36 'h'", moment("1973-12-26T12:00:00+10:00")),
    ("@2026-01-31T10:00:00Z + 1 month", moment("2026-02-28T10:00:00Z")),
    ("@2025-03-30T01:30:00+01:00 + 1 day", moment("2025-03-31T01:30:00+01:00")),
    # what is stated less finely moves by as many of its own units as fit
    ("@2014 + 24 months", day("2016")),
    ("@2014 + 23 months", day("2015")),
    ("@2014 + 11 months", day("2014")),
    ("@2014 - 1 month", day("2014")),
    ("@2014 - 24 months", day("2012")),
    ("@2016 + 365 days", day("2017")),
    ("@2016 + 364 days", day("2016")),
    ("@2026-02 + 5 weeks", day("2026-03")),
    ("@2026-02 + 4 weeks", day("2026-02")),
    ("@2026-02 - 1 day", day("2026-02")),
    ("@2026-01 - 30 days", day("2025-12")),
    ("@2026-02T + 25 hours", moment("2026-02T")),
    ("@2026-02-01T + 25 hours", moment("2026-02-02T")),
    ("@2026-02-01T10 + 59 minutes", moment("2026-02-01T10")),
    ("@2026-02-01T10 + 150 minutes", moment("2026-02-01T12")),
    ("@2026-02-01T10:30 - 90 seconds", moment("2026-02-01T10:29")),
    ("@2026-02-01T10:30 + 1.5 seconds", moment("2026-02-01T10:30")),
    ("@2026-02-01T10:30 + 60000 milliseconds", moment("2026-02-01T10:31")),
    # times go round
    ("@T23:30:00 + 1 hour", clock("00:30:00")),
    ("@T00:30:00 - 1 hour", clock("23:30:00")),
    ("@T01:00:00 + 48 hours", clock("01:00:00")),
    ("@T23:59:59.999 + 1 millisecond", clock("00:00:00.000")),
    ("@T10:30:00 + 1.5 seconds", clock("10:30:01.500")),
    ("@T10:30 + 45 'min'", clock("11:15")),
    ("@T10 + 30 minutes", clock("10")),
    ("@T10 - 30 minutes", clock("10")),
    ("@T10 + 90 minutes", clock("11")),
    ("@T10:30 + 59 seconds", clock("10:30")),
    # elements
    ("%o.effective + 1 day", moment("2025-11-21T10:00:00+01:00")),
    ("%months.onset - 1 year", amount("49 year")),
    ("@2025-11-20 - %months.onset", day("1975-11-20")),
]


@pytest.mark.parametrize(("source", "expected"), MOVED)
def test_dates_are_moved_by_the_calendar(source: str, expected: Any) -> None:
    check(source, [expected])


@pytest.mark.parametrize(
    "source",
    [
        "@2025-11-20 + 1 'a'",
        "@2025-11-20 + 1 'mo'",
        "@2025-11-20 - 1 'cm'",
        "@2025-11-20 + 1 'smoots'",
        "@2025-11-20 + 24 hours",
        "@2025-11-20 + 60 'min'",
        "@2025-11-20 + 1 second",
        "@2025-11-20 + 1 millisecond",
        "@T10:00 + 1 day",
        "@T10:00 + 1 month",
        "@T10:00 + 1 'wk'",
        "@9999-12-31 + 1 day",
        "@9999 + 1 year",
        "@0001-01-01 - 1 month",
        "@0001-01-01T00:00:00 - 1 second",
        "@2025 + 'a'",
        "@2025 + true",
        "@2025-11-20 + (1 day | 2 days)",
    ],
)
def test_a_date_that_cannot_be_moved_so_is_a_fault(source: str) -> None:
    with pytest.raises(EvaluationError) as fault:
        ask(source)
    assert not isinstance(fault.value, Missing)


def test_a_duration_beyond_all_bounds_is_a_fault() -> None:
    with pytest.raises(LimitExceeded):
        ask("@2025 + 99999999999999 days")


@pytest.mark.parametrize("source", ["@2025 + 5", "@2025-11-20 - 1.5", "@T10:00 + 1"])
def test_a_date_is_not_moved_by_a_number(source: str) -> None:
    with pytest.raises(ExpressionError, match="a date is moved by a duration"):
        ask(source)


# -- what binds tighter -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("1 + 2 * 3 + 4", [11]),
        ("(1 + 2) * 3", [9]),
        ("2 * 3 div 4", [1]),
        ("7 - 2 - 1", [4]),
        ("16 / 4 / 2", [Decimal(2)]),
        ("-1 + 2", [1]),
        ("-2 * 3", [-6]),
        ("2 * -3", [-6]),
        ("1 < 2 = true", T),
        ("1 + 1 = 2", T),
        ("1 = 1 in (true | false)", T),
        ("1 | 2 + 3", [1, 5]),
        ("(1 | 2).count() + 1", [3]),
        ("1 | 1 is Integer", [1, True]),
        ("1 | 2 = 1 | 2", T),
        ("1 in (1 | 2) and true", T),
        ("true or false and false", T),
        ("(true or false) and false", F),
        ("false implies false or true", T),
        ("true implies false implies true", T),  # from the left: (true implies false) implies true
        ("true xor true or true", T),
        ("'a' & 'b' = 'ab'", T),
        ("1 + 1 is Integer", T),
        ("'a' in ('a' | 'b') and 'c' in ('a' | 'b')", F),
        ("true and {} or true", T),
        ("-%o.component.count() = -3", T),
        ("%o.code.coding.code[1] = 'b'", T),
        ("(-7).combine(3)", [-7, 3]),
    ],
)
def test_precedence(source: str, expected: list[Any]) -> None:
    check(source, expected)


@pytest.mark.parametrize("source", ["-7.combine(3)", "-1.convertsToInteger()", "-'a'.length().toString()", "2 > 1 | 0"])
def test_a_point_binds_tighter_than_a_sign_and_a_union_than_a_comparison(source: str) -> None:
    with pytest.raises((EvaluationError, ExpressionError)):
        ask(source)


# -- laws ---------------------------------------------------------------------------------------------------------

VALUES = st.sampled_from([left for left, _, _ in EQUAL + EQUIVALENT if "smoots" not in left and "|" not in left])


@given(VALUES, VALUES)
def test_equality_and_equivalence_do_not_depend_on_the_side(left: str, right: str) -> None:
    assert ask(f"({left}) = ({right})") == ask(f"({right}) = ({left})")
    assert ask(f"({left}) ~ ({right})") == ask(f"({right}) ~ ({left})")


@given(VALUES, VALUES)
def test_what_is_in_a_union_once_is_surely_equal(left: str, right: str) -> None:
    one, other = ask(f"({left})"), ask(f"({right})")
    if len(one) == len(other) == 1:
        assert (ask(f"(({left}) | ({right})).count()") == [1]) is (ask(f"({left}) = ({right})") == T)
