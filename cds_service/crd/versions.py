"""CRD's versions: those that are served, the one a client asks for, and what differs between them on the wire."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

__all__ = ["DEFAULT_VERSION", "VERSIONS", "Version", "requested_version"]

REQUESTED_VERSION = "davinci-crd.requestedVersion"


@dataclass(frozen=True, slots=True)
class Version:
    """A version of CRD, by what its messages say otherwise than another's. Source: CRD 2.0.1, CRD 2.2.1."""

    number: str
    """Two parts, as discovery and requests state it."""
    card_types: str
    """The code system of a card's topic. The codes are the same."""
    carriers: frozenset[str]
    """The types of order that coverage-information may stand on."""
    request_of_appointment: bool
    """Whether the request that an appointment is based on carries what is said of it, not the appointment."""
    indeterminate: bool
    """Whether a technical failure has a value of its own, beside `conditional`."""
    not_covered_has_pa: bool
    """Whether `not-covered` goes with a pa-needed: 2.0.1's crd-ci-q2 has no answer without, 2.2.1's forbids it."""
    coded_reasons: bool
    """Whether there are codes for a failure and a Coverage that has ended."""
    detail_code: bool
    """Whether a more detailed code of the order can be asked for."""
    policy_link: bool
    """Whether a detail has a category and may be a URL."""
    contact_detail: bool
    """Whether a contact is a ContactDetail, else a ContactPoint."""
    expiry_date: bool
    """Whether an assertion says when it ends."""


_CARRIERS = frozenset(
    ("Appointment", "CommunicationRequest", "DeviceRequest", "MedicationRequest", "NutritionOrder", "ServiceRequest")
)

VERSIONS: Mapping[str, Version] = MappingProxyType(
    {
        "2.0": Version(
            number="2.0",
            card_types="http://hl7.org/fhir/us/davinci-crd/CodeSystem/temp",
            carriers=_CARRIERS,
            request_of_appointment=False,
            indeterminate=False,
            not_covered_has_pa=True,
            coded_reasons=False,
            detail_code=False,
            policy_link=False,
            contact_detail=False,
            expiry_date=False,
        ),
        "2.2": Version(
            number="2.2",
            card_types="http://terminology.hl7.org/CodeSystem/cdshooks-card-type",
            carriers=_CARRIERS | {"VisionPrescription"},
            request_of_appointment=True,
            indeterminate=True,
            not_covered_has_pa=False,
            coded_reasons=True,
            detail_code=True,
            policy_link=True,
            contact_detail=True,
            expiry_date=True,
        ),
    }
)
"""The versions served, oldest first."""

DEFAULT_VERSION = VERSIONS["2.0"]
"""For a client that asks for none that is served: regulation and test kits are at 2.0."""

_NUMBER = re.compile(r"(\d+\.\d+)(?:\.\d+)?", re.ASCII)


def requested_version(extension: Mapping[str, Any] | None) -> Version:
    """Return the version that a request asks for in its `extension`, the newest where it lists several.

    Whatever is absent, unknown or not a version is the default. A third part of the number makes no difference.
    Source: CRD 2.2.1, CRD Version declaration.
    """
    asked = (extension or {}).get(REQUESTED_VERSION)
    numbers = {_two_parts(one) for one in (asked if type(asked) is list else (asked,))}
    served = [version for number, version in VERSIONS.items() if number in numbers]
    return served[-1] if served else DEFAULT_VERSION


def _two_parts(asked: object) -> str | None:
    found = _NUMBER.fullmatch(asked.strip()) if type(asked) is str else None
    return found[1] if found else None
