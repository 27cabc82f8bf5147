"""The fuzzer of requests."""

from __future__ import annotations

from tests.fuzz.requests.cases import make
from tests.fuzz.requests.checks import examine
from tests.fuzz.requests.shrinking import shown, smaller
from tests.fuzz.running import Fuzzer

__all__ = ["REQUESTS"]

REQUESTS = Fuzzer("tests.fuzz.requests", make, examine, smaller, shown)
