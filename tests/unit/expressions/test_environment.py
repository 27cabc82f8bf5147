"""The environment of one evaluation: every variable once, and always from the record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from cds_service.errors import EvaluationError, LimitExceeded
from cds_service.expressions.language import MAX_ITEMS, MAX_STEPS, Budget, DataNeed, Environment, Missing, Placed
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

    needs: tuple[DataNeed, ...] = ()

    def located(self, environment: Environment) -> Sequence[Placed]:
        self.asked.append((environment.focus, environment.index))
        environment.spend(10)
        if self.fault:
            raise self.fault
        return [("answer", None)]

    def items(self, _environment: Environment) -> Sequence[Any]:
        raise NotImplementedError

    truth = answer = evidence = refusals = items


def environment(**defined: Told) -> Environment:
    return Environment(RECORD, Date((2026, 1, 15)), values={"given": (1, 2)}, defined=defined)


def test_a_variable_is_computed_once() -> None:
    told = Told()
    here = environment(told=told)
    assert [here.variable("told") for _ in range(3)] == [["answer"]] * 3
    assert [here.located("told") for _ in range(3)] == [[("answer", None)]] * 3
    assert len(told.asked) == 1


def test_a_variable_that_fails_has_failed_for_all_who_read_it() -> None:
    told = Told(fault=EvaluationError("the chart is odd"))
    here = environment(told=told)
    for ask in (here.variable, here.located, here.variable):
        with pytest.raises(EvaluationError, match="the chart is odd"):
            ask("told")
    assert len(told.asked) == 1


def test_what_variables_and_expressions_spend_is_taken_off_what_they_share() -> None:
    budget = Budget(100)
    here = Environment(RECORD, Date((2026, 1, 15)), values={}, defined={"told": Told()}, budget=budget)
    here.spend(5)
    here.variable("told")
    here.spend(7)
    here.restart()
    assert (budget.left, here.steps) == (100 - 5 - 10 - 7, 100 - 5 - 10 - 7)


def test_nothing_is_left_once_it_is_spent() -> None:
    here = Environment(RECORD, Date((2026, 1, 15)), values={}, defined={}, budget=Budget(10))
    for _ in range(2):
        with pytest.raises(LimitExceeded, match="more steps than it may"):
            here.spend(11)
        here.restart()


def test_a_given_value_is_itself_and_stands_nowhere() -> None:
    here = environment()
    assert here.variable("given") == (1, 2)
    assert here.located("given") == [(1, None), (2, None)]


def test_a_given_resource_stands_where_its_paths_start() -> None:
    order = {"resourceType": "ServiceRequest", "id": "o1"}
    here = Environment(RECORD, Date((2026, 1, 15)), values={"order": (order,)}, defined={})
    ((item, place),) = here.located("order")
    assert item is order
    assert str(place) == "ServiceRequest/o1"


def test_a_variable_starts_from_the_record_wherever_it_is_first_read() -> None:
    told = Told()
    here = environment(told=told)
    order = here.focus = {"resourceType": "ServiceRequest"}
    here.index = 3
    here.variable("told")
    here.located("told")
    assert told.asked == [(RECORD.as_bundle, 0)]
    assert (here.focus, here.index) == (order, 3)


def test_what_a_variable_takes_is_not_taken_from_who_reads_it() -> None:
    here = environment(told=Told())
    here.spend(5)
    here.variable("told")
    assert here.steps == MAX_STEPS - 5


def test_no_evaluation_takes_more_steps_than_it_may() -> None:
    here = environment()
    here.spend(MAX_STEPS)
    with pytest.raises(LimitExceeded) as refusal:
        here.spend(1)
    assert refusal.value.limit == "steps"
    here.restart()
    here.spend(1)


def test_no_collection_holds_more_items_than_it_may() -> None:
    here = environment()
    here.collected(range(MAX_ITEMS))
    with pytest.raises(LimitExceeded) as refusal:
        here.collected(range(MAX_ITEMS + 1))
    assert refusal.value.limit == "items"


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


def test_an_environment_but_for_some_names_asks_only_those_again() -> None:
    kept, again, new = Told(), Told(), Told()
    here = environment(kept=kept, again=again)
    here.located("kept")
    here.located("again")
    other = here.but_for({"again", "given"}, values={"given": (3,)}, defined={"kept": kept, "again": new})
    assert [len(other.located(name)) for name in ("kept", "again", "given")] == [1, 1, 1]
    assert [len(one.asked) for one in (kept, again, new)] == [1, 1, 1]
    assert (here.variable("given"), other.variable("given")) == ((1, 2), (3,))
