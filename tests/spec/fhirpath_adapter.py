"""Our engine as the official suite's runner calls it: `suite.py --engine tests/spec/fhirpath_adapter.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cds_service.expressions.language import Environment, Scope
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.temporal import Date, DateTime, Time
from cds_service.fhirpath import compile_fhirpath
from cds_service.fhirpath.items import raw

AS_OF = Date((2026, 11, 20))
NOW = DateTime((2026, 11, 20, 12, 30, 15), "250", 0)


def evaluate(resource: dict[str, Any], expression: str, context: Mapping[str, Any]) -> list[Any]:
    """Return the items that `expression` gives for a resource; `{}` where a test has none."""
    scope = Scope(
        context=(resource["resourceType"],) if resource else ("Resource",),
        strict=bool(context.get("strict")),
        ordered_only=bool(context.get("ordered_check")),
    )
    compiled = compile_fhirpath(expression, scope)
    record = PatientRecord("", [resource] if resource else [])
    environment = Environment(record, AS_OF, now=NOW, values={}, defined={})
    environment.focus = resource
    return [_plain(raw(one)) for one in compiled.items(environment)]


def _plain(value: Any) -> Any:
    return f"T{value}" if isinstance(value, Time) else value
