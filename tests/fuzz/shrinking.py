"""The same fault with less: of expressions a shorter one over a smaller chart."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from typing import Any, TypeVar

from cds_service.errors import ExpressionError
from cds_service.fhirpath.parser import parse
from cds_service.fhirpath.tree import text_of, walk
from tests.fuzz.cases import Case
from tests.fuzz.checks import Fault
from tests.fuzz.mutations import split

__all__ = ["less", "shrunk", "smaller", "without_parts"]

C = TypeVar("C")


def shrunk(
    case: C, fault: Fault, met: Callable[[C], Fault | None], parts: Callable[[C], Iterator[C]], *, seconds: float
) -> C:
    """Return a case of less `parts` that meets the same fault, the smallest that is found within `seconds`."""
    until = time.monotonic() + seconds
    found = True
    while found:
        found = False
        for candidate in parts(case):
            if time.monotonic() > until:
                return case
            if met(deepcopy(candidate)) == fault:
                case, found = candidate, True
                break
    return case


def smaller(case: Case) -> Iterator[Case]:
    """Yield cases with something left out, those that leave out most first."""
    for chart in without_parts(case.chart):
        if case.context == "Bundle" or (chart and chart[0].get("resourceType") == case.chart[0]["resourceType"]):
            yield replace(case, chart=chart)
    for source in _shorter(case.source):
        yield replace(case, source=source)
    for i, resource in enumerate(case.chart):
        for one in less(resource):
            if one.get("resourceType"):
                yield replace(case, chart=[*case.chart[:i], one, *case.chart[i + 1 :]])


def _shorter(source: str) -> Iterator[str]:
    seen = {source}
    with suppress(ExpressionError, RecursionError):
        parts = sorted((text_of(node) for node in walk(parse(source))), key=len)
        yield from (one for one in parts if len(one) < len(source))
        seen.update(parts)
    for words in (split(source), list(source)):
        if len(words) < 200:
            yield from (one for one in map("".join, without_parts(words)) if one not in seen)


def without_parts(whole: Sequence[Any]) -> Iterator[list[Any]]:
    """Yield a sequence without each half, each quarter … each member of it."""
    size = len(whole)
    while size > 0:
        for start in range(0, len(whole), size):
            yield [*whole[:start], *whole[start + size :]]
        size //= 2


def less(value: Any) -> Iterator[Any]:
    """Yield a JSON value with a part of it left out or made small."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield {name: one for name, one in value.items() if name != key}
            yield from ({**value, key: one} for one in less(inner))
    elif isinstance(value, list):
        yield from without_parts(value)
        for i, inner in enumerate(value):
            yield from ([*value[:i], one, *value[i + 1 :]] for one in less(inner))
    elif isinstance(value, str) and len(value) > 20:
        yield value[: len(value) // 2]
