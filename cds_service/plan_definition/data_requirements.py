"""What policies read → the prefetch templates that a client may fill."""

from __future__ import annotations

from collections.abc import Iterable

from cds_service.plan_definition.model import PlanDefinition

__all__ = ["prefetch_of"]


def prefetch_of(plans: Iterable[PlanDefinition]) -> dict[str, str]:
    """Return prefetch templates by key: the patient, and a search by patient for each type that a policy reads.

    Only what CDS Hooks 2.0 allows: root-level context tokens, no modifiers, no `_include`.
    """
    types = {one.type for plan in plans for one in plan.inputs} - {"Patient"}
    searches = {_key(kind): f"{kind}?patient={{{{context.patientId}}}}" for kind in sorted(types)}
    return {"patient": "Patient/{{context.patientId}}", **searches}


def _key(type_name: str) -> str:
    return type_name[0].lower() + type_name[1:]
