"""What a payer says of one order under one Coverage, and the extension that carries it, in each version of CRD.

What cannot be said in a version is said there in the nearest way that promises less. The invariants crd-ci-q1 to q9
hold of whatever is written: docs/explanation/coverage_information.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cds_service.crd.versions import Version
from cds_service.fhir.encoding import canonical
from cds_service.fhir.temporal import Date

__all__ = [
    "URL",
    "CoverageInformation",
    "Covered",
    "PaNeeded",
    "StatedReason",
    "coverage_of",
    "extension_of",
    "is_said",
]

URL = "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-coverage-information"

_REASONS = "http://hl7.org/fhir/us/davinci-crd/CodeSystem/temp"
_DETAILS = "http://terminology.hl7.org/CodeSystem/crd-coverage-detail"
_OF_ONE_OCCASION = ("date", "coverage-assertion-id", "satisfied-pa-id")

JsonObject = dict[str, Any]


class Covered(StrEnum):
    """Whether the Coverage pays, from the most to the least favourable."""

    COVERED = "covered"
    CONDITIONAL = "conditional"
    INDETERMINATE = "indeterminate"
    NOT_COVERED = "not-covered"


class PaNeeded(StrEnum):
    """Whether a prior authorization is needed, from the most to the least favourable."""

    NO_AUTH = "no-auth"
    SATISFIED = "satisfied"
    AUTH_NEEDED = "auth-needed"
    CONDITIONAL = "conditional"
    INDETERMINATE = "indeterminate"


@dataclass(frozen=True, slots=True)
class StatedReason:
    """Why it is said, in words, and by CRD's code if it has one."""

    text: str
    code: str | None = None


@dataclass(frozen=True, slots=True)
class CoverageInformation:
    """One assertion, in the words of no version. `pa_needed` is None where nothing is covered."""

    coverage: str
    """The Coverage, as `Coverage/id`."""
    covered: Covered
    pa_needed: PaNeeded | None
    reasons: tuple[StatedReason, ...]
    date: Date
    assertion_id: str
    pa_id: str | None = None
    """The number of an authorization that is granted; there is one exactly where `pa_needed` is SATISFIED."""
    billing_codes: tuple[tuple[str, str], ...] = ()
    """(system, code) of what the assertion holds for."""
    detail_code: bool = False
    """Whether a more detailed code of the order would help."""
    documents: bool = False
    """Whether a clinician is asked for documents of the medical necessity."""
    questionnaires: tuple[str, ...] = ()
    """The canonicals of the forms that ask for them."""
    dependencies: tuple[str, ...] = ()
    """The orders, as `Type/id`, whose own determination this one rests on."""
    policy_links: tuple[str, ...] = ()
    contact: str | None = None
    """Whom to ask about it: a URI such as `tel:+1-555-0100`."""
    expires: Date | None = None


def extension_of(said: CoverageInformation, version: Version) -> JsonObject:
    """Return the extension, as FHIR JSON, that says it in a version."""
    return {"url": URL, "extension": list(_parts(said, version))}


def coverage_of(extension: Mapping[str, Any]) -> str | None:
    """Return the Coverage that a coverage-information extension is about, as `Coverage/id`; None for any other."""
    parts = extension.get("extension")
    if extension.get("url") != URL or type(parts) is not list:
        return None
    for part in parts:
        named = _referred(part) if type(part) is dict and part.get("url") == "coverage" else None
        if named is not None:
            return named
    return None


def _referred(part: Mapping[str, Any]) -> str | None:
    """Return what a part refers to, as `Type/id`; None for a part that is no reference."""
    value = part.get("valueReference")
    reference = value.get("reference") if type(value) is dict else None
    return "/".join(reference.partition("/_history/")[0].split("/")[-2:]) if type(reference) is str else None


def is_said(carried: Mapping[str, Any], extension: Mapping[str, Any]) -> bool:
    """Return whether an extension that an order carries says the same: all but the date and the ids, in any order.

    A reference is the same with a server's address in it, or with the name that a server shows for it.
    Source: CRD 2.2.1 resp-35.
    """
    return _said(carried) == _said(extension)


def _said(extension: Mapping[str, Any]) -> list[bytes]:
    parts = (one if type(one) is dict else {"": one} for one in extension["extension"])
    lasting = (one for one in parts if one.get("url") not in _OF_ONE_OCCASION)
    return sorted(canonical([one.get("url"), named] if (named := _referred(one)) else one) for one in lasting)


def _parts(said: CoverageInformation, version: Version) -> Iterator[JsonObject]:
    covered, pa_needed = _answers(said, version)
    yield {"url": "coverage", "valueReference": {"reference": said.coverage}}
    yield {"url": "covered", "valueCode": covered}
    if pa_needed is not None:
        yield {"url": "pa-needed", "valueCode": pa_needed}
    if said.documents:
        yield {"url": "doc-needed", "valueCode": "clinical"}
        yield {"url": "doc-purpose", "valueCode": "retain-doc"}
    if "conditional" in (covered, pa_needed):
        asked = "detail-code" if said.detail_code and version.detail_code else "OTH"
        yield {"url": "info-needed", "valueCode": asked}
    for system, code in said.billing_codes:
        yield {"url": "billingCode", "valueCoding": {"system": system, "code": code}}
    for reason in said.reasons:
        yield {"url": "reason", "valueCodeableConcept": _concept(reason, version)}
    if version.policy_link:
        yield from map(_policy_link, said.policy_links)
    for order in said.dependencies:
        yield {"url": "dependency", "valueReference": {"reference": order}}
    if said.documents:
        yield from ({"url": "questionnaire", "valueCanonical": one} for one in said.questionnaires)
    yield {"url": "date", "valueDate": str(said.date)}
    yield {"url": "coverage-assertion-id", "valueString": said.assertion_id}
    if said.pa_id is not None:
        yield {"url": "satisfied-pa-id", "valueString": said.pa_id}
    if said.contact is not None:
        yield _contact(said.contact, version)
    if said.expires is not None and version.expiry_date:
        yield {"url": "expiry-date", "valueDate": str(said.expires)}


def _answers(said: CoverageInformation, version: Version) -> tuple[Covered, PaNeeded | None]:
    """Return covered and pa-needed with the values that the version has."""
    match said.covered:
        case Covered.INDETERMINATE if not version.indeterminate:
            return Covered.CONDITIONAL, PaNeeded.CONDITIONAL
        case Covered.NOT_COVERED:
            return said.covered, PaNeeded.NO_AUTH if version.not_covered_has_pa else None
    return said.covered, said.pa_needed


def _concept(reason: StatedReason, version: Version) -> JsonObject:
    coded = reason.code is not None and version.coded_reasons
    coding = {"coding": [{"system": _REASONS, "code": reason.code}]} if coded else {}
    return {**coding, "text": reason.text}


def _policy_link(url: str) -> JsonObject:
    return {
        "url": "detail",
        "extension": [
            {"url": "category", "valueCode": "cat-other"},
            {"url": "code", "valueCodeableConcept": {"coding": [{"system": _DETAILS, "code": "policy-link"}]}},
            {"url": "value", "valueUrl": url},
        ],
    }


_SYSTEMS = {"tel": "phone", "fax": "fax", "sms": "sms", "mailto": "email"}


def _contact(uri: str, version: Version) -> JsonObject:
    scheme, _, rest = uri.partition(":")
    system = _SYSTEMS.get(scheme.lower())
    point = {"system": system or "url", "value": rest if system else uri}
    if version.contact_detail:
        return {"url": "contact", "valueContactDetail": {"telecom": [point]}}
    return {"url": "contact", "valueContactPoint": point}
