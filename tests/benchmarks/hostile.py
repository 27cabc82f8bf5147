"""The hostile expressions: which limit ends each, and what that takes."""

from __future__ import annotations

import time

from cds_service.errors import EvaluationError, ExpressionError
from cds_service.fhirpath import regex
from tests.hostile_expressions import EXPRESSIONS, PATTERNS, evaluate

WIDTH = 60


def measure(source: str) -> tuple[str, float]:
    """Return the limit that an expression meets, and the CPU time in milliseconds, compilation included."""
    started = time.process_time_ns()
    try:
        evaluate(source)
        limit = "–"
    except (ExpressionError, EvaluationError) as met:
        limit = getattr(met, "limit", "–")
    return limit, (time.process_time_ns() - started) / 1e6


def shortened(source: str) -> str:
    """Return an expression as a cell of a table holds it."""
    text = source if len(source) <= WIDTH else f"{source[: WIDTH // 2]} … {source[-WIDTH // 3 :]}"
    return text.replace("|", "\\|").replace("\n", " ")


def main() -> None:
    """Print the limit and the milliseconds of each, and the slowest."""
    evaluate("1")
    engine = "re" if regex.re2 is None else "google-re2"
    print(f"Hostile expressions: the limit met, and milliseconds of CPU until then; patterns with {engine}")
    print("| what | expression | limit | ms |")
    print("|---|---|---|--:|")
    slowest = ("", 0.0)
    for one in (*EXPRESSIONS, *PATTERNS):
        limit, took = measure(one.source)
        slowest = max(slowest, (one.name, took), key=lambda pair: pair[1])
        print(f"| {one.name} | `{shortened(one.source)}` | {limit} | {took:.1f} |")
    print(f"\nThe slowest: {slowest[0]}, {slowest[1]:.0f} ms\n")
