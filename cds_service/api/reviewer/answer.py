"""A page or its JSON, of one model: by the end of the address, else by what is accepted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from cds_service.api.reviewer.access import Person
from cds_service.api.reviewer.element_view import element_view
from cds_service.api.reviewer.refusal import Refusal
from cds_service.api.ui import Pages
from cds_service.fhir.encoding import encode
from cds_service.necessity.wording import printable

__all__ = ["Answers", "seen", "wants_html", "wants_json"]

_HEADERS = {"Referrer-Policy": "same-origin", "Vary": "Accept, Cookie"}
"""Without a referrer a browser does not say either of which origin a form is."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Makes answers by templates."""

    pages: Pages

    def of(
        self, request: Request, template: str, model: Mapping[str, Any], person: Person | None, **more: Any
    ) -> Response:
        """Return the model, as JSON if that is asked for, else as the page that shows it with `more`."""
        if wants_json(request):
            return _with_headers(Response(encode(model), media_type="application/json"))
        home = getattr(request.app.state, "sandbox", False)
        return self.page(template, person, model=seen(model), home=home, **more)

    def page(self, template: str, person: Person | None, status: int = 200, **values: Any) -> Response:
        """Return a page that has no JSON."""
        return _with_headers(self.pages.page(template, status, person=person, **values))

    def refusal(self, request: Request, refused: Refusal) -> Response:
        """Return why a page is not given; who is to sign in is led to where that is done."""
        if wants_json(request) or not wants_html(request):
            issue = {"severity": "error", "code": refused.code, "details": {"text": refused.text}}
            body = encode({"resourceType": "OperationOutcome", "issue": [issue]})
            return _with_headers(Response(body, refused.status, refused.headers, media_type="application/json"))
        if refused.status == 401 and request.method == "GET":
            return _with_headers(RedirectResponse("/review/login", 303))
        response = self.page("review_refused.html", None, refused.status, text=refused.text)
        response.headers.update(refused.headers)
        return response


def wants_json(request: Request) -> bool:
    """Return whether JSON is asked for: by the address, or by a caller that does not accept HTML."""
    if request.url.path.endswith(".json"):
        return True
    accepted = request.headers.get("accept", "").lower()
    return "json" in accepted and "text/html" not in accepted


def wants_html(request: Request) -> bool:
    """Return whether a browser asks, which says that it takes HTML."""
    return "text/html" in request.headers.get("accept", "").lower()


def seen(value: Any) -> Any:
    """Return a model with all its texts as a reader may see them: no control, no change of direction.

    A resource of the chart comes as a view of its JSON.
    """
    if type(value) is str:
        return printable(value)
    if isinstance(value, Mapping):
        rest = {name: seen(one) for name, one in value.items() if name != "resource"}
        if "resource" in value:
            resource = value["resource"]
            rest["view"] = element_view(resource, value["paths"], value["anchor"]) if resource is not None else None
        return rest
    return [seen(one) for one in value] if isinstance(value, list | tuple) else value


def _with_headers(response: Response) -> Response:
    response.headers.update(_HEADERS)
    return response
