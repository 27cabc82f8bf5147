"""A proof of policies, as JSON for machines."""

from __future__ import annotations

from typing import Any

from cds_service.authoring.coverage import STATES
from cds_service.authoring.mutation import Operator, Verdict
from cds_service.authoring.proof import Mutation, Proof

__all__ = ["as_json"]


def as_json(proof: Proof) -> dict[str, Any]:
    """Return the proof: `passed`, `cases`, `policies` with their criteria, `mutants`. Members may be added later."""
    return {
        "passed": proof.passed,
        "cases": [
            {
                "id": result.run.case.id,
                "shape": result.run.shape,
                "title": result.run.case.title,
                "differences": list(result.differences),
            }
            for result in proof.results
        ],
        "policies": [
            {
                "name": name,
                "canonical": policy.plan.canonical,
                "version": policy.plan.version,
                "criteria": [
                    {
                        "id": one.criterion.id,
                        "role": str(one.criterion.role),
                        "decides": one.decides,
                        "seen": {STATES[state]: one.seen.get(state, 0) for state in STATES},
                    }
                    for one in policy.criteria
                ],
            }
            for name, policy in proof.policies.items()
        ],
        "gaps": [
            {"policy": gap.policy, "criterion": gap.criterion, "never": gap.state, "accepted": gap.reason}
            for gap in proof.gaps
        ],
        "mutants": _mutants(proof.mutation) if proof.mutation is not None else None,
        "stale": [*proof.stale_states, *(proof.mutation.stale if proof.mutation else ())],
    }


def _mutants(mutation: Mutation) -> dict[str, Any]:
    return {
        "tried": mutation.total,
        "byKind": {
            str(operator): {str(verdict): mutation.count(verdict, operator) for verdict in Verdict}
            for operator in Operator
        },
        "survivors": [
            {
                "id": one.id,
                "policy": one.policy,
                "place": one.place,
                "kind": str(one.operator),
                "change": one.change,
            }
            for one in mutation.survivors
        ],
        "accepted": [{"id": name, "reason": reason} for name, reason in mutation.accepted.items()],
    }
