"""What a request did not bring of what the policies read: which queries it takes, and the chart once they are answered.

The five states of a prefetch key are kept apart: what was supplied, none or empty is not asked for again, nor is what
failed; what is missing, or goes on on a further page, is.

Source: CDS Hooks 2.0.1, Prefetch Template.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, TypeAlias

from cds_service.cds_hooks import PrefetchState, Request, state_of
from cds_service.crd import TOO_COARSE, payers_to_read
from cds_service.errors import MalformedRequest, RequiredDataUnavailable
from cds_service.fhir.bundle import Holding, gather, matches, read
from cds_service.fhir.encoding import decode
from cds_service.fhir.query import Fetched, FhirQuery
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.temporal import Date
from cds_service.fhir.unread import Unread, Why
from cds_service.plan_definition.data_requirements import SELDOM_SENT, coverage_query, queries_of, types_by_key
from cds_service.plan_definition.policies import Policies
from cds_service.services.evaluation import Exchange, orders_of
from cds_service.services.references import read_of
from cds_service.services.service import Service

__all__ = ["NOTHING", "Answered", "Reader"]

_TO_ASK = (PrefetchState.MISSING, PrefetchState.PARTIAL)
Answered: TypeAlias = Mapping[FhirQuery, Fetched]
"""What a FHIR server answered so far."""
NOTHING: Answered = MappingProxyType({})


@dataclass(frozen=True)
class Reader:
    """Reads requests for the policies at hand; `payer` has their coverage read, too."""

    policies: Policies
    payer: bool = False
    by_code: bool = False

    @cached_property
    def _types(self) -> Mapping[str, str]:
        return types_by_key(self.policies.plans, payer=self.payer)

    def needs(self, service: Service, request: Request[Any], answered: Answered, *, received: Date) -> list[FhirQuery]:
        """Return the queries that the request's prefetch leaves open and that are not answered yet."""
        try:
            exchange = service.read(request, self._chart(request, answered))
        except RequiredDataUnavailable as error:
            return _open(error.queries, request, answered)
        return _open(self._wanted(exchange, request, received), request, answered)

    def exchange(
        self, service: Service, request: Request[Any], answered: Answered, *, received: Date, why: Why = Why.NOT_SENT
    ) -> Exchange:
        """Return what is to be evaluated; what is still open is told as not read, for the reason `why`.

        Raises RequiredDataUnavailable where the orders themselves are not at hand.
        """
        chart = self._chart(request, answered)
        exchange = service.read(request, chart)
        wanted = _open(self._wanted(exchange, request, received), request, answered)
        kinds = {str(one["resourceType"]) for one in chart.resources} if wanted else ()
        lacking = [
            Unread(query.type, Why.OWN_KEY if query.type in kinds else why, query.type)
            for query in wanted
            if query.type not in SELDOM_SENT and (query.id is None or query.type not in kinds)
        ]
        return replace(exchange, unread=(*exchange.unread, *lacking)) if lacking else exchange

    def _chart(self, request: Request[Any], answered: Answered) -> Holding:
        """Return what the prefetch and the answers hold."""
        chart = gather(request.prefetch or {}, self._types)
        again = {f"prefetch.{query.key}" for query, found in answered.items() if found.complete}
        chart.unread = [one for one in chart.unread if one.why is not Why.MORE or one.place not in again]
        for query, found in answered.items():
            chart.add_all(_read_pages(query, found))
        return chart

    def _wanted(self, exchange: Exchange, request: Request[Any], received: Date) -> Iterable[FhirQuery]:
        yield from exchange.lacking
        record, orders = orders_of(exchange, self.policies, received=received)
        plans = self.policies.deciding(order.coded for order in orders.covered)
        if plans:
            yield from queries_of(plans, request.context.patient, payer=self.payer, by_code=self.by_code)
        elif self.payer and any(one.reason in TOO_COARSE for one in orders.not_covered):
            yield coverage_query(request.context.patient)
        else:
            return
        if self.payer:
            yield from payer_reads(record)


def _open(wanted: Iterable[FhirQuery], request: Request[Any], answered: Answered) -> list[FhirQuery]:
    return [one for one in wanted if one not in answered and _state(one, request) in _TO_ASK]


def _state(query: FhirQuery, request: Request[Any]) -> PrefetchState:
    """Return what prefetch says of a query: what it asks for answers it in any shape, and nothing else does."""
    state, value = state_of(request.prefetch, query.key), (request.prefetch or {}).get(query.key)
    shaped = type(value) is dict and "resourceType" in value
    if state is PrefetchState.SUPPLIED or (value is not None and not shaped):
        held = any(one["resourceType"] == query.type for one in read(value).resources)
        return PrefetchState.SUPPLIED if held else PrefetchState.MISSING
    return state


def payer_reads(record: PatientRecord) -> Iterable[FhirQuery]:
    """Return the reads of the payers whom the Coverages in the record name and the record does not hold."""
    reads = (read_of(one, record.server) for one in payers_to_read(record))
    return [one for one in reads if one is not None]


def _read_pages(query: FhirQuery, found: Fetched) -> Holding:
    """Return what a server answered, and whether that is all: by the answer, and by the total that it states."""
    holding, seen, total = Holding(), 0, 0
    for page in found.pages:
        try:
            value = decode(page)
        except MalformedRequest:
            holding.unread.append(Unread(query.type, Why.UNREADABLE, query.type))
            continue
        held = read(value, place=query.type, type_name=query.type)
        held.unread = [one for one in held.unread if one.why is not Why.MORE]  # of this page: the next one follows
        holding.add_all(held)
        if type(value) is dict and type(value.get("total")) is int:
            seen, total = seen + matches(value), max(total, value["total"])
    why = found.why or (Why.MORE if total > seen else None)
    if why is not None:
        holding.unread.append(Unread(query.type, why, query.type))
    return holding
