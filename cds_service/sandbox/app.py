"""The sandbox over HTTP: the production routes, a FHIR server of synthetic patients, and a small EHR."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from fastapi import FastAPI

from cds_service.api.app import create_app
from cds_service.api.ui import Asset, asset_routes
from cds_service.sandbox.fhir_server import faulty_routes, fhir_routes
from cds_service.sandbox.fhir_store import FhirStore
from cds_service.sandbox.pages import page_routes
from cds_service.sandbox.panel import panel_routes
from cds_service.sandbox.personas import PAYER, personas
from cds_service.sandbox.shared import SHARED
from cds_service.sandbox.watched import Watched
from cds_service.security import TrustedClient
from cds_service.wiring import Application, open_store

__all__ = ["create_sandbox_app", "sandbox_application"]

_PACKAGE = "cds_service.sandbox"
_SCRIPTS = ("sandbox", "cards", "difference", "elements", "exchange", "json_view", "markdown", "panel", "signing")
_ROLES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "provider": {},
        "payer": {"payer_identifiers": ("|".join(PAYER),)},
        "production": {"mode": "production", "fhir_fetch": False, "fhir_servers": ()},
    }
)
"""What the service may be asked to be, each with the settings that make it so; all of them ask for a token."""


def sandbox_application(application: Application, address: str, database_url: str) -> Application:
    """Return the service of a sandbox at an address: its own FHIR server may be read. Raises StoreError."""
    settings = application.settings
    own = tuple(f"{address}/{name}" for name in ("fhir", "fhir-refuses", "fhir-slow"))
    changed = {
        "mode": "sandbox",
        "public_base_url": address,
        "fhir_servers": (*own, *settings.fhir_servers),
        "database_url": database_url,
    }
    settings = settings.model_copy(update=changed)
    return replace(application, settings=settings, store=open_store(settings))


def create_sandbox_app(application: Application) -> FastAPI:
    """Return the ASGI application of a sandbox, made by `sandbox_application`.

    `/cds-services` answers everybody, as a service in sandbox mode does; `/provider`, `/payer` and `/production`
    are the same service in these roles, and let in who brings a token.
    """
    base = application.base_url
    anybody = Watched(application.settings, application.policies, application.clock, application.store)
    trusted = TrustedClient("sandbox", base, jku=(f"{base}/.well-known/jwks.json",))
    roles = {name: _playing(anybody, name, trusted) for name in _ROLES}
    store = FhirStore((*(one for persona in personas().values() for one in persona.chart), *SHARED))

    app = create_app(anybody)
    app.state.sandbox = True
    app.include_router(page_routes(store, anybody.policies, tuple(roles)))
    app.include_router(panel_routes(anybody, store))
    app.include_router(fhir_routes(store, f"{base}/fhir"))
    app.include_router(faulty_routes())
    app.include_router(asset_routes(tuple(_assets())))
    for name, role in roles.items():
        app.mount(f"/{name}", create_app(role))
    return app


def _playing(anybody: Watched, name: str, trusted: TrustedClient) -> Watched:
    settings = {**_ROLES[name], "public_base_url": f"{anybody.base_url}/{name}"}
    servers = settings.get("fhir_servers", anybody.settings.fhir_servers)
    client = TrustedClient(trusted.name, trusted.iss, trusted.jku, fhir_servers=servers)
    return anybody.playing(name, client, **settings)


def _assets() -> list[Asset]:
    scripts = [Asset(f"/ui/{name}.js", _PACKAGE, f"static/{name}.js", "text/javascript") for name in _SCRIPTS]
    return [*scripts, Asset("/ui/sandbox.css", _PACKAGE, "static/sandbox.css", "text/css")]
