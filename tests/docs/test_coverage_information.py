"""The pages on payers say what is so: the table, the problems, the versions, the options and the example."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from cds_service.crd import (
    VERSIONS,
    Authorization,
    Call,
    InScope,
    Insurance,
    Problem,
    Terms,
    discovery_extension,
    find_orders,
    in_scope,
    payer_identifier,
    system_actions,
)
from cds_service.crd.assertion import assertion_of_coarse
from cds_service.crd.configuration import OPTIONS
from cds_service.crd.coverage_information import extension_of, is_said
from cds_service.fhir.encoding import encode
from cds_service.fhir.record import PatientRecord
from cds_service.necessity.model import Determination
from cds_service.necessity.orders import NotJudged
from cds_service.necessity.questionnaire import canonical_of
from cds_service.plan_definition.model import DeterminationOf
from tests import charts
from tests.unit.crd.payer import MET, MISFIT, MISSING, NOT_MET, OUTSIDE, REFUSED, UNREAD, call, coverage, said, values
from tests.unit.crd.test_assertion import answers
from tests.unit.necessity.judging import order

PAGE = (charts.ROOT / "docs/explanation/coverage_information.md").read_text(encoding="utf-8")
HOW_TO = (charts.ROOT / "docs/how_to/run_as_a_payer.md").read_text(encoding="utf-8")


def waiting() -> Determination:
    """Return a determination that only waits for another order's."""
    (result,) = MISSING.results
    elsewhere = DeterminationOf(MISSING.plan.canonical, "clinical", MISSING.plan.codes, None)
    criterion = replace(result.criterion, determination_of=elsewhere)
    plan = replace(MISSING.plan, criteria=(criterion,))
    return replace(MISSING, results=(replace(result, criterion=criterion),), plan=plan)


DETERMINATIONS = {
    "met": MET,
    "not met, clinical": NOT_MET,
    "not met, coding": MISFIT,
    "information missing": MISSING,
    "information missing, of another order": waiting(),
    "information missing, some of it could not be read": UNREAD,
    "not evaluated": REFUSED,
    "not applicable": OUTSIDE,
}
PROBLEMS = {
    "any, and the Coverage is not active that day": Problem.INACTIVE,
}


COARSE = {
    "none: no code of the order can be read": NotJudged.NO_CODE,
    "none: no policy of its code counts on the day of the order": NotJudged.NOT_ON_THAT_DAY,
}


def rows(page: str, heading: str) -> list[list[str]]:
    """Return the cells of the first table after a heading."""
    _, _, after = page.partition(f"{heading}\n")
    table = re.search(r"(?:^\|.*\n)+", after, re.MULTILINE)
    lines = table[0].splitlines()[2:] if table else []
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


TABLE = rows(PAGE, "## The table")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0])
def test_each_row_of_the_table_is_what_is_said(row: list[str], version: str) -> None:
    name, _, settled = row[0].partition(", authorization ")
    terms = Terms(authorization=Authorization(settled.strip("`") or "needed"))
    problem, asked = PROBLEMS.get(name), call(version)
    if name in COARSE:
        scope = InScope("ServiceRequest/o1", order(), charts.RECEIVED, not_judged=COARSE[name])
        found = values(extension_of(assertion_of_coarse(scope, coverage()), asked.version))
    else:
        found = said(DETERMINATIONS.get(name, MET), terms=terms, problem=problem, asked=asked)
    written = row[1] if version == "2.2" or row[2] == "the same" else row[2]
    assert tuple(re.findall(r"`([^`]+)`", written)) == (answers(found) if found else ())


def test_every_determination_has_its_row() -> None:
    named = {row[0].partition(", authorization ")[0] for row in TABLE}
    assert named == DETERMINATIONS.keys() | PROBLEMS.keys() | COARSE.keys()


def test_every_problem_is_listed() -> None:
    listed = [row[0].strip("`") for row in rows(PAGE, "## Which Coverage")]
    assert sorted(listed) == sorted(one.name for one in Problem)


def test_the_code_systems_are_those_of_the_versions() -> None:
    row = rows(PAGE, "## What differs between the versions")[0]
    assert [cell.strip("`") for cell in row[1:]] == [version.card_types for version in VERSIONS.values()]


def test_every_option_is_listed() -> None:
    listed = [name for row in rows(HOW_TO, "## 2. Check discovery") for name in re.findall(r"`([^`]+)`", row[0])]
    assert listed == [option.code for option in OPTIONS]


# -- the example --------------------------------------------------------------------------------------------------

SHOWN: list[Any] = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", HOW_TO, re.DOTALL)]


def test_the_versions_that_are_shown_are_those_of_discovery() -> None:
    ((name, shown),) = SHOWN[0].items()
    assert discovery_extension(payer=True)[name] == shown


def test_the_example_is_what_comes_back() -> None:
    coverage, extension = SHOWN[1:]
    evaluation = charts.determine(charts.base("seed-1"))
    body = encode(charts.fixture("cds_hooks/seed-1-order-sign.json"))
    patient = charts.fixture("cds_hooks/seed-1-order-sign.json")["context"]["patientId"]
    record = PatientRecord(patient, [coverage])
    coverages = Insurance.of(record, {payer_identifier("https://payers.example.org|11")}).on(evaluation.as_of)
    terms = Terms(
        review_contact="tel:+1-555-0100",
        policies_url="http://127.0.0.1:8000/policies",
        questionnaire=lambda plan: canonical_of(plan) if plan.questions else None,
    )
    asked = Call.of("order-sign", {"davinci-crd.requestedVersion": "2.2"})
    scope = in_scope(evaluation.determinations, (), record, asked, as_of=evaluation.as_of)
    named = {one.carrier: coverages for one in scope}
    found = system_actions(scope, find_orders(body, named), named, terms, asked)
    (action,) = [one for one in found if "(22849)" in one.description]
    (written,) = json.loads(encode(action.resource))["extension"]
    assert is_said(extension, written)
