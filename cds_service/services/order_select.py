"""order-select: some of the drafts were just selected; they are judged, the others are read beside them."""

from __future__ import annotations

from collections.abc import Mapping
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
    known = _drafts_by_name(exchange)
    named = {one: known.keys() & _forms(one.partition("/_history/")[0]) for one in context.selections}
    selected = frozenset(known[form] for forms in named.values() for form in forms)
    if not selected:
        return exchange  # all drafts are judged where none is named: silence would clear them
    not_had = tuple(sorted(one for one, forms in named.items() if not forms))
    return replace(exchange, selected=selected, not_had=not_had)


def _drafts_by_name(exchange: Exchange) -> Mapping[str, str]:
    """Return the label of each draft by every form that a selection may name it in."""
    addresses = {id(draft): url for url, draft in exchange.full_urls.items()}
    return {
        form: label(draft)
        for draft in exchange.drafts
        for name in (label(draft), str(draft.get("id", "")), addresses.get(id(draft), ""))
        for form in _forms(name)
    }


def _forms(reference: str) -> set[str]:
    """Return a reference as it is, and without the address of a server; nothing names nothing."""
    plain = reference.translate(_HYPHENS)
    return {plain, "/".join(plain.split("/")[-2:])} - {""}


SERVICE = Service(
    id="necessity-order-select",
    hook="order-select",
    title="Medical necessity, as orders are selected",
    description="Determines for every selected code whether the chart shows the need that its policy asks for.",
    read=_read,
)
