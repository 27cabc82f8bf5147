"""The page on reading the EHR says what the code does: every reason with its words, and every limit."""

from __future__ import annotations

from pathlib import Path

import pytest

from cds_service.ehr import Limits
from cds_service.ehr.breaker import Breaker
from cds_service.fhir.unread import Why
from tests.faults.test_gather import FAULTS

PAGE = (Path(__file__).parents[2] / "docs/explanation/reading_the_ehr.md").read_text(encoding="utf-8")
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("| ")]
OF_THE_REQUEST = (Why.MORE, Why.NO_RESOURCE, Why.NOT_SENT, Why.OTHER_PATIENT, Why.OWN_KEY)
FROM_THE_EHR = [one for one in Why if one not in OF_THE_REQUEST]


@pytest.mark.parametrize("why", FROM_THE_EHR)
def test_each_reason_stands_with_its_words(why: Why) -> None:
    assert [row[2] for row in ROWS if row[0] == f"`{why}`"] == [why.words]


def test_each_fault_that_is_tried_ends_in_a_reason_that_stands_there() -> None:
    told = {row[0].strip("`") for row in ROWS}
    assert {fault.why for fault in FAULTS.values() if fault.why} <= told


def test_the_limits_are_those_of_the_code() -> None:
    limits = Limits()
    written = [row[1] for row in ROWS if len(row) == 2 and row[1][0].isdecimal()]
    named = [limits.page_bytes, limits.bytes, limits.pages, limits.resources, limits.parallel]
    assert written == [f"{one:,}" for one in named]


def test_the_breaker_is_that_of_the_code() -> None:
    assert Breaker().most == 3
    assert f"three times in a row is left alone for {Breaker().pause:.0f} seconds" in PAGE
