"""One exchange, from orders and chart to determinations: the same for a hook, a file and a test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cds_service.fhir.bundle import Holding, gather, read_context
from cds_service.fhir.element import Resource
from cds_service.fhir.query import FhirQuery
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.temporal import Date
from cds_service.fhir.unread import Unread, Why
from cds_service.necessity.determine import determine_all
from cds_service.necessity.lifecycle import REVIEW_VALID_MONTHS
from cds_service.necessity.model import Determination
from cds_service.necessity.orders import NotCovered, NotJudged, Orders, read_orders
from cds_service.plan_definition.policies import Policies
from cds_service.services.references import reads_for_codes

__all__ = ["Evaluation", "Exchange", "evaluate", "exchange_of", "orders_of", "record_of"]


@dataclass(frozen=True, slots=True)
class Exchange:
    """What came in: whose orders, the drafts, the chart, and what could not be read of it."""

    patient_id: str
    drafts: tuple[Resource, ...]
    chart: tuple[Resource, ...]
    full_urls: Mapping[str, Resource]
    unread: tuple[Unread, ...] = ()
    server: str | None = None
    selected: frozenset[str] | None = None
    """The orders to judge, as `Type/id`; None for all. The others are read all the same."""
    told: frozenset[str] = frozenset()
    """Orders that are not judged by themselves, and of which it is told where they cannot be: `Type/id`."""
    signed: bool = False
    """Whether the orders were signed before: there may be others than these, and the day of receipt counts."""
    not_had: tuple[str, ...] = ()
    """The references to orders that are neither here nor could be read."""
    unreadable: tuple[str, ...] = ()
    """The places of orders at which something else stands, or less than all."""
    lacking: tuple[FhirQuery, ...] = ()
    """What would bring the orders that are not here, and what orders refer to for their codes."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came out: a determination per ordered code and policy, and what no policy decides on."""

    as_of: Date
    determinations: tuple[Determination, ...]
    not_covered: tuple[NotCovered, ...]
    unread: tuple[Unread, ...]
    record: PatientRecord = field(repr=False)


def exchange_of(
    patient_id: str,
    drafts: object,
    prefetch: Mapping[str, object] | Holding,
    *,
    server: str | None = None,
) -> Exchange:
    """Return the exchange of a patient, draft orders (a Bundle) and a chart, known by content whatever its keys."""
    ordered = drafts if isinstance(drafts, Holding) else read_context(drafts, place="context.draftOrders")
    chart = prefetch if isinstance(prefetch, Holding) else gather(prefetch)
    named = {_name(draft) for draft in ordered.resources if draft.get("id")}
    return Exchange(
        patient_id=patient_id,
        drafts=tuple(ordered.resources),
        chart=tuple(one for one in chart.resources if _name(one) not in named),
        full_urls={**chart.full_urls, **ordered.full_urls},
        unread=(*ordered.unread, *chart.unread),
        server=server,
        unreadable=tuple(sorted({one.place for one in ordered.unread})),
        lacking=reads_for_codes(ordered, chart, server),
    )


def evaluate(
    exchange: Exchange,
    policies: Policies,
    *,
    received: Date,
    as_of: Date | None = None,
    production: bool = False,
    review_valid_months: int = REVIEW_VALID_MONTHS,
) -> Evaluation:
    """Return the determinations of an exchange.

    The reference date of each order is `as_of`, else the day it was authored if it is signed now, else the day it was
    `received`.
    """
    record, orders = orders_of(exchange, policies, received=received, as_of=as_of)
    determinations = determine_all(
        orders, policies, record, production=production, review_valid_months=review_valid_months
    )
    wanted = exchange.selected
    if wanted is not None:
        determinations = tuple(one for one in determinations if not wanted.isdisjoint(one.order.references))
    dates = sorted({one.as_of for one in determinations}, key=lambda day: day.parts)
    return Evaluation(
        as_of=as_of or (dates[-1] if dates else received),
        determinations=determinations,
        not_covered=(
            *(
                one
                for one in orders.not_covered
                if wanted is None or one.reference in wanted | exchange.told or one.reason is NotJudged.NOT_HAD
            ),
            *(NotCovered(one, None, NotJudged.NOT_HAD) for one in exchange.not_had),
            *(NotCovered(one, None, NotJudged.UNREADABLE) for one in exchange.unreadable),
        ),
        unread=tuple(sorted({*exchange.unread, *_of_others(record)}, key=str)),
        record=record,
    )


def _of_others(record: PatientRecord) -> Iterator[Unread]:
    """Yield what was left out, by type: it is about another patient."""
    for resource in record.resources:
        if record.concerns_patient(resource) is False:
            kind = str(resource["resourceType"])
            yield Unread(kind, Why.OTHER_PATIENT, kind)


def orders_of(
    exchange: Exchange, policies: Policies, *, received: Date, as_of: Date | None = None
) -> tuple[PatientRecord, Orders]:
    """Return the record that an exchange gives, and its orders, each on its day."""
    record, drafts = record_of(exchange)
    day = as_of or (received if exchange.signed else None)
    whole = not (exchange.signed or exchange.unreadable or exchange.not_had)
    return record, read_orders(drafts, policies, record, received=received, as_of=day, whole=whole)


def record_of(exchange: Exchange) -> tuple[PatientRecord, list[Resource]]:
    """Return the record that an exchange gives, and which of its resources are the draft orders."""
    record = PatientRecord(
        exchange.patient_id,
        (*exchange.drafts, *exchange.chart),
        full_urls=exchange.full_urls,
        server=exchange.server,
        unread=exchange.unread,
    )
    mine = {id(draft) for draft in exchange.drafts}
    names = {_name(draft) for draft in exchange.drafts}
    return record, [one for one in record.resources if id(one) in mine or _name(one) in names]


def _name(resource: Mapping[str, Any]) -> tuple[object, object]:
    name = resource.get("id")
    return resource.get("resourceType"), name if type(name) is str and name else id(resource)
