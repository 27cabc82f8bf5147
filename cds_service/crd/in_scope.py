"""The requests that an answer is owed to: those that were judged, and those too coarse to be judged.

Source: Da Vinci CRD 2.2.1 resp-29.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from cds_service.crd.terms import Call
from cds_service.fhir.element import Resource, is_id, label
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.temporal import Date
from cds_service.necessity.model import Determination, Order
from cds_service.necessity.orders import NotCovered, NotJudged, reference_date

__all__ = ["TOO_COARSE", "InScope", "in_scope"]

TOO_COARSE = (NotJudged.NO_CODE, NotJudged.NOT_ON_THAT_DAY)
"""Why an order of this patient, on which a policy may decide, was not judged."""


@dataclass(frozen=True, slots=True, eq=False)
class InScope:
    """One request that is answered for; either it has determinations, or it is told why it has none."""

    carrier: str
    """The resource that carries what is said, as `Type/id`."""
    request: Resource
    """The request whose insurance counts: the carrier, or what an appointment is based on."""
    as_of: Date
    determinations: tuple[Determination, ...] = ()
    not_judged: NotJudged | None = None


def in_scope(
    determinations: Iterable[Determination],
    not_covered: Iterable[NotCovered],
    record: PatientRecord,
    call: Call,
    *,
    as_of: Date,
) -> tuple[InScope, ...]:
    """Return what can carry an answer in the version of the call, by the name of the carrier.

    `as_of` is the day of an order that was not judged, where it was signed before or states none.
    """
    judged: dict[str, list[Determination]] = defaultdict(list)
    for one in determinations:
        for name in _carriers(one.order, record, call):
            judged[name].append(one)
    found = {name: InScope(name, of[0].order.resource, of[0].as_of, tuple(of)) for name, of in judged.items()}
    for left in not_covered:
        request = record.resolve(left.reference) if left.reason in TOO_COARSE else None
        if request is not None and left.reference not in found:
            day = (reference_date(request) if call.signs_now else None) or as_of
            found[left.reference] = InScope(left.reference, request, day, not_judged=left.reason)
    return tuple(one for name, one in sorted(found.items()) if name.partition("/")[0] in call.version.carriers)


def _carriers(order: Order, record: PatientRecord, call: Call) -> tuple[str, ...]:
    """Return what carries what is said of an order: it and those that say the same; for a booking, its request.

    A request that the appointment contains cannot be updated by itself.
    """
    booked = order.reference.startswith("Appointment/")
    if booked and call.version.request_of_appointment:
        request = order.resource
        if is_id(request.get("id")) and record.container(request) is None:
            return (label(request),)
    return order.references
