"""Which date counts: one rule per type, used wherever resources are put in time.

Observation and DiagnosticReport: effective; ImagingStudy: started; Procedure: performed; MedicationAdministration:
effective; Condition: recordedDate; a request: authoredOn. A period counts from its end where one asks how recent a
thing is, and from its start where one asks when it began.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Literal

from cds_service.fhir.definitions import element
from cds_service.fhir.element import Resource
from cds_service.fhir.temporal import Date, parse_date_time, parse_day

__all__ = ["date_element", "dated", "has_unreadable_date"]

_DATE_ELEMENT = {
    "CarePlan": "created",
    "Condition": "recordedDate",
    "DiagnosticReport": "effective",
    "DocumentReference": "date",
    "ImagingStudy": "started",
    "MedicationAdministration": "effective",
    "MedicationDispense": "whenHandedOver",
    "MedicationStatement": "effective",
    "Observation": "effective",
    "Procedure": "performed",
    "QuestionnaireResponse": "authored",
}


def date_element(type_name: str) -> str:
    """Return the element that dates a resource of this type."""
    return _DATE_ELEMENT.get(type_name, "authoredOn")


def dated(resource: Resource, edge: Literal["start", "end"] = "end") -> Date | None:
    """Return the day, month or year that a resource is dated with, in its own time zone; None if it has none."""
    for key in _date_keys(str(resource.get("resourceType"))):
        value = resource.get(key)
        if type(value) is dict:
            value = value.get(edge)
        if value is not None:
            return parse_day(value) if type(value) is str else None
    return None


def has_unreadable_date(resource: Resource) -> bool:
    """Return whether something stands where a resource's date belongs that is no date."""
    return any(type(value) is not str or parse_date_time(value) is None for value in _stated(resource, "end"))


@cache
def _date_keys(kind: str) -> tuple[str, ...]:
    known = element(kind, date_element(kind))
    return known.keys if known else ()


def _stated(resource: Resource, edge: Literal["start", "end"]) -> Iterator[Any]:
    for key in _date_keys(str(resource.get("resourceType"))):
        value = resource.get(key)
        if type(value) is dict:
            value = value.get(edge)
        if value is not None:
            yield value
