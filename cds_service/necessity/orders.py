"""Draft orders → one Order per ordered code that a policy decides on, and what no policy decides on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from cds_service.fhir.element import Resource, label
from cds_service.fhir.encoding import canonical
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.temporal import Date, parse_date_time
from cds_service.fhir.values import same_system
from cds_service.necessity.model import Order
from cds_service.plan_definition.compile import ORDER_TYPES
from cds_service.plan_definition.policies import Policies

__all__ = ["BILLING_OPTIONS", "NotCovered", "Orders", "Why", "read_orders", "reference_date"]

BILLING_OPTIONS = "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-billing-options"
"""CRD's extension on `ServiceRequest.code`: the codes that will be billed for an order named otherwise."""

_NOT_TO_BE_DONE = ("revoked", "cancelled", "entered-in-error", "completed")


class Why(StrEnum):
    """Why there is no determination for a draft order."""

    NO_POLICY = "no policy decides on this code"
    NO_CODE = "no code with its system, or a code as text only"
    NOT_TO_BE_DONE = "not to be performed"
    OTHER_PATIENT = "names another patient"


@dataclass(frozen=True, slots=True)
class NotCovered:
    """A draft order without a determination."""

    reference: str
    code: str | None
    reason: Why


@dataclass(frozen=True, slots=True)
class Orders:
    """What was ordered, sorted by what a policy decides on."""

    covered: tuple[Order, ...]
    not_covered: tuple[NotCovered, ...]
    drafts: tuple[Resource, ...]


def read_orders(
    drafts: Iterable[Resource],
    policies: Policies,
    record: PatientRecord,
    *,
    received: Date,
    as_of: Date | None = None,
) -> Orders:
    """Return the orders in `drafts`. Several codings of one code are synonyms: each with a policy is an order.

    The reference date of an order is `as_of`, else the day it was authored, else the day it was `received`.
    A second order that says the same as an earlier one is not evaluated again; the earlier one lists it.
    An order that names another patient is none of this patient's: it is not judged, nor read beside the others.
    """
    requests = tuple(one for one in drafts if one.get("resourceType") in ORDER_TYPES)
    others = [one for one in requests if _is_of_another(one, record)]
    mine = tuple(one for one in requests if not _is_of_another(one, record))
    covered: dict[tuple[str, str, bytes], Order] = {}
    not_covered = [NotCovered(label(one), None, Why.OTHER_PATIENT) for one in others]
    for request in mine:
        reference = label(request)
        if request.get("doNotPerform") is True or request.get("status") in _NOT_TO_BE_DONE:
            not_covered.append(NotCovered(reference, None, Why.NOT_TO_BE_DONE))
            continue
        day = as_of or reference_date(request) or received
        found = [one for one in _coded(request) if policies.on((one[1], one[2]), day)]
        for coding, system, code, path in found:
            order = Order(request, reference, path, system, code, coding, day)
            same = (system, code, _what(request))
            earlier = covered.get(same)
            if earlier is None:
                covered[same] = order
            elif earlier.reference != reference:
                covered[same] = replace(earlier, duplicates=(*earlier.duplicates, reference))
        if not found:
            codes = [code for _, _, code, _ in _coded(request)]
            why = Why.NO_POLICY if codes else Why.NO_CODE
            not_covered.append(NotCovered(reference, codes[0] if codes else None, why))
    return Orders(tuple(covered.values()), tuple(not_covered), mine)


def _is_of_another(request: Resource, record: PatientRecord) -> bool:
    """Whether an order's subject is another patient; one that names nobody is of the patient it is signed for."""
    return any(record.is_about_patient(request.get(name)) is False for name in ("subject", "patient"))


def reference_date(request: Resource) -> Date | None:
    """Return the day on which a request was authored, or None if the day is not stated."""
    written = request.get("authoredOn")
    moment = parse_date_time(written) if type(written) is str else None
    return moment.date() if moment and moment.date().full else None


def _coded(request: Resource) -> Iterator[tuple[Resource, str, str, str]]:
    """Yield (coding, system, code, path) of what is ordered, billing options first."""
    name = "medicationCodeableConcept" if request.get("resourceType") == "MedicationRequest" else "code"
    concept = request.get(name) or request.get("codeCodeableConcept")
    if type(concept) is not dict:
        return
    base = f"{label(request)}.{'medication' if name.startswith('medication') else 'code'}"
    extensions = concept.get("extension")
    for i, extension in enumerate(extensions if type(extensions) is list else ()):
        if type(extension) is dict and extension.get("url") == BILLING_OPTIONS:
            parts = extension.get("extension")
            for j, part in enumerate(parts if type(parts) is list else (extension,)):
                coding = part.get("valueCoding") if type(part) is dict else None
                inner = f".extension[{j}]" if part is not extension else ""
                yield from _readable(coding, f"{base}.extension[{i}]{inner}.value")
    codings = concept.get("coding")
    for i, coding in enumerate(codings if type(codings) is list else ()):
        yield from _readable(coding, f"{base}.coding[{i}]")


def _readable(coding: object, path: str) -> Iterator[tuple[Resource, str, str, str]]:
    if type(coding) is dict and type(coding.get("code")) is str and type(coding.get("system")) is str:
        yield coding, same_system(coding["system"]) or "", coding["code"], path


def _what(request: Resource) -> bytes:
    """Return what makes two orders the same order: everything but their identity and their time."""
    ignored = ("id", "identifier", "meta", "text", "authoredOn")
    return canonical({key: value for key, value in request.items() if key not in ignored})
