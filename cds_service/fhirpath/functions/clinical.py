"""What necessity policies need beyond FHIRPath: resources in time. Documented in docs/reference/expressions.md."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cds_service.errors import EvaluationError
from cds_service.expressions.language import DataNeed, Environment, Missing
from cds_service.fhir.dating import date_element, dated, has_unreadable_date
from cds_service.fhir.definitions import element, is_resource
from cds_service.fhir.temporal import Date, add, compare
from cds_service.fhir.values import Quantity
from cds_service.fhirpath.code import Code, computed, subset
from cds_service.fhirpath.functions.chapter import Chapter
from cds_service.fhirpath.invocation import Invocation
from cds_service.fhirpath.items import Origins, Shape, single

CHAPTER = Chapter("Resources in time", "this service's own")


def _of_resources(call: Invocation) -> Origins:
    """Return the elements that date the resources; what is read of them is noted."""
    types = call.base.shape.types
    if not all(is_resource(kind) for kind in types):
        raise call.fault(f"{call.name} orders resources by their date; these are {types[0]}")
    dates = tuple((kind, date_element(kind)) for kind in types if element(kind, date_element(kind)))
    call.compiler.needs.update(DataNeed(*one) for one in dates)
    return dates


@CHAPTER.function("latest()")
def latest(call: Invocation) -> Code:
    """The resources of the newest calendar day; Missing where the day cannot be told."""
    _of_resources(call)

    def keep(found: Sequence[Any], _this: Any, _env: Environment) -> Sequence[int]:
        if not found:
            return ()
        dates = [dated(resource) for resource in found]
        days = [day for day in dates if day is not None and day.full]
        newest = max(days, key=lambda day: day.parts) if days else None
        for day in dates:
            if newest is None or day is None or (not day.full and compare(day, newest) != -1):
                raise Missing("which of these is the newest cannot be told from their dates", code="ambiguous")
        return [i for i, day in enumerate(dates) if day == newest]

    return subset(call.base, keep)


@CHAPTER.function("clinicalDate()")
def clinical_date(call: Invocation) -> Code:
    """The day that counts for each resource; nothing for an undated one."""
    dates, before = _of_resources(call), call.base.items

    def items(this: Any, env: Environment) -> Sequence[Any]:
        return [day for resource in before(this, env) if (day := _day(resource)) is not None]

    return computed(Shape(("System.Date",), origins=dates), items)


def _day(resource: Any) -> Date | None:
    day = dated(resource)
    if day is None and has_unreadable_date(resource):
        raise Missing("a date is not written as FHIR writes it", code="unreadable")
    return day


@CHAPTER.function("episodes(gap)")
def episodes(call: Invocation) -> Code:
    """Clusters of resources, each starting at least `gap` after the one before it started."""
    _of_resources(call)
    before, gap_of = call.base.items, call.argument(0).items

    def items(this: Any, env: Environment) -> Sequence[Any]:
        gap = single(gap_of(this, env), call.name)
        if not isinstance(gap, Quantity) or gap.unit not in ("day", "week", "month", "year"):
            raise EvaluationError("`episodes()` takes a duration in days, weeks, months or years")
        clusters: list[tuple[Date, list[Any]]] = []
        for start, resource in _by_start(before(this, env)):
            if (
                clusters
                and (next_start := add(clusters[-1][0], int(gap.value), gap.unit))
                and start.parts < next_start.parts
            ):
                clusters[-1][1].append(resource)
            else:
                clusters.append((start, [resource]))
        return [{"start": str(start), "item": cluster} for start, cluster in clusters]

    return computed(("Episode",), items)


def _by_start(found: Sequence[Any]) -> list[tuple[Date, Any]]:
    starts = []
    for resource in found:
        start = dated(resource, "start")
        if start is None or not start.full:
            raise Missing("the day on which one of these began is not stated", code="ambiguous")
        starts.append((start, resource))
    return sorted(starts, key=lambda pair: pair[0].parts)
