"""The addresses of the policies: a page for a browser, JSON, and in words for whoever follows a card's link."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from anyio.to_thread import run_sync
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from cds_service.api import openapi
from cds_service.api.reviewer.access import Access, Person
from cds_service.api.reviewer.answer import Answers, wants_html, wants_json
from cds_service.api.reviewer.forms import refuse_other_sites
from cds_service.api.reviewer.policies import Library
from cds_service.api.reviewer.refusal import no_such_page
from cds_service.api.reviewer.routes import guarded
from cds_service.api.ui import Pages
from cds_service.wiring import Application

__all__ = ["policy_routes"]


def policy_routes(current: Callable[[], Application], access: Access | None) -> APIRouter:
    """Return the routes. Policies are for everybody; cases and comparisons, which cost time, for reviewers."""
    looking = _Policies(current, access, Answers(Pages()))
    router = APIRouter()
    for path, name, page in (
        ("/policies", "policies", looking.list),
        ("/policies/compare", "policies-compared", looking.compared),
        ("/policies/{group}/cases", "policy-cases", looking.cases),
        ("/policies/{group}", "policy", looking.group),
    ):
        answer = guarded(page, None, looking.answers)
        router.get(f"{path}.json", name=name, include_in_schema=False)(answer)
        if page == looking.group:  # cards link here
            router.get(path, name=name, summary="A policy in words", openapi_extra=openapi.PAGE)(answer)
        else:
            router.get(path, name=name, include_in_schema=False)(answer)
    return router


class _Policies:
    def __init__(self, current: Callable[[], Application], access: Access | None, answers: Answers) -> None:
        self._current = current
        self._access = access
        self.answers = answers
        self._held: tuple[Application, Library] | None = None

    @property
    def _library(self) -> Library:
        """Return the library of the application as it is now."""
        application = self._current()
        if self._held is None or self._held[0] is not application:
            self._held = application, Library(application)
        return self._held[1]

    async def list(self, request: Request) -> Response:
        """List every version of every policy."""
        return self._page(request, "policies.html", self._library.everything())

    async def group(self, request: Request) -> Response:
        """Show the policies of a folder: to a browser as a page, else in the author's words."""
        group = request.path_params["group"]
        if not wants_json(request) and not wants_html(request):
            return PlainTextResponse(self._library.words(group), headers={"Vary": "Accept"})
        return self._page(request, "policy.html", await run_sync(self._library.group, group))

    async def cases(self, request: Request) -> Response:
        """List the cases of a folder, and run them if that is asked for."""
        person = self._reviewing(request)
        run = "run" in request.query_params
        model = await run_sync(partial(self._library.cases, request.path_params["group"], run=run))
        return self._page(request, "policy_cases.html", model, person)

    async def compared(self, request: Request) -> Response:
        """Compare two versions of a policy."""
        person = self._reviewing(request)
        before, after = (request.query_params.get(name, "") for name in ("before", "after"))
        return self._page(
            request, "policies_compared.html", await run_sync(self._library.compared, before, after), person
        )

    def _reviewing(self, request: Request) -> Person:
        if self._access is None:
            raise no_such_page()
        refuse_other_sites(request, self._access)
        return self._access.person(request)

    def _page(
        self, request: Request, template: str, model: dict[str, object], person: Person | None = None
    ) -> Response:
        shown = self._access is not None
        return self.answers.of(request, template, model, person, reviewing=shown, signed_in=False, form="")
