"""Codes and quantities, read from FHIR's JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

__all__ = ["CPT_SYSTEMS", "Code", "Quantity", "codes_as_written", "codes_of", "names_of", "same_system"]

Code = tuple[str | None, str]
"""(system, code); the system is None where the chart gives none."""

CPT_SYSTEMS = (
    "http://www.ama-assn.org/go/cpt",
    "https://www.ama-assn.org/go/cpt",
    "http://www.ama-assn.org/go/cpt/",
    "urn:oid:2.16.840.1.113883.6.12",
    "2.16.840.1.113883.6.12",
)
_HCPCS_SYSTEMS = (
    "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",
    "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",
    "urn:oid:2.16.840.1.113883.6.285",
    "hhttps://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",  # as it went around in published examples
)
_ONE_NAME = {alias: names[0] for names in (CPT_SYSTEMS, _HCPCS_SYSTEMS) for alias in names}


def same_system(system: str | None) -> str | None:
    """Return the one name by which this service knows a code system that is written in several ways."""
    return _ONE_NAME.get(system, system) if system else None


def names_of(system: str | None) -> tuple[str | None, ...]:
    """Return the ways in which a code system, known by its one name, is written."""
    return (system, *(alias for alias, name in _ONE_NAME.items() if name == system and alias != system))


def codes_of(value: object) -> Iterator[Code]:
    """Yield the codes in a CodeableConcept, Coding or code; nothing for any other shape."""
    if type(value) is str:
        yield None, value
    elif type(value) is dict:
        codings = value.get("coding", (value,))
        for coding in codings if type(codings) is list or type(codings) is tuple else (codings,):
            if type(coding) is dict and type(coding.get("code")) is str:
                system = coding.get("system")
                yield same_system(system) if type(system) is str else None, coding["code"]


def codes_as_written(concept: Mapping[str, object]) -> list[Code] | None:
    """Return the codes of a CodeableConcept or Coding that name their system; None where one of them is malformed."""
    held = concept.get("coding", (concept,))
    if not isinstance(held, list | tuple):
        return [] if held is None else None
    found: list[Code] = []
    for coding in held:
        if type(coding) is dict:
            system, code = coding.get("system"), coding.get("code")
            if type(system) is str and type(code) is str:
                found.append((system, code))
            elif not all(one is None or type(one) is str for one in (system, code)):
                return None
        elif coding is not None:
            return None
    return found


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with a unit: a UCUM code, or a calendar word (`day`, `month`, `year` …, always singular)."""

    value: Decimal
    unit: str = "1"

    def __str__(self) -> str:
        """Return `90 days` or `5 'mg/dL'`."""
        if self.unit in CALENDAR_UNITS:
            return f"{self.value:f} {self.unit}{'' if self.value == 1 else 's'}"
        return f"{self.value:f} '{self.unit}'"


CALENDAR_UNITS = ("year", "month", "week", "day", "hour", "minute", "second", "millisecond")
