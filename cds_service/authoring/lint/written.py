"""The expressions of a policy as they are written: what for, where, and their syntax tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

from cds_service.authoring.lint.subject import Action, Policy
from cds_service.errors import ContentError, ExpressionError
from cds_service.expressions.language import Scope
from cds_service.fhirpath.parser import parse
from cds_service.fhirpath.tree import Node
from cds_service.plan_definition.elements import Json, extensions_of, objects_of
from cds_service.plan_definition.profile import Extension

__all__ = ["Kind", "Written", "expressions_of"]

Kind: TypeAlias = Literal["variable", "support", "refute", "because", "count", "site", "text"]


@dataclass(frozen=True)
class Written:
    """One expression: what it is for, whose it is, where it stands."""

    kind: Kind
    owner: str | None
    """The id of the criterion, None for what belongs to the whole policy."""
    name: str
    """What a message calls it."""
    source: str
    element: str
    scope: Scope

    @cached_property
    def tree(self) -> Node:
        """Return the syntax tree; the empty collection for what does not parse."""
        try:
            return parse(self.source)
        except ExpressionError:
            return parse("{}")


def expressions_of(policy: Policy) -> Iterator[Written]:
    """Yield every FHIRPath expression of a policy, in plan order; what is malformed is left out."""
    plan = policy.artifact.resource
    yield from _variables(policy, plan, "PlanDefinition", None)
    tops = plan.get("action")
    if isinstance(tops, list) and tops and isinstance(tops[0], Mapping):
        yield from _variables(policy, tops[0], "PlanDefinition.action[0]", None)
    for action in policy.actions:
        try:
            yield from _of_action(policy, action)
        except ContentError:
            continue  # compiling told it


def _of_action(policy: Policy, action: Action) -> Iterator[Written]:
    written, place, owner = action.written, action.place, action.id
    yield from _variables(policy, written, place, owner)
    for i, condition in enumerate(objects_of(written, "condition")):
        yield from _one(policy, "support", owner, "support", condition.get("expression"), f"{place}.condition[{i}]")
    for one in extensions_of(written, Extension.REFUTATION):
        yield from _one(policy, "refute", owner, "refutation", one.get("valueExpression"), f"{place}.refutation")
    for one in extensions_of(written, Extension.UNKNOWN_BECAUSE):
        code = _value(one, "reason", "valueCode")
        at = f"{place}.unknown-because({code})"
        yield from _one(policy, "because", owner, f"unknown-because {code}", _value(one, "expression"), at)
    for one in extensions_of(written, Extension.AT_LEAST):
        yield from _one(policy, "count", owner, "at-least", one.get("valueExpression"), f"{place}.extension")
    for one in extensions_of(written, Extension.DETERMINATION_OF):
        yield from _one(policy, "site", owner, "sameSite", _value(one, "sameSite"), f"{place}.sameSite")
    for one in extensions_of(written, Extension.STATE_TEXT):
        state = _value(one, "state", "valueCode")
        yield from _one(policy, "text", owner, f"text of {state}", _value(one, "text"), f"{place}.state-text({state})")


def _variables(policy: Policy, holder: Json, place: str, owner: str | None) -> Iterator[Written]:
    try:
        found = extensions_of(holder, Extension.VARIABLE)
    except ContentError:
        return
    for one in found:
        expression = one.get("valueExpression")
        name = expression.get("name") if isinstance(expression, Mapping) else None
        yield from _one(policy, "variable", owner, f"%{name}", expression, f"{place}.extension({name})")


def _one(
    policy: Policy, kind: Kind, owner: str | None, name: str, expression: object, element: str
) -> Iterator[Written]:
    source = expression.get("expression") if isinstance(expression, Mapping) else None
    if isinstance(source, str) and source in policy.scopes:
        yield Written(kind, owner, name, source, element, policy.scopes[source])


def _value(extension: Json, part: str, value: str = "valueExpression") -> object:
    return next((one.get(value) for one in objects_of(extension, "extension") if one.get("url") == part), None)
