"""order-select: some of the drafts were just selected; they are judged, the others are read beside them."""

from __future__ import annotations

from dataclasses import replace

from cds_service.cds_hooks import OrderSelectContext, Request
from cds_service.fhir.bundle import Holding
from cds_service.services.evaluation import Exchange, exchange_of
from cds_service.services.service import Service

__all__ = ["SERVICE"]


def _read(request: Request[OrderSelectContext], chart: Holding) -> Exchange:
    context = request.context
    exchange = exchange_of(context.patient, context.draft_orders, chart, server=request.fhir_server)
    return replace(exchange, selected=frozenset(context.selections))


SERVICE = Service(
    id="necessity-order-select",
    hook="order-select",
    title="Medical necessity, as orders are selected",
    description="Determines for every selected code whether the chart shows the need that its policy asks for.",
    read=_read,
)
