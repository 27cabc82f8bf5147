"""Regular expressions that cannot run away: google-re2 where it is installed, else `re` within what it may cost.

google-re2 takes time linear in the text. `re` tries all ways in which a pattern may match; without google-re2 those
ways are counted, and a pattern is refused where their number grows exponentially with the text. Either way a search
is paid for in steps before it begins.

Source: FHIRPath 2.0 5.6.9 (matches): the dialect is PCRE; a dot also matches a line's end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import comb
from typing import Any, TypeAlias

from cds_service.errors import EvaluationError, LimitExceeded
from cds_service.expressions.language import MAX_TEXT

try:
    import re2
except ImportError:  # not there for every platform
    re2 = None

__all__ = ["Pattern", "Spend", "compile_pattern"]

Spend: TypeAlias = Callable[[int], None]
"""Counts steps; raises LimitExceeded when there are none left."""

_MAX_PATTERN = 1_000
_MAX_WIDE_SETS = 10  # `re` takes 7 ms for each
_TRIED_IN_A_STEP = 500  # tries of `re`, or characters times instructions of google-re2: within a microsecond
_MATCHED = 5  # steps for a match that is replaced, which takes google-re2 as many microseconds
_MEMORY = 8 << 20


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern."""

    source: str
    _compiled: Any
    _cost: Callable[[int, bool], int]
    """(length of the text, whether a match may begin anywhere) → tries."""

    def search(self, text: str, spend: Spend) -> bool:
        """Return whether any part of the text matches."""
        spend(1 + self._cost(len(text), True) // _TRIED_IN_A_STEP)
        return self._compiled.search(text) is not None

    def fullmatch(self, text: str, spend: Spend) -> bool:
        """Return whether the whole text matches."""
        spend(1 + self._cost(len(text), False) // _TRIED_IN_A_STEP)
        return self._compiled.fullmatch(text) is not None

    def replace(self, text: str, substitution: str, spend: Spend) -> str:
        """Return the text with each match replaced; the substitution names groups as `$1` or `${name}`.

        An empty pattern replaces nothing. Raises LimitExceeded as soon as the text grows too long, EvaluationError for
        a group that the pattern does not have.
        """
        if not self.source:
            return text
        spend(1 + self._cost(len(text), True) // _TRIED_IN_A_STEP)
        by = list(self._parts_of(substitution))
        parts: list[str] = []
        length, at = len(text), 0
        for found in self._compiled.finditer(text):
            spend(_MATCHED + len(by))
            new = "".join(one if group is None else found[group] or "" for one, group in by)
            start, end = found.span()
            length += len(new) - (end - start)
            if length > MAX_TEXT:
                raise LimitExceeded(f"a text has more than {MAX_TEXT} characters", limit="text")
            parts += (text[at:start], new)
            at = end
        return "".join((*parts, text[at:]))

    def _parts_of(self, substitution: str) -> Iterator[tuple[str, int | str | None]]:
        """Yield (text, None), and ("", group) for what a group matched."""
        at = 0
        for found in _REFERENCE.finditer(substitution):
            named = found[1] or found[2]
            group = int(named) if named.isdecimal() else named
            if group not in self._compiled.groupindex and group not in range(self._compiled.groups + 1):
                raise EvaluationError("a substitution names a group that the pattern does not have")
            yield substitution[at : found.start()], None
            yield "", group
            at = found.end()
        yield substitution[at:], None


_REFERENCE = re.compile(r"\$(\d)|\$\{(\w+)\}", re.ASCII)


@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> Pattern:
    """Return a compiled pattern. Raises LimitExceeded for one that may run away, EvaluationError for a bad one."""
    if len(pattern) > _MAX_PATTERN:
        raise LimitExceeded(f"a pattern has more than {_MAX_PATTERN} characters", limit="regex")
    units = [_unit(str(found.lastgroup), found.group()) for found in _UNIT.finditer(pattern)]
    if any(kind == "back" for kind, _ in units):
        raise LimitExceeded("a pattern refers back to what it matched, which may take forever", limit="regex")
    return _with_re2(pattern) if re2 is not None else _with_re(pattern, units)


def _unit(kind: str, text: str) -> tuple[str, str]:
    """Return a unit of a pattern; a named group as `re` writes it."""
    return ("open", "(?P<") if kind == "named" else (kind, text)


def _with_re2(pattern: str) -> Pattern:
    options = re2.Options()
    options.dot_nl, options.log_errors, options.max_mem = True, False, _MEMORY
    try:
        made = re2.compile(pattern, options)
    except re2.error as error:
        if "too large" in str(error) or "repetition size" in str(error):
            raise LimitExceeded("a pattern repeats too much", limit="regex") from None
        raise EvaluationError("a pattern is not a regular expression, or uses what google-re2 does not have") from None
    size = made.programsize
    return Pattern(pattern, made, lambda length, _anywhere: length * size)


# -- what `re` may have to try -----------------------------------------------------------------------------------

_UNIT = re.compile(
    r"""
    (?P<back>\\[1-9])
  | (?P<literal>\\.)
  | (?P<set>\[\^?\]?(?:\\.|[^\]\\])*\])
  | (?P<flags>\(\?[ims]+\))
  | (?P<named>\(\?<(?=\w+>))
  | (?P<odd>\(\?(?!(?:P<\w+>|<?[=!]|[ims]*:)))
  | (?P<open>\((?:\?(?:P<\w+>|<?[=!]|[ims]*:))?)
  | (?P<close>\))
  | (?P<or>\|)
  | (?P<repeat>(?:[*+?]|\{(?=[\d,])\d*,?\d*\})[?+]?)
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_ODD_SET = re.compile(r"\[\^?\[|--|&&|~~|\|\|")
_WIDE_SET = re.compile(r"[^\x00-\x7f]|\\[uUxN0-9]")
_BY_LINE = re.compile(r"\(\?[is]*m")
_COUNT = re.compile(r"\{(\d*)(,?)(\d*)\}")


def _with_re(pattern: str, units: list[tuple[str, str]]) -> Pattern:
    sets = [text for kind, text in units if kind == "set"]
    if any(kind == "odd" for kind, _ in units) or any(map(_ODD_SET.search, sets)):
        raise EvaluationError("a pattern uses what is not there without google-re2")
    if len([one for one in sets if _WIDE_SET.search(one)]) > _MAX_WIDE_SETS:
        raise LimitExceeded("a pattern has too many sets of characters", limit="regex")
    ends, ways, size = _choices(units)
    by_line = any(_BY_LINE.match(text) for _, text in units)
    end = {r"\z": r"\Z"} | ({} if by_line else {"$": r"\Z"})  # the end as `re` writes it, which knows no `\z`
    try:
        made = re.compile("".join(end.get(text, text) for _, text in units), re.DOTALL | re.ASCII)
    except (re.error, OverflowError, RecursionError):
        raise EvaluationError("a pattern is not a regular expression") from None

    def cost(length: int, anywhere: bool) -> int:
        places = ends + anywhere  # where the match begins and each repetition ends, one not before the other
        return comb(length + 1 + places, places) * ways * size

    return Pattern(pattern, made, cost)


def _choices(units: list[tuple[str, str]]) -> tuple[int, int, int]:
    """Return how many repetitions are open-ended, how many ways all others may go, and what one way takes.

    Raises LimitExceeded where a group that can match in several ways is repeated, for then the ways multiply with
    every round.
    """
    ends, ways, size = 0, 1, len(units)
    outer: list[tuple[bool, int]] = []
    varies, alternatives = False, 1  # of the group so far: whether it may match in several ways, and its `|`
    closed: bool | None = None  # after a group, whether that varies
    for kind, text in [*units, ("close", ")")]:
        if kind == "repeat":
            least, most = _bounds(text)
            if closed and (most is None or most > 1):
                raise LimitExceeded("a pattern repeats a repetition, which may take forever", limit="regex")
            ends += most is None
            ways *= 1 if most is None else max(1, most - least + 1)
            size += (most or least) * (1 if closed is None else len(units))
            varies = True
        closed = None
        if kind == "or":
            varies, alternatives = True, alternatives + 1
        elif kind == "open":
            outer.append((varies, alternatives))
            varies, alternatives = False, 1
        elif kind == "close":
            ways *= alternatives
            closed = varies
            before, alternatives = outer.pop() if outer else (False, 1)
            varies = varies or before
    return ends, ways, size


def _bounds(repeat: str) -> tuple[int, int | None]:
    """Return the least and most rounds of a repetition, the most None where there is no end."""
    if repeat[0] != "{":
        return (int(repeat[0] == "+"), 1 if repeat[0] == "?" else None)
    found = _COUNT.match(repeat)
    least, comma, most = found.groups() if found else ("", "", "")
    first = int(least[:10] or 0)
    return (first, int(most[:10]) if most else None if comma else first)
