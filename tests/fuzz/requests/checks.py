"""What must hold of every answer: its status is documented, its form is sound, and nothing of a patient is told."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from functools import cache
from itertools import count
from typing import Any
from zlib import crc32

from prometheus_client import REGISTRY, generate_latest

from cds_service.cds_hooks import Response
from cds_service.crd import VERSIONS
from cds_service.crd.coverage_information import URL
from cds_service.errors import MalformedRequest
from cds_service.fhir.encoding import canonical, decode
from tests.canaries import canaries_in
from tests.fuzz.checks import CPU_SECONDS, Examined, Fault, OutOfTime, within
from tests.fuzz.requests.cases import PATHS, Case
from tests.fuzz.requests.sending import Answer, Services
from tests.replay.clients import ORDERED
from tests.replay.replay import MET, MET_IN_PART
from tests.replay.test_replay import told
from tests.unit.crd.invariants import broken

__all__ = ["Met", "check", "close", "examine"]

_ISSUES = {"invalid", "required", "processing", "too-costly", "too-long", "timeout", "not-found", "forbidden", "login"}
_ISSUES |= {"transient", "throttled", "not-supported"}
"""Codes of FHIR's issue-type that documented errors have."""
_WIDGETS = {code for _, code in ORDERED}
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What no reader of a card should meet: characters of control, and those that turn the direction of a text."""
_CODE_SPAN = re.compile(r"(?<!\\)(`+)[^`].*?(?<!`)\1(?!`)")
"""What a reader is shown as it is. Source: CommonMark 0.31, Code spans."""
_CLOCK = {"created", "msecs", "relativeCreated"}
"""Members of a log record whose digits are those of the time, whatever they look like."""
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
_NOT_TO_BE_DONE = ("revoked", "cancelled", "entered-in-error", "completed", "fulfilled", "noshow")
"""Nothing is said of an order of such a status. Source: docs/reference/hooks.md, Orders that are not judged."""
_AGAIN = 16
"""One request in so many is sent twice, and answered the same."""
_METRICS = 200
"""After so many requests metrics are looked at; they only grow."""

_examined = count()


class Met(Exception):
    """A fault was met; the case is at its end."""

    def __init__(self, what: str, where: str = "", shown: str = "") -> None:
        """Name what must not be, where it shows, and what may differ from case to case."""
        super().__init__(what)
        self.fault = Fault(what, where, shown)


@cache
def _services() -> Services:
    return Services()


def close() -> None:
    """Close the services that answered, if any did."""
    _services().close()
    _services.cache_clear()


def examine(case: Case) -> Examined:
    """Return what becomes of a case."""
    started = time.process_time()
    try:
        with within(CPU_SECONDS):
            answer = _services().send(case)
        check(case, answer)
        if answer.status == 200 and crc32(case.body) % _AGAIN == 0 and _services().send(case).body != answer.body:
            raise Met("the same request is answered otherwise")
        if next(_examined) % _METRICS == 0 and canaries_in(_metrics()):
            raise Met("a metric tells a value of a patient", shown=f"in this case or up to {_METRICS} before it")
        outcome = f"{answer.status or 'nothing'}{' feedback' if case.path.endswith('/feedback') else ''}"
        return Examined(outcome, time.process_time() - started)
    except Met as met:
        return Examined("fault", time.process_time() - started, met.fault)
    except OutOfTime:
        return Examined("fault", CPU_SECONDS, Fault("it does not end", case.path))


def _metrics() -> str:
    """Return the metrics with their labels; the digits of what they count may look like anything."""
    return "\n".join(line.rpartition(" ")[0] for line in generate_latest(REGISTRY).decode().splitlines())


def check(case: Case, answer: Answer) -> None:
    """Raise Met where an answer is not as it must be."""
    _check_log(answer)
    if answer.status is None:
        if not case.broken_off:
            raise Met("nothing is answered")
        return
    if answer.status not in _statuses(case):
        raise Met(f"answered with {answer.status}", _place(answer) or _text(answer))
    if answer.headers.get("x-content-type-options") != "nosniff" or answer.headers.get("cache-control") != "no-store":
        raise Met("a header is missing")
    if answer.status >= 400:
        _check_error(answer)
    elif case.method == "POST" and case.path in PATHS and not case.path.endswith("/feedback"):
        _check_cards(case, answer)
    elif answer.status == 200 and canaries_in(answer.body):
        raise Met("what is no card tells a value of a patient", case.path)


def _statuses(case: Case) -> set[int]:
    """Return the statuses that are documented for such a request."""
    retargeted = {404, 405} if case.retargeted else set()
    if case.tokens not in ("open", "good"):
        return {401, *retargeted, *({200, 400} if case.method == "OPTIONS" else ())}
    allowed = {200, 400, 412, 413} | retargeted
    names = {name for name, one in case.headers if (name, one) != (b"content-type", b"application/json")}
    if case.broken_off:
        allowed.add(408)
    if {b"content-type", b"content-encoding"} & names:
        allowed.add(415)
    if b"authorization" in names and case.tokens == "good":
        allowed.add(401)
    return allowed


def _place(answer: Answer) -> str:
    """Return what the log says of an unforeseen error: its type and place."""
    for record in answer.records:
        if record.getMessage() == "unforeseen error":
            return f"{record.__dict__['error']} at {record.__dict__['place']}"
    return ""


def _text(answer: Answer) -> str:
    return answer.body.decode("utf-8", "replace")[:200]


def _check_log(answer: Answer) -> None:
    for record in answer.records:
        held = repr({key: one for key, one in record.__dict__.items() if key not in _CLOCK})
        if canaries_in(f"{record.getMessage()} {held}"):
            raise Met("the log tells a value of a patient", f"{record.name}: {record.msg}", held[:300])
    if sum(record.getMessage() == "request" for record in answer.records) != 1:
        raise Met("the log has not one line for the request")


def _check_error(answer: Answer) -> None:
    if canaries_in(answer.body):
        raise Met("an error tells a value of a patient", "", _text(answer))
    if answer.headers.get("content-type") != "application/json":
        raise Met("an error is not JSON", str(answer.status))
    outcome: Any = decode(answer.body)
    if outcome.keys() != {"resourceType", "issue"} or outcome["resourceType"] != "OperationOutcome":
        raise Met("an error is no OperationOutcome", str(answer.status))
    (issue,) = outcome["issue"]
    if issue["severity"] != "error" or issue["code"] not in _ISSUES or not issue["details"]["text"]:
        raise Met("an OperationOutcome is not as FHIR has it", str(answer.status), _text(answer))
    if answer.status == 401 and answer.headers.get("www-authenticate") != "Bearer":
        raise Met("a 401 does not say what to send")


# -- cards ------------------------------------------------------------------------------------------------------


def _check_cards(case: Case, answer: Answer) -> None:
    message = decode(case.body)
    try:
        response: Any = decode(answer.body)
        Response.read(response)
    except (MalformedRequest, ValueError) as error:
        raise Met("what is answered is no response", str(error)) from None
    for card in response["cards"]:
        _check_card(card)
    _check_actions(case, response.get("systemActions", []), message)
    _check_outcomes(case, response, message)
    _check_orders(case, response, message)


def _check_card(card: Any) -> None:
    summary = card["summary"]
    if not 0 < len(summary) < 140 or summary.splitlines() != [summary]:
        raise Met("a summary is not one line of at most 139 characters", "", ascii(summary))
    if card["indicator"] not in ("info", "warning", "critical") or not card["source"]["label"] or not card["uuid"]:
        raise Met("a card lacks what every card has")
    for text in (summary, card.get("detail", "")):
        if found := _CONTROL.search(text):
            raise Met("a card holds a character of control", f"U+{ord(found[0]):04X}", ascii(text)[:300])
        shown = _CODE_SPAN.sub("", text)
        if "<script" in shown or re.search(r"(?<!\\)\]\((?!https://cds\.example\.org/)", shown):
            raise Met("a card holds markup of the client's", "", ascii(text)[:1000])


def _check_actions(case: Case, actions: Any, message: Any) -> None:
    if actions and not case.payer:
        raise Met("a provider's service acts")
    sent = {canonical(_bare(one)) for one in _resources(message)} if actions else set()
    for action in actions:
        resource = action["resource"]
        if action["type"] == "update" and canonical(_bare(resource)) not in sent:
            raise Met("a system action changes more of an order than its extensions")
        said = [one for one in resource.get("extension", ()) if isinstance(one, dict) and one.get("url") == URL]
        for extension in said:
            if all(broken(extension, version) for version in VERSIONS):
                raise Met("coverage-information breaks an invariant of CRD")


def _bare(resource: dict[str, Any]) -> dict[str, Any]:
    return {key: one for key, one in resource.items() if key != "extension"}


def _resources(held: Any) -> Iterator[dict[str, Any]]:
    if isinstance(held, dict):
        if "resourceType" in held:
            yield held
        for one in held.values():
            yield from _resources(one)
    elif isinstance(held, list):
        for one in held:
            yield from _resources(one)


def _check_outcomes(case: Case, response: Any, message: Any) -> None:
    """A widget is met only where a text says that one is broken, and not where that was taken away or never counted."""
    met = [
        order
        for order, outcome in told(response).items()
        if outcome in (MET, MET_IN_PART) and order.rpartition(" ")[2] in _WIDGETS
    ]
    if met and (case.lessened or not _says(message, "broken")):
        raise Met("criteria are met that nothing shows", "lessened" if case.lessened else "", ", ".join(met))


def _says(held: Any, word: str) -> bool:
    if isinstance(held, dict | list):
        return any(_says(one, word) for one in (held.values() if isinstance(held, dict) else held))
    return held == word


def _check_orders(case: Case, response: Any, message: Any) -> None:
    """An order of a widget is spoken of on a card, whatever else is wrong: silence would look like clearance."""
    if case.path != "/cds-services/necessity-order-sign" or message.get("extension"):
        return  # which may ask for no cards
    if re.search("(^|/)(Patient|RelatedPerson)/", str(message["context"].get("userId"))):
        return  # no card is written for them
    told_of = "".join(f"{card['summary']} {card['detail']}" for card in response["cards"])
    for order in _widgets(message["context"]["draftOrders"]):
        if f"/{order['id']}`" not in told_of:
            raise Met("an order is passed over in silence", "", order["id"])


def _widgets(bundle: Any) -> Iterator[Any]:
    """Yield the orders of a widget that are to be done and can be read: with an id that FHIR allows, and a code."""
    for entry in bundle.get("entry", ()):
        match entry:
            case {"resource": {"resourceType": "ServiceRequest", "id": str(), "code": {"coding": [{}, *_]}} as order}:
                coding = order["code"]["coding"][0]
                done = order.get("doNotPerform") is True or order.get("status") in _NOT_TO_BE_DONE
                if not done and _ID.fullmatch(order["id"]) and (coding.get("system"), coding.get("code")) in ORDERED:
                    yield order
