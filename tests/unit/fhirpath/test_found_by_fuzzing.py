"""What `make fuzz` found, made small."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.errors import EvaluationError, ExpressionTooLarge
from cds_service.expressions.language import Missing
from cds_service.fhirpath.parser import parse
from cds_service.fhirpath.tree import text_of
from tests.unit.fhirpath.evaluating import URL, Asked, coded, condition, observation


@pytest.mark.parametrize("source", ["(1 | 2).trace(1 | 2)", "(1 | 2).trace('x', $this / 'a')"])
def test_a_trace_that_cannot_be_shown_changes_no_answer(source: str) -> None:
    asked = Asked(source)
    asked.environment.traces = []
    assert asked.items() == [1, 2]
    assert asked.environment.traces == []


UNREADABLE = {"coding": [{"code": 5}]}
LEVELS = f"where(memberOf('{URL}levels'))"


@pytest.mark.parametrize(
    "source",
    [
        f"(%o.code.{LEVELS} | %c.code).exists()",
        f"(%c.code | %o.code.{LEVELS}).exists()",
        f"(%o.value.ofType(CodeableConcept).{LEVELS} | %c).exists()",
        f"%o.code.{LEVELS}.combine(%c.code).exists()",
        f"%o.code.{LEVELS}.union(%c.code | %o.status).exists()",
    ],
)
def test_a_union_that_is_there_for_sure_has_its_evidence(source: str) -> None:
    """Whatever cannot be told of one side, as its `exists()` says."""
    spoiled = observation("o", code=UNREADABLE, valueCodeableConcept=UNREADABLE)
    sound = condition("c", code=coded("T1"))
    asked = Asked(source, spoiled, sound, o=[spoiled], c=[sound])
    assert asked.truth() is True
    assert [place.partition(".")[0] for place in asked.evidence()][:1] == ["Condition/c"]


def test_a_union_of_which_nothing_can_be_told_has_no_answer() -> None:
    spoiled = observation("o", code=UNREADABLE)
    asked = Asked(f"(%o.code.{LEVELS} | %c.code).exists()", spoiled, o=[spoiled], types={"c": ("Condition",)}, c=[])
    with pytest.raises(Missing):
        asked.truth()
    with pytest.raises(Missing):
        asked.evidence()


@pytest.mark.parametrize("text", ["\\ud800", "\\udc00\\ud83d", "a\\uDBFFb"])
def test_half_a_character_is_not_unescaped(text: str) -> None:
    given: dict[str, Any] = observation("o", valueString=text)
    with pytest.raises(EvaluationError, match="half a character"):
        Asked("%o.value.ofType(string).unescape('json')", o=[given]).items()


@pytest.mark.parametrize(
    "source",
    ["a" + ".a" * 3_000, " or ".join(["true"] * 1_000), "1 is Integer" + " is Boolean" * 500, "a" + "[0]" * 500],
)
def test_a_long_chain_is_no_tree_that_others_would_fall_over(source: str) -> None:
    with pytest.raises(ExpressionTooLarge) as met:
        text_of(parse(source))
    assert met.value.limit == "depth"
