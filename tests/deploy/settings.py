"""What the service answers to, to compare files of deployment with."""

from __future__ import annotations

from functools import cache

from cds_service.api.app import create_app
from cds_service.settings import Settings
from cds_service.wiring import Application
from tests.made_up import made_up_policies

__all__ = ["routes"]


@cache
def routes() -> frozenset[str]:
    """Return the paths at which the service answers a GET."""
    app = create_app(Application(Settings(), made_up_policies()))
    return frozenset(path for path, methods in app.openapi()["paths"].items() if "get" in methods)
