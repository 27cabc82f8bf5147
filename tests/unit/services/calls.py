"""Requests of each hook read by its service, for tests: no HTTP, no EHR."""

from __future__ import annotations

from typing import Any

from cds_service.cds_hooks import parse
from cds_service.fhir.bundle import gather
from cds_service.fhir.temporal import Date
from cds_service.services import SERVICES
from cds_service.services.evaluation import Evaluation, Exchange, evaluate
from tests.made_up import bundle, made_up_policies

Json = dict[str, Any]
RECEIVED = Date((2026, 1, 15))
SERVER = "https://ehr.example.org/fhir"


def exchange(hook: str, context: Json, *chart: Json, **more: Any) -> Exchange:
    """Return what the service of a hook reads of a context, `chart` being prefetched."""
    body = {"context": {"patientId": "p1", **context}, "prefetch": {"chart": bundle(*chart)}, **more}
    request = parse(body, hook=hook)
    return SERVICES[f"necessity-{hook}"].read(request, gather(request.prefetch or {}))


def judged(found: Exchange) -> Evaluation:
    return evaluate(found, made_up_policies(), received=RECEIVED)


def outcomes(found: Exchange) -> dict[str, str]:
    """Return the outcome of each order that is judged, by its reference."""
    return {one.order.reference: str(one.outcome) for one in judged(found).determinations}
