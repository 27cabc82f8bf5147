"""No expression runs away: each of the hostile ones ends soon, with the name of the limit that it met."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from cds_service.errors import EvaluationError, ExpressionError, ExpressionTooLarge, LimitExceeded
from cds_service.fhirpath import regex
from cds_service.fhirpath.regex import compile_pattern
from tests.hostile_expressions import EXPRESSIONS, PATTERNS, Hostile, Search, evaluate

SECONDS = 10
"""Of CPU time, on a machine that does other things, too; each takes some two seconds at most (`make bench`)."""


@pytest.fixture(params=["re", "re2"])
def with_re2(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[bool]:
    """Search with google-re2, and without."""
    if request.param == "re":
        monkeypatch.setattr(regex, "re2", None)
    elif regex.re2 is None:
        pytest.skip("google-re2 is not installed here")
    compile_pattern.cache_clear()
    yield request.param == "re2"
    compile_pattern.cache_clear()


def outcome(source: str) -> str:
    """Return the name of the limit that an expression meets, `answer` or `fault`."""
    started = time.process_time()
    try:
        evaluate(source)
    except (ExpressionTooLarge, LimitExceeded) as met:
        return met.limit
    except (ExpressionError, EvaluationError):
        return "fault"
    finally:
        assert time.process_time() - started < SECONDS
    return "answer"


@pytest.mark.parametrize("hostile", EXPRESSIONS, ids=lambda hostile: hostile.name)
def test_a_hostile_expression_meets_its_limit(hostile: Hostile) -> None:
    assert outcome(hostile.source) == hostile.limit


@pytest.mark.parametrize("search", PATTERNS, ids=lambda search: search.name)
def test_a_hostile_pattern_meets_its_limit_or_does_no_harm(search: Search, with_re2: bool) -> None:
    assert outcome(search.source) == (search.with_re2 if with_re2 else search.limit)


def test_names_are_given_once() -> None:
    names = [one.name for one in (*EXPRESSIONS, *PATTERNS)]
    assert len(set(names)) == len(names)
    assert len(EXPRESSIONS) >= 45
