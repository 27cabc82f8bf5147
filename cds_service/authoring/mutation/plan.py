"""A PlanDefinition → its mutants: criteria, groups, roles, expressions, parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cds_service.authoring.mutation.edits import Path, at, cut, put
from cds_service.authoring.mutation.expressions import rewrites
from cds_service.authoring.mutation.mutant import Mutant
from cds_service.authoring.mutation.operators import Operator
from cds_service.plan_definition.profile import Extension, Role

__all__ = ["plan_mutants"]

_OTHER_ROLE = {
    Role.SCOPE: Role.REQUIRED,
    Role.REQUIRED: Role.SUPPORTING,
    Role.GROUP: Role.SUPPORTING,
    Role.ALTERNATIVE: Role.SUPPORTING,
    Role.EXCLUSION: Role.SUPPORTING,
    Role.CODE_FIT: Role.REQUIRED,
    Role.CODE_CONFLICT: Role.CAUTION,
    Role.CONDITION: Role.SUPPORTING,
    Role.CAUTION: Role.SUPPORTING,
}
"""What a role is weakened to. Below a group only the group's truth counts, so roles are changed at the top."""

_SWAPPED = {"all": "one-or-more", "one-or-more": "all"}


def plan_mutants(name: str, plan: Mapping[str, Any]) -> Iterator[Mutant]:
    """Yield the mutants of a PlanDefinition, each a PlanDefinition that differs from it in one thing."""
    yield from _Plan(name, plan).mutants()


@dataclass(frozen=True, slots=True)
class _Plan:
    name: str
    plan: Mapping[str, Any]

    def mutants(self) -> Iterator[Mutant]:
        policy: Path = ("action", 0)
        yield from self._parameters()
        yield from self._variables((), "")
        yield from self._variables(policy, "")
        for i, _ in enumerate(at(self.plan, policy)["action"]):
            yield from self._criterion((*policy, "action", i), top=True)

    def _mutant(self, place: str, operator: Operator, change: str, plan: Any) -> Mutant:
        return Mutant(self.name, place, operator, change, plan)

    # -- parameters and variables -----------------------------------------------------------------------------

    def _parameters(self) -> Iterator[Mutant]:
        for path, _ in self._extensions((), Extension.PARAMETER):
            parts = {part["url"]: i for i, part in enumerate(at(self.plan, path)["extension"])}
            named = next(iter(_values(at(self.plan, (*path, "extension", parts["name"])))))[1]
            value = (*path, "extension", parts["value"])
            for key, held in _values(at(self.plan, value)):
                for words, shifted in _steps(held):
                    yield self._mutant(
                        f"parameter {named}", Operator.PARAMETER, words, put(self.plan, (*value, key), shifted)
                    )

    def _variables(self, holder: Path, owner: str) -> Iterator[Mutant]:
        for path, extension in self._extensions(holder, Extension.VARIABLE):
            name = extension["valueExpression"]["name"]
            yield from self._expression((*path, "valueExpression"), f"{owner} variable {name}".strip())

    # -- a criterion ------------------------------------------------------------------------------------------

    def _criterion(self, path: Path, *, top: bool) -> Iterator[Mutant]:
        action = at(self.plan, path)
        if any(True for _ in self._extensions(path, Extension.SUGGEST_WHEN)):
            return
        name = action["id"]
        reads = any(True for _ in self._extensions(path, Extension.DETERMINATION_OF))
        dropped = Operator.DEPENDENCY if reads else Operator.CRITERION
        yield self._mutant(name, dropped, "dropped", cut(self.plan, path))
        if top:
            yield from self._role(path, name)
        yield from self._group(path, name)
        yield from self._pair(path, name)
        yield from self._flags(path, name)
        yield from self._variables(path, name)
        yield from self._expressions(path, name)
        for i, _ in enumerate(action.get("action", ())):
            yield from self._criterion((*path, "action", i), top=False)

    def _role(self, path: Path, name: str) -> Iterator[Mutant]:
        coding = (*path, "code", 0, "coding", 0, "code")
        role = Role(at(self.plan, coding))
        other = _OTHER_ROLE.get(role)
        if other:
            yield self._mutant(name, Operator.ROLE, f"`{other}` for `{role}`", put(self.plan, coding, str(other)))

    def _group(self, path: Path, name: str) -> Iterator[Mutant]:
        parts = at(self.plan, path).get("action", ())
        if not parts:
            return
        at_least = next(iter(self._extensions(path, Extension.AT_LEAST)), None)
        if at_least is None:
            behavior = (*path, "selectionBehavior")
            written = at(self.plan, behavior)
            swapped = put(self.plan, behavior, _SWAPPED[written])
            yield self._mutant(name, Operator.GROUP, f"`{_SWAPPED[written]}` for `{written}`", swapped)
            return
        place, extension = at_least
        count = extension.get("valueInteger")
        for other in () if count is None else (count - 1, count + 1):
            changed = put(self.plan, (*place, "valueInteger"), other)
            yield self._mutant(name, Operator.AT_LEAST, f"at least {other} for {count}", changed)

    def _pair(self, path: Path, name: str) -> Iterator[Mutant]:
        """Support and refutation: exchanged, and the refutation dropped."""
        for place, refutation in self._extensions(path, Extension.REFUTATION):
            support = (*path, "condition", 0, "expression")
            written = at(self.plan, support)
            exchanged = put(self.plan, (*place, "valueExpression"), written)
            exchanged = put(exchanged, support, refutation["valueExpression"])
            yield self._mutant(name, Operator.INVERSION, "support and refutation exchanged", exchanged)
            yield self._mutant(name, Operator.REFUTATION, "refutation dropped", cut(self.plan, place))

    def _flags(self, path: Path, name: str) -> Iterator[Mutant]:
        for place, extension in self._extensions(path, Extension.UNKNOWN_BECAUSE):
            reason = _part(extension, "reason")["valueCode"]
            yield self._mutant(name, Operator.REASON, f"never unknown because {reason}", cut(self.plan, place))
        for place, _ in self._extensions(path, Extension.HUMAN_REVIEW):
            yield self._mutant(name, Operator.REVIEW, "no human review", cut(self.plan, place))
        for place, extension in self._extensions(path, Extension.DETERMINATION_OF):
            for i, part in enumerate(extension["extension"]):
                if part["url"] == "sameSite":
                    elsewhere = cut(self.plan, (*place, "extension", i))
                    yield self._mutant(name, Operator.SITE, "wherever the other order is", elsewhere)

    def _expressions(self, path: Path, name: str) -> Iterator[Mutant]:
        if at(self.plan, path).get("condition"):
            yield from self._expression((*path, "condition", 0, "expression"), f"{name} support")
        for place, _ in self._extensions(path, Extension.REFUTATION):
            yield from self._expression((*place, "valueExpression"), f"{name} refutation")
        for place, extension in self._extensions(path, Extension.UNKNOWN_BECAUSE):
            for i, part in enumerate(extension["extension"]):
                if "valueExpression" in part:
                    reason = _part(extension, "reason")["valueCode"]
                    yield from self._expression((*place, "extension", i, "valueExpression"), f"{name} {reason}")
        for place, extension in self._extensions(path, Extension.DETERMINATION_OF):
            for i, part in enumerate(extension["extension"]):
                if "valueExpression" in part:
                    yield from self._expression((*place, "extension", i, "valueExpression"), f"{name} same site")

    def _expression(self, path: Path, place: str) -> Iterator[Mutant]:
        if at(self.plan, path).get("language") != "text/fhirpath":
            return
        source = at(self.plan, path)["expression"]
        seen = {source}
        for one in rewrites(source):
            if one.source not in seen:
                seen.add(one.source)
                yield self._mutant(place, one.operator, one.change, put(self.plan, (*path, "expression"), one.source))

    def _extensions(self, holder: Path, url: str) -> Iterator[tuple[Path, Mapping[str, Any]]]:
        for i, extension in enumerate(at(self.plan, holder).get("extension", ())):
            if extension.get("url") == url:
                yield (*holder, "extension", i), extension


def _part(extension: Mapping[str, Any], url: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(part for part in extension["extension"] if part["url"] == url)
    return found


def _values(holder: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    return ((key, value) for key, value in holder.items() if key.startswith("value"))


def _steps(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield a parameter's value one step lower and higher; another code or truth for one that has no steps."""
    match value:
        case bool():
            yield str(not value).lower(), not value
        case int() | Decimal():
            yield from ((f"{other} for {value}", other) for other in (value - 1, value + 1))
        case {"value": int() | Decimal() as number}:
            unit = value.get("unit") or value.get("code") or ""
            for other in (number - 1, number + 1):
                yield f"{other} for {number} {unit}".rstrip(), {**value, "value": other}
        case str():
            yield f"`other` for `{value}`", "other"
