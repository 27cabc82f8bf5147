"""Whether the process lives, and whether it is ready to be asked."""

from __future__ import annotations

from typing import Literal, TypeAlias

from fastapi import APIRouter
from starlette.responses import Response

from cds_service.api import openapi
from cds_service.api.serving import Serving
from cds_service.fhir.encoding import encode
from cds_service.observability.processes import is_lacking

__all__ = ["health_routes"]

Check: TypeAlias = Literal["ok", "stale", "lacking", "spilling", "damaged", "faulty", "failed"]


def health_routes(serving: Serving) -> APIRouter:
    """Return the routes that a balancer or an orchestrator asks. They say nothing of faults but their names."""
    router = APIRouter()

    async def live() -> Response:
        """Tell that the process answers."""
        return Response(b'{"live":true}', media_type="application/json")

    async def ready() -> Response:
        """Tell whether requests should be sent here: 200 if so, even where something is amiss, else 503."""
        checks: dict[str, Check] = {"policies": "stale" if serving.stale else "ok", "store": _store(serving)}
        if is_lacking():
            checks["workers"] = "lacking"
        failed = "failed" in checks.values()
        status = "failed" if failed else "ready" if set(checks.values()) == {"ok"} else "degraded"
        policies = serving.application.policies
        told = {"status": status, "checks": checks, "revision": policies.revision, "policies": len(policies.plans)}
        return Response(encode(told), 503 if failed else 200, media_type="application/json")

    router.get("/health/live", summary="Liveness")(live)
    router.get("/health/ready", summary="Readiness", openapi_extra=openapi.READY)(ready)
    return router


def _store(serving: Serving) -> Check:
    application = serving.application
    state = application.store.state()
    if not state.writable and application.settings.store_spill is None:
        return "failed"
    if not state.writable or state.spilled:
        return "spilling"
    if state.damaged:
        return "damaged"
    return "faulty" if state.fault else "ok"
