"""What is skipped by an index or a missing key is what the conditions would have passed over: no answer changes."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from cds_service.errors import EvaluationError
from cds_service.expressions.language import Environment, Scope
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.temporal import Date
from cds_service.fhirpath import compile_fhirpath
from tests.unit.fhirpath.evaluating import SNOMED, URL, VALUE_SETS

L1 = {"system": SNOMED, "code": "L1"}
OTHER = {"system": "https://example.org", "code": "L1"}

CODES: list[Any] = [
    None,
    "L1",
    5,
    [],
    [{"coding": [L1]}],
    {},
    {"text": "L1"},
    {"coding": None},
    {"coding": []},
    {"coding": L1},
    {"coding": [L1]},
    {"coding": [OTHER, L1]},
    {"coding": [OTHER]},
    {"coding": [OTHER, {"system": 5, "code": "L2"}]},
    {"coding": [{"code": "L1"}]},
    {"coding": [{"system": SNOMED}]},
    {"coding": [None, L1]},
    {"coding": [None, "L1"]},
    {"coding": "L1"},
    L1,
    {"system": SNOMED, "code": 5},
]
SITES: list[Any] = ["absent", None, {}, {"coding": [L1]}, {"coding": [OTHER]}, {"coding": 5}, "L1", [{"coding": [L1]}]]

MEMBER = f"code.memberOf('{URL}levels')"
PAIRS = [  # with the short cut, and the same where there is none
    (f"%o.where({MEMBER})", f"%o.where({MEMBER} or false)"),
    (f"%o.where({MEMBER} and status = 'final')", f"%o.where(({MEMBER} or false) and status = 'final')"),
    (f"%o.where({MEMBER} and status.length() > 9)", f"%o.where(({MEMBER} or false) and status.length() > 9)"),
    (f"%o.where({MEMBER} and $index > 3)", f"%o.where(({MEMBER} or false) and $index > 3)"),
    (f"%o.exists({MEMBER})", f"%o.where({MEMBER} or false).exists()"),
    (f"%o.where({MEMBER}).exists()", f"%o.exists({MEMBER} or false)"),
    ("%o.where(bodySite.exists())", "%o.where(bodySite.combine({}).exists())"),
    ("%o.where(bodySite.empty())", "%o.where(bodySite.combine({}).empty())"),
    ("%o.where(bodySite.coding.exists(code = 'L1'))", "%o.where(bodySite.coding.combine({}).exists(code = 'L1'))"),
    ("%o.where(bodySite.coding.empty())", "%o.where(bodySite.coding.combine({}).empty())"),
]


def observations() -> list[dict[str, Any]]:
    found = []
    for i, code in enumerate(CODES):
        for k, site in enumerate(SITES):
            one = {"resourceType": "Observation", "id": f"o{i}-{k}", "status": "final", "code": copy.deepcopy(code)}
            found.append(one if site == "absent" else one | {"bodySite": copy.deepcopy(site)})
    return found


def asked(source: str, chart: list[dict[str, Any]], *, located: bool) -> object:
    expression = compile_fhirpath(source, Scope({"o": ("Observation",)}, VALUE_SETS))
    environment = Environment(PatientRecord("p", chart), Date((2026, 1, 15)), values={"o": chart}, defined={})
    try:
        if located:
            return [(item, str(place)) for item, place in expression.located(environment)]
        return expression.items(environment)
    except EvaluationError:
        return "no answer"


@pytest.mark.parametrize("located", [False, True])
@pytest.mark.parametrize(("short", "long"), PAIRS)
def test_a_short_cut_changes_no_answer(short: str, long: str, located: bool) -> None:
    everything = observations()
    for chart in ([one] for one in everything):
        assert asked(short, chart, located=located) == asked(long, chart, located=located), chart
    for start in range(0, len(everything), 7):
        chart = everything[start : start + 9]
        assert asked(short, chart, located=located) == asked(long, chart, located=located), chart


def test_what_is_no_resource_of_the_record_is_looked_at() -> None:
    outside = {"resourceType": "Observation", "id": "x", "code": {"coding": [L1]}}
    environment = Environment(PatientRecord("p", []), Date((2026, 1, 15)), values={"o": [outside]}, defined={})
    expression = compile_fhirpath(f"%o.where({MEMBER})", Scope({"o": ("Observation",)}, VALUE_SETS))
    assert expression.items(environment) == [outside]
