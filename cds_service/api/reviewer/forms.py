"""Forms that are ours: sent from a page that was given to the same person, and from this origin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from cds_service.api.reviewer.access import Access
from cds_service.api.reviewer.refusal import Refusal

__all__ = ["read_form", "refuse_other_sites"]

_MOST_BYTES: Final = 64_000
_MOST_FIELDS: Final = 20
_FORM: Final = "application/x-www-form-urlencoded"


def refuse_other_sites(request: Request, access: Access) -> None:
    """Raise Refusal where a browser says that another site asks: by `Sec-Fetch-Site`, or by `Origin`."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    own = (request.headers.get("host", "").lower(), access.host)
    if site is not None and site not in ("same-origin", "none") and not _is_link(request, site):
        raise _foreign()
    if origin is not None and origin.partition("://")[2].lower() not in own:
        raise _foreign()


def _is_link(request: Request, site: str) -> bool:
    """Return whether a person followed a link to a page; scripts of other sites read nothing of it."""
    return (
        request.method == "GET"
        and site in ("cross-site", "same-site")
        and request.headers.get("sec-fetch-mode") == "navigate"
    )


async def read_form(request: Request, access: Access, subject: str) -> tuple[Mapping[str, str], int]:
    """Return the fields of a form, and when it was made for `subject`, in ms since 1970. Raises Refusal."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise Refusal(415, "not-supported", "send the form as the page does")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise Refusal(413, "too-long", f"the form is larger than the {_MOST_BYTES} bytes that are read")
    try:
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"))
    except ValueError:
        raise Refusal(400, "invalid", "the form cannot be read") from None
    made = access.sessions.form_made(fields.get("form", ""), subject)
    if made is None:
        raise Refusal(
            403, "forbidden", "the form is not one that this service gave you, or it is too old; load the page again"
        )
    return fields, made


def _foreign() -> Refusal:
    return Refusal(403, "forbidden", "another site may not ask for this")
