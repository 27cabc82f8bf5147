"""Compiling once: an expression that a mutant shares with its original is not compiled a second time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from cds_service.expressions.language import Expression, Scope, Types
from cds_service.fhir.value_set import ValueSet
from cds_service.plan_definition.languages import CompileExpression, compile_expression

__all__ = ["Memory"]

_Key: TypeAlias = tuple[object, str, Types, frozenset[tuple[str, Types]]]


@dataclass
class Memory:
    """Expressions by what they were compiled from. One memory serves one set of artifacts."""

    watched: Mapping[str, ValueSet] = field(default_factory=dict)
    """Value sets that take the place of those of the same canonical."""
    _known: dict[_Key, Expression] = field(default_factory=dict)

    def compile(self, language: object, source: str, scope: Scope) -> Expression:
        """Return `source` compiled, from memory where it was compiled in an equal scope before."""
        key = _key(language, source, scope)
        found = self._known.get(key)
        if found is None:
            watching = replace(scope, value_sets={**scope.value_sets, **self.watched})
            found = self._known[key] = compile_expression(language, source, watching)
        return found

    def but_for(self, value_set: str) -> CompileExpression:
        """Return a way to compile that takes nothing from memory that asks this value set, which has changed."""

        def compiled(language: object, source: str, scope: Scope) -> Expression:
            found = self._known.get(_key(language, source, scope))
            known = found is not None and value_set not in found.value_sets
            return found if found is not None and known else compile_expression(language, source, scope)

        return compiled


def _key(language: object, source: str, scope: Scope) -> _Key:
    return language, source, scope.context, frozenset(scope.variables.items())
