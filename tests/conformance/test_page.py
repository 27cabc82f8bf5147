"""The page on conformance says what the tests show, and every requirement is shown or says why not."""

from __future__ import annotations

from runpy import run_path
from typing import Any

import pytest

from tests.charts import ROOT

MADE = run_path(str(ROOT / "scripts" / "generate_conformance.py"))


@pytest.fixture(scope="module")
def told() -> tuple[Any, Any]:
    """The requirements, and which tests show each."""
    return MADE["chapters"](), MADE["markers"]()


def test_the_page_is_up_to_date(told: tuple[Any, Any]) -> None:
    assert MADE["OUT"].read_text(encoding="utf-8") == MADE["page"](*told), "run scripts/generate_conformance.py"


def test_every_requirement_is_shown_or_says_why_not(told: tuple[Any, Any]) -> None:
    assert list(MADE["faults"](*told)) == []


@pytest.mark.parametrize(
    ("entry", "shown", "fault"),
    [
        ({"level": "SHALL"}, {}, "A1: no test shows it, and it does not say why"),
        ({"level": "MUST"}, {"A1": ["t"]}, "A1: the level `MUST` is none of SHALL, SHOULD, MAY"),
        ({"level": "SHALL"}, {"A1": ["t"], "A2": ["u"]}, "A2 is unknown, and u shows it"),
        ({"level": "SHALL", "also": ["A1"]}, {"A1": ["t"]}, "A1 is there 2 times"),
        ({"level": "SHALL", "not_applicable": "x"}, {"A1": ["t"]}, "A1: not_applicable, and t shows it"),
        ({"level": "MAY", "because": "x"}, {}, "A1: say one of not_shown, not_met, not_applicable, not_testable"),
    ],
)
def test_what_is_wrong_with_an_entry_or_a_marker_is_told(
    entry: dict[str, Any], shown: dict[str, list[str]], fault: str
) -> None:
    requirement = MADE["_requirement"]({"id": "A1", "text": "Something.", **entry})
    (told,) = MADE["faults"]([MADE["Chapter"]("A", "a standard", (requirement,))], shown)
    assert told.startswith(fault)


@pytest.mark.parametrize(
    ("why", "tests", "sign"),
    [
        ({}, ["t"], "✓"),
        ({}, [], "✗"),
        ({"not_shown": "x"}, [], "✗"),
        ({"not_shown": "x"}, ["t"], "✓"),
        ({"not_met": "x"}, ["t"], "✗"),
        ({"not_testable": "x"}, [], "n/a"),
    ],
)
def test_a_requirement_is_met_where_a_test_shows_it_and_nothing_speaks_against_it(
    why: dict[str, str], tests: list[str], sign: str
) -> None:
    requirement = MADE["_requirement"]({"id": "A1", "text": "Something.", "level": "SHALL", **why})
    assert requirement.standing(tests)[0] == sign
