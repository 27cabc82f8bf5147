"""What a service answered, in words for a terminal. Every line that came from a server is made printable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cds_service.client.answer import Answer, objects
from cds_service.client.difference import changes
from cds_service.client.hook_request import HookRequest
from cds_service.client.markdown import plain_lines
from cds_service.necessity.wording import printable

__all__ = ["advice", "in_words"]

Object = Mapping[str, Any]
_MOST_LINES_OF_NO_ANSWER = 10
_ADVICE = {
    400: "the request is not what the service reads; correct what it names",
    401: "the service does not know who calls; sign with --key and --iss, as it was told to trust",
    403: "the service knows who calls and does not let them",
    404: "there is no service at this address; give the server's and see what it offers, or choose with --service",
    405: "this address takes no hook requests; a service is at {server}/cds-services/{id}",
    412: "the service lacks data that it cannot do without; add it to prefetch, or let it read with --fhir-server",
    413: "the request is larger than the service reads",
    415: "the service does not read application/json here; is this a CDS service?",
    422: "the request is well formed and breaks a rule of an implementation guide; correct what it names",
    429: "the service is asked too often; wait, then send again",
    503: "the service is not ready; wait, then send again",
}


def in_words(answer: Answer, request: HookRequest) -> Iterator[str]:
    """Yield the cards and actions of an answer, or what was wrong, as lines."""
    if not answer.accepted:
        yield from _refusal(answer)
        return
    if not answer.cards and not answer.system_actions:
        yield "no cards"
    for position, card in enumerate(answer.cards):
        yield from [""] if position else []
        yield from _card(card)
    for position, action in enumerate(answer.system_actions):
        yield from [""] if position or answer.cards else []
        yield from _system_action(action, request)
    if answer.breach:
        yield ""
        yield f"not as CDS Hooks 2.0 has it: {printable(answer.breach)}"


def advice(answer: Answer, *, signed: bool) -> str:
    """Return what to do about an answer without cards."""
    status = answer.reply.status
    if status == 401 and signed:
        return "the service does not trust this token; does it know --iss, the key, and the address that was called?"
    if 300 <= status < 400:
        return f"the service is elsewhere: {printable(answer.reply.location or 'it does not say where')}"
    if status == 200:
        return "the answer holds no `cards`; is this the address of a CDS service?"
    failed = "the service failed; its operator can find out why"
    return _ADVICE.get(status, failed if status >= 500 else "the service refused")


# -- cards ----------------------------------------------------------------------------------------------------


def _card(card: Object) -> Iterator[str]:
    yield f"{_text(card, 'indicator').upper() or 'NO INDICATOR'}  {_text(card, 'summary') or '(no summary)'}"
    source = card.get("source")
    if isinstance(source, dict):
        topic = source.get("topic")
        about = f", {_text(topic, 'display') or _text(topic, 'code')}" if isinstance(topic, dict) else ""
        yield f"  {_text(source, 'label')}{about}"
    detail = card.get("detail")
    if isinstance(detail, str):
        yield ""
        yield from (f"  {_indented(line)}".rstrip() for line in plain_lines(detail))
    for title, lines in (
        (f"suggestions ({_text(card, 'selectionBehavior') or 'no selectionBehavior'})", _suggestions(card)),
        ("links", _links(card)),
        ("reasons to override", _reasons(card)),
    ):
        shown = list(lines)
        if shown:
            yield ""
            yield f"  {title}:"
            yield from (f"    {line}" for line in shown)


def _suggestions(card: Object) -> Iterator[str]:
    for suggestion in objects(card.get("suggestions")):
        recommended = " (recommended)" if suggestion.get("isRecommended") is True else ""
        yield f"- {_text(suggestion, 'label')}{recommended}"
        yield from (f"    {_action(one)}" for one in objects(suggestion.get("actions")))


def _links(card: Object) -> Iterator[str]:
    for link in objects(card.get("links")):
        smart = " (SMART app)" if link.get("type") == "smart" else ""
        yield f"- {_text(link, 'label')}{smart}: {_text(link, 'url')}"


def _reasons(card: Object) -> Iterator[str]:
    for reason in objects(card.get("overrideReasons")):
        yield f"- {_text(reason, 'display') or _text(reason, 'code')}"


# -- actions --------------------------------------------------------------------------------------------------


def _action(action: Object) -> str:
    return f"{_text(action, 'type')} {_target(action)}: {_text(action, 'description') or '(no description)'}"


def _target(action: Object) -> str:
    resource = action.get("resource")
    if isinstance(resource, dict):
        name = _text(resource, "id") if action.get("type") != "create" else ""
        return _text(resource, "resourceType") + (f"/{name}" if name else "")
    return _text(action, "resourceId") or "(nothing)"


def _system_action(action: Object, request: HookRequest) -> Iterator[str]:
    yield f"SYSTEM ACTION  {_action(action)}"
    resource = action.get("resource")
    if not isinstance(resource, dict):
        return
    sent = request.resource(_target(action)) if action.get("type") == "update" else None
    if action.get("type") == "update" and sent is None:
        yield "  (the request holds no such resource)"
    lines = list(changes(sent, resource))
    yield from (f"  {line}" for line in lines or ["(nothing changes)"])


# -- what was wrong -------------------------------------------------------------------------------------------


def _refusal(answer: Answer) -> Iterator[str]:
    for issue in answer.issues:
        details = issue.get("details")
        said = (_text(details, "text") if isinstance(details, dict) else "") or _text(issue, "diagnostics")
        places = issue.get("expression") or issue.get("location")
        where = ", ".join(printable(one) for one in places) if isinstance(places, list) else ""
        at = f" (at {where})" if where else ""
        yield f"{_text(issue, 'severity')} {_text(issue, 'code')}: {said or '(no text)'}{at}"
    if not answer.issues:
        text = answer.reply.body[:10_000].decode(errors="replace").strip()
        lines = [printable(line) for line in text.splitlines()]
        yield from lines[:_MOST_LINES_OF_NO_ANSWER] or ["(an empty body)"]
        if len(lines) > _MOST_LINES_OF_NO_ANSWER:
            yield "…"


def _text(holder: object, name: str) -> str:
    value = holder.get(name) if isinstance(holder, dict) else None
    return printable(value) if isinstance(value, str) else ""


def _indented(line: str) -> str:
    return " " * (len(line) - len(line.lstrip())) + printable(line)
