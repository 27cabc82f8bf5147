"""order-sign: the orders are about to be signed; each ordered code gets its determination."""

from __future__ import annotations

from cds_service.cds_hooks import OrderSignContext, Request
from cds_service.fhir.bundle import Holding
from cds_service.services.evaluation import Exchange, exchange_of
from cds_service.services.service import Service

__all__ = ["SERVICE"]


def _read(request: Request[OrderSignContext], chart: Holding) -> Exchange:
    context = request.context
    return exchange_of(context.patient, context.draft_orders, chart, server=request.fhir_server)


SERVICE = Service(
    id="necessity-order-sign",
    hook="order-sign",
    title="Medical necessity, as orders are signed",
    description="Determines for every ordered code whether the chart shows the need that its policy asks for.",
    read=_read,
)
