"""What `make fuzz` found, made small."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.errors import EvaluationError
from tests.unit.fhirpath.evaluating import Asked, observation


@pytest.mark.parametrize("source", ["(1 | 2).trace(1 | 2)", "(1 | 2).trace('x', $this / 'a')"])
def test_a_trace_that_cannot_be_shown_changes_no_answer(source: str) -> None:
    asked = Asked(source)
    asked.environment.traces = []
    assert asked.items() == [1, 2]
    assert asked.environment.traces == []


@pytest.mark.parametrize("text", ["\\ud800", "\\udc00\\ud83d", "a\\uDBFFb"])
def test_half_a_character_is_not_unescaped(text: str) -> None:
    given: dict[str, Any] = observation("o", valueString=text)
    with pytest.raises(EvaluationError, match="half a character"):
        Asked("%o.value.ofType(string).unescape('json')", o=[given]).items()
