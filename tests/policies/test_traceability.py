"""Each claim has its row, each row its place, each place its words, source and test."""

from __future__ import annotations

import copy
from collections.abc import Callable
from runpy import run_path
from typing import Any

import pytest

from tests.charts import ROOT

MADE = run_path(str(ROOT / "scripts" / "generate_traceability.py"))
Table = dict[str, Any]


def table() -> Table:
    """The table, the test's own copy."""
    own: Table = copy.deepcopy(MADE["read"]())
    return own


def test_every_claim_has_its_place_and_every_criterion_its_claim() -> None:
    assert list(MADE["faults"](table())) == []


def test_the_page_is_up_to_date() -> None:
    assert MADE["OUT"].read_text(encoding="utf-8") == MADE["page"](), "run scripts/generate_traceability.py"


def rows(table: Table) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = table["claims"]
    return found


CHANGES: dict[str, tuple[Callable[[Table], object], str]] = {
    "a claim without a row": (lambda one: rows(one).pop("S1.25"), "S1.25: this claim has no row"),
    "a row without a claim": (
        lambda one: rows(one).update({"S3.1": rows(one)["S1.25"]}),
        "S3.1: there is no such claim",
    ),
    "a doubt without a row": (lambda one: one["doubts"].pop("D8"), "D8: this doubt has no row"),
    "no place": (lambda one: rows(one)["S1.25"].pop("at"), "S1.25: either a place or a reason to leave it out"),
    "a place and a reason": (
        lambda one: rows(one)["S1.25"].update({"left out": "why"}),
        "S1.25: either a place or a reason to leave it out",
    ),
    "no case": (lambda one: rows(one)["S1.25"].pop("shown"), "S1.25: nothing shows it"),
    "a criterion that is not there": (
        lambda one: rows(one)["S1.25"]["at"]["SC"].append("SC.none"),
        "S1.25: there is no SC at SC.none",
    ),
    "a source that is not there": (
        lambda one: rows(one)["S1.86"]["sources"]["SC"].append("Source 7"),
        "S1.86: there is no SC sources Source 7",
    ),
    "a parameter that is not there": (
        lambda one: rows(one)["S1.16"]["parameters"]["SC"].append("age"),
        "S1.16: there is no SC parameters age",
    ),
    "a resource that is not there": (
        lambda one: rows(one)["S1.2"]["chart"]["seed-1"].append("Procedure/none"),
        "S1.2: chart seed-1 has no Procedure/none",
    ),
    "an order that is not there": (
        lambda one: rows(one)["S1.1"]["orders"]["seed-1"].append("99999"),
        "S1.1: request seed-1 has no 99999",
    ),
    "words that are not there": (
        lambda one: rows(one)["S1.35"]["words"].append("597 mL"),
        "S1.35: `597 mL` is not to be read there",
    ),
    "a case that is not there": (
        lambda one: rows(one)["S1.25"]["shown"].append("E-99"),
        "S1.25: there is no case E-99",
    ),
    "a test that is not there": (
        lambda one: rows(one)["S1.25"]["shown"].append("tests/acceptance/test_seeds.py::test_none"),
        "S1.25: there is no test tests/acceptance/test_seeds.py::test_none",
    ),
    "a source that the criterion does not name": (
        lambda one: rows(one)["S1.65"].update(cites=[2]),
        "S1.65: SC SC.rt names no source `Source 2`",
    ),
    "a criterion without a claim": (
        lambda one: one["beyond"]["SC"].pop("SC.level"),
        "SC SC.level: no claim asks for it, and `beyond` does not say what it rests on",
    ),
    "a policy without letters": (
        lambda one: (one["policies"].pop("SI"), one["beyond"].pop("SI"), rows(one)["S1.67"]["at"].pop("SI")),
        "sarcoma-surveillance-mr: the policy has no letters in the table",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_table_that_is_wrong_is_told_so(change: str) -> None:
    spoil, fault = CHANGES[change]
    spoilt = table()
    spoil(spoilt)
    assert fault in MADE["faults"](spoilt)


SCENARIOS = (
    *(f"E-{n:02}" for n in range(1, 44)),
    *(f"F-{n:02}" for n in range(1, 35)),
    *(f"G-{n:02}" for n in (1, 2, 3, 4, 5, 6, 8, 9, 10, 11)),
)
"""The scenarios that the policies were designed on. G-07 is a failed fetch, G-12 a sequence: tests/acceptance."""


def test_every_scenario_is_a_case() -> None:
    assert [name for name in SCENARIOS if name not in MADE["case_ids"]()] == []
