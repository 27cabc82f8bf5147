"""The chart as a policy may read it: what is usable as evidence on a day, and what was refused, with the reason.

Usable: about this patient, with a status that makes it a statement of fact, not entered in error, not dated after
the reference date. What is refused never supports or refutes; it can only explain why something is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache, cached_property
from typing import Any

from cds_service.fhir.dating import dated
from cds_service.fhir.definitions import element, is_a
from cds_service.fhir.element import Resource
from cds_service.fhir.record import PatientRecord, code_element
from cds_service.fhir.temporal import Date, compare
from cds_service.fhir.values import codes_of
from cds_service.plan_definition.model import CodeFilter, Input

__all__ = ["Chart", "status_of"]

_FINAL = {
    "BodyStructure": frozenset(),
    "CarePlan": {"active", "completed"},
    "Condition": {"confirmed", "refuted"},
    "Device": {"active"},
    "DiagnosticReport": {"final", "amended", "corrected", "appended"},
    "DocumentReference": {"current"},
    "ImagingStudy": {"available"},
    "MedicationAdministration": {"completed"},
    "MedicationDispense": {"completed"},
    "MedicationRequest": {"active", "completed"},
    "MedicationStatement": {"active", "completed"},
    "Observation": {"final", "amended", "corrected"},
    "Procedure": {"completed"},
    "QuestionnaireResponse": {"completed", "amended"},
    "ServiceRequest": {"active", "completed"},
}
_ANY_FINAL = frozenset({"active", "amended", "available", "completed", "corrected", "current", "final"})
_IN_ERROR = {"entered-in-error", "cancelled", "error"}
_NOT_YET = {
    "registered", "preliminary", "partial", "draft", "preparation", "in-progress", "on-hold", "planned",
    "unconfirmed", "provisional", "differential",
}  # fmt: skip


def status_of(resource: Resource) -> str | None:
    """Return the status that says whether a resource states a fact; a Condition's is its verification."""
    if resource.get("resourceType") == "Condition":
        codes = [code for _, code in codes_of(resource.get("verificationStatus"))]
        return codes[0] if len(codes) == 1 else None
    status = resource.get("status")
    return status if type(status) is str else None


class Chart:
    """One patient's record on one day."""

    def __init__(self, record: PatientRecord, as_of: Date, drafts: Iterable[Resource] = ()) -> None:
        """View `record` on the day `as_of`; the draft orders are hook context, not evidence."""
        self.record = record
        self.as_of = as_of
        self._drafts = {id(draft) for draft in drafts}
        self._selected: dict[Input, tuple[Resource, ...]] = {}
        self._reasons: dict[int, str | None] = {}

    def select(self, wanted: Input) -> tuple[Resource, ...]:
        """Return the usable resources that an input asks for, in the record's order."""
        found = self._selected.get(wanted)
        if found is None:
            found = self._selected[wanted] = tuple(self._select(wanted))
        return found

    @cached_property
    def rejected(self) -> tuple[Mapping[str, Any], ...]:
        """Return what may not be used, as `{reason, resource}`: other-patient, entered-in-error, preliminary, …

        Besides: `not-done` for an order that something shall not be done, and `modifier-unknown` for a resource whose
        meaning an extension changes (R4 2.4, Extensibility: who does not understand it may not process the resource).
        """
        return tuple(
            {"reason": reason, "resource": resource}
            for resource in self.record.resources
            if id(resource) not in self._drafts and (reason := self._refusal(resource)) is not None
        )

    def _select(self, wanted: Input) -> Iterable[Resource]:
        status_given = any(one.path in ("status", "verificationStatus") for one in wanted.filters)
        about = code_element(wanted.type)
        indexed = next((one for one in wanted.filters if one.path == about), None)
        candidates = self.record.coded(wanted.type, indexed.codes) if indexed else self.record.of_type(wanted.type)
        for resource in candidates:
            if id(resource) in self._drafts or not all(_passes(resource, one) for one in wanted.filters):
                continue
            if self._refusal(resource, any_status=status_given) is None:
                yield resource

    def _refusal(self, resource: Resource, *, any_status: bool = False) -> str | None:
        if any_status:
            return self._reason(resource, any_status=True)
        if id(resource) not in self._reasons:
            self._reasons[id(resource)] = self._reason(resource, any_status=False)
        return self._reasons[id(resource)]

    def _reason(self, resource: Resource, *, any_status: bool) -> str | None:
        kind = str(resource["resourceType"])
        status = status_of(resource)
        return (
            self._wrong_subject(resource)
            or ("modifier-unknown" if resource.get("modifierExtension") else None)
            or ("not-done" if resource.get("doNotPerform") is True else None)
            or (None if any_status else _wrong_status(kind, status, resource))
            or self._wrong_date(resource)
        )

    def _wrong_subject(self, resource: Resource) -> str | None:
        about = self.record.concerns_patient(resource)
        if about and "focus" in resource:
            focus = resource["focus"]
            about = not any(map(self._is_another_person, focus if type(focus) is list else (focus,)))
        return None if about else "other-patient" if about is False else "subject-unknown"

    def _is_another_person(self, focus: object) -> bool:
        """Return whether what is stated is of a fetus, a donor, a relative. Source: R4 Observation.focus."""
        reference = str(focus.get("reference")) if type(focus) is dict else ""
        is_person = re.search(r"(^|/)(Patient|RelatedPerson)/", reference) is not None
        return is_person and self.record.is_about_patient(focus) is not True

    def _wrong_date(self, resource: Resource) -> str | None:
        day = dated(resource) or dated(resource, "start")
        if day is None:
            return None
        order = compare(day, self.as_of)
        return "date-unclear" if order is None else "future" if order > 0 else None


def _wrong_status(kind: str, status: str | None, resource: Resource) -> str | None:
    if status in _FINAL.get(kind, _ANY_FINAL) or not _has_status(kind):
        return None
    if kind == "Condition" and resource.get("verificationStatus") is None:
        return "unconfirmed"
    if status in _IN_ERROR:
        return "entered-in-error"
    return "preliminary" if status in _NOT_YET else "status-unknown"


@cache
def _has_status(kind: str) -> bool:
    return element(kind, "verificationStatus") is not None or element(kind, "status") is not None


def _passes(resource: Resource, wanted: CodeFilter) -> bool:
    known = element(str(resource["resourceType"]), wanted.path)
    for key, kind in zip(known.keys, known.types, strict=True) if known else ():
        value = resource.get(key)
        bare = is_a(kind, "code") or is_a(kind, "uri")
        for one in value if type(value) is list else (value,):
            if any(code in wanted.codes for code in codes_of(one)):
                return True
            if bare and any(one == member for _, member in wanted.codes):
                return True
    return False
