"""Dates as far as they are stated: what a comparison may say is checked against everything they may stand for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from itertools import product

import pytest
from dateutil.relativedelta import relativedelta
from hypothesis import given
from hypothesis import strategies as st

from cds_service.fhir.temporal import Date, DateTime, Time, add, compare, parse_date, parse_date_time, parse_time

YEARS = st.integers(2023, 2025)
ZONES = ("Z", "+05:45", "-11:00", "+14:00")


def day(text: str) -> Date:
    found = parse_date(text)
    assert found is not None
    return found


def moment(text: str) -> DateTime:
    found = parse_date_time(text)
    assert found is not None
    return found


# -- what is a date -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("2025", (2025,)),
        ("0001", (1,)),
        ("2025-11", (2025, 11)),
        ("2025-11-20", (2025, 11, 20)),
        ("2024-02-29", (2024, 2, 29)),
        ("9999-12-31", (9999, 12, 31)),
    ],
)
def test_a_date_is_a_year_a_month_or_a_day(text: str, parts: tuple[int, ...]) -> None:
    assert day(text).parts == parts
    assert str(day(text)) == text


NO_DATES = [
    "",
    "0000",
    "99",
    "20251",
    "2025-",
    "2025-1",
    "2025-13",
    "2025-00",
    "2025-02-29",
    "2025-04-31",
    "2025-11-20T",
    " 2025",
    "2025\n",
    "2025-11-2o",
    "-2025",
    "25-11-20",
    "20.11.2025",
    "２０２５-11-20",
    "٢٠٢٥",
]


@pytest.mark.parametrize("text", NO_DATES)
def test_what_is_not_in_the_form_of_a_date_is_none(text: str) -> None:
    assert parse_date(text) is None


@pytest.mark.parametrize(
    ("text", "parts", "offset"),
    [
        ("2025", (2025,), None),
        ("2025-11-20T10:30:00Z", (2025, 11, 20, 10, 30, 0), 0),
        ("2025-11-20T10:30:00+05:45", (2025, 11, 20, 10, 30, 0), 345),
        ("2025-11-20T10:30:00-11:00", (2025, 11, 20, 10, 30, 0), -660),
        ("2025-11-20T10:30:00.125Z", (2025, 11, 20, 10, 30, 0), 0),
        ("2025-11-20T10:30", (2025, 11, 20, 10, 30), None),
        ("2025-11-20T10", (2025, 11, 20, 10), None),
    ],
)
def test_a_date_time_is_a_date_or_a_moment_with_its_zone(text: str, parts: tuple[int, ...], offset: int | None) -> None:
    assert (moment(text).parts, moment(text).offset) == (parts, offset)


NO_DATE_TIMES = [
    *(text for text in NO_DATES if text != "2025-11-20T"),
    "2025T10",
    "2025-03T15",
    "2025-03T15:30",
    "2025-11-20T24:00:00Z",
    "2025-11-20T10:60:00Z",
    "2025-11-20T1:00:00Z",
    "2025-11-20T10:00:00.Z",
    "2025-11-20T10:00:00+15:00",
    "2025-11-20T10:00:00+05:60",
    "2025-11-20T10:00:00+99:99",
    "2025-11-20 10:00:00",
    "2025-11-20t10:00:00z",
    "2025-11-20T10:00:00UTC",
    "2025-11-20T١٠:00:00Z",
]


@pytest.mark.parametrize("text", NO_DATE_TIMES)
def test_what_is_not_in_the_form_of_a_date_time_is_none(text: str) -> None:
    assert parse_date_time(text) is None


@pytest.mark.parametrize("text", ["14", "14:30", "14:30:15", "14:30:15.5"])
def test_a_time_of_day_is_kept_as_far_as_it_is_stated(text: str) -> None:
    assert str(parse_time(text)) == text


@pytest.mark.parametrize("text", ["", "24:00", "14:60", "14:30:60", "1:30", "14:30Z", "T14:30", "١٤"])
def test_what_is_not_in_the_form_of_a_time_is_none(text: str) -> None:
    assert parse_time(text) is None


@given(st.text(max_size=30))
def test_any_text_is_a_date_or_none(text: str) -> None:
    for parse in (parse_date, parse_date_time, parse_time):
        found = parse(text)
        assert found is None or parse(str(found)) == found


@given(st.datetimes(), st.sampled_from(ZONES))
def test_a_moment_is_written_as_it_was_read(when: datetime, zone: str) -> None:
    text = when.replace(microsecond=0).isoformat() + zone
    assert str(moment(text)) == text


def test_the_day_of_a_moment_is_the_one_that_was_stated() -> None:
    assert str(moment("2025-11-20T23:30:00-11:00").date()) == "2025-11-20"


@pytest.mark.parametrize(("text", "full"), [("2025", False), ("2025-11", False), ("2025-11-20", True)])
def test_a_date_is_full_when_its_day_is_known(text: str, full: bool) -> None:
    assert day(text).full is full


# -- comparison: every way in which the unstated parts could turn out ---------------------------------------------


def completions(value: Date) -> Iterator[date]:
    """Yield every day that a date may stand for, by walking the calendar."""
    at = date(value.parts[0], 1, 1)
    while at.year == value.parts[0]:
        if (at.year, at.month, at.day)[: len(value.parts)] == value.parts:
            yield at
        at += timedelta(days=1)


DATES = [
    *(Date((year,)) for year in (2023, 2024, 2025)),
    *(Date((year, month)) for year in (2023, 2024) for month in (1, 2, 3, 12)),
    *(day(text) for text in ("2023-01-01", "2023-02-28", "2023-12-31", "2024-01-01", "2024-02-29", "2024-12-31")),
]


def expected(left: Date, right: Date) -> int | None:
    if left.parts == right.parts:
        return 0
    ours, theirs = tuple(completions(left)), tuple(completions(right))
    if all(one < other for one in (ours[0], ours[-1]) for other in (theirs[0], theirs[-1])):
        return -1
    if all(one > other for one in (ours[0], ours[-1]) for other in (theirs[0], theirs[-1])):
        return 1
    return None


@pytest.mark.parametrize("left", DATES, ids=str)
def test_a_comparison_says_what_holds_for_every_completion(left: Date) -> None:
    assert [compare(left, right) for right in DATES] == [expected(left, right) for right in DATES]


PARTIAL_DATES = st.one_of(
    st.builds(lambda year: Date((year,)), YEARS),
    st.builds(lambda year, month: Date((year, month)), YEARS, st.integers(1, 12)),
    st.builds(lambda when: Date((when.year, when.month, when.day)), st.dates(date(2023, 1, 1), date(2025, 12, 31))),
)


@given(PARTIAL_DATES, PARTIAL_DATES, st.data())
def test_a_comparison_never_contradicts_a_completion(left: Date, right: Date, data: st.DataObject) -> None:
    one = data.draw(st.sampled_from(tuple(completions(left))))
    other = data.draw(st.sampled_from(tuple(completions(right))))
    match compare(left, right):
        case -1:
            assert one < other
        case 1:
            assert one > other
        case 0:
            assert left == right


@given(PARTIAL_DATES, PARTIAL_DATES)
def test_a_comparison_turned_round_says_the_opposite(left: Date, right: Date) -> None:
    forth, back = compare(left, right), compare(right, left)
    assert (forth is None and back is None) or forth == -(back or 0)


PRECISIONS = ("%Y-%m-%dT", "%Y-%m-%dT%H", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S")
NEAR = st.datetimes(datetime.fromisoformat("2024-02-28T20:00"), datetime.fromisoformat("2024-03-01T04:00")).map(
    lambda one: one.replace(microsecond=0)
)


def filled(value: DateTime, zone: timezone | None) -> Iterator[datetime]:
    """Yield the first and the last second that a moment may stand for."""
    for rest in ((0, 0, 0), (23, 59, 59)):
        hour, minute, second = (*value.parts[3:], *rest[len(value.parts) - 3 :])
        yield datetime(*value.parts[:3], hour, minute, second, tzinfo=zone)


@st.composite
def moments(draw: st.DrawFn) -> tuple[DateTime, timezone]:
    zone = draw(st.sampled_from(ZONES))
    text = draw(NEAR).strftime(draw(st.sampled_from(PRECISIONS)))
    value = moment(text if text.endswith("T") else text + zone)
    return value, timezone(timedelta(minutes=value.offset or 0))


@given(moments(), moments())
def test_moments_in_zones_are_compared_by_all_that_they_may_stand_for(
    left: tuple[DateTime, timezone], right: tuple[DateTime, timezone]
) -> None:
    both_zoned = left[0].offset is not None and right[0].offset is not None
    ours = tuple(filled(left[0], left[1] if both_zoned else None))
    theirs = tuple(filled(right[0], right[1] if both_zoned else None))
    answer = compare(left[0], right[0])
    if ours == theirs and len(left[0].parts) == len(right[0].parts):
        assert answer == 0
    else:
        assert answer == (-1 if ours[1] < theirs[0] else 1 if ours[0] > theirs[1] else None)


@pytest.mark.parametrize(
    ("left", "right", "order"),
    [
        ("2025-11-20T00:30:00+14:00", "2025-11-19T10:30:00Z", 0),
        ("2025-11-20T00:29:59+14:00", "2025-11-19T10:30:00Z", -1),
        ("2025-12-31T23:00:00-11:00", "2026-01-01T09:00:00Z", 1),
        ("2025-11-20T10:00:00Z", "2025-11-20T10:00:00", None),
        ("2025-11-20T10:00:00.1Z", "2025-11-20T10:00:00.10Z", 0),
        ("2025-11-20T10:00:00.1Z", "2025-11-20T10:00:00Z", 1),
        ("2025-11-20T10:00:00.099Z", "2025-11-20T10:00:00.1Z", -1),
        ("2025-11-20T10+00:30", "2025-11-20T10Z", None),
    ],
)
def test_time_zones_are_taken_into_account(left: str, right: str, order: int | None) -> None:
    assert compare(moment(left), moment(right)) == order


@pytest.mark.parametrize("zone", ZONES)
def test_a_date_against_a_moment_is_read_in_the_moments_own_zone(zone: str) -> None:
    evening = moment(f"2025-11-20T23:30:00{zone}")
    assert compare(day("2025-11-19"), evening) == -1
    assert compare(day("2025-11-20"), evening) is None
    assert compare(day("2025-11-21"), evening) == 1


TIMES = [
    Time(parts) for parts in [*product(range(24)), *product((0, 13, 23), (0, 59)), *product((13,), (0, 30), (0, 59))]
]


@pytest.mark.parametrize("left", [one for one in TIMES if one.parts[0] in (0, 13, 23)], ids=str)
def test_times_of_day_are_compared_by_all_that_they_may_stand_for(left: Time) -> None:
    def bounds(value: Time) -> tuple[tuple[int, ...], tuple[int, ...]]:
        size = len(value.parts)
        return (*value.parts, 0, 0)[:3], (*value.parts, *(23, 59, 59)[size:])

    for right in TIMES:
        (first, last), (start, end) = bounds(left), bounds(right)
        same = left.parts == right.parts
        assert compare(left, right) == (0 if same else -1 if last < start else 1 if first > end else None)


def test_a_time_of_day_and_a_date_have_no_order() -> None:
    assert compare(Time((10,)), day("2025-11-20")) is None
    assert compare(day("2025"), Time((10,))) is None


# -- arithmetic ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "amount", "unit", "result"),
    [
        ("2024-01-31", 1, "month", "2024-02-29"),
        ("2023-01-31", 1, "month", "2023-02-28"),
        ("2024-02-29", 1, "year", "2025-02-28"),
        ("2024-02-29", 4, "year", "2028-02-29"),
        ("2024-02-29", -12, "month", "2023-02-28"),
        ("2024-03-31", -1, "month", "2024-02-29"),
        ("2024-12-31", 1, "day", "2025-01-01"),
        ("2024-03-01", -1, "day", "2024-02-29"),
        ("2024-02-26", 1, "week", "2024-03-04"),
        ("2026-01-15", -90, "day", "2025-10-17"),
        ("2024", 24, "month", "2026"),
        ("2024", 23, "month", "2025"),
        ("2024", -23, "month", "2023"),
        ("2024", 364, "day", "2024"),
        ("2024", 365, "day", "2025"),
        ("2024-01", 59, "day", "2024-02"),
        ("2024-12", 1, "month", "2025-01"),
        ("2024-01-31", 47, "hour", "2024-02-01"),
        ("2024-01-31", -47, "hour", "2024-01-30"),
        ("9999-12-31", 1, "day", None),
        ("9999-12", 1, "month", None),
        ("9999", 1, "year", None),
        ("0001-01-01", -1, "day", None),
        ("0001-01", -1, "month", None),
        ("0001", -1, "year", None),
        ("2024-01-01", 10**30, "day", None),
        ("2024-01-01", -(10**30), "month", None),
    ],
)
def test_a_date_moves_by_calendar_units(start: str, amount: int, unit: str, result: str | None) -> None:
    moved = add(day(start), amount, unit)
    assert (str(moved) if moved else None) == result


@given(st.dates(date(1000, 1, 1), date(3000, 1, 1)), st.integers(-2000, 2000))
def test_months_move_as_the_calendar_does(start: date, months: int) -> None:
    moved = add(Date((start.year, start.month, start.day)), months, "month")
    after = start + relativedelta(months=months)
    assert moved == Date((after.year, after.month, after.day))


@given(
    st.datetimes(datetime.fromisoformat("1000-01-01"), datetime.fromisoformat("3000-01-01")),
    st.integers(-50_000, 50_000),
    st.sampled_from(("week", "day", "hour", "minute", "second")),
)
def test_a_moment_moves_by_exact_units(start: datetime, amount: int, unit: str) -> None:
    start = start.replace(microsecond=0)
    moved = add(moment(f"{start.isoformat()}.5+05:45"), amount, unit)
    after = start + timedelta(**{f"{unit}s": amount})
    assert str(moved) == f"{after.isoformat()}.5+05:45"


@given(PARTIAL_DATES, st.integers(-500, 500), st.sampled_from(("year", "month", "week", "day", "hour")))
def test_a_moved_date_is_known_as_far_as_before(start: Date, amount: int, unit: str) -> None:
    moved = add(start, amount, unit)
    assert moved is not None
    assert len(moved.parts) == len(start.parts)


@pytest.mark.parametrize(
    ("start", "amount", "unit", "result"),
    [
        ("23:30", 45, "minute", "00:15"),
        ("00:30", -1, "hour", "23:30"),
        ("10", 24, "hour", "10"),
        ("10:00:00", 1, "day", None),
        ("10:00:00", 1, "month", None),
    ],
)
def test_a_time_of_day_goes_round_the_clock(start: str, amount: int, unit: str, result: str | None) -> None:
    time = parse_time(start)
    assert time is not None
    moved = add(time, amount, unit)
    assert (str(moved) if moved else None) == result
