"""The same chart as servers of US Core 3.1.1, 6.1 and 7.0 give it: profiles, and what they require and must support."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

__all__ = ["VERSIONS", "as_of"]

Json = dict[str, Any]

VERSIONS = ("3.1.1", "6.1.0", "7.0.0")
_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"


def as_of(version: str, request: Json) -> Json:
    """Return a request whose prefetched resources and orders have the form of a version."""
    made = copy.deepcopy(request)
    held = [made["context"]["draftOrders"], *made["prefetch"].values()]
    for value in held:
        entries = value.get("entry", []) if value.get("resourceType") == "Bundle" else [{"resource": value}]
        for entry in entries:
            resource = entry["resource"]
            form = _FORMS.get(resource["resourceType"])
            if form is not None:
                form(resource, version)
    return made


def _profile(resource: Json, name: str, version: str) -> None:
    meta = resource.setdefault("meta", {})
    meta |= {"versionId": "3", "lastUpdated": "2026-01-10T08:00:00.000+00:00"}
    meta["profile"] = [f"{_CORE}{name}" if version == "3.1.1" else f"{_CORE}{name}|{version}"]


def _concept(system: str, code: str, display: str) -> Json:
    return {"coding": [{"system": system, "code": code, "display": display}], "text": display}


def _patient(resource: Json, version: str) -> None:
    _profile(resource, "us-core-patient", version)
    race = {"system": "urn:oid:2.16.840.1.113883.6.238", "code": "2131-1", "display": "Other Race"}
    parts = [{"url": "ombCategory", "valueCoding": race}, {"url": "text", "valueString": "Other"}]
    resource["extension"] = [{"url": f"{_CORE}us-core-race", "extension": parts}]
    if version == "7.0.0":
        resource["extension"] += [
            {"url": f"{_CORE}us-core-sex", "valueCode": "248152002"},
            {"url": f"{_CORE}us-core-interpreter-needed", "valueCoding": {"system": "http://snomed.info/sct"}},
        ]
    else:
        resource["extension"].append({"url": f"{_CORE}us-core-birthsex", "valueCode": "F"})
    resource["identifier"] = [{"system": "https://ehr.example.org/mrn", "value": "synthetic"}]
    resource["communication"] = [{"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": "en"}]}}]


def _condition(resource: Json, version: str) -> None:
    _profile(
        resource,
        "us-core-condition" if version == "3.1.1" else "us-core-condition-problems-health-concerns",
        version,
    )
    resource["category"] = [_concept(f"{_TERMINOLOGY}condition-category", "problem-list-item", "Problem List Item")]
    if version != "3.1.1":
        asserted = {"url": "http://hl7.org/fhir/StructureDefinition/condition-assertedDate"}
        resource["extension"] = [*resource.get("extension", []), asserted | {"valueDateTime": resource["recordedDate"]}]
        resource["recorder"] = {"reference": "Practitioner/recorder"}


def _observation(resource: Json, version: str) -> None:
    name = {"6.1.0": "us-core-observation-clinical-result", "7.0.0": "us-core-observation-clinical-result"}
    _profile(resource, name.get(version, "us-core-observation-lab"), version)
    resource["category"] = [_concept(f"{_TERMINOLOGY}observation-category", "imaging", "Imaging")]
    if version != "3.1.1":
        resource["performer"] = [{"reference": "Practitioner/reader"}]


def _report(resource: Json, version: str) -> None:
    _profile(resource, "us-core-diagnosticreport-note", version)
    resource["category"] = [_concept("http://loinc.org", "LP29684-5", "Radiology")]
    resource["performer"] = [{"reference": "Practitioner/reader"}]
    if version == "7.0.0":
        resource["media"] = [{"link": {"reference": "Media/key-image"}}]


def _procedure(resource: Json, version: str) -> None:
    _profile(resource, "us-core-procedure", version)
    if version == "7.0.0":
        resource["encounter"] = {"reference": "Encounter/operation"}


def _device(resource: Json, version: str) -> None:
    _profile(resource, "us-core-implantable-device", version)
    resource["udiCarrier"] = [{"carrierHRF": "(01)00000000000000", "deviceIdentifier": "00000000000000"}]


def _request(resource: Json, version: str) -> None:
    if version != "3.1.1":  # there is no such profile before 5.0
        _profile(resource, "us-core-servicerequest", version)
        resource["category"] = [_concept("http://snomed.info/sct", "387713003", "Surgical procedure")]
        resource["requester"] = {"reference": "Practitioner/requester"}


_FORMS: dict[str, Callable[[Json, str], None]] = {
    "Patient": _patient,
    "Condition": _condition,
    "Observation": _observation,
    "DiagnosticReport": _report,
    "Procedure": _procedure,
    "Device": _device,
    "ServiceRequest": _request,
}
