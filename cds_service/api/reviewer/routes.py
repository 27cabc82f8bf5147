"""The addresses of the reviewer's pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from anyio.to_thread import run_sync
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from cds_service.api.reviewer.access import Access, Person
from cds_service.api.reviewer.answer import Answers, wants_json
from cds_service.api.reviewer.charts import charts
from cds_service.api.reviewer.document import OUTCOME_WORDS, document
from cds_service.api.reviewer.forms import read_form, refuse_other_sites
from cds_service.api.reviewer.queue import asked_of, queue
from cds_service.api.reviewer.refusal import Refusal, no_such_page
from cds_service.api.ui import Pages
from cds_service.replay import Replayer, evaluate_again
from cds_service.store.errors import StoreUnavailable, Unreadable
from cds_service.store.model import Viewing
from cds_service.store.reviews import REVIEWED, Review, record_of, reviews_of, subject_of
from cds_service.store.store import Filters, Kept
from cds_service.wiring import Application

__all__ = ["guarded", "reviewer_routes"]

Endpoint = Callable[[Request], Awaitable[Response]]
_NOBODY: Final = "nobody"
_LONGEST_REASON: Final = 2000

_AWAY: Final = Refusal(503, "transient", "the database cannot be used now; nothing was changed", {"Retry-After": "2"})
_UNREADABLE: Final = Refusal(
    500, "exception", "what was kept cannot be opened; `cds-service decisions verify` tells the operator why"
)


def reviewer_routes(current: Callable[[], Application], access: Access) -> APIRouter:
    """Return the routes of the reviewer's pages, each also with `.json` at its end.

    `current` gives the application as it is now: its policies may change while it serves.
    """
    return _Reviewer(current, access, Answers(Pages())).router()


def guarded(page: Endpoint, access: Access | None, answers: Answers) -> Endpoint:
    """Return an endpoint that answers refusals as pages or JSON, and other sites by none of what it knows."""

    async def answer(request: Request) -> Response:
        try:
            if access is not None:
                refuse_other_sites(request, access)
            return await page(request)
        except Refusal as refused:
            return answers.refusal(request, refused)
        except StoreUnavailable:
            return answers.refusal(request, _AWAY)
        except Unreadable:
            return answers.refusal(request, _UNREADABLE)

    return answer


class _Reviewer:
    def __init__(self, current: Callable[[], Application], access: Access, answers: Answers) -> None:
        self._current = current
        self._access = access
        self._answers = answers
        self._replayer = Replayer.of((), kept=lambda revision: self._application.store.policies_of(revision))

    @property
    def _application(self) -> Application:
        return self._current()

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        for path, name, page in (
            ("/review", "queue", self.queue),
            ("/review/charts", "charts", self.charts),
            ("/review/login", "login", self.login_form),
            ("/review/{name}", "one", self.one),
        ):
            for address in (f"{path}.json", path):
                router.get(address, name=f"review-{name}")(self._guarded(page))
        router.post("/review/login", name="review-login")(self._guarded(self.login))
        router.post("/review/logout", name="review-logout")(self._guarded(self.logout))
        router.post("/review/{name}", name="review-say")(self._guarded(self.say))
        return router

    def _guarded(self, page: Endpoint) -> Endpoint:
        return guarded(page, self._access, self._answers)

    # -- who asks ---------------------------------------------------------------------------------------------

    async def login_form(self, request: Request) -> Response:
        """Ask for a token."""
        self._refuse_no_login()
        return self._login_page(request)

    async def login(self, request: Request) -> Response:
        """Sign in the holder of a token."""
        self._refuse_no_login()
        fields, _ = await read_form(request, self._access, _NOBODY)
        address = self._access.peer(request)
        wait = self._access.attempts.wait(address)
        if wait:
            raise Refusal(429, "throttled", "too many attempts; wait a minute", {"Retry-After": str(wait)})
        name = self._access.sign_in(fields.get("token", ""))
        if name is None:
            self._access.attempts.failed(address)
            return self._login_page(request, wrong=True)
        response = RedirectResponse("/review", 303)
        response.set_cookie(
            self._access.cookie,
            self._access.sessions.begin(name),
            httponly=True,
            samesite="strict",
            secure=self._access.secure,
        )
        return response

    async def logout(self, request: Request) -> Response:
        """Have the browser forget who signed in."""
        self._refuse_no_login()
        await read_form(request, self._access, self._access.person(request).subject)
        response = RedirectResponse("/review/login", 303)
        response.delete_cookie(self._access.cookie, httponly=True, samesite="strict", secure=self._access.secure)
        return response

    def _refuse_no_login(self) -> None:
        if self._access.way != "token":
            raise no_such_page()

    def _login_page(self, request: Request, *, wrong: bool = False) -> Response:
        status = 403 if wrong else 200
        if wants_json(request):
            raise Refusal(401, "login", "sign in with a browser")
        form = self._access.sessions.form_token(_NOBODY)
        return self._answers.page("review_login.html", None, status, form=form, wrong=wrong)

    # -- what is shown ----------------------------------------------------------------------------------------

    async def queue(self, request: Request) -> Response:
        """List determinations."""
        person = self._access.person(request)
        asked = asked_of(request.query_params)
        model = await run_sync(partial(queue, self._application.store, asked, now=datetime.now(UTC)))
        return self._page(
            request, "review_queue.html", model, person, outcomes=OUTCOME_WORDS, policies=self._policy_names()
        )

    async def charts(self, request: Request) -> Response:
        """Show what was determined day by day, and what was missing."""
        person = self._access.person(request)
        model = await run_sync(charts, self._application.store, self._application.policies)
        return self._page(request, "review_charts.html", model, person, outcomes=OUTCOME_WORDS)

    async def one(self, request: Request) -> Response:
        """Show an exchange with its determinations; the id of one of them leads to its latest exchange.

        It is kept who looked before anything is shown.
        """
        person = self._access.person(request)
        kept = await run_sync(self._find, request.path_params["name"])
        await self._application.store.viewed(Viewing(person.name, "review", (kept.decision.exchange,)))
        model = await run_sync(self._document, kept)
        return self._page(
            request, "review.html", model, person, longest=_LONGEST_REASON, kept="kept" in request.query_params
        )

    def _page(self, request: Request, template: str, model: dict[str, Any], person: Person, **more: Any) -> Response:
        form = self._access.sessions.form_token(person.subject)
        signed_in = self._access.way == "token"
        return self._answers.of(request, template, model, person, form=form, signed_in=signed_in, **more)

    def _policy_names(self) -> dict[str, str]:
        return {plan.canonical: plan.title for plan in self._application.policies.plans}

    def _find(self, name: str) -> Kept:
        store = self._application.store
        kept = store.find(name)
        if kept is None:
            found = store.search(Filters(determination=name), limit=1).items
            kept = store.find(found[0].decision.exchange) if found else None
        if kept is None or not kept.decision.determined:
            raise no_such_page()
        return kept

    def _document(self, kept: Kept) -> dict[str, Any]:
        application, decision = self._application, kept.decision
        then = application.policies
        if decision.policy_revision != then.revision:
            then = self._replayer.policies_of(decision.policy_revision) or then
        return document(kept, application.store, application.policies, evaluate_again(decision, then))

    # -- what is said -----------------------------------------------------------------------------------------

    async def say(self, request: Request) -> Response:
        """Keep that a reviewer agrees or disagrees."""
        person = self._access.person(request)
        fields, made = await read_form(request, self._access, person.subject)
        if not person.may_review:
            raise Refusal(403, "forbidden", "you may read, not agree or disagree")
        outcome, reason = fields.get("outcome", ""), fields.get("reason", "").strip()
        if outcome not in REVIEWED:
            raise Refusal(400, "invalid", f"`outcome` takes {' or '.join(REVIEWED)}")
        if len(reason) > _LONGEST_REASON or (outcome == "disagreed" and not reason):
            raise Refusal(400, "invalid", f"to disagree takes a reason, of at most {_LONGEST_REASON} characters")
        kept = await run_sync(self._find, request.path_params["name"])
        decision, determination = kept.decision, fields.get("determination", "")
        if determination not in {one.id for one in decision.determined}:
            raise no_such_page()
        subject = subject_of(decision.caller, determination)
        record = record_of(subject, person.name, outcome, reason, made=made, received=datetime.now(UTC))
        (receipt,) = await self._application.store.feedback([record])
        if not receipt.fresh:
            await run_sync(
                partial(self._refuse_another_reason, subject, Review(person.name, outcome, record.timestamp, reason))
            )
        if wants_json(request):
            model = {"id": receipt.id, "by": person.name, "outcome": outcome, "when": record.timestamp}
            return self._answers.of(request, "", model, person)
        return RedirectResponse(f"/review/{decision.exchange}?kept=1#d-{determination}", 303)

    def _refuse_another_reason(self, subject: str, review: Review) -> None:
        if review not in reviews_of(self._application.store, subject):
            raise Refusal(
                409, "conflict", "this form was sent before, with another reason; load the page again to add to it"
            )
