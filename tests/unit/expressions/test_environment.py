"""The environment of one evaluation: every variable once, and always from the record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from cds_service.errors import EvaluationError
from cds_service.expressions.language import Environment, Missing
from cds_service.expressions.logic import Truth
from cds_service.fhir.element import Location
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.temporal import Date

RECORD = PatientRecord("p1", [{"resourceType": "Patient", "id": "p1"}])


@dataclass
class Told:
    """An expression of a made-up language: it tells from where, and how often, it is asked."""

    source: str = ""
    types: tuple[str, ...] = ()
    reads: frozenset[str] = frozenset()
    value_sets: frozenset[str] = frozenset()
    has_evidence: bool = False
    fault: Exception | None = None
    asked: list[Any] = field(default_factory=list)

    def items(self, environment: Environment) -> Sequence[Any]:
        self.asked.append((environment.focus, environment.index))
        if self.fault:
            raise self.fault
        return ("answer",)

    def truth(self, _environment: Environment) -> Truth:
        return None

    def located(self, environment: Environment) -> Sequence[Location]:
        self.asked.append((environment.focus, environment.index))
        return [Location("answer")]

    def evidence(self, _environment: Environment) -> Sequence[Location]:
        return ()


def environment(**defined: Told) -> Environment:
    return Environment(RECORD, Date((2026, 1, 15)), values={"given": (1, 2)}, defined=defined)


def test_a_variable_is_computed_once() -> None:
    told = Told()
    here = environment(told=told)
    assert [here.variable("told") for _ in range(3)] == [("answer",)] * 3
    assert [place.value for _ in range(3) for place in here.located("told")] == ["answer"] * 3
    assert len(told.asked) == 2


def test_a_given_value_is_itself_and_stands_nowhere() -> None:
    here = environment()
    assert here.variable("given") == (1, 2)
    assert [(place.value, str(place)) for place in here.located("given")] == [(1, ""), (2, "")]


def test_a_variable_starts_from_the_record_wherever_it_is_first_read() -> None:
    told = Told()
    here = environment(told=told)
    order = here.focus = {"resourceType": "ServiceRequest"}
    here.index = 3
    here.variable("told")
    here.located("told")
    assert told.asked == [(RECORD.as_bundle, 0)] * 2
    assert (here.focus, here.index) == (order, 3)


@pytest.mark.parametrize("fault", [Missing("cannot be told"), EvaluationError("cannot be read"), TypeError("odd")])
def test_a_variable_that_cannot_be_computed_says_so_every_time(fault: Exception) -> None:
    here = environment(told=Told(fault=fault))
    here.focus = order = {"resourceType": "ServiceRequest"}
    for _ in range(2):
        with pytest.raises(type(fault)):
            here.variable("told")
    assert here.focus is order


def test_two_environments_share_nothing() -> None:
    told = Told()
    environment(told=told).variable("told")
    environment(told=told).variable("told")
    assert len(told.asked) == 2
