"""Resources that belong to no persona: whom orders name, and what the simulators of EHRs ask for unasked."""

from __future__ import annotations

from typing import Any

__all__ = ["SHARED"]

_PEOPLE = {
    "surgeon": "Surgeon",
    "oncologist": "Oncologist",
    "COREPRACTITIONER1": "CDS Hooks Sandbox",
    "example": "CRD request generator",
}

SHARED: tuple[dict[str, Any], ...] = (
    *(
        {"resourceType": "Practitioner", "id": name, "name": [{"family": family, "given": ["Sample"]}]}
        for name, family in _PEOPLE.items()
    ),
    {
        "resourceType": "Patient",
        "id": "smart-1288992",
        "name": [{"use": "official", "family": "Sample", "given": ["Default"]}],
        "gender": "female",
        "birthDate": "1970-01-01",
    },
    {
        "resourceType": "Encounter",
        "id": "enc89284",
        "status": "in-progress",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": {"reference": "Patient/smart-1288992"},
    },
)
"""They exist because the CDS Hooks Sandbox and the CRD request generator name them by default."""
