"""Pages made of templates on the server, and the few files that they load."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from importlib.resources import files

from fastapi import APIRouter
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

__all__ = ["PAGE_HEADERS", "Asset", "Pages", "asset_routes"]

PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
"""What a page may load and where it may go: its own origin, and no script or style in its text."""


class Pages:
    """Makes pages of the templates of a package, which may extend `base.html`. Every value is escaped."""

    def __init__(self, package: str = "cds_service.api.ui") -> None:
        """Find the templates in `templates/` of the package, then in ours."""
        self._environment = Environment(
            loader=ChoiceLoader([PackageLoader(one) for one in dict.fromkeys((package, "cds_service.api.ui"))]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def page(self, template: str, /, status: int = 200, **values: object) -> Response:
        """Return the page; a value that a template names and nobody gave is an error."""
        return HTMLResponse(self._environment.get_template(template).render(values), status, PAGE_HEADERS)


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of a package that pages load."""

    path: str
    package: str
    file: str
    media_type: str


_OURS = (
    Asset("/ui/style.css", "cds_service.api.ui", "static/style.css", "text/css"),
    Asset("/ui/evidence.js", "cds_service.api.ui", "static/evidence.js", "text/javascript"),
)


def asset_routes(assets: Iterable[Asset] = _OURS) -> APIRouter:
    """Return the routes of the files, read once."""
    router = APIRouter(include_in_schema=False)
    for one in assets:
        router.get(one.path)(_giving((files(one.package) / one.file).read_bytes(), one.media_type))
    return router


def _giving(body: bytes, media_type: str) -> Callable[[], Awaitable[Response]]:
    async def give() -> Response:
        return Response(body, media_type=media_type)

    return give
