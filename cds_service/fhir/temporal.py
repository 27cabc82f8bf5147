"""Dates, dateTimes and times as FHIR writes them: stated only as far as they are known, compared with that in mind.

A comparison has three results and a fourth: earlier, same, later, or None where the stated parts leave it open.
`2025` and `2025-11-20` are neither equal nor different; `2024` is certainly before both.

Source: FHIR R4 2.24.0.1 (primitive types), FHIRPath 2.0 section 6 (equality, comparison) and 6.6 (date arithmetic).
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass, replace
from datetime import date as calendar_date
from functools import lru_cache

__all__ = [
    "Date",
    "DateTime",
    "Temporal",
    "Time",
    "add",
    "bounds",
    "compare",
    "parse_date",
    "parse_date_time",
    "parse_day",
    "parse_time",
]

_DAY = 86_400 * 10**9
_UNITS = (3_600 * 10**9, 60 * 10**9, 10**9)  # hour, minute, second in nanoseconds

_DATE = r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?"
_TIME = r"(\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d+))?)?)?"
_ZONE = r"Z|[+-](?:0\d|1[0-3]):[0-5]\d|[+-]14:00"
_MAX_LENGTH = 64  # the longest dateTime that states nanoseconds has 35 characters
_DATE_PATTERN = re.compile(_DATE, re.ASCII)
_DATE_TIME_PATTERN = re.compile(rf"{_DATE}(?:T(?:{_TIME}({_ZONE})?)?)?", re.ASCII)
_TIME_PATTERN = re.compile(_TIME, re.ASCII)


@dataclass(frozen=True, slots=True)
class Temporal:
    """A point in time, known as far as `parts` goes: year, month, day, hour, minute, second (a Time: from the hour)."""

    parts: tuple[int, ...]
    fraction: str = ""
    """The digits after the second's point, as stated."""
    offset: int | None = None
    """Minutes east of UTC; None where no time zone is stated."""


@dataclass(frozen=True, slots=True)
class Date(Temporal):
    """A FHIR `date`: a year, a month of a year, or a day."""

    def __str__(self) -> str:
        """Return `2025`, `2025-11` or `2025-11-20`."""
        return _date_text(self.parts)

    @property
    def full(self) -> bool:
        """Return whether the day is known."""
        return len(self.parts) == 3


@dataclass(frozen=True, slots=True)
class DateTime(Temporal):
    """A FHIR `dateTime` or `instant`."""

    def __str__(self) -> str:
        """Return the text in FHIR's form, a trailing `T` where only the date is known."""
        zone = "" if self.offset is None else _offset_text(self.offset)
        return _date_text(self.parts[:3]) + "T" + _time_text(self.parts[3:], self.fraction) + zone

    def date(self) -> Date:
        """Return the day as it was stated, in its own time zone."""
        return Date(self.parts[:3])


@dataclass(frozen=True, slots=True)
class Time(Temporal):
    """A FHIR `time`: a time of day."""

    def __str__(self) -> str:
        """Return `14:30:00` as far as it is known."""
        return _time_text(self.parts, self.fraction)


def _date_text(parts: tuple[int, ...]) -> str:
    return "-".join(f"{part:0{4 if i == 0 else 2}}" for i, part in enumerate(parts))


def _time_text(parts: tuple[int, ...], fraction: str) -> str:
    return ":".join(f"{part:02}" for part in parts) + (f".{fraction}" if fraction else "")


def _offset_text(offset: int) -> str:
    if offset == 0:
        return "Z"
    hours, minutes = divmod(abs(offset), 60)
    return f"{'-' if offset < 0 else '+'}{hours:02}:{minutes:02}"


def parse_date(text: str) -> Date | None:
    """Return the date that `text` states, or None if it is none: `2025`, `2025-11`, `2025-11-20`."""
    return _read_date(text) if len(text) <= _MAX_LENGTH else None


def parse_date_time(text: str) -> DateTime | None:
    """Return the dateTime or instant that `text` states, or None if it is none; a bare date is one, too."""
    return _read_date_time(text) if len(text) <= _MAX_LENGTH else None


def parse_day(text: str) -> Date | None:
    """Return the day, month or year of the dateTime that `text` states, in its own time zone, or None if it is none."""
    return _read_day(text) if len(text) <= _MAX_LENGTH else None


def parse_time(text: str) -> Time | None:
    """Return the time of day that `text` states, or None if it is none."""
    return _read_time(text) if len(text) <= _MAX_LENGTH else None


@lru_cache(maxsize=4096)
def _read_date(text: str) -> Date | None:
    found = _DATE_PATTERN.fullmatch(text)
    parts = _stated(found.groups()) if found else None
    return Date(parts) if parts and _is_date(parts) else None


@lru_cache(maxsize=4096)
def _read_day(text: str) -> Date | None:
    moment = _read_date_time(text)
    return moment.date() if moment else None


@lru_cache(maxsize=4096)
def _read_date_time(text: str) -> DateTime | None:
    found = _DATE_TIME_PATTERN.fullmatch(text)
    if not found:
        return None
    *numbers, fraction, zone = found.groups()
    parts = _stated(numbers)
    timed_without_a_day = numbers[2] is None and numbers[3] is not None
    if parts is None or timed_without_a_day or not _is_date(parts[:3]) or not _is_time(parts[3:]):
        return None
    return DateTime(parts, fraction or "", _offset(zone))


@lru_cache(maxsize=512)
def _read_time(text: str) -> Time | None:
    found = _TIME_PATTERN.fullmatch(text)
    if not found:
        return None
    *numbers, fraction = found.groups()
    parts = _stated(numbers)
    return Time(parts, fraction or "") if parts and _is_time(parts) else None


def _stated(groups: tuple[str | None, ...] | list[str | None]) -> tuple[int, ...] | None:
    return tuple(int(part) for part in groups if part is not None)


def _is_date(parts: tuple[int, ...]) -> bool:
    year, month, day = (*parts, 1, 1)[:3]
    return 1 <= year <= 9999 and 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]


def _is_time(parts: tuple[int, ...]) -> bool:
    hour, minute, second = (*parts, 0, 0, 0)[:3]
    return hour <= 23 and minute <= 59 and second <= 59


def _offset(zone: str | None) -> int | None:
    if zone is None or zone == "Z":
        return None if zone is None else 0
    minutes = int(zone[1:3]) * 60 + int(zone[4:6])
    return -minutes if zone[0] == "-" else minutes


def compare(left: Temporal, right: Temporal) -> int | None:
    """Return -1, 0 or 1 for earlier, same or later; None where the stated parts leave it open.

    A date against a dateTime is read in the dateTime's own time zone. Two dateTimes of which only one states a
    time zone cannot be compared. Source: FHIRPath 2.0 6.1 and 6.2, seconds and their fractions one precision.
    """
    if isinstance(left, Time) is not isinstance(right, Time):
        return None
    shift = left.offset is not None and right.offset is not None
    if not shift and left.offset != right.offset and len(left.parts) > 3 and len(right.parts) > 3:
        return None
    if not shift:  # as nearly all dates in charts: told by the parts that both state
        stated = min(len(left.parts), len(right.parts))
        mine, theirs = left.parts[:stated], right.parts[:stated]
        if mine != theirs:
            return -1 if mine < theirs else 1
        if not left.fraction and not right.fraction:
            return 0 if len(left.parts) == len(right.parts) else None
    low, high = bounds(left, shift)
    other_low, other_high = bounds(right, shift)
    if low == other_low and len(left.parts) == len(right.parts):
        return 0
    if high < other_low:
        return -1
    return 1 if low > other_high else None


def bounds(value: Temporal, shift: bool) -> tuple[int, int]:
    """Return the first and the last nanosecond that the value may stand for, in UTC if `shift`."""
    if isinstance(value, Time):
        start, rest = 0, value.parts
        span = _DAY
    else:
        year, month, day = (*value.parts, 1, 1)[:3]
        start, rest = calendar_date(year, month, day).toordinal() * _DAY, value.parts[3:]
        span = (366 if len(value.parts) == 1 else monthrange(year, month)[1] if len(value.parts) == 2 else 1) * _DAY
        if len(value.parts) == 1 and monthrange(year, 2)[1] == 28:
            span -= _DAY
    for part, unit in zip(rest, _UNITS, strict=False):
        start += part * unit
        span = unit
    if len(rest) == 3:
        start += int(value.fraction[:9].ljust(9, "0") or 0)
        span = 1
    if shift and value.offset is not None:
        start -= value.offset * _UNITS[1]
    return start, start + span - 1


def add(value: Temporal, amount: int, unit: str) -> Temporal | None:
    """Return `value` moved by whole calendar units (`year`, `month`, `week`, `day` … `second`, `millisecond`).

    A day that the month lacks becomes its last one. A value stated less finely than the unit moves by as many of
    its own units as fit. None where the result leaves the years 1 to 9999.
    Source: FHIRPath 2.0 6.6 (date and time arithmetic).
    """
    if unit == "millisecond":
        return _add_milliseconds(value, amount)
    if unit == "week":
        amount, unit = amount * 7, "day"
    if isinstance(value, Time):
        return _add_to_time(value, amount, unit)
    order = ("year", "month", "day", "hour", "minute", "second")
    level = order.index(unit)
    known = len(value.parts) - 1
    per = (12, 30, 24, 60, 60)  # months in a year, days in a month, …: how many of the finer fit in the coarser
    while level > known:
        if known == 0 and level == 2:
            amount, level = int(amount / 365), 0
        else:
            amount, level = int(amount / per[level - 1]), level - 1
    if level <= 1:
        return _add_months(value, amount * (12 if level == 0 else 1))
    return _add_seconds(value, amount * (86_400, 3_600, 60, 1)[level - 2])


def _add_milliseconds(value: Temporal, amount: int) -> Temporal | None:
    if len(value.parts) < (3 if isinstance(value, Time) else 6):
        return add(value, int(amount / 1000), "second")
    digits = max(3, len(value.fraction))
    seconds, fraction = divmod(int(value.fraction.ljust(digits, "0")) + amount * 10 ** (digits - 3), 10**digits)
    moved = add(value, seconds, "second")
    return replace(moved, fraction=f"{fraction:0{digits}}") if moved else None


def _add_months(value: Temporal, months: int) -> Temporal | None:
    year, month = value.parts[0], value.parts[1] if len(value.parts) > 1 else 1
    years, month = divmod(year * 12 + month - 1 + months, 12)
    month += 1
    if not 1 <= years <= 9999:
        return None
    parts: tuple[int, ...] = (years, month, *value.parts[2:])[: len(value.parts)]
    if len(parts) > 2:
        parts = (*parts[:2], min(parts[2], monthrange(years, month)[1]), *parts[3:])
    return replace(value, parts=parts)


def _add_seconds(value: Temporal, seconds: int) -> Temporal | None:
    ordinal = calendar_date(*value.parts[:3]).toordinal()
    clock = sum(part * unit for part, unit in zip(value.parts[3:], (3_600, 60, 1), strict=False))
    days, clock = divmod(ordinal * 86_400 + clock + seconds, 86_400)
    if not 1 <= days <= calendar_date.max.toordinal():
        return None
    moved = calendar_date.fromordinal(days)
    time = (clock // 3_600, clock // 60 % 60, clock % 60)
    return replace(value, parts=(moved.year, moved.month, moved.day, *time)[: len(value.parts)])


def _add_to_time(value: Time, amount: int, unit: str) -> Time | None:
    order = ("hour", "minute", "second")
    if unit not in order:
        return None
    level, known = order.index(unit), len(value.parts) - 1
    if level > known:
        amount, level = int(amount / 60 ** (level - known)), known
    clock = sum(part * unit for part, unit in zip(value.parts, (3_600, 60, 1), strict=False))
    clock = (clock + amount * (3_600, 60, 1)[level]) % 86_400
    return replace(value, parts=(clock // 3_600, clock // 60 % 60, clock % 60)[: len(value.parts)])
