"""A chart as rows that a person reads: problems, imaging, reports, findings, treatment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from cds_service.necessity.wording import printable
from cds_service.sandbox.fhir_store import FhirStore

__all__ = ["ChartRow", "ChartSection", "chart_sections", "name_of", "types_of_charts"]

_LONGEST = 240
_SECTIONS = (
    ("Problems", ("Condition", "AllergyIntolerance")),
    ("Imaging", ("ImagingStudy",)),
    ("Reports", ("DiagnosticReport", "DocumentReference")),
    ("Findings", ("Observation",)),
    ("Treatment and orders", ("Procedure", "MedicationAdministration", "Device", "ServiceRequest")),
    ("Coverage", ("Coverage",)),
)
_WHAT = ("code", "type", "medicationCodeableConcept", "procedureCode", "modality", "payor")
_WHEN = (
    "started",
    "effectiveDateTime",
    "performedDateTime",
    "recordedDate",
    "onsetDateTime",
    "authoredOn",
    "issued",
    "effectivePeriod",
    "performedPeriod",
)


@dataclass(frozen=True, slots=True)
class ChartRow:
    """A resource: where it is, what it is, what it says, its day and its status."""

    path: str
    what: str
    says: str
    when: str
    status: str


@dataclass(frozen=True, slots=True)
class ChartSection:
    """Rows under one heading."""

    title: str
    rows: tuple[ChartRow, ...]


def types_of_charts() -> tuple[str, ...]:
    """Return the types of resource that are shown."""
    return tuple(kind for _, kinds in _SECTIONS for kind in kinds)


def chart_sections(store: FhirStore, patient: str) -> list[ChartSection]:
    """Return the chart of a patient, the sections that hold something; what is only drafted is in none."""
    found = []
    for title, kinds in _SECTIONS:
        rows = tuple(
            _row(one)
            for kind in kinds
            for one in store.all(kind)
            if _is_of(one, patient) and one.get("status") != "draft"
        )
        if rows:
            found.append(ChartSection(title, rows))
    return found


def name_of(patient: dict[str, Any]) -> str:
    """Return the name of a patient, or the id."""
    names = [one for one in _each(patient.get("name")) if isinstance(one, dict)]
    parts = [*_each(names[0].get("given")), names[0].get("family")] if names else []
    return _short(" ".join(str(one) for one in parts if one) or patient["id"])


def _is_of(resource: dict[str, Any], patient: str) -> bool:
    holders = (resource.get(name) for name in ("subject", "patient", "beneficiary"))
    references = [one.get("reference") for one in holders if isinstance(one, dict)]
    return any(isinstance(one, str) and one.endswith(f"Patient/{patient}") for one in references)


def _row(resource: dict[str, Any]) -> ChartRow:
    what = next((text for name in _WHAT for text in _words(resource.get(name))), resource["resourceType"])
    says = [*_values(resource), *_words(resource.get("bodySite")), *_words(resource.get("conclusion"))]
    when = next((_start(resource[name]) for name in _WHEN if name in resource), "")
    status = [*_words(resource.get("clinicalStatus")), *_words(resource.get("verificationStatus"))]
    return ChartRow(
        path=f"{resource['resourceType']}/{resource['id']}",
        what=_short(what),
        says=_short(", ".join(says)),
        when=printable(when)[:10],
        status=_short(", ".join(status) or resource.get("status", "")),
    )


def _values(resource: dict[str, Any]) -> Iterator[str]:
    for name, value in resource.items():
        if name.startswith("value"):
            yield from ([str(value).lower()] if isinstance(value, bool) else _words(value))
    for one in _each(resource.get("component")):
        if isinstance(one, dict):
            yield from _values(one)
    yield from _words(resource.get("outcome"))


def _words(value: Any) -> list[str]:
    """Return what stands for a value in words: its text or display, a number with its unit, else its code."""
    if isinstance(value, list):
        return [text for one in value for text in _words(one)]
    if isinstance(value, str | int | float):
        return [str(value)]
    if not isinstance(value, dict):
        return []
    if "value" in value:
        return [f"{value['value']} {value.get('unit', value.get('code', ''))}".strip()]
    named = value.get("text") or value.get("display") or next(iter(_words(value.get("coding"))), None)
    return [str(named or value.get("code") or value.get("reference") or "")]


def _start(value: Any) -> str:
    return str(value.get("start", value.get("end", ""))) if isinstance(value, dict) else str(value)


def _short(text: object) -> str:
    line = printable(text)
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def _each(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else () if value is None else (value,)
