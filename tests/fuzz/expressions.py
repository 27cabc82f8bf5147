"""The fuzzer of expressions: `python -m tests.fuzz`."""

from __future__ import annotations

from tests.fuzz.cases import Case, make
from tests.fuzz.checks import examine
from tests.fuzz.running import Fuzzer
from tests.fuzz.shrinking import smaller

__all__ = ["EXPRESSIONS"]


def _shown(case: Case) -> str:
    members = ascii(case.source), ascii(case.chart), f"{case.context!r}, strict={case.strict}"
    return "\n".join(["Case(", *(f"    {one}," for one in members), "  )"])


EXPRESSIONS = Fuzzer("tests.fuzz", make, examine, smaller, _shown)
