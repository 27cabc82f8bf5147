"""Findings as text for a reader, and as JSON for a machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from cds_service.authoring.lint.finding import Finding

__all__ = ["as_json", "as_text", "breaches"]

_AROUND = 40


def breaches(findings: Iterable[Finding], *, strict: bool = False) -> bool:
    """Return whether there is an error that is not accepted, or, where it is strict, a warning."""
    return any(one.accepted is None and (strict or one.severity == "error") for one in findings)


def as_text(findings: Sequence[Finding]) -> Iterator[str]:
    """Yield lines: what was found in each file, what to do, and how much it is."""
    left = [one for one in findings if one.accepted is None]
    for place, found in groupby(left, key=lambda one: one.place):
        yield place
        for one in found:
            yield from _lines(one)
        yield ""
    yield _total(findings)


def _lines(one: Finding) -> Iterator[str]:
    yield f"  {one.severity}: {one.rule}" + (f", {one.action}" if one.action else "")
    yield f"    {one.problem}"
    if one.source is not None and one.position is not None:
        yield f"    at character {one.position}: {_marked(one.source, one.position)}"
    if one.element:
        yield f"    at {one.element}"
    yield f"    → {one.about.remedy}"


def _marked(source: str, position: int) -> str:
    """Return the part of an expression around a position, on one line, the position marked."""
    start, end = max(0, position - _AROUND), position + _AROUND
    text = f"{source[start:position]}⟨here⟩{source[position:end]}"
    return f"{'…' if start else ''}{' '.join(text.split())}{'…' if end < len(source) else ''}"


def _total(findings: Sequence[Finding]) -> str:
    left = [one.severity for one in findings if one.accepted is None]
    accepted = len(findings) - len(left)
    parts = [_count(left.count("error"), "error"), _count(left.count("warning"), "warning")]
    found = " and ".join(parts) if left else "nothing found"
    return found + (f"; {accepted} accepted" if accepted else "")


def _count(number: int, one: str) -> str:
    return f"{number} {one}{'' if number == 1 else 's'}"


def as_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """Return the report: `findings`, and a `summary`. Members may be added later; none is renamed or taken away."""
    left = [one.severity for one in findings if one.accepted is None]
    return {
        "summary": {
            "errors": left.count("error"),
            "warnings": left.count("warning"),
            "accepted": len(findings) - len(left),
        },
        "findings": [_as_json(one) for one in findings],
    }


def _as_json(one: Finding) -> dict[str, Any]:
    return {
        "id": one.rule,
        "severity": one.severity,
        "file": one.place,
        "canonical": one.canonical,
        "element": one.element,
        "action": one.action,
        "expression": one.source,
        "position": one.position,
        "problem": one.problem,
        "remedy": one.about.remedy,
        "accepted": one.accepted,
    }
