"""The other hooks: selections, orders by reference, appointments."""

from __future__ import annotations

from typing import Any

from tests.made_up import finding, order
from tests.replay.clients import AID, GONE, SERVER, Json, appointment, booking, concept, dispatch, edit, selecting
from tests.replay.replay import MET, NO_CODE, NOT_READ, O1, O2, OTHER_PATIENT, Answer, Replay, replay

URN = "urn:uuid:0c9f0a3e-2c0b-4a55-9a3b-0d8a6a3f1f10"
LONE = (finding(),)
FOR_IT = {"serviceType": [AID]}
BASED_ON = {"basedOn": [{"reference": "ServiceRequest/o1"}]}


def select(
    name: str, answer: Answer, *selections: Any, edits: dict[str, Any] | None = None, at: str | None = None
) -> Replay:
    return replay(name, edit(selecting(*selections), edits or {}), answer, at, "hook-34", hook="order-select")


def send(name: str, message: Json, answer: Answer, at: str | None = None) -> Replay:
    return replay(name, message, answer, at, "hook-30", hook="order-dispatch")


def book(name: str, message: Json, answer: Answer, at: str | None = None) -> Replay:
    return replay(name, message, answer, at, "hook-4", hook="appointment-book")


SELECTED = [
    select("one draft selected", {O1: MET}, "ServiceRequest/o1"),
    select("both drafts selected", {O1: MET, O2: MET}, "ServiceRequest/o1", "ServiceRequest/o2"),
    select("a selection by its bare id", {O2: MET}, "o2"),
    select("a selection by its address", {O2: MET}, f"{SERVER}/ServiceRequest/o2"),
    select("a selection by its fullUrl", {O2: MET}, URN, edits={"context.draftOrders.entry.1.fullUrl": URN}),
    select("a selection that names no draft", {O1: MET, O2: MET}, "ServiceRequest/other"),
    select("nothing selected", {O1: MET, O2: MET}),
    select("the hook of another service", {O1: MET}, "ServiceRequest/o1", edits={"hook": "order-sign"}),
    select("no selections", 400, edits={"context.selections": GONE}, at="context.selections"),
    select("selections as a text", 400, edits={"context.selections": "ServiceRequest/o1"}, at="context.selections"),
    select("a selection that is an object", 400, {"reference": "ServiceRequest/o1"}, at="context.selections[0]"),
]

DISPATCHED = [
    send("an order dispatched", dispatch("ServiceRequest/o1"), {O1: MET}),
    send("two orders dispatched", dispatch("ServiceRequest/o1", "ServiceRequest/o2"), {O1: MET, O2: MET}),
    send("an order in the shape of 1.0", dispatch(order="ServiceRequest/o1", performer="Practitioner/x"), {O1: MET}),
    send(
        "an order and its task in the shape of 1.0",
        dispatch(order="ServiceRequest/o2", task={"resourceType": "Task"}),
        {O2: MET},
    ),
    send("tasks", dispatch("ServiceRequest/o1", fulfillmentTasks=[{"resourceType": "Task", "id": "t"}]), {O1: MET}),
    send("an order at an address", dispatch(f"{SERVER}/ServiceRequest/o1"), {O1: MET}),
    send("no performer", edit(dispatch("ServiceRequest/o1"), {"context.performer": GONE}), {O1: MET}),
    send("an order that is not there", dispatch("ServiceRequest/o1", chart=LONE), 412),
    send("an order of another server", dispatch("https://elsewhere.example.org/ServiceRequest/o1"), 412),
    send("no reference at all", dispatch("the order"), 412),
    send(
        "one order of two that is not there",
        dispatch("ServiceRequest/o1", "ServiceRequest/o9"),
        {O1: MET, "ServiceRequest/o9": NOT_READ},
    ),
    send(
        "a finding dispatched", dispatch("ServiceRequest/o1", "Observation/f1"), {O1: MET, "Observation/f1": NOT_READ}
    ),
    send(
        "an order of another patient dispatched",
        dispatch("ServiceRequest/o1", chart=(order(subject={"reference": "Patient/p2"}), *LONE)),
        {"ServiceRequest/o1": OTHER_PATIENT},
    ),
    send("no order named", edit(dispatch("x"), {"context.dispatchedOrders": GONE}), 400, "context.dispatchedOrders"),
    send(
        "no orders in the list", edit(dispatch("x"), {"context.dispatchedOrders": []}), 400, "context.dispatchedOrders"
    ),
    send("orders themselves", dispatch(order()), 400, "context.dispatchedOrders[0]"),
    send(
        "one order as a text",
        edit(dispatch("x"), {"context.dispatchedOrders": "ServiceRequest/o1"}),
        400,
        "context.dispatchedOrders",
    ),
]

BOOKED = [
    book("an appointment for a service", booking(appointment(**FOR_IT)), {"Appointment/a1 E0470": MET}),
    book(
        "an appointment for an order",
        booking(appointment(**BASED_ON), chart=(order(status="active"), finding())),
        {"Appointment/a1 replace": MET},
    ),
    book(
        "an appointment for an order that is not there",
        booking(appointment(**BASED_ON)),
        {"ServiceRequest/o1": NOT_READ},
    ),
    book(
        "an appointment of a kind for an order that is not there",
        booking(appointment(**BASED_ON, serviceType=[concept("https://example.org/kinds", "surgery")])),
        {"ServiceRequest/o1": NOT_READ},
    ),
    book("an appointment for nothing that is coded", booking(appointment()), {"Appointment/a1": NO_CODE}),
    book("an appointment that is cancelled", booking(appointment(**FOR_IT, status="cancelled")), {}),
    book(
        "an appointment of another patient",
        booking(appointment(**FOR_IT, participant=[{"actor": {"reference": "Patient/p2"}}])),
        {"Appointment/a1": OTHER_PATIENT},
    ),
    book(
        "no type of the Bundle of appointments",
        edit(booking(appointment(**FOR_IT)), {"context.appointments.type": GONE}),
        {"Appointment/a1 E0470": MET},
    ),
    book("appointments as an array", booking(appointments=[appointment()]), 400, "context.appointments"),
    book("no appointments", edit(booking(), {"context.appointments": GONE}), 400, "context.appointments"),
]
