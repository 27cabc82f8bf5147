"""appointment-book: appointments are made; each gets the determination of what it is for."""

from __future__ import annotations

from dataclasses import replace

from cds_service.cds_hooks import AppointmentBookContext, Request
from cds_service.fhir.bundle import Holding, read_context
from cds_service.fhir.element import label
from cds_service.necessity.ordered_codes import code_references
from cds_service.services.evaluation import Exchange, exchange_of
from cds_service.services.references import beside, finder
from cds_service.services.service import Service

__all__ = ["SERVICE"]


def _read(request: Request[AppointmentBookContext], chart: Holding) -> Exchange:
    """Return the exchange of the appointments; the requests that they are based on are orders that are read."""
    context, server = request.context, request.fhir_server
    booked = read_context(context.appointments, place="context.appointments")
    find = finder(booked, chart, server=server)
    appointments = [one for one in booked.resources if one["resourceType"] == "Appointment"]
    named = [find(name) for one in appointments for name in code_references(one)]
    known = {id(one) for one in booked.resources}
    based_on = {id(one): one for one in named if one is not None and id(one) not in known}.values()
    for one in (*based_on, *beside((*booked.resources, *based_on), chart)):
        booked.add(one)
    exchange = exchange_of(context.patient, booked, chart, server=server)
    selected = frozenset(map(label, appointments)) or None  # what else stands there is judged rather than passed over
    told = frozenset(label(one) for one in named if one is not None)
    return replace(exchange, selected=selected, told=told, signed=True)


SERVICE = Service(
    id="necessity-appointment-book",
    hook="appointment-book",
    title="Medical necessity, as appointments are booked",
    description="Determines for every booked code whether the chart shows the need that its policy asks for.",
    read=_read,
    orders="appointments",
)
