"""An exchange to keep, or to show to somebody: without the tokens that opened doors."""

from __future__ import annotations

from typing import Any

import msgspec

from cds_service.client.answer import Answer
from cds_service.client.hook_request import HookRequest

__all__ = ["saved"]

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


def saved(request: HookRequest, answer: Answer) -> bytes:
    """Return an exchange as indented JSON: request and response, each with its body as it was sent.

    The access token of the request is empty, which services take for none; the signed token is not there at all.
    What was no JSON is a text.
    """
    reply = answer.reply
    response = msgspec.Raw(reply.body) if answer.content is not None else reply.body.decode(errors="replace")
    exchange = {
        "request": {"method": "POST", "url": reply.url, "body": _without_token(request)},
        "response": {"status": reply.status, "milliseconds": round(reply.milliseconds, 1), "body": response},
    }
    return msgspec.json.format(msgspec.json.encode(exchange), indent=2) + b"\n"


def _without_token(request: HookRequest) -> Any:
    if not isinstance(request.content.get("fhirAuthorization"), dict):
        return msgspec.Raw(request.body)
    members: dict[str, Any] = dict(_members.decode(request.body))
    members["fhirAuthorization"] = {**_members.decode(members["fhirAuthorization"]), "access_token": ""}
    return members
