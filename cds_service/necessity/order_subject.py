"""Whose an order is: the patient it is signed for, somebody else, or nobody that can be told."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum

from cds_service.fhir.element import Resource
from cds_service.fhir.record import PatientRecord

__all__ = ["Whose", "whose"]


class Whose(Enum):
    """What an order says of whose it is."""

    THEIRS = "names the patient it is signed for, or nobody"
    TAKEN_FOR_THEIRS = "names somebody who is not known to be another"
    ANOTHERS = "names another patient"
    UNCLEAR = "names somebody in a way that cannot be read"


def whose(request: Resource, record: PatientRecord) -> Whose:
    """Return whose an order is. An appointment is another's where every patient who attends is another."""
    if request.get("resourceType") == "Appointment":
        attending = [*_attending(request)]
        if attending and all(_is_another(one, record) for one in attending):
            return Whose.ANOTHERS
        return Whose.THEIRS if all(_is_surely_ours(one, record) for one in attending) else Whose.TAKEN_FOR_THEIRS
    stated = [request[name] for name in ("subject", "patient") if request.get(name)]
    if any(_names_no_patient(one) for one in stated):
        return Whose.UNCLEAR
    if any(_is_another(one, record) for one in stated):
        return Whose.ANOTHERS
    if all(_is_surely_ours(one, record) for one in stated):
        return Whose.THEIRS
    return Whose.TAKEN_FOR_THEIRS if all(isinstance(one, Mapping) for one in stated) else Whose.UNCLEAR


def _names_no_patient(subject: object) -> bool:
    """Whether a subject is a group, a device or a location: it may have to do with the patient, or not."""
    reference = subject.get("reference") if isinstance(subject, Mapping) else None
    return isinstance(reference, str) and _NO_PERSON.search(reference) is not None


def _is_another(subject: object, record: PatientRecord) -> bool:
    """Whether a subject is known to be another patient; the same id at another address is not known to be one."""
    match subject:
        case str():
            return _is_another({"reference": subject}, record)
        case list():
            return any(_is_another(one, record) for one in subject)
        case Mapping() if record.is_about_patient(subject) is False:
            address = str(subject["reference"]).partition("/_history/")[0]
            return record.resolve(subject) is not None or not address.endswith(f"/Patient/{record.patient_id}")
    return False


def _is_surely_ours(subject: object, record: PatientRecord) -> bool:
    """Whether a subject is known to be the patient, also where a client wrote a text or a list for a Reference."""
    match subject:
        case str():
            return _is_surely_ours({"reference": subject}, record)
        case list():
            return all(isinstance(one, Mapping) and _is_surely_ours(one, record) for one in subject)
    return record.is_about_patient(subject) is True


def _attending(appointment: Resource) -> Iterator[object]:
    """Yield who attends and is a patient, or may be one: all but those who say that they are something else."""
    participants = appointment.get("participant")
    actors = [one.get("actor") if type(one) is dict else one for one in _many(participants)]
    for actor in (*actors, *_many(appointment.get("subject"))):
        said = (actor.get("reference") or actor.get("type")) if isinstance(actor, Mapping) else actor
        if actor is not None and not (isinstance(said, str) and _NO_PATIENT.search(said)):
            yield actor


def _many(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


_NO_PERSON = re.compile(r"(^|/)(Group|Device|Location)/[^/]+(/_history/[^/]+)?$")
"""What else may be the subject of a ServiceRequest. Source: FHIR R4, ServiceRequest.subject."""
_NO_PATIENT = re.compile(
    r"(^|/)(Practitioner|PractitionerRole|RelatedPerson|Device|HealthcareService|Location)(/[^/]+(/_history/[^/]+)?)?$"
)
"""A reference to, or the type of, what may attend and is no patient. Source: FHIR R4, Appointment.participant.actor."""
