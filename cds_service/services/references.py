"""Orders by reference: what a message names and does not hold, and what would bring it.

Source: FHIR R4 2.3.0 (References); CDS Hooks library, order-dispatch.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from cds_service.fhir.bundle import Holding
from cds_service.fhir.definitions import is_resource
from cds_service.fhir.element import Resource, label
from cds_service.fhir.query import FhirQuery
from cds_service.fhir.record import PatientRecord
from cds_service.necessity.ordered_codes import code_references
from cds_service.plan_definition.compile import ORDER_TYPES

__all__ = ["beside", "finder", "read_of", "reads_for_codes"]

_READ = re.compile(r"([A-Z][A-Za-z]+)/([^/?#\s]{1,64})")
_GROUPS = ("requisition", "groupIdentifier")

Find = Callable[[str], Resource | None]


def finder(*holdings: Holding, server: str | None) -> Find:
    """Return what finds a resource in `holdings` by a reference to it, in any of the forms that references have."""
    every = Holding()
    for one in holdings:
        every.add_all(one)
    return PatientRecord("", every.resources, full_urls=every.full_urls, server=server).resolve


def read_of(reference: str, server: str | None) -> FhirQuery | None:
    """Return the read that brings what a reference points to; None for what is not at the EHR's `server`."""
    local = reference.partition("/_history/")[0]
    if server and local.startswith(f"{server.rstrip('/')}/"):
        local = local[len(server.rstrip("/")) + 1 :]
    parts = _READ.fullmatch(local)
    if parts is None or not is_resource(parts[1]) or set(parts[2]) == {"."}:
        return None
    return FhirQuery(local, parts[1], parts[2])


def reads_for_codes(orders: Holding, chart: Holding, server: str | None) -> tuple[FhirQuery, ...]:
    """Return the reads of what orders refer to for their codes, where it is in neither holding."""
    wanted = dict.fromkeys(one for order in orders.resources for one in code_references(order))
    if not wanted:
        return ()
    find = finder(orders, chart, server=server)
    reads = (read_of(one, server) for one in wanted if find(one) is None)
    return tuple(dict.fromkeys(one for one in reads if one))


def beside(orders: Iterable[Resource], chart: Holding) -> list[Resource]:
    """Return the requests of a chart that were authorized together with some of the orders: under one identifier.

    Source: FHIR R4, Request pattern, groupIdentifier; ServiceRequest.requisition.
    """
    every = tuple(orders)
    groups, known = {group for one in every for group in _groups(one)}, set(map(label, every))
    return [one for one in chart.resources if not groups.isdisjoint(_groups(one)) and label(one) not in known]


def _groups(request: Resource) -> set[tuple[str, str]]:
    if request["resourceType"] not in ORDER_TYPES:
        return set()
    identifiers = [request.get(name) for name in _GROUPS]
    return {
        (str(one.get("system")), one["value"])
        for one in identifiers
        if type(one) is dict and type(one.get("value")) is str and one["value"]
    }
