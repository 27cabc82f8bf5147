from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.cds_hooks import (
    CONTEXTS,
    AppointmentBookContext,
    EncounterStartContext,
    OrderDispatchContext,
    OrderSelectContext,
    OrderSignContext,
    PatientViewContext,
    ProtocolError,
    to_json_object,
)

from . import messages
from .messages import HOOKS, refused_at

every_hook = pytest.mark.parametrize("hook", HOOKS)
BUNDLE_MEMBERS = [
    ("order-sign", "draftOrders"),
    ("order-select", "draftOrders"),
    ("appointment-book", "appointments"),
]
every_bundle = pytest.mark.parametrize(("hook", "member"), BUNDLE_MEMBERS)
IDS = st.text(alphabet="abcABC019-.‑", min_size=1, max_size=64)


def without(context: dict[str, Any], member: str) -> dict[str, Any]:
    return {name: value for name, value in context.items() if name != member}


@pytest.mark.requirement(
    "context-patient-view",
    "context-order-sign",
    "context-order-select",
    "context-order-dispatch",
    "context-appointment-book",
    "context-encounter-start",
    "context-encounter-discharge",
)
def test_every_hook_of_the_library_has_a_context():
    assert sorted(CONTEXTS) == HOOKS


@every_hook
def test_a_context_without_patient_is_refused(hook: str):
    with refused_at("patientId"):
        CONTEXTS[hook].read(without(messages.context(hook), "patientId"))


@every_hook
@pytest.mark.parametrize("nobody", ["", " ", "Patient/", None, 7, ["x"], {}], ids=repr)
def test_a_patient_id_that_names_nobody_is_refused(hook: str, nobody: object):
    with refused_at("patientId"):
        CONTEXTS[hook].read(messages.context(hook) | {"patientId": nobody})


@pytest.mark.parametrize("other", ["Practitioner/x", "Patient/x/_history/1", "https://example.org/Patient/x"])
def test_a_patient_id_is_an_id(other: str):
    with pytest.raises(ProtocolError, match=r"^`patientId` must be an id, alone or as Patient/id$"):
        PatientViewContext.read({"patientId": other})


@given(identifier=IDS)
def test_the_patient_is_the_bare_id_however_it_was_sent(identifier: str):
    for sent in (identifier, f"Patient/{identifier}"):
        context = PatientViewContext.read({"patientId": sent})
        assert context.patient == identifier
        assert to_json_object(context) == {"patientId": sent}


@every_hook
@pytest.mark.parametrize("absent", [{}, {"userId": None}], ids=repr)
def test_a_context_without_user_is_accepted(hook: str, absent: dict[str, Any]):
    context = CONTEXTS[hook].read(without(messages.context(hook), "userId") | absent)
    assert context.user_id is None


@pytest.mark.parametrize(
    ("sent", "encounter"),
    [({}, None), ({"encounterId": None}, None), ({"encounterId": ""}, None)]
    + [({"encounterId": sent}, "e-1") for sent in ("e-1", "Encounter/e-1")],
)
def test_the_encounter_is_the_bare_id_or_none(sent: dict[str, Any], encounter: str | None):
    assert OrderSignContext.read({"patientId": "p", "draftOrders": {}} | sent).encounter == encounter


@pytest.mark.requirement("context-encounter-start", "context-encounter-discharge")
@pytest.mark.parametrize("hook", ["encounter-start", "encounter-discharge"])
def test_an_encounter_hook_needs_the_encounter(hook: str):
    for missing in ({}, {"encounterId": ""}, {"encounterId": "Encounter/"}, {"encounterId": None}):
        with refused_at("encounterId"):
            CONTEXTS[hook].read({"patientId": "p"} | missing)
    assert EncounterStartContext.read({"patientId": "p", "encounterId": "e-1"}).encounter == "e-1"


@pytest.mark.requirement("context-order-sign", "context-order-select", "context-appointment-book")
@every_bundle
def test_a_missing_bundle_is_refused(hook: str, member: str):
    with refused_at(member):
        CONTEXTS[hook].read(without(messages.context(hook), member))


@every_bundle
@pytest.mark.parametrize("wrong", [None, "Bundle", [], 3], ids=repr)
def test_a_bundle_is_an_object(hook: str, member: str, wrong: object):
    with refused_at(member):
        CONTEXTS[hook].read(messages.context(hook) | {member: wrong})


@every_bundle
def test_another_resource_is_no_bundle(hook: str, member: str):
    with refused_at(f"{member}.resourceType"):
        CONTEXTS[hook].read(messages.context(hook) | {member: {"resourceType": "ServiceRequest"}})


@every_bundle
@pytest.mark.parametrize("wrong", [None, {}, "x"], ids=repr)
def test_bundle_entries_are_an_array(hook: str, member: str, wrong: object):
    with refused_at(f"{member}.entry"):
        CONTEXTS[hook].read(messages.context(hook) | {member: {"entry": wrong}})


@every_bundle
@pytest.mark.parametrize("bundle", [{}, {"resourceType": "Bundle"}, {"entry": []}], ids=repr)
def test_a_bundle_may_lack_type_and_resource_type(hook: str, member: str, bundle: dict[str, Any]):
    assert to_json_object(CONTEXTS[hook].read(messages.context(hook) | {member: bundle}))[member] == bundle


def test_draft_orders_are_the_very_object_that_was_sent():
    sent = {"entry": [{"resource": {"quantityQuantity": {"value": Decimal("2.50")}, "odd": None}}]}
    context = OrderSignContext.read({"patientId": "p", "draftOrders": sent})
    assert context.draft_orders is sent
    assert to_json_object(context)["draftOrders"] is sent


def test_appointments_are_the_very_object_that_was_sent():
    sent = {"entry": [{"resource": {"resourceType": "Appointment"}}]}
    assert AppointmentBookContext.read({"patientId": "p", "appointments": sent}).appointments is sent


def test_selections_are_an_array_of_strings():
    context = OrderSelectContext.read(messages.context("order-select"))
    assert context.selections == ("ServiceRequest/sr-1",)
    for wrong, path in ((None, "selections"), ("sr-1", "selections"), ([{}], "selections[0]")):
        with refused_at(path):
            OrderSelectContext.read(messages.context("order-select") | {"selections": wrong})


@pytest.mark.requirement("context-order-select")
def test_missing_selections_are_refused():
    with refused_at("selections"):
        OrderSelectContext.read(without(messages.context("order-select"), "selections"))


@pytest.mark.requirement("context-order-dispatch")
def test_dispatched_orders_and_tasks_are_read():
    context = OrderDispatchContext.read(messages.context("order-dispatch"))
    assert context.orders == ("ServiceRequest/sr-1",)
    assert [task["resourceType"] for task in context.tasks] == ["Task"]
    assert context.performer == "Organization/org-1"


@pytest.mark.requirement("context-order-dispatch")
def test_the_older_shape_of_order_dispatch_is_read():
    task = {"resourceType": "Task"}
    sent = {"patientId": "p", "order": "ServiceRequest/sr-1", "performer": "Organization/o", "task": task}
    context = OrderDispatchContext.read(sent)
    assert context.orders == ("ServiceRequest/sr-1",)
    assert context.tasks == (task,)
    assert context.tasks[0] is task
    assert to_json_object(context) == sent


def test_order_dispatch_may_come_without_task_and_performer():
    context = OrderDispatchContext.read({"patientId": "p", "dispatchedOrders": ["ServiceRequest/1"]})
    assert context.tasks == ()
    assert context.performer is None


@pytest.mark.parametrize("orders", [{}, {"dispatchedOrders": []}, {"order": ""}, {"order": None}], ids=repr)
def test_order_dispatch_needs_an_order(orders: dict[str, Any]):
    with refused_at("dispatchedOrders"):
        OrderDispatchContext.read({"patientId": "p", "performer": "Organization/o"} | orders)
