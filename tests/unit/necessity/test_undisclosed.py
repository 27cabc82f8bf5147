"""Orders that were signed before are not all there are: what is not among them is not "not ordered"."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cds_service.fhir.bundle import Holding
from cds_service.necessity.model import Determination, Outcome
from cds_service.services.evaluation import evaluate, exchange_of
from tests.unit.necessity.judging import RECEIVED, finding, order, told
from tests.unit.necessity.test_determine import DEFAULT, gadget
from tests.unit.plan_definition.plans import Json, compiled, criterion, plan, says

GADGET = "%draftOrders.ofType(ServiceRequest).exists(code.coding.exists(code = 'C'))"
ALONE = criterion("alone", "required", f"iif({GADGET}.not(), %order).exists()", f"iif({GADGET}, %order).exists()")


def judged(made: Json, *resources: Json, signed: bool = True) -> Determination:
    drafts = [one for one in resources if one["resourceType"] != "Observation"]
    chart = [one for one in resources if one["resourceType"] == "Observation"]
    exchange = replace(exchange_of("p1", drafts, Holding(chart)), signed=signed)
    found = evaluate(exchange, compiled(DEFAULT, made), received=RECEIVED).determinations
    return next(one for one in found if one.plan.canonical == made["url"])


def state(support: str, *resources: Json, signed: bool = True, refute: str | None = None) -> str:
    made = plan(criterion("asked", "required", support, refute), name="asked")
    return told(judged(made, *(resources or (order(),)), signed=signed).result("asked"))


def test_what_is_not_among_the_orders_being_signed_is_not_ordered() -> None:
    assert told(judged(plan(ALONE, name="alone"), order(), signed=False).result("alone")) == "true"


def test_what_is_not_among_orders_signed_before_may_be_ordered_all_the_same() -> None:
    found = judged(plan(ALONE, name="alone"), order()).result("alone")
    assert told(found) == "unknown/ambiguous"
    assert found.problem == "what else is ordered is not known"


def test_what_is_among_them_is_ordered() -> None:
    found = judged(plan(ALONE, name="alone"), order(), order("C", "o2"))
    assert told(found.result("alone")) == "false"


@pytest.mark.parametrize(
    ("support", "whole", "told_of"),
    [
        (f"{GADGET} or %orderedCode.code = 'A'", "true", "true"),
        (f"{GADGET}.not() and %orderedCode.code = 'A'", "true", "unknown/ambiguous"),
        ("%draftOrders.ofType(DeviceRequest).empty()", "true", "unknown/absent"),
        ("%draftOrders.ofType(DeviceRequest).exists()", "unknown/absent", "unknown/absent"),
        ("%draftOrders.ofType(DeviceRequest).empty().not()", "unknown/absent", "unknown/absent"),
        ("%draftOrders.count() = 1", "true", "unknown/absent"),
        ("%draftOrders.count() > 1", "unknown/absent", "unknown/absent"),
        ("%draftOrders.ofType(ServiceRequest).all(status = 'draft')", "true", "unknown/ambiguous"),
        ("%draftOrders.ofType(ServiceRequest).where(bodySite.exists()).empty()", "true", "unknown/ambiguous"),
        ("%draftOrders.ofType(ServiceRequest).bodySite.empty()", "true", "unknown/ambiguous"),
        ("%order.status = 'draft'", "true", "true"),
    ],
)
def test_a_condition_holds_only_if_no_further_order_could_undo_it(support: str, whole: str, told_of: str) -> None:
    assert state(support, signed=False) == whole
    assert state(support) == told_of


def test_a_refutation_holds_only_if_no_further_order_could_undo_it() -> None:
    refute = f"iif({GADGET}.not(), %order).exists()"
    assert state(says("wanted"), signed=False, refute=refute) == "false"
    assert state(says("wanted"), refute=refute) == "unknown/ambiguous"


def test_what_the_chart_says_is_not_touched() -> None:
    assert judged(plan(name="other"), order(), finding("broken")).outcome is Outcome.MET


@pytest.mark.parametrize(("signed", "expected"), [(False, "false"), (True, "unknown/absent")])
def test_an_order_on_which_a_code_depends_may_have_been_signed_elsewhere(signed: bool, expected: str) -> None:
    assert told(judged(gadget("code-fit"), order("C", "o2"), signed=signed).result("need")) == expected


@pytest.mark.parametrize(("signed", "expected"), [(False, "false"), (True, "unknown/absent")])
def test_one_order_that_does_not_hold_leaves_room_for_another_that_does(signed: bool, expected: str) -> None:
    chart = (order("A"), order("C", "o2"), finding("intact"))
    assert told(judged(gadget(), *chart, signed=signed).result("need")) == expected


def test_one_order_that_holds_is_enough() -> None:
    chart = (order("A"), order("C", "o2"), finding("broken"))
    assert told(judged(gadget(), *chart).result("need")) == "true"
