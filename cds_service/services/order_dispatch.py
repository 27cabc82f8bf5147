"""order-dispatch: orders signed before are sent to who performs them; each that is named gets its determination."""

from __future__ import annotations

from dataclasses import replace

from cds_service.cds_hooks import OrderDispatchContext, Request
from cds_service.errors import RequiredDataUnavailable
from cds_service.fhir.bundle import Holding, read
from cds_service.fhir.element import label
from cds_service.plan_definition.compile import ORDER_TYPES
from cds_service.services.evaluation import Exchange, exchange_of
from cds_service.services.references import beside, finder, read_of
from cds_service.services.service import Service

__all__ = ["SERVICE"]


def _read(request: Request[OrderDispatchContext], chart: Holding) -> Exchange:
    """Return the exchange of the orders that are named; RequiredDataUnavailable where none of them is at hand."""
    context, server = request.context, request.fhir_server
    find = finder(chart, server=server)
    found = {one: find(one) for one in dict.fromkeys(context.orders)}
    orders = [one for one in found.values() if one is not None and one["resourceType"] in ORDER_TYPES]
    not_had = tuple(name for name, one in found.items() if one is None or one["resourceType"] not in ORDER_TYPES)
    reads = tuple(one for one in (read_of(name, server) for name in not_had) if one is not None)
    if not orders:
        raise RequiredDataUnavailable(reads)
    held = read(list(context.tasks), place="context.fulfillmentTasks")
    held.add_all(chart)
    exchange = exchange_of(context.patient, read([*orders, *beside(orders, chart)]), held, server=server)
    return replace(
        exchange,
        selected=frozenset(map(label, orders)),
        signed=True,
        not_had=not_had,
        lacking=(*reads, *exchange.lacking),
    )


SERVICE = Service(
    id="necessity-order-dispatch",
    hook="order-dispatch",
    title="Medical necessity, as orders are sent to a performer",
    description="Determines for every dispatched code whether the chart shows the need that its policy asks for.",
    read=_read,
    orders=None,
)
