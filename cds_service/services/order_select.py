"""order-select: some of the drafts were just selected; they are judged, the others are read beside them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from cds_service.cds_hooks import OrderSelectContext, Request
from cds_service.fhir.bundle import Holding
from cds_service.fhir.element import label
from cds_service.services.evaluation import Exchange, exchange_of
from cds_service.services.service import Service

__all__ = ["SERVICE"]

_HYPHENS = str.maketrans("\u2010\u2011", "--")
"""Word processors write `-` as one of these, and examples were copied out of them."""


def _read(request: Request[OrderSelectContext], chart: Holding) -> Exchange:
    context = request.context
    exchange = exchange_of(context.patient, context.draft_orders, chart, server=request.fhir_server)
    return replace(exchange, selected=_selected(context.selections, exchange))


def _selected(selections: Iterable[str], exchange: Exchange) -> frozenset[str] | None:
    """Return the drafts that the selections name, or None for all where they name none: silence would clear them."""
    names = _forms(one.partition("/_history/")[0] for one in selections)
    addresses = {id(draft): url for url, draft in exchange.full_urls.items()}
    found = frozenset(
        label(draft)
        for draft in exchange.drafts
        if not names.isdisjoint(_forms((label(draft), str(draft.get("id", "")), addresses.get(id(draft), ""))))
    )
    return found if found or not names else None


def _forms(references: Iterable[str]) -> set[str]:
    """Return references as they are, and without the address of a server."""
    plain = [one.translate(_HYPHENS) for one in references]
    return {*plain, *("/".join(one.split("/")[-2:]) for one in plain)} - {""}


SERVICE = Service(
    id="necessity-order-select",
    hook="order-select",
    title="Medical necessity, as orders are selected",
    description="Determines for every selected code whether the chart shows the need that its policy asks for.",
    read=_read,
)
