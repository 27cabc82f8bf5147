"""What a refused request is answered: a status, and an OperationOutcome that repeats nothing of what was sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cds_service.errors import (
    CoverageNotUsable,
    MalformedRequest,
    NothingToEvaluate,
    RequestError,
    RequiredDataUnavailable,
    TooManyOrders,
    TooManyReports,
)
from cds_service.fhir.encoding import encode

__all__ = ["BY_ERROR", "operation_outcome", "refusal_to"]

BY_ERROR: Final[Mapping[type[RequestError], tuple[int, str]]] = {
    MalformedRequest: (400, "invalid"),
    NothingToEvaluate: (400, "required"),
    CoverageNotUsable: (400, "required"),
    RequiredDataUnavailable: (412, "processing"),
    TooManyOrders: (413, "too-costly"),
    TooManyReports: (413, "too-costly"),
}
"""The status, and the code of FHIR's `issue-type`; an error that is not named is a plain 400."""


def refusal_to(
    error: RequestError, *, known: Mapping[type[RequestError], tuple[int, str]] = BY_ERROR
) -> tuple[int, bytes]:
    """Return the status and the body that a client's fault is answered with."""
    status, code = known.get(type(error), (400, "processing"))
    return status, operation_outcome(code, str(error), error.path if isinstance(error, MalformedRequest) else "")


def operation_outcome(code: str, text: str, path: str = "") -> bytes:
    """Return an OperationOutcome of one error as JSON; `path` is the place in the request, empty for none."""
    issue: dict[str, object] = {"severity": "error", "code": code, "details": {"text": text}}
    if path:
        issue["expression"] = [path]
    return encode({"resourceType": "OperationOutcome", "issue": [issue]})
