"""What the compilation of one policy carries along: the artifacts at hand, the names so far, the faults found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import ParamSpec, TypeVar

from cds_service.errors import ContentError
from cds_service.expressions.language import Expression, Scope
from cds_service.fhir.value_set import ValueSet
from cds_service.plan_definition.artifacts import Artifacts
from cds_service.plan_definition.elements import Json, extensions_of
from cds_service.plan_definition.languages import CompileExpression
from cds_service.plan_definition.profile import Extension

__all__ = ["Compilation"]

_Arguments = ParamSpec("_Arguments")
_Read = TypeVar("_Read")
_Default = TypeVar("_Default")

_BOOLEANS = (("System.Boolean",), ("boolean",))


@dataclass
class Compilation:
    """The state of compiling one policy. A fault does not end it, so that an author learns of all of them at once."""

    artifacts: Artifacts
    compile_with: CompileExpression
    faults: list[ContentError] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    value_sets: set[str] = field(default_factory=set)
    variables: dict[str, Expression] = field(default_factory=dict)

    def attempt(
        self,
        place: str,
        default: _Default,
        read: Callable[_Arguments, _Read],
        *given: _Arguments.args,
        **named: _Arguments.kwargs,
    ) -> _Read | _Default:
        """Return what is read, or `default` where it is at fault: the fault is kept, with its place."""
        try:
            return read(*given, **named)
        except ContentError as error:
            self.faults.append(error.located(element=place))
            return default

    def expression(self, written: object, scope: Scope, place: str) -> Expression:
        """Return an Expression compiled."""
        if not isinstance(written, Mapping) or type(written.get("expression")) is not str:
            reason = "an expression with `language` and `expression` is needed"
            raise ContentError(reason, element=place, rule="expression-missing")
        try:
            compiled = self.compile_with(written.get("language"), written["expression"], scope)
        except ContentError as error:
            raise error.located(element=place) from None
        self.value_sets |= compiled.value_sets
        return compiled

    def condition(self, written: object, scope: Scope, place: str) -> Expression:
        """Return an Expression compiled that is a boolean."""
        compiled = self.expression(written, scope, place)
        if compiled.types not in _BOOLEANS:
            reason = "a criterion's expression is a boolean that ends in `.exists()`"
            raise ContentError(reason, element=place, rule="not-boolean")
        return compiled

    def value_set(self, canonical: str, place: str) -> ValueSet:
        """Return a value set, which counts to what the policy reads."""
        self.value_sets.add(canonical)
        try:
            return self.artifacts.value_set(canonical)
        except ContentError as error:
            raise error.located(element=place) from None

    def with_variables(self, holder: Json, scope: Scope, place: str) -> Scope:
        """Return the scope with HL7's `variable`s: in declared order, each may read those before it.

        A variable that is at fault stands for nothing, so that what reads it is not at fault, too.
        """
        for written in extensions_of(holder, Extension.VARIABLE):
            expression = written.get("valueExpression")
            name = expression.get("name") if isinstance(expression, Mapping) else None
            compiled = self.attempt(place, None, self._variable, name, expression, scope, place)
            if type(name) is str:
                types = compiled.types if compiled else scope.variables.get(name, ())
                scope = replace(scope, variables={**scope.variables, name: types})
        return scope

    def _variable(self, name: object, written: object, scope: Scope, place: str) -> Expression:
        if type(name) is not str:
            reason = "a variable needs an expression with a `name`"
            raise ContentError(reason, element=place, rule="variable-malformed")
        if name in scope.variables or name in self.variables:
            raise ContentError(f"the name `{name}` is used twice", element=place, rule="name-twice")
        compiled = self.expression(written, scope, f"{place}.extension({name})")
        self.variables[name] = compiled
        return compiled
