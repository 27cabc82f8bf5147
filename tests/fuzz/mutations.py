"""Texts that are nearly expressions: those of the policies, of the hostile corpus and of the grammar, damaged."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from random import Random
from typing import Any

from cds_service.fhirpath.functions import FUNCTIONS
from tests.charts import POLICIES
from tests.fuzz.grammar import EDGES, VARIABLES
from tests.hostile_expressions import EXPRESSIONS, PATTERNS

__all__ = ["corpus", "mutated", "split"]

_TOKENS = re.compile(r"'(?:\\.|[^'\\])*'|@[\w:.+-]+|[\w%$]+|\s+|.", re.DOTALL)
_VARIABLE = re.compile(r"%(\w+)")
_SHORT = 2_000
"""Characters of a hostile expression that is worth damaging; longer ones mostly stay too long."""


def split(source: str) -> list[str]:
    """Return the words and signs of a text, blanks among them; joined they are the text."""
    return _TOKENS.findall(source)


@cache
def corpus() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the expressions of the policies, and the hostile ones.

    A variable of a policy is `%all` here, which holds resources of every type that expressions of policies read.
    """

    def known(found: re.Match[str]) -> str:
        return found[0] if found[1] in VARIABLES else "%all"

    written = {
        source for place in sorted(POLICIES.rglob("*.json")) for source in _expressions(json.loads(place.read_bytes()))
    }
    hostile = [
        one for one in (*(one.source for one in EXPRESSIONS), *(one.source for one in PATTERNS)) if len(one) <= _SHORT
    ]
    return tuple(sorted(_VARIABLE.sub(known, one) for one in written)), tuple(hostile)


def _expressions(held: Any) -> Iterator[str]:
    if isinstance(held, dict):
        if held.get("language") == "text/fhirpath" and isinstance(held.get("expression"), str):
            yield held["expression"]
        for one in held.values():
            yield from _expressions(one)
    elif isinstance(held, list):
        for one in held:
            yield from _expressions(one)


def mutated(chance: Random, source: str, other: str) -> str:
    """Return `source` damaged once to four times, with parts of `other` in it."""
    for _ in range(chance.choice((1, 1, 2, 2, 3, 4))):
        source = chance.choice(_MUTATIONS)(chance, source, other)
    return source


def _flip(chance: Random, source: str, _other: str) -> str:
    written = bytearray(source.encode("utf-8", "surrogatepass")) or bytearray(b" ")
    written[chance.randrange(len(written))] ^= 1 << chance.randrange(8)
    return written.decode("utf-8", chance.choice(("replace", "surrogateescape")))


_STRANGE = "'\"`\\%$@#{}[]()|~!<>=&+-*/.,;:?\x00\ufeff\u200b\u202e\ud800é٣½ſK😀\n\t "


def _insert(chance: Random, source: str, _other: str) -> str:
    at = chance.randint(0, len(source))
    return source[:at] + chance.choice(_STRANGE) * chance.choice((1, 1, 2, 40)) + source[at:]


def _cut(chance: Random, source: str, _other: str) -> str:
    start, end = sorted(chance.randint(0, len(source)) for _ in range(2))
    return chance.choice((source[:start], source[end:], source[:start] + source[end:], source[start:end]))


def _splice(chance: Random, source: str, other: str) -> str:
    mine, theirs = split(source), split(other)
    at, until = chance.randint(0, len(mine)), chance.randint(0, len(theirs))
    return "".join(mine[:at] + theirs[until:])


def _swap_a_word(chance: Random, source: str, other: str) -> str:
    words = split(source) or [""]
    words[chance.randrange(len(words))] = chance.choice(chance.choice((_words(), tuple(split(other)) or ("",))))
    return "".join(words)


@cache
def _words() -> Sequence[str]:
    operators = "and or xor implies in contains is as div mod = != ~ !~ < > <= >= + - * / & | . ,".split()  # noqa: SIM905
    special = ["$this", "$index", "$total", "{}", "[0]", "[-1]", ".", "true"]
    return (*FUNCTIONS, *operators, *special, *(edge for edges in EDGES.values() for edge in edges))


def _double(chance: Random, source: str, _other: str) -> str:
    words = split(source)
    start, end = sorted(chance.randint(0, len(words)) for _ in range(2))
    return "".join(words[:end] + words[start:end] * chance.choice((1, 1, 3, 30)) + words[end:])


_WRAPS = (
    *(
        ("(", ")"),
        ("-", ""),
        ("not(", ")"),
        ("(", ").not()"),
        ("iif(true, ", ")"),
        ("(1 | 2).select(", ")"),
        ("'a' & (", ")"),
    ),
    *(("(", ").exists()"), ("(", ")[0]"), ("%all.where(", ")"), ("%all.all(", ")"), ("{} | ", ""), ("(", ") = {}")),
    *(("(", ").descendants()"), ("(", ").repeat($this)"), ("(", ") is Quantity"), ("(", ").aggregate($total | $this)")),
)


def _nest(chance: Random, source: str, _other: str) -> str:
    before, after = chance.choice(_WRAPS)
    times = chance.choice((1, 1, 1, 2, 5, 130))
    return before * times + source + after * times


_MUTATIONS: tuple[Callable[[Random, str, str], str], ...] = (
    *(_flip, _insert, _cut, _splice, _splice, _swap_a_word, _swap_a_word, _swap_a_word, _double, _nest),
)
