"""CRD's own invariants of coverage-information, crd-ci-q1 to q9, in FHIRPath: what each says, in each version.

An invariant that comes out empty counts as failed. Where the published one has a side that may be empty, so has the
one here: 2.0.1's q2 has no answer for `not-covered` without pa-needed, and 2.2.1's q4 none for `withpa`.
Source: CRD 2.0.1 and 2.2.1, StructureDefinition ext-coverage-information.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from cds_service.crd.coverage_information import URL
from cds_service.expressions.language import Environment, Scope
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.temporal import Date
from cds_service.fhirpath import FhirPath, compile_fhirpath


def _part(name: str) -> str:
    return f"extension.where(url = '{name}')"


def _is(name: str, *codes: str) -> str:
    return f"{_part(name)}.where({' or '.join(f'value = {code!r}' for code in codes)})"


_ANSWERED = "extension.where(url in ('covered' | 'pa-needed' | 'doc-needed'))"
_SATISFIED_HAS_A_NUMBER = f"{_is('pa-needed', 'satisfied')}.exists() = {_part('satisfied-pa-id')}.exists()"
_REASON = f"{_part('reason')}.exists()"
_CODED = ["gold-card", "no-member-found", "no-active-coverage", "coverage-not-found", "auth-out-network", "technical"]
_LISTED = " | ".join(map(repr, _CODED))

INVARIANTS: Mapping[str, Mapping[str, str]] = {
    "2.0": {
        "q1": f"(({_part('questionnaire')} | {_part('response')}).exists() implies "
        f"({_part('doc-needed')}.exists() and {_part('doc-needed')}.all(value != 'no-doc')))",
        "q2": f"({_part('covered')}.where(value != 'not-covered') implies {_part('pa-needed')}.exists())",
        "q3": f"({_part('info-needed')}.exists() implies {_ANSWERED}.where(value = 'conditional').exists())",
        "q4": f"({_is('pa-needed', 'satisfied')} and {_part('doc-purpose')}.exists() implies "
        f"{_part('doc-purpose')}.all(value != 'PA'))",
        "q5": _SATISFIED_HAS_A_NUMBER,
    },
    "2.2": {
        "q1": f"({_part('questionnaire')}.exists() implies {_part('doc-needed')}.exists())",
        "q2": f"({_is('covered', 'not-covered')}.exists() implies {_part('pa-needed')}.empty())",
        "q3": f"({_ANSWERED}.where(value = 'conditional').exists() = {_part('info-needed')}.exists())",
        "q4": f"({_is('pa-needed', 'satisfied', 'noauth', 'not-covered')} and {_part('doc-purpose')}.exists() implies "
        f"{_part('doc-purpose')}.all(value != 'withpa'))",
        "q5": _SATISFIED_HAS_A_NUMBER,
        "q6": f"({_is('info-needed', 'OTH')}.exists() implies {_REASON})",
        "q7": f"{_part('reason')}.value.all(coding.all(code in ({_LISTED})) or text.exists())",
        "q8": f"({_part('doc-purpose')}.where(value != 'conditional').exists() implies {_REASON})",
        "q9": f"({_ANSWERED}.where(value = 'indeterminate').exists() implies {_REASON})",
    },
}


@cache
def _compiled(invariant: str) -> FhirPath:
    return compile_fhirpath(f"extension.where(url = '{URL}').select({invariant})", Scope(context=("ServiceRequest",)))


def broken(extension: Mapping[str, Any], version: str) -> list[str]:
    """Return the invariants of a version that do not come out true of an extension."""
    order = {"resourceType": "ServiceRequest", "id": "o1", "extension": [extension]}
    environment = Environment(PatientRecord("p1", [order]), Date((2026, 1, 15)), values={}, defined={})
    environment.focus = order
    return [name for name, one in INVARIANTS[version].items() if list(_compiled(one).items(environment)) != [True]]
