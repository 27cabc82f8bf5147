"""Regular expressions that cannot run away: google-re2 where it is installed, else what `re` does in fair time.

Without google-re2 a pattern is refused when a repetition holds another one, or alternatives: such patterns may take
time that grows exponentially with the text. Source: FHIRPath 2.0 5.6.9 (matches): the dialect is PCRE, a dot also
matches a line's end.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Protocol

from cds_service.errors import EvaluationError, LimitExceeded

try:
    import re2
except ImportError:  # not there for every platform
    re2 = None

__all__ = ["Pattern", "compile_pattern"]

_MAX_PATTERN = 1_000
_MAX_TEXT = 10_000  # where `re` does the work, which may take the square of it


class Pattern(Protocol):
    """A compiled pattern."""

    def search(self, text: str, /) -> Any:
        """Return a match anywhere, or None."""

    def fullmatch(self, text: str, /) -> Any:
        """Return a match of the whole text, or None."""

    def sub(self, substitution: str, text: str, /) -> str:
        """Return the text with each match replaced."""


@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> Pattern:
    """Return a compiled pattern. Raises LimitExceeded for one that may run away, EvaluationError for a bad one."""
    if len(pattern) > _MAX_PATTERN:
        raise LimitExceeded(f"a pattern has more than {_MAX_PATTERN} characters", limit="regex")
    if re2 is not None:
        options = re2.Options()
        options.dot_nl, options.log_errors = True, False
        options.max_mem = 8 << 20
        try:
            made: Pattern = re2.compile(pattern, options)
        except re2.error:
            raise EvaluationError("a pattern is not a regular expression, or uses what re2 does not have") from None
        return made
    _refuse_what_may_run_away(pattern)
    try:
        return _Bounded(re.compile(pattern, re.DOTALL))
    except (re.error, OverflowError, RecursionError):
        raise EvaluationError("a pattern is not a regular expression") from None


class _Bounded:
    """Python's `re` over texts of fair length."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self._pattern = pattern

    def search(self, text: str, /) -> Any:
        return self._pattern.search(_short(text))

    def fullmatch(self, text: str, /) -> Any:
        return self._pattern.fullmatch(_short(text))

    def sub(self, substitution: str, text: str, /) -> str:
        return self._pattern.sub(substitution, _short(text))


def _short(text: str) -> str:
    if len(text) > _MAX_TEXT:
        raise LimitExceeded(f"a text of more than {_MAX_TEXT} characters is not searched", limit="regex")
    return text


_UNIT = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[()|]|(?:[*+]|\{\d*,?\d*\})[?+]?|\?[?+]?|.", re.DOTALL)


def _refuse_what_may_run_away(pattern: str) -> None:
    """Raise LimitExceeded where a group that repeats, or has alternatives, is repeated; or many repeats follow."""
    open_groups: list[bool] = []
    after_group, repeats = False, 0
    risky_inside = False
    for unit in _UNIT.findall(pattern):
        repeating = unit[0] in "*+" or (unit[0] == "{" and len(unit) > 1)
        if repeating:
            repeats += 1
            if after_group or repeats > 10:
                raise LimitExceeded("a pattern repeats a repetition, which may take forever", limit="regex")
            risky_inside = True
        after_group = False
        if unit == "(":
            open_groups.append(risky_inside)
            risky_inside = False
        elif unit == ")" and open_groups:
            after_group = risky_inside
            risky_inside = open_groups.pop() or risky_inside
        elif unit == "|":
            risky_inside = True
        elif len(unit) > 1 and unit[0] == "\\" and unit[1].isdigit():
            raise LimitExceeded("a pattern refers back to what it matched, which may take forever", limit="regex")
