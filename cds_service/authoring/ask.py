"""One expression asked of one resource, for developers: what it gives, where that stands, what it reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cds_service.errors import EvaluationError
from cds_service.expressions.language import DataNeed, Environment, Scope
from cds_service.fhir.bundle import read
from cds_service.fhir.element import Location, Resource
from cds_service.fhir.encoding import encode
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.temporal import Date, Temporal, Time
from cds_service.fhir.values import Quantity
from cds_service.fhirpath import FhirPath, compile_fhirpath
from cds_service.fhirpath.items import raw
from cds_service.plan_definition.artifacts import Artifacts

__all__ = ["ask"]


def ask(
    source: str, resource: Resource, *, as_of: Date, artifacts: Artifacts, strict: bool = False, trace: bool = False
) -> Iterator[str]:
    """Yield lines: each item of the answer, and with `trace` all that the engine can tell of how it came about.

    `resource` is where the expression starts, and `%resource`; references are resolved among the entries of a Bundle.
    Raises ExpressionError, and EvaluationError for what cannot be answered.
    """
    scope = Scope(
        value_sets=artifacts.value_sets,
        code_systems=artifacts.code_systems,
        context=(str(resource["resourceType"]),),
        strict=strict,
    )
    compiled = compile_fhirpath(source, scope)
    environment = Environment(_record(resource), as_of, values={}, defined={})
    environment.focus = resource
    if not trace:
        yield from (written(raw(one)) for one in compiled.items(environment))
        return
    yield from _traced(compiled, environment)


def _record(resource: Resource) -> PatientRecord:
    if resource["resourceType"] != "Bundle":
        return PatientRecord("", [resource])
    held = read(resource)
    return PatientRecord("", held.resources, full_urls=held.full_urls)


def _traced(compiled: FhirPath, environment: Environment) -> Iterator[str]:
    environment.traces = []
    try:
        found = compiled.located(environment)
    except EvaluationError as error:
        found = ()
        yield f"no answer: {error}"
    else:
        yield f"answer: {len(found)} {'item' if len(found) == 1 else 'items'}, {' or '.join(compiled.types) or 'none'}"
    for item, place in found:
        yield f"  {written(raw(item))}" + "".join(f"  at {one}" for one in _places(place))
    yield from _section("rests on", [str(place) for place in compiled.evidence(environment) if str(place)])
    refused = [
        f"{one.location}: {one.condition}{' (cannot be told)' if one.unknown else ''}"
        for one in compiled.refusals(environment)
    ]
    yield from _section("looked at, and what did not hold", refused)
    traces = dict(environment.traces)  # the last of each name: an expression is asked more than once here
    yield from _section("traced", [f"{name}: {' | '.join(map(written, items))}" for name, items in traces.items()])
    yield from _section("reads", list(map(_need, compiled.needs)))
    yield from _section("value sets", sorted(compiled.value_sets))


def _places(place: Location | Sequence[Location] | None) -> Sequence[Location]:
    return (place,) if isinstance(place, Location) else place or ()


def _section(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield title
        yield from (f"  {line}" for line in lines)


def _need(need: DataNeed) -> str:
    path = f"{need.type}.{need.path}" if need.path else need.type
    compared = (need.value_set and f"in {need.value_set}", need.code and f"= {need.code}", need.dated and "by date")
    return " ".join(str(part) for part in (path, *compared) if part)


def written(value: Any) -> str:
    """Return a value on one line: elements as JSON, what was computed as a literal."""
    if isinstance(value, Time):
        return f"@T{value}"
    if isinstance(value, Temporal):
        return f"@{value}"
    if isinstance(value, Quantity):
        return str(value)
    return encode(dict(value) if isinstance(value, Mapping) else value).decode()
