"""Which date counts: one rule per type, used wherever resources are put in time.

Observation and DiagnosticReport: effective; ImagingStudy: started; Procedure: performed; MedicationAdministration:
effective; Condition: recordedDate; a request: authoredOn. A period counts from its end where one asks how recent a
thing is, and from its start where one asks when it began.
"""

from __future__ import annotations

from typing import Literal

from cds_service.fhir.definitions import element
from cds_service.fhir.element import Resource
from cds_service.fhir.temporal import Date, parse_date_time

__all__ = ["date_element", "dated"]

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
    kind = str(resource.get("resourceType"))
    known = element(kind, date_element(kind))
    for key in known.keys if known else ():
        value = resource.get(key)
        if type(value) is dict:
            value = value.get(edge)
        if type(value) is str:
            moment = parse_date_time(value)
            return moment.date() if moment else None
    return None
