"""One update per order about which there is something new to say; the order as it came, with our extension on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from cds_service import crd
from cds_service.cds_hooks import Action, Response, to_json_object
from cds_service.crd import Coverages, Insurance, Problem, Terms, find_orders, in_scope, system_actions
from cds_service.crd.coverage_information import URL, coverage_of
from cds_service.crd.in_scope import TOO_COARSE
from cds_service.crd.terms import Call
from cds_service.fhir.encoding import decode, encode
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.temporal import Date
from cds_service.necessity.model import Determination
from cds_service.necessity.orders import NotCovered, NotJudged
from cds_service.plan_definition.profile import Extension
from tests import charts
from tests.unit.crd.invariants import broken
from tests.unit.crd.payer import MET, PAYER, call, coverage, values
from tests.unit.necessity.judging import finding, judge, order
from tests.unit.plan_definition.plans import APPROVED, CODES, Json, compiled, criterion, determination_of, plan
from tests.unit.plan_definition.plans import URL as PLAN_URL

NAMED = {"url": Extension.ORDER_NAME, "valueString": "widget replacement"}
POLICIES = compiled(plan(**APPROVED | {"extension": [*APPROVED["extension"], NAMED]}))
ONE = Coverages((coverage(),), None)
NOTHING = PatientRecord("p1", [])


def request(*orders: Json) -> bytes:
    return encode({"context": {"draftOrders": {"entry": [{"resource": one} for one in orders]}}})


def actions(
    *resources: Json,
    coverages: Coverages = ONE,
    asked: Call | None = None,
    determinations: tuple[Determination, ...] | None = None,
    not_covered: tuple[NotCovered, ...] = (),
) -> list[Any]:
    """Return the system actions for the orders and the chart given, as the client reads them."""
    orders = [one for one in resources if one.get("status") == "draft"]
    judged = determinations if determinations is not None else judge(POLICIES, *resources).determinations
    record = PatientRecord("p1", resources)
    found = acted(request(*orders), judged, coverages, asked or call(), record, not_covered)
    return read_back(Response(cards=(), system_actions=found)).get("systemActions", [])


def acted(
    body: bytes,
    judged: Sequence[Determination],
    coverages: Coverages,
    asked: Call,
    record: PatientRecord = NOTHING,
    not_covered: tuple[NotCovered, ...] = (),
) -> tuple[Action, ...]:
    scope = in_scope(judged, not_covered, record, asked, as_of=charts.RECEIVED)
    texts = find_orders(body, [one.carrier for one in scope])
    return system_actions(scope, texts, {one.carrier: coverages for one in scope}, Terms(), asked)


def read_back(response: Response) -> dict[str, Any]:
    body: Any = decode(encode(to_json_object(response)))
    return dict(body)


def decoded(resource: object) -> Any:
    return decode(encode(resource))


def covered(action: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an action says of each Coverage."""
    said = {coverage_of(one): one for one in action["resource"]["extension"] if one["url"] == URL}
    return {str(name): values(one)["covered"][0] for name, one in said.items()}


@pytest.mark.requirement("resp-22")
@pytest.mark.requirement("C12")
def test_an_order_is_updated_with_what_is_said_of_it() -> None:
    (action,) = actions(order(), finding("broken"))
    assert list(action) == ["type", "description", "resource"]
    assert action["type"] == "update"
    assert action["description"] == "Coverage information for widget replacement (A)"
    assert covered(action) == {"Coverage/cov1": "covered"}
    assert {name: one for name, one in action["resource"].items() if name != "extension"} == order()


@pytest.mark.requirement("resp-29")
def test_every_order_that_is_judged_has_one_update_whatever_their_order_in_the_request() -> None:
    found = actions(order("B", "o2"), order("A", "o1"), order("Z", "o3"), finding("broken"))
    assert [one["resource"]["id"] for one in found] == ["o1", "o2"]


@pytest.mark.requirement("resp-29")
def test_an_order_that_says_the_same_as_another_has_its_update_too() -> None:
    found = actions(order("A", "o1"), order("A", "o2"), finding("broken"))
    assert [one["resource"]["id"] for one in found] == ["o1", "o2"]
    assert found[0]["resource"]["extension"] == found[1]["resource"]["extension"]


def test_an_order_with_two_codes_is_updated_once() -> None:
    both = {**order(), "code": {"coding": [{"system": CODES, "code": "A"}, {"system": CODES, "code": "B"}]}}
    (action,) = actions(both, finding("broken"))
    assert action["description"] == "Coverage information for widget replacement (A), widget replacement (B)"
    (said,) = action["resource"]["extension"]
    assert [one["code"] for one in values(said)["billingCode"]] == ["A", "B"]


@pytest.mark.requirement("resp-32")
def test_several_coverages_share_one_update_and_no_id() -> None:
    (action,) = actions(order(), coverages=Coverages((coverage("c1"), coverage("c2")), Problem.SEVERAL))
    assert covered(action) == {"Coverage/c1": "conditional", "Coverage/c2": "conditional"}
    ids = [values(one)["coverage-assertion-id"][0] for one in action["resource"]["extension"]]
    assert len(set(ids)) == 2


def test_without_a_coverage_nothing_is_said() -> None:
    for problem in (Problem.NO_COVERAGE, Problem.NOT_OUR_PAYER, Problem.UNCLEAR):
        assert actions(order(), coverages=Coverages((), problem)) == []


@pytest.mark.requirement("resp-45")
def test_an_ended_coverage_is_said_on_every_order() -> None:
    ended = Insurance.of(PatientRecord("p1", [coverage(status="cancelled")]), {PAYER}).on(charts.RECEIVED)
    (action,) = actions(order(), coverages=ended)
    assert covered(action) == {"Coverage/cov1": "not-covered"}


# -- what an order hangs on ---------------------------------------------------------------------------------------


def said_of_gadget(*orders: Json) -> dict[str, list[Any]]:
    """Return what is said of an order of a gadget, which goes with a widget, beside other orders."""
    goes_with = criterion("goes-with", "required", None, None, determination_of(), definitionCanonical=PLAN_URL)
    policies = compiled(plan(**APPROVED), plan(goes_with, name="gadget", codes="gadgets", **APPROVED))
    judged = judge(policies, *orders, order("C", "o2")).determinations
    found = actions(*orders, order("C", "o2"), determinations=judged)
    (gadget,) = [one for one in found if one["resource"]["id"] == "o2"]
    return values(gadget["resource"]["extension"][0])


def test_the_order_that_it_rests_on_is_named() -> None:
    assert said_of_gadget(order("A", "with.code.dots"))["dependency"] == [
        {"reference": "ServiceRequest/with.code.dots"}
    ]


def test_an_order_that_is_not_there_or_has_no_id_is_not_named() -> None:
    nameless = {name: value for name, value in order("A").items() if name != "id"}
    assert "dependency" not in said_of_gadget()
    assert "dependency" not in said_of_gadget(nameless)
    assert "dependency" not in said_of_gadget(order("A", "a b/c"))


BOOKED = {"resourceType": "Appointment", "id": "a1", "status": "draft", "basedOn": [{"reference": "ServiceRequest/o1"}]}


@pytest.mark.requirement("hook-39")
@pytest.mark.parametrize(("version", "expected"), [("2.0", "Appointment/a1"), ("2.2", "ServiceRequest/o1")])
def test_what_is_said_of_a_booking_stands_on_it_or_on_its_request_by_version(version: str, expected: str) -> None:
    judged = (replace(MET, order=replace(MET.order, reference="Appointment/a1")),)
    (action,) = actions(order(), BOOKED, determinations=judged, asked=call(version, "appointment-book"))
    assert f"{action['resource']['resourceType']}/{action['resource']['id']}" == expected


@pytest.mark.requirement("hook-39")
def test_a_booking_that_is_based_on_nothing_carries_what_is_said_of_it_itself() -> None:
    judged = (replace(MET, order=replace(MET.order, reference="Appointment/a1", resource=BOOKED)),)
    assert [one["resource"]["id"] for one in actions(BOOKED, determinations=judged)] == ["a1"]


@pytest.mark.requirement("hook-39")
def test_a_request_that_an_appointment_contains_is_answered_on_the_appointment_and_on_no_order_of_its_name() -> None:
    holding = {**BOOKED, "contained": [order()], "basedOn": [{"reference": "#o1"}]}
    record = PatientRecord("p1", [holding])
    (inside,) = holding["contained"]
    judged = (replace(MET, order=replace(MET.order, reference="Appointment/a1", resource=inside)),)
    body = encode({"context": {"appointments": [holding]}, "prefetch": {"orders": [order()]}})
    (action,) = acted(body, judged, ONE, call("2.2", "appointment-book"), record)
    assert (action.resource or {})["resourceType"] == "Appointment"


# -- what could not be judged -------------------------------------------------------------------------------------


@pytest.mark.requirement("resp-29")
@pytest.mark.parametrize(
    ("reason", "version", "asked_for"),
    [
        (NotJudged.NO_CODE, "2.0", "OTH"),
        (NotJudged.NO_CODE, "2.2", "detail-code"),
        (NotJudged.NOT_ON_THAT_DAY, "2.0", "OTH"),
        (NotJudged.NOT_ON_THAT_DAY, "2.2", "OTH"),
    ],
)
def test_an_order_that_is_too_coarse_is_conditional(reason: NotJudged, version: str, asked_for: str) -> None:
    left = (NotCovered("ServiceRequest/o1", None, reason),)
    (action,) = actions(order("Z"), not_covered=left, asked=call(version))
    (extension,) = action["resource"]["extension"]
    found = values(extension)
    assert [found[name] for name in ("covered", "pa-needed", "info-needed")] == [
        ["conditional"],
        ["conditional"],
        [asked_for],
    ]
    assert "nothing was decided" in found["reason"][0]["text"]
    assert broken(extension, version) == []


@pytest.mark.parametrize("reason", [one for one in NotJudged if one not in TOO_COARSE])
def test_nothing_is_said_of_an_order_that_is_left_alone_for_another_reason(reason: NotJudged) -> None:
    assert actions(order("Z"), not_covered=(NotCovered("ServiceRequest/o1", None, reason),)) == []


def test_an_order_that_is_too_coarse_is_not_held_against_the_coverage() -> None:
    ended = Coverages((coverage(),), Problem.INACTIVE)
    left = (NotCovered("ServiceRequest/o1", None, NotJudged.NOT_ON_THAT_DAY),)
    (action,) = actions(order("Z"), not_covered=left, coverages=ended)
    assert covered(action) == {"Coverage/cov1": "conditional"}


@pytest.mark.parametrize(("hook", "day"), [("order-sign", "2025-12-30"), ("order-dispatch", "2026-01-15")])
def test_an_order_that_is_too_coarse_is_of_its_own_day_where_it_is_signed_now(hook: str, day: str) -> None:
    left = NotCovered("ServiceRequest/o1", None, NotJudged.NO_CODE)
    record = PatientRecord("p1", [order("Z", authoredOn="2025-12-30")])
    (one,) = in_scope((), (left,), record, call("2.2", hook), as_of=Date((2026, 1, 15)))
    assert str(one.as_of) == day


@pytest.mark.requirement("resp-35")
def test_an_order_that_is_too_coarse_is_told_so_once() -> None:
    left = (NotCovered("ServiceRequest/o1", None, NotJudged.NO_CODE),)
    (first,) = actions(order("Z"), not_covered=left)
    assert actions(first["resource"], not_covered=left) == []


# -- nothing new --------------------------------------------------------------------------------------------------


@pytest.mark.requirement("resp-35")
def test_a_second_call_changes_nothing_until_something_has_changed() -> None:
    (first,) = actions(order())
    signed = first["resource"]
    assert actions(signed) == []
    (changed,) = actions(signed, finding("broken"))
    assert covered(changed) == {"Coverage/cov1": "covered"}
    assert len(changed["resource"]["extension"]) == 1


@pytest.mark.requirement("resp-35")
def test_an_assertion_for_another_coverage_stays_as_it_is() -> None:
    (first,) = actions(order(), coverages=Coverages((coverage("c2"),), None))
    (second,) = actions(first["resource"], finding("broken"))
    assert covered(second) == {"Coverage/c2": "conditional", "Coverage/cov1": "covered"}
    assert second["resource"]["extension"][0] == first["resource"]["extension"][0]


@pytest.mark.requirement("resp-35")
def test_the_other_version_says_it_anew() -> None:
    judged = judge(POLICIES, order(), finding("broken")).determinations
    ended = Coverages((coverage(),), Problem.INACTIVE)
    (old,) = acted(request(order()), judged, ended, call("2.0"))
    (new,) = acted(request(decoded(old.resource)), judged, ended, call("2.2"))
    assert isinstance(new, Action)


# -- what is left out ---------------------------------------------------------------------------------------------


@pytest.mark.requirement("dev-14")
def test_a_client_that_wants_no_coverage_information_gets_none() -> None:
    assert actions(order(), asked=call("2.2", "order-sign", "coverage-info")) == []


def test_an_order_on_which_no_policy_decides_is_not_touched() -> None:
    assert actions(order("Z")) == []


def test_an_order_without_an_id_cannot_be_updated() -> None:
    nameless = {name: value for name, value in order().items() if name != "id"}
    assert actions(nameless) == []


def test_an_order_that_cannot_carry_the_extension_in_a_version_is_left_alone() -> None:
    lenses = {**order(), "resourceType": "VisionPrescription"}
    judged = (replace(MET, order=replace(MET.order, reference="VisionPrescription/o1")),)
    assert actions(lenses, determinations=judged, asked=call("2.0")) == []
    assert len(actions(lenses, determinations=judged, asked=call("2.2"))) == 1


# -- the seed, from its request to the answer ---------------------------------------------------------------------


@pytest.mark.requirement("resp-37")
@pytest.mark.parametrize("version", ["2.0", "2.2"])
def test_the_orders_of_a_case_come_back_as_they_were_sent(version: str) -> None:
    sent = charts.fixture("cds_hooks/seed-1-order-sign.json")["context"]["draftOrders"]
    evaluation = charts.determine(charts.base("seed-1"))
    found = acted(encode({"context": {"draftOrders": sent}}), evaluation.determinations, ONE, call(version))
    answered = read_back(Response(cards=(), system_actions=found))["systemActions"]
    returned = [{name: value for name, value in one["resource"].items() if name != "extension"} for one in answered]
    assert returned == sorted((entry["resource"] for entry in sent["entry"]), key=lambda one: str(one["id"]))
    assert [covered(one)["Coverage/cov1"] for one in answered] == ["covered"] * 3


def test_public_names_are_sorted_and_exist() -> None:
    names = crd.__all__
    assert names == sorted(set(names), key=lambda name: (not name.isupper(), name[0].islower(), name))
    assert all(hasattr(crd, name) for name in names)
