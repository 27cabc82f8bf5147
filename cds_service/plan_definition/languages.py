"""The one table of expression languages: FHIR's `Expression.language` → what compiles it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from cds_service.errors import UnsupportedFeature
from cds_service.expressions.language import Compile, Expression, Scope
from cds_service.fhirpath import compile_fhirpath

__all__ = ["LANGUAGES", "CompileExpression", "compile_expression"]

CompileExpression: TypeAlias = Callable[[object, str, Scope], Expression]
"""(language, source, scope) → the expression compiled."""

LANGUAGES: Mapping[str, Compile] = MappingProxyType({"text/fhirpath": compile_fhirpath})


def compile_expression(language: object, source: str, scope: Scope) -> Expression:
    """Return `source` compiled. Raises UnsupportedFeature for another language, ExpressionError for a bad source."""
    compiler = LANGUAGES.get(language) if isinstance(language, str) else None
    if compiler is None:
        known = ", ".join(f"`{name}`" for name in LANGUAGES)
        raise UnsupportedFeature(f"expressions in `{language}` are not carried out; use {known}")
    return compiler(source, scope)
