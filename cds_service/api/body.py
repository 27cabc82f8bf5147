"""The body of a request: JSON by its headers, and never more of it, or for longer, than the limits."""

from __future__ import annotations

import asyncio

from starlette.requests import Request

from cds_service.api.errors import BodyTooLarge, BodyTooSlow, UnsupportedBody
from cds_service.settings import Settings

__all__ = ["read_body"]

_CHARSETS = ("utf-8", "utf8", "us-ascii", "iso-8859-1")
"""What bodies in UTF-8 are called; the last by clients whose libraries call everything so. Source: RFC 8259, 8.1."""


async def read_body(request: Request, settings: Settings) -> bytes:
    """Return the body's bytes, as they came.

    Raises UnsupportedBody when the headers say that it is not JSON or is compressed, BodyTooLarge when it has more
    bytes than the settings allow (at once if the client says so, else as soon as they are exceeded), and BodyTooSlow.
    """
    most = settings.max_body_bytes
    _refuse_other_formats(request)
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and (len(declared) > len(str(most)) or int(declared) > most):
        raise BodyTooLarge(most)
    body = bytearray()
    try:
        async with asyncio.timeout(settings.body_seconds):
            async for chunk in request.stream():
                if len(body) + len(chunk) > most:
                    raise BodyTooLarge(most)
                body += chunk
    except TimeoutError:
        raise BodyTooSlow(settings.body_seconds) from None
    return bytes(body)


def _refuse_other_formats(request: Request) -> None:
    if request.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise UnsupportedBody("a compressed body is not read; send it without Content-Encoding")
    media_type, *parameters = (part.strip().lower() for part in request.headers.get("content-type", "").split(";"))
    if media_type and media_type != "application/json" and not media_type.endswith("+json"):
        raise UnsupportedBody("the body is read as JSON; send it as application/json or application/fhir+json")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip(' "') not in _CHARSETS:
            raise UnsupportedBody("JSON is read as UTF-8; send it so")
