"""Error type → status and OperationOutcome: the only place with status codes. No answer repeats what was sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cds_service.api.limits import Overloaded, TooFrequent
from cds_service.errors import CallNotChecked, NotAuthenticated, RequestError
from cds_service.refusals import BY_ERROR, operation_outcome, refusal_to
from cds_service.store.errors import StoreUnavailable

__all__ = [
    "STATUSES",
    "BodyTooLarge",
    "BodyTooSlow",
    "NoSuchPage",
    "OriginNotAllowed",
    "UnsupportedBody",
    "answer_to",
    "answer_to_unforeseen",
    "handle_errors",
]


@dataclass
class BodyTooLarge(RequestError):
    """A body of more bytes than are read."""

    most: int

    def __str__(self) -> str:
        """Return the limit."""
        return f"the body is larger than the {self.most} bytes that are read"


@dataclass
class BodyTooSlow(RequestError):
    """A body that does not arrive in time."""

    seconds: float

    def __str__(self) -> str:
        """Return the limit."""
        return f"the body did not arrive within {self.seconds:g} s"


@dataclass
class UnsupportedBody(RequestError):
    """A body in a format or an encoding that is not read."""

    reason: str

    def __str__(self) -> str:
        """Return the reason."""
        return self.reason


class NoSuchPage(RequestError):
    """A policy that has no such page or form."""

    def __str__(self) -> str:
        """Return what is missing."""
        return "there is nothing of this policy here"


class OriginNotAllowed(RequestError):
    """A browser's preflight for an origin, method or header that is not allowed here."""

    def __str__(self) -> str:
        """Return what to do."""
        return "this origin, method or header is not allowed; the operator lists origins in CDS_ALLOWED_ORIGINS"


_UNFORESEEN = 500, "exception", "the service failed; nothing was evaluated"
_RETRY_AFTER = "2"
"""Seconds: a database that is away may be back by then."""
_NOT_KEPT = "the decision could not be kept, so that it is not given; nothing was decided, send the request again"
_BY_ERROR: Mapping[type[RequestError], tuple[int, str]] = {
    **BY_ERROR,
    BodyTooLarge: (413, "too-long"),
    BodyTooSlow: (408, "timeout"),
    NoSuchPage: (404, "not-found"),
    OriginNotAllowed: (400, "forbidden"),
    NotAuthenticated: (401, "login"),
    CallNotChecked: (503, "transient"),
    TooFrequent: (429, "throttled"),
    Overloaded: (503, "throttled"),
    UnsupportedBody: (415, "not-supported"),
}
_BY_STATUS: Mapping[int, tuple[str, str]] = {
    404: ("not-found", "there is nothing at this address; `GET /cds-services` lists the services"),
    405: ("not-supported", "this address does not answer this method"),
}
STATUSES = (400, 401, 404, 405, 408, 412, 413, 415, 429, 500, 503)
"""The statuses that an error can have; the code of each issue is FHIR's `issue-type`."""


def answer_to(error: RequestError) -> Response:
    """Return the response to a client's fault; an error that the table does not name is a plain 400."""
    status, body = refusal_to(error, known=_BY_ERROR)
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    if isinstance(error, TooFrequent | Overloaded):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, CallNotChecked):
        headers["Retry-After"] = _RETRY_AFTER
    if isinstance(error, BodyTooSlow):
        headers["Connection"] = "close"  # what is still to come of the body belongs to nothing
    return Response(body, status, headers, media_type="application/json")


def answer_to_unforeseen() -> Response:
    """Return the response to an error that nobody foresaw: it says nothing of the error."""
    return _response(*_UNFORESEEN)


def handle_errors(app: FastAPI) -> None:
    """Make `app` answer our errors, and its own, by OperationOutcomes."""
    app.add_exception_handler(RequestError, _on_request_error)
    app.add_exception_handler(StoreUnavailable, _on_store_unavailable)
    app.add_exception_handler(HTTPException, _on_http_exception)


async def _on_request_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)  # noqa: S101 - narrows the type
    return answer_to(error)


async def _on_store_unavailable(_: Request, _error: Exception) -> Response:
    """A decision that cannot be kept is not given."""
    return _response(503, "transient", _NOT_KEPT, headers={"Retry-After": _RETRY_AFTER})


async def _on_http_exception(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - narrows the type
    code, text = _BY_STATUS.get(error.status_code, ("processing", "the request cannot be answered"))
    return _response(error.status_code, code, text, headers=error.headers)


def _response(status: int, code: str, text: str, *, headers: Mapping[str, str] | None = None) -> Response:
    return Response(operation_outcome(code, text), status, headers, media_type="application/json")
