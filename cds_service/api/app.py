"""The service over HTTP, put together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.responses import Response

from cds_service import __version__
from cds_service.api.cds_hooks import routes
from cds_service.api.errors import handle_errors
from cds_service.api.health import health_routes
from cds_service.api.middleware import middleware
from cds_service.api.reviewer import access_of, policy_routes, reviewer_routes
from cds_service.api.serving import Serving
from cds_service.api.ui import asset_routes
from cds_service.wiring import Application

__all__ = ["create_app"]


def create_app(application: Application) -> FastAPI:
    """Return the ASGI application that answers for `application`. Its documentation pages are for sandboxes only.

    Raises ConfigurationError where the settings do not allow it.
    """
    application.prepare()
    serving = Serving(application)
    documented = not application.production

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with serving.running():
            yield
        await application.close()
        serving.tell_head(now=True)

    app = FastAPI(
        lifespan=lifespan,
        title="cds-service",
        version=__version__,
        description="Medical necessity per ordered code, as CDS Hooks cards.",
        openapi_url="/openapi.json" if documented else None,
        redirect_slashes=False,
        default_response_class=Response,
        middleware=middleware(application.settings),
        # On by default, and as soon as a tracing provider exists it exports exception texts and queries.
        telemetry={
            "tracing": False,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
        },
    )
    app.include_router(routes(serving))
    app.include_router(health_routes(serving))
    app.include_router(asset_routes())
    access = access_of(application.settings)
    app.include_router(policy_routes(lambda: serving.application, access))
    if access is not None:
        app.include_router(reviewer_routes(lambda: serving.application, access))
    handle_errors(app)
    return app
