"""A policy with another expression, tried on a request: what would be determined, and nothing is kept."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from cds_service.errors import ContentError, MalformedRequest
from cds_service.fhir.encoding import decode, encode
from cds_service.plan_definition.artifacts import Artifacts
from cds_service.plan_definition.compile import compile_plan
from cds_service.plan_definition.policies import Policies, in_order
from cds_service.plan_definition.profile import CANONICAL_BASE
from cds_service.sandbox.watched import Watched, report_of
from cds_service.services import SERVICES
from cds_service.wiring import policies_folder, read_policies

__all__ = ["tried"]

_REFUTATION = f"{CANONICAL_BASE}/StructureDefinition/refutation"


def tried(application: Watched, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return `report` and `cards` of `asked.request` under the policy `asked.policy`, a criterion written otherwise.

    `asked.criterion` names it; `asked.support` and `asked.refute` are its expressions, as texts. Raises ContentError
    for an expression that is none, MalformedRequest for a member that is missing.
    """
    policy, criterion = _text(asked, "policy"), _text(asked, "criterion")
    artifacts = _artifacts(policies_folder(application.settings.policies))
    changed = copy.deepcopy(dict(artifacts.find("PlanDefinition", policy).resource))
    action = next((one for one in _actions(changed) if one.get("id") == criterion), None)
    if action is None:
        raise ContentError(f"the policy has no criterion `{criterion}`")
    _write(action, support=asked.get("support"), refute=asked.get("refute"))
    policies = _with(changed, application.policies, artifacts)
    service = next((one for one in SERVICES.values() if one.id == asked.get("service")), None)
    if service is None:
        raise MalformedRequest("service", "must be the id of a service")
    other = replace(application, policies=policies)
    incoming = other.parse(service, encode(asked.get("request")))
    evaluation = other.evaluate(other.read(incoming))
    answer: Any = decode(other.respond(evaluation, incoming))
    return {"report": report_of(evaluation, policies), "cards": answer["cards"]}


@cache
def _artifacts(place: Path) -> Artifacts:
    return read_policies(place)[1]


def _with(changed: dict[str, Any], policies: Policies, artifacts: Artifacts) -> Policies:
    """Return the policies with one of them compiled anew: all of them would take a second."""
    others = artifacts.replaced(changed)
    reference = f"{changed['url']}|{changed['version']}"
    new = compile_plan(others.find("PlanDefinition", reference), others)
    return Policies(in_order({one.reference: one for one in policies.plans} | {new.reference: new}))


def _text(asked: Mapping[str, Any], name: str) -> str:
    value = asked.get(name)
    if not isinstance(value, str):
        raise MalformedRequest(name, "must be a text")
    return value


def _actions(holder: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for one in holder.get("action", ()):
        yield one
        yield from _actions(one)


def _write(action: dict[str, Any], *, support: object, refute: object) -> None:
    """Put expressions where those of the criterion stand; where none stands, there is nothing to be written."""
    if isinstance(support, str):
        for condition in action.get("condition", ()):
            condition["expression"]["expression"] = support
    if isinstance(refute, str):
        for one in action.get("extension", ()):
            if one.get("url") == _REFUTATION:
                one["valueExpression"]["expression"] = refute
