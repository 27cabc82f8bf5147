"""What each function and operator answers; nothing stands for no, and nothing that cannot be read does either."""

from __future__ import annotations

from decimal import Decimal
from itertools import product
from typing import Any

import pytest

from cds_service.errors import EvaluationError
from cds_service.expressions import logic
from cds_service.expressions.language import Missing
from cds_service.expressions.logic import Truth
from cds_service.fhir.temporal import Date, parse_date, parse_date_time
from cds_service.fhir.values import Quantity
from tests.unit.fhirpath.evaluating import AS_OF, SNOMED, URL, Asked, coded, condition, items, observation, truth

CHART = [
    observation("o1", code=coded("T1"), valueString="a", effectiveDateTime="2025-11-20"),
    observation("o2", code=coded("T2", "L1"), valueInteger=5, effectiveDateTime="2025-11-20T10:00:00Z"),
    observation("o3", valueQuantity={"value": Decimal("1.5"), "unit": "mm", "code": "mm"}, effectiveDateTime="2024"),
    observation("o4", valueBoolean=False, bodySite=coded("L1")),
    observation("o5", valueCodeableConcept=coded("yes"), derivedFrom=[{"reference": "Observation/nowhere"}]),
    condition("c1", code=coded("T1"), recordedDate="2025-10-01"),
]
OBSERVATIONS = [one for one in CHART if one["resourceType"] == "Observation"]


def ask(source: str, **more: Any) -> list[Any]:
    """Evaluate over the chart; an item that is a resource is given by its id."""
    found = items(source, *CHART, observations=OBSERVATIONS, conditions=CHART[-1:], none=(), **more)
    return [one["id"] if isinstance(one, dict) and "resourceType" in one else one for one in found]


# -- operators ----------------------------------------------------------------------------------------------------


ANSWERS: list[tuple[str, list[Any]]] = [
    # existence
    ("%observations.exists()", [True]),
    ("%none.exists()", [False]),
    ("%none.empty()", [True]),
    ("%observations.empty()", [False]),
    ("%observations.exists(status = 'final')", [True]),
    ("%observations.exists(status = 'draft')", [False]),
    ("%observations.count()", [5]),
    ("%none.count()", [0]),
    ("true.not()", [False]),
    ("{}.not()", []),
    ("5.not()", [False]),
    ("%observations.all(status = 'final')", [True]),
    ("%observations.all(code.exists())", [False]),
    ("%none.all(false)", [True]),
    ("%observations.all(bodySite.coding.code = 'L1')", [False]),
    ("(1 | 2 | 1).distinct()", [1, 2]),
    # filtering and projection
    ("%observations.where(code.exists()).id", ["o1", "o2"]),
    ("%observations.where(bodySite.coding.code = 'L1').id", ["o4"]),
    ("%observations.where($index = 1).id", ["o2"]),
    ("%observations.where({}).id", []),
    ("%observations.select(id)", ["o1", "o2", "o3", "o4", "o5"]),
    ("%observations.select($index)", [0, 1, 2, 3, 4]),
    ("%observations.select(code.coding.select($index))", [0, 0, 1]),
    ("%observations.all($index < 5)", [True]),
    ("%observations.where(code.coding.where($index = 1).exists()).id", ["o2"]),
    ("%observations.where(code.coding.exists() and $index = 1).id", ["o2"]),
    ("entry.resource.ofType(Condition).id", ["c1"]),
    ("entry.resource.ofType(DomainResource).count()", [6]),
    ("%observations.value.ofType(string)", ["a"]),
    ("%observations.value.ofType(integer)", [5]),
    ("%observations.value.ofType(Quantity).value", [Decimal("1.5")]),
    ("%observations.value.ofType(CodeableConcept).coding.code", ["yes"]),
    ("%observations.value.ofType(dateTime)", []),
    ("%observations[0].value is string", [True]),
    ("%observations[0].value is integer", [False]),
    ("%none.value is string", []),
    ("%observations[1].value as integer", [5]),
    ("%observations[1].value as string", []),
    ("%observations[0] is Observation", [True]),
    ("%observations[0] is DomainResource", [True]),
    ("%observations[0].is(Condition)", [False]),
    ("1 is System.Integer", [True]),
    ("1 is Integer", [True]),
    ("1.0 is Integer", [False]),
    # subsetting
    ("%observations.first().id", ["o1"]),
    ("%observations.last().id", ["o5"]),
    ("%observations.tail().id", ["o2", "o3", "o4", "o5"]),
    ("%observations.skip(3).id", ["o4", "o5"]),
    ("%observations.skip(-1).count()", [5]),
    ("%observations.take(2).id", ["o1", "o2"]),
    ("%observations.take(0)", []),
    ("%observations[4].id", ["o5"]),
    ("%observations[5]", []),
    ("%observations[-1]", []),
    ("%conditions.single().id", ["c1"]),
    ("%none.single()", []),
    ("%none.first()", []),
    # combining
    ("(1 | 2).union(2 | 3)", [1, 2, 3]),
    ("(1 | 2).combine(2 | 3)", [1, 2, 2, 3]),
    ("(1 | 2 | 3).intersect(2 | 3 | 4)", [2, 3]),
    ("(1 | 2 | 3).exclude(2)", [1, 3]),
    ("%observations.exclude(%observations.where(code.exists())).id", ["o3", "o4", "o5"]),
    ("(%observations | %conditions).code.coding.code", ["T1", "T2", "L1", "T1"]),
    ("(%observations.status | %conditions.id)", ["final", "c1"]),
    ("'a'.combine('a')", ["a", "a"]),
    ("('a' | 'b').combine('b').count()", [3]),
    ("iif(true, 1, 2)", [1]),
    ("iif(false, 1, 2)", [2]),
    ("iif({}, 1, 2)", [2]),
    ("iif(false, 1)", []),
    ("iif(true, 1, 1 + 'fault')", [1]),
    ("'x'.iif($this = 'x', 1, 2)", [1]),
    ("%none.iif(exists(), 1, 2)", [2]),
    ("1" + ".iif(true, $this)" * 90, [1]),
    ("1" + "".join(f".defineVariable('v{i}', $this)" for i in range(90)) + ".select(%v89)", [1]),
    ("(1 | 2).aggregate($this.iif(true, $this + iif($total.empty(), 0, $total)))", [3]),
    ("%none.iif(true, 1, 2)", [1]),
    # equality
    ("1 = 1.0", [True]),
    ("1 = '1'", [False]),
    ("'a' = 'A'", [False]),
    ("1 = {}", []),
    ("{} = {}", []),
    ("{} ~ {}", [True]),
    ("1 ~ {}", [False]),
    ("(1 | 2) = (1 | 2)", [True]),
    ("(1 | 2) = (2 | 1)", [False]),
    ("(1 | 2) = 1", [False]),
    ("1 != 2", [True]),
    ("1 != {}", []),
    ("1 !~ 2", [True]),
    ("true = 1", [False]),
    ("@2025 = @2025", [True]),
    ("@2025 = @2025-11", []),
    ("@2025 != @2025-11", []),
    ("@2024 = @2025-11", [False]),
    ("@2025 ~ @2025-11", [False]),
    ("5 'mm' = 5.0 'mm'", [True]),
    ("1 day = 1 'day'", [True]),
    # comparison
    ("1 < 2", [True]),
    ("1.5 >= 1", [True]),
    ("'a' < 'b'", [True]),
    ("1 < {}", []),
    ("@2025-11-20 > @2025-11-19", [True]),
    ("@2025 > @2025-11-19", []),
    ("@2026 > @2025-11-19", [True]),
    ("5 'mm' > 4 'mm'", [True]),
    # membership
    ("1 in (1 | 2)", [True]),
    ("3 in (1 | 2)", [False]),
    ("{} in (1 | 2)", []),
    ("1 in {}", [False]),
    ("(1 | 2) contains 2", [True]),
    ("%none contains 2", [False]),
    # arithmetic
    ("1 + 2", [3]),
    ("1 - 2.5", [Decimal("-1.5")]),
    ("2 * 3", [6]),
    ("1 / 4", [Decimal("0.25")]),
    ("1 / 0", []),
    ("7 div 2", [3]),
    ("-7 div 2", [-3]),
    ("7 mod 2", [1]),
    ("-7 mod 2", [-1]),
    ("7 mod 0", []),
    ("1 + {}", []),
    ("'a' + 'b'", ["ab"]),
    ("'a' & {} & 'b'", ["ab"]),
    ("-(5)", [-5]),
    ("+5", [5]),
    ("-{}", []),
    ("-(5 'mm')", [Quantity(Decimal(-5), "mm")]),
    ("-(%observations.value.ofType(Quantity))", [Quantity(Decimal("-1.5"), "mm")]),
    ("%conditions.recordedDate + 1 month", [parse_date_time("2025-11-01")]),
    ("%observations.first().effective.ofType(dateTime) - 1 day", [parse_date_time("2025-11-19")]),
    ("@2025-11-20 + 1 month", [Date((2025, 12, 20))]),
    ("@2025-11-20 - 90 days", [Date((2025, 8, 22))]),
    ("%asOf - 1 year", [Date((2025, 1, 15))]),
    # texts
    ("'Abc'.startsWith('Ab')", [True]),
    ("'Abc'.endsWith('x')", [False]),
    ("'Abc'.contains('b')", [True]),
    ("{}.startsWith('A')", []),
    ("'Abc'.lower() & 'Abc'.upper()", ["abcABC"]),
    ("'Abc'.length()", [3]),
    ("('a' | 'b').join(', ')", ["a, b"]),
    ("('a' | 'b').join()", ["ab"]),
    ("true.toString()", ["true"]),
    ("5.toString()", ["5"]),
    ("1.50.toString()", ["1.50"]),
    ("%observations[0].code.toString()", []),
    ("{}.toString()", []),
    # dates out of elements
    ("%observations[1].effective.toDate()", [Date((2025, 11, 20))]),
    ("%observations[2].effective.toDate()", [Date((2024,))]),
    ("'no date'.toDate()", []),
    ("5.toDate()", []),
    ("%observations[1].effective.toString()", ["2025-11-20T10:00:00Z"]),
    ("%observations[0].effective.toString()", ["2025-11-20"]),
    ("@2025-11-20.toString()", ["2025-11-20"]),
    # clinical dates
    ("%observations.clinicalDate()", [Date((2025, 11, 20)), Date((2025, 11, 20)), Date((2024,))]),
    ("%conditions.clinicalDate()", [Date((2025, 10, 1))]),
    ("%none.clinicalDate()", []),
    ("today() = %asOf and now() = %asOf", [True]),
    ("%sct", [SNOMED]),
    ("%resource.entry.count()", [6]),
]


@pytest.mark.parametrize(("source", "answer"), ANSWERS, ids=[source for source, _ in ANSWERS])
def test_an_expression_answers(source: str, answer: list[Any]) -> None:
    found = ask(source, asOf=(AS_OF,))
    assert found == answer
    assert [type(one) for one in found] == [type(one) for one in answer]


# -- faults that are told, never answered with no -----------------------------------------------------------------


FAULTS = [
    ("%observations.single()", "`single()` needs one item, there are 5"),
    ("true and %observations.id.startsWith('o')", "`startsWith()` needs one item, there are 5"),
    ("%observations.where(code.coding.code > 'T')", "`>` needs one item, there are 2"),
    ("%observations[%observations.id]", "an index needs one item, there are 5"),
    ("iif(%observations, 1, 2)", "a condition needs one item, there are 5"),
    ("%observations.where(code.coding)", "a condition needs one item, there are 2"),
    ("-'text'", "`-` does not take System.String"),
    ("1 + 'text'", "`+` does not take System.String"),
    ("1 + true", "`+` does not take System.Boolean"),
    ("1 < 'text'", "System.Integer and System.String cannot be compared"),
    ("true < false", "System.Boolean and System.Boolean cannot be compared"),
    ("5 'mm' > 'text'", "System.Quantity and System.String cannot be compared"),
    ("@2025 + 5 'mm'", "a date cannot be moved by this unit"),
    ("(%observations | %conditions).iif(exists(), 1, 2)", "`iif()` needs one item, there are 6"),
]


@pytest.mark.parametrize(("source", "words"), FAULTS, ids=[source for source, _ in FAULTS])
def test_what_cannot_be_answered_is_a_fault(source: str, words: str) -> None:
    with pytest.raises(EvaluationError) as fault:
        ask(source)
    assert words in str(fault.value)
    assert not isinstance(fault.value, Missing)


MISSING = [
    ("%observations.latest()", "ambiguous"),
    ("%observations.skip(2).take(1).latest()", "ambiguous"),
    ("%observations.episodes(1 month)", "ambiguous"),
    ("%observations.value.ofType(Quantity) > 1 'smoots'", "ambiguous"),
    ("%observations.where(derivedFrom.resolve().exists())", "unreadable"),
    ("%bounded.value.ofType(Quantity) > 1 'mm'", "ambiguous"),
    ("%wordy.value.ofType(Quantity) > 1 'mm'", "unreadable"),
]
BOUNDED = observation("b", valueQuantity={"value": 5, "comparator": "<", "unit": "mm"})
WORDY = observation("w", valueQuantity={"value": "5", "unit": "mm"})


@pytest.mark.parametrize(("source", "code"), MISSING, ids=[source for source, _ in MISSING])
def test_what_cannot_be_told_from_this_record_is_missing(source: str, code: str) -> None:
    with pytest.raises(Missing) as missing:
        ask(source, bounded=[BOUNDED], wordy=[WORDY])
    assert missing.value.code == code


HOLLOW = condition("h", recordedDate="", abatementDateTime=5, code={}, bodySite=[{}], stage=[{"type": "late"}])


@pytest.mark.parametrize(
    "path", ["recordedDate", "abatement", "code", "bodySite", "stage.type", "select(code | stage.type)"]
)
@pytest.mark.parametrize("asked", ["exists()", "empty()"])
def test_an_element_that_does_not_hold_what_its_type_says_is_neither_there_nor_absent(path: str, asked: str) -> None:
    with pytest.raises(Missing) as missing:
        ask(f"%hollow.{path}.{asked}", hollow=[HOLLOW])
    assert missing.value.code == "unreadable"


def test_one_that_does_is_there_beside_it() -> None:
    asked = Asked("%both.recordedDate.exists()", both=[HOLLOW, condition("f", recordedDate="2025")])
    assert asked.truth() is True
    assert asked.evidence() == ["Condition/f.recordedDate"]


# -- nothing, and what cannot be told, inside conditions ----------------------------------------------------------

OPERANDS: dict[str, Truth | type[Missing]] = {
    "true": True,
    "false": False,
    "{}": None,
    "%observations.latest().exists()": Missing,
}
MEANINGS = {"and": logic.and_, "or": logic.or_, "xor": logic.xor, "implies": logic.implies}


@pytest.mark.parametrize("operator", MEANINGS)
@pytest.mark.parametrize(("left", "right"), list(product(OPERANDS, OPERANDS)))
def test_logic_is_kleenes_and_what_is_missing_is_told_unless_the_other_side_settles_it(
    operator: str, left: str, right: str
) -> None:
    values = [None if OPERANDS[side] is Missing else OPERANDS[side] for side in (left, right)]
    expected = MEANINGS[operator](*values)  # type: ignore[arg-type]
    source = f"({left}) {operator} ({right})"
    if expected is None and Missing in (OPERANDS[left], OPERANDS[right]):
        with pytest.raises(Missing):
            ask(source)
    else:
        assert truth(source, observations=OBSERVATIONS) is expected


@pytest.mark.parametrize("operator", MEANINGS)
def test_a_fault_is_never_settled_away_by_what_stands_after_it(operator: str) -> None:
    for other in ("true", "false", "{}"):
        with pytest.raises(EvaluationError):
            ask(f"(1 + 'text').exists() {operator} {other}")


def test_where_keeps_only_what_is_true() -> None:
    assert ask("%observations.where(bodySite.coding.code = 'L1').id") == ["o4"]
    assert ask("%observations.where(bodySite.coding.code != 'L1').id") == []
    assert ask("%observations.where((bodySite.coding.code = 'L1').not()).id") == []


def test_all_holds_only_where_each_is_true() -> None:
    assert ask("%observations.where(id = 'o4').all(bodySite.coding.code = 'L1')") == [True]
    assert ask("%observations.where(id = 'o3').all(bodySite.coding.code = 'L1')") == [False]


def test_one_item_that_is_no_boolean_is_true() -> None:
    assert ask("iif(%conditions, 1, 2)") == [1]
    assert ask("%observations.where(value.ofType(string)).id") == ["o1"]


def test_the_index_is_the_outer_ones_again_after_an_inner_filter() -> None:
    assert ask("%observations.where(code.coding.where($index = 0).exists() and $index = 1).id") == ["o2"]


def test_the_index_is_the_outer_ones_again_after_a_fault() -> None:
    source = "%observations.where($index = 1 and (code.coding.where(latestless > 0).exists() or true))"
    source = source.replace("latestless > 0", "$index = 1 and %observations.latest().exists()")
    assert ask(source + ".id") == ["o2"]


# -- value sets, references, extensions ---------------------------------------------------------------------------


def test_member_of_answers_for_concepts_codings_and_codes() -> None:
    assert ask(f"%observations.where(code.memberOf('{URL}levels')).id") == ["o2"]
    assert ask(f"%observations.code.coding.where(memberOf('{URL}levels')).code") == ["L1"]
    assert ask(f"%observations.code.coding.code.where(memberOf('{URL}levels'))") == ["L1"]
    assert ask(f"%none.code.memberOf('{URL}levels')") == []


def test_member_of_needs_one_item() -> None:
    with pytest.raises(EvaluationError, match="needs one item, there are 3"):
        ask(f"%observations.code.coding.memberOf('{URL}levels')")


def test_references_are_resolved_inside_the_record() -> None:
    found = [
        observation("a", derivedFrom=[{"reference": "Observation/b"}, None, {"reference": "Observation/b"}]),
        observation("b"),
    ]
    assert items("%a.derivedFrom.resolve().ofType(Observation).id", *found, a=found[:1]) == ["b", "b"]
    assert items("%a.derivedFrom.resolve().ofType(Condition).id", *found, a=found[:1]) == []


@pytest.mark.parametrize("reference", [{"reference": "Observation/nowhere"}, {"display": "the MRI"}, {}, 5])
def test_a_reference_to_what_is_not_there_is_missing_never_nothing(reference: object) -> None:
    found = [observation("a", derivedFrom=[{"reference": "Observation/b"}, reference]), observation("b")]
    with pytest.raises(Missing):
        items("%a.derivedFrom.resolve()", *found, a=found[:1])
    assert truth("%a.exists(derivedFrom.first().resolve().exists())", *found, a=found[:1]) is True


def test_what_one_item_cannot_tell_another_may() -> None:
    found = [observation("a", derivedFrom=[{"reference": "Observation/nowhere"}]), observation("b")]
    found += [observation("c", derivedFrom=[{"reference": "Observation/b"}])]
    source = "%o.exists(derivedFrom.resolve().ofType(Observation).exists())"
    assert truth(source, *found, o=found) is True
    assert truth(source.replace("exists(", "where(", 1) + ".exists()", *found, o=found) is True
    with pytest.raises(Missing):
        truth(source, *found, o=found[:2])


def test_references_in_a_circle_end() -> None:
    one = observation("a", derivedFrom=[{"reference": "Observation/b"}])
    other = observation("b", derivedFrom=[{"reference": "Observation/a"}])
    step = ".derivedFrom.resolve().ofType(Observation)"
    assert items(f"%a{step * 5}.id", one, other, a=[one]) == ["b"]


def test_extensions_are_found_by_their_url() -> None:
    extended = condition(
        "c",
        extension=[{"url": "u", "valueString": "1"}, None, "odd", {"url": "v"}, {"url": "u", "valueBoolean": True}],
    )
    assert items("%c.extension('u').value.ofType(string)", extended, c=[extended]) == ["1"]
    assert items("%c.extension('u').value.ofType(boolean)", extended, c=[extended]) == [True]
    assert items("%c.extension('w')", extended, c=[extended]) == []


# -- resources in time --------------------------------------------------------------------------------------------


def dated(*days: str | None) -> list[dict[str, Any]]:
    return [observation(f"d{i}", **({"effectiveDateTime": day} if day else {})) for i, day in enumerate(days)]


@pytest.mark.parametrize(
    ("days", "newest"),
    [
        ([], []),
        (["2025-11-20"], ["d0"]),
        (["2025-11-20", "2025-11-21"], ["d1"]),
        (["2025-11-20", "2025-11-20T23:59:00Z", "2025-11-19"], ["d0", "d1"]),
        (["2025-11-20T23:30:00-11:00", "2025-11-21T09:00:00Z"], ["d1"]),
        (["2024", "2025-11-20", "2025-10"], ["d1"]),
    ],
)
def test_latest_gives_the_newest_calendar_day(days: list[str], newest: list[str]) -> None:
    assert items("%o.latest().id", o=dated(*days)) == newest


@pytest.mark.parametrize(
    "days",
    [
        [None],
        ["2025"],
        ["2025-11"],
        ["2025-11-20", None],
        ["2025-11-20", "2025"],
        ["2025-11-20", "2025-11"],
        ["2025-11-20", "2026"],
        ["2025-11-20", "20.11.2025"],
        ["2025-11-20", "2024T10"],
    ],
)
def test_latest_is_missing_where_the_newest_day_cannot_be_told(days: list[str | None]) -> None:
    with pytest.raises(Missing) as missing:
        items("%o.latest().id", o=dated(*days))
    assert missing.value.code == "ambiguous"


@pytest.mark.parametrize(
    ("days", "gap", "sizes"),
    [
        ([], "21 days", []),
        (["2025-01-01"], "21 days", [1]),
        (["2025-01-01", "2025-01-21"], "21 days", [2]),
        (["2025-01-01", "2025-01-22"], "21 days", [1, 1]),
        (["2025-01-01", "2025-01-15", "2025-01-22"], "21 days", [2, 1]),
        (["2025-01-22", "2025-01-01", "2025-01-02"], "3 weeks", [2, 1]),
        (["2025-01-31", "2025-02-28", "2025-03-01"], "1 month", [1, 2]),
        (["2025-01-01", "2025-01-01", "2025-01-01"], "1 day", [3]),
    ],
)
def test_episodes_start_at_least_a_gap_apart(days: list[str], gap: str, sizes: list[int]) -> None:
    assert items(f"%o.episodes({gap}).select(item.count())", o=dated(*days)) == sizes


def test_an_episode_starts_where_its_first_item_does_and_is_sorted_inside() -> None:
    found = dated("2025-01-05", "2025-01-01", "2025-03-01")
    assert items("%o.episodes(21 days).start", o=found) == ["2025-01-01", "2025-03-01"]
    assert items("%o.episodes(21 days).first().item.ofType(Observation).id", o=found) == ["d1", "d0"]
    assert items("%o.episodes(21 days).last().start.toDate() > @2025-02-01", o=found) == [True]


@pytest.mark.parametrize("day", [None, "2025", "2025-01", "soon"])
def test_episodes_are_missing_where_a_start_cannot_be_told(day: str | None) -> None:
    with pytest.raises(Missing) as missing:
        items("%o.episodes(21 days)", o=dated("2025-01-01", day))
    assert missing.value.code == "ambiguous"


@pytest.mark.parametrize("gap", ["5", "5 'mm'", "{}", "'21 days'", "3 hours"])
def test_a_gap_that_is_no_duration_is_a_fault(gap: str) -> None:
    with pytest.raises(EvaluationError, match="takes a duration in days, weeks, months or years"):
        items(f"%o.episodes({gap})", o=dated("2025-01-01"))


# -- partial dates are never taken as whole -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stated", "within"),
    [
        ("2025-11-20", True),
        ("2025-10-17", True),
        ("2025-10-16", False),
        ("2025-11", True),
        ("2025-10", None),
        ("2025", None),
        ("2024", False),
        ("2025-10-17T00:00:00+14:00", True),
    ],
)
def test_a_window_is_open_where_the_date_is(stated: str, within: Truth) -> None:
    source = "%o.clinicalDate() >= %asOf - 90 days"
    assert truth(source, o=dated(stated), asOf=(AS_OF,)) is within


@pytest.mark.parametrize("source", ["%o.effective", "%o.effective.toDate()"])
@pytest.mark.parametrize("text", ["20.11.2025", "2025-13-01", "2025T10", "", "٢٠٢٥"])
def test_a_date_that_is_none_is_a_fault_or_nothing_in_a_comparison(source: str, text: str) -> None:
    try:
        assert truth(f"{source} >= @2020-01-01", o=dated(text or " ")) is None
    except EvaluationError as fault:
        assert str(fault) == "a date or time is not written as FHIR writes it"  # noqa: PT017


# -- malformed elements -------------------------------------------------------------------------------------------


def odd(**elements: object) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": "odd", **elements}


UNREADABLE: list[tuple[str, dict[str, Any]]] = [
    ("%o.code.coding.code = 'x'", odd(code="x")),
    ("%o.code.coding.code = 'x'", odd(code=5)),
    ("%o.code.coding.code = 'x'", odd(code={"coding": "x"})),
    ("%o.code.coding.code = 'x'", odd(code={"coding": [["x"]]})),
    ("%o.code.coding.code = 'x'", odd(code={"coding": [{"code": {"a": 1}}]})),
    ("%o.code.coding.code = 'x'", odd(code={"coding": [{"code": 5}]})),
    ("%o.status = 'final'", odd(status={"a": 1})),
    ("%o.status != 'final'", odd(status={"a": 1})),
    ("%o.status != 'final'", odd(status=5)),
    ("%o.status in ('final' | 'amended')", odd(status=5)),
    ("('final' | 'amended') contains %o.status", odd(status={"a": 1})),
    ("%o.value.ofType(boolean)", odd(valueBoolean="false")),
    ("%o.value.ofType(boolean)", odd(valueBoolean={})),
    ("%o.value.ofType(boolean).not()", odd(valueBoolean="true")),
    ("%o.value.ofType(boolean) = true", odd(valueBoolean="true")),
    ("%o.value.ofType(boolean) != true", odd(valueBoolean="true")),
    ("%o.where(value.ofType(boolean)).exists()", odd(valueBoolean={"a": 1})),
    ("%o.value.ofType(integer) = 6", odd(valueInteger="6")),
    ("%o.value.ofType(integer) != 6", odd(valueInteger="6")),
    ("%o.value.ofType(Quantity).value = 6", odd(valueQuantity={"value": "6"})),
    ("%o.value = 'x'", odd(valueString={"a": 1})),
    ("%o.value.coding.exists(code = 'x')", odd(valueCodeableConcept="x")),
    ("%o.value.ofType(Quantity) > 5 'mm'", odd(valueQuantity="6 mm")),
    ("%o.value.ofType(Quantity) = 5 'mm'", odd(valueQuantity=5)),
    ("%o.value.ofType(Quantity) > 5", odd(valueQuantity=6)),
    ("%o.value.ofType(time) > @T10:00", odd(valueTime="half past ten")),
    (f"%o.code.memberOf('{URL}levels')", odd(code="L1")),
    (f"%o.code.memberOf('{URL}levels')", odd(code=5)),
    (f"%o.code.memberOf('{URL}levels')", odd(code=[["L1"]])),
    (f"%o.code.memberOf('{URL}levels')", odd(code={"coding": "L1"})),
    (f"%o.code.memberOf('{URL}levels')", odd(code={"coding": [{"system": {}, "code": "L1"}]})),
    (f"%o.code.memberOf('{URL}levels')", odd(code={"coding": [{"system": SNOMED, "code": {"a": 1}}]})),
    (f"%o.code.coding.exists(memberOf('{URL}levels'))", odd(code={"coding": ["L1"]})),
    (f"%o.code.memberOf('{URL}levels').not()", odd(code={"coding": {"system": SNOMED, "code": "x"}})),
]


@pytest.mark.parametrize(("source", "resource"), UNREADABLE, ids=lambda one: str(one)[:60])
def test_a_malformed_element_is_neither_yes_nor_no(source: str, resource: dict[str, Any]) -> None:
    with pytest.raises(EvaluationError) as fault:
        truth(source, o=[resource])
    assert getattr(fault.value, "code", "unreadable") == "unreadable"


READABLE: list[tuple[str, dict[str, Any], Truth]] = [
    (f"%o.code.memberOf('{URL}levels')", odd(code={"coding": [{"system": SNOMED, "code": "L1"}, 5]}), True),
    (f"%o.code.memberOf('{URL}levels')", odd(code={"text": "L1"}), False),
    (f"%o.code.memberOf('{URL}levels')", odd(code={"coding": [{"display": "L1"}]}), False),
    (f"%o.code.memberOf('{URL}levels')", odd(code={"coding": []}), False),
    ("%o.code.coding.code = 'x'", odd(code={"coding": None}), None),
    ("%o.code.coding.code = 'x'", odd(code={"coding": [None, {"code": "x"}]}), True),
    ("%o.code.coding.code = 'x'", odd(code={"coding": {"code": "x"}}), True),
    ("%o.value.coding.exists(code = 'x')", odd(valueString="x"), False),
    ("%o.value.ofType(time) > @T10:00", odd(valueTime="10:30:00"), True),
    ("%o.value > @T10:00", odd(valueTime="09:30:00"), False),
    ("%o.status = 'final'", odd(status=None), None),
    ("%o.status = 'final'", odd(), None),
    ("%o.component.code.coding.exists()", odd(component=[None, {}, {"code": None}]), False),
]


@pytest.mark.parametrize(("source", "resource", "answer"), READABLE, ids=lambda one: str(one)[:60])
def test_null_and_absent_members_are_nothing(source: str, resource: dict[str, Any], answer: Truth) -> None:
    assert truth(source, o=[resource]) is answer


CANARY = "canary-of-jane-roe"


@pytest.mark.parametrize(
    "source",
    [
        "%o.value.ofType(string) > 5",
        "%o.value.ofType(string) + 5",
        "-%o.value.ofType(string)",
        "%asOf - %o.value.ofType(Quantity)",
        "%o.value.ofType(Quantity) > 5 'mm'",
        "%o.value.ofType(Quantity) + 5",
        "%o.effective > %asOf",
        "%o.latest()",
        "%o.episodes(1 month)",
        "%o.status.exists() and %o.method > 5",
        "%o.component.code > 5",
        "%o.code.coding.single()",
        "%o.value.ofType(boolean).not()",
        "%o.code.coding.system = 'x'",
    ],
)
def test_no_fault_repeats_what_the_chart_says(source: str) -> None:
    resource = odd(
        status=CANARY,
        valueString=CANARY,
        valueBoolean=CANARY,
        valueQuantity={"value": 5, "unit": CANARY},
        effectiveDateTime=CANARY,
        method={"text": CANARY},
        component=[CANARY, {"code": {"text": CANARY}}],
        code={"coding": [{"code": CANARY, "system": {CANARY: CANARY}}, {"code": CANARY, "system": [CANARY]}]},
    )
    with pytest.raises(EvaluationError) as fault:
        items(source, o=[resource], asOf=(AS_OF,))
    assert CANARY not in str(fault.value)
    assert CANARY not in repr(fault.value)


def test_the_same_expression_gives_the_same_answer_again() -> None:
    for source, answer in ANSWERS[::7]:
        assert ask(source, asOf=(AS_OF,)) == answer == ask(source, asOf=(AS_OF,))


def test_literals_of_time_are_values() -> None:
    assert items("@2025-11-20 | @2025-11-20T10:00Z") == [parse_date("2025-11-20"), parse_date_time("2025-11-20T10:00Z")]
    assert items("90 days") == [Quantity(Decimal(90), "day")]
