"""What is tried: a request of the corpus, or a report of feedback, damaged by dice that two numbers start."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any, Literal

from cds_service.errors import MalformedRequest
from cds_service.fhir.encoding import decode, encode
from cds_service.services import SERVICES
from tests.canaries import Canaries
from tests.fuzz.requests.json_mutations import changed, lessened
from tests.fuzz.requests.wire_mutations import altered, headers_for, target_for
from tests.integration.decisions.corpus import asked
from tests.integration.test_payer import COVERAGE, ORGANIZATION
from tests.made_up import PATIENT, bundle, finding
from tests.replay.clients import edit, ehr, found

__all__ = ["LACKING", "PATHS", "Case", "lacking", "make"]

Headers = tuple[tuple[bytes, bytes], ...]
Tokens = Literal["open", "good", "none", "two", "of another"]

PATHS = tuple(path for name in SERVICES for path in (f"/cds-services/{name}", f"/cds-services/{name}/feedback"))
_HEADERS: Headers = ((b"content-type", b"application/json"),)
_SIGN = "/cds-services/necessity-order-sign"


@dataclass(frozen=True, slots=True)
class Case:
    """One request, and what is known of it."""

    path: str
    body: bytes
    payer: bool = False
    tokens: Tokens = "open"
    """Whether anybody may call, else which tokens are sent: made as the case is tried, for each is good but once."""
    method: str = "POST"
    headers: Headers = _HEADERS
    parts: int = 1
    """In how many parts the body arrives."""
    broken_off: bool = False
    """Whether the client goes away after half of the parts."""
    retargeted: bool = False
    """Whether the method or the path is not that of the request that was damaged."""
    lessened: bool = False
    """Whether it is an order for which the criteria are not met, with something taken away that is no order."""


def make(seed: int, number: int) -> Case:
    """Return the case of that number in the run that starts from `seed`."""
    chance = Random(f"{seed}/{number}")  # noqa: S311 - a test's own dice
    payer = number % 2 == 1
    kind = chance.random()
    if kind < 0.1:
        return Case(_SIGN, lessened(chance, lacking(chance), apart=("context",)), payer, lessened=True)
    path, body = _feedback(chance) if kind < 0.2 else chance.choice(_requests())
    if payer:
        body = _insured(chance, body)
    method, headers, retargeted = "POST", _HEADERS, False
    how = chance.random()
    if how < 0.8:
        body = _changed(chance, body)
    elif how < 0.9:
        body = altered(chance, body)
    if how > 0.86:
        headers = headers_for(chance, headers)
    if how > 0.96:
        method, path = target_for(chance, method, path, PATHS)
        retargeted = True
    parts = chance.choice((1, 1, 1, 2, 7))
    tokens: Tokens = "open"
    if chance.random() < 0.12:
        tokens = chance.choice(("good", "good", "good", "good", "none", "two", "of another"))
    broken_off = parts > 1 and chance.random() < 0.1
    return Case(path, body, payer, tokens, method, headers, parts, broken_off, retargeted)


def _changed(chance: Random, body: bytes) -> bytes:
    try:
        message = decode(body)
        other = decode(chance.choice(_requests())[1])
    except MalformedRequest:
        return altered(chance, body)
    return changed(chance, message, other)


@cache
def _requests() -> tuple[tuple[str, bytes], ...]:
    """Return the paths and the bodies of the corpus and the fixtures, with a canary for every value of a patient."""
    return tuple((f"/cds-services/necessity-{hook}", _with_canaries(body)) for hook, body in asked())


def _with_canaries(body: bytes) -> bytes:
    try:
        return encode(Canaries().put_into(decode(body)))
    except MalformedRequest:
        return body


def _insured(chance: Random, body: bytes) -> bytes:
    """Return a request with the patient's Coverage by the payer, as often as not, and a version of CRD."""
    try:
        message: Any = decode(body)
        patient = str(message["context"]["patientId"]).removeprefix("Patient/")
        coverage = COVERAGE | {"beneficiary": {"reference": f"Patient/{patient}"}}
        prefetch = message["prefetch"] | {"coverage": bundle(coverage, ORGANIZATION)}
    except (MalformedRequest, KeyError, TypeError):
        return body
    extension = {"davinci-crd.requestedVersion": chance.choice(("2.0", "2.2", "2.2.1", "1.0"))}
    if chance.random() < 0.3:
        return body
    return encode(message | {"prefetch": prefetch} | ({"extension": extension} if chance.random() < 0.7 else {}))


def _feedback(chance: Random) -> tuple[str, bytes]:
    canaries = Canaries()
    card = "2f8b4d1c-5a0e-4b8f-9c6d-0a1b2c3d4e5f"
    entries: list[dict[str, Any]] = [
        {"card": card, "outcome": "accepted", "acceptedSuggestions": [{"id": card}]},
        {"card": card, "outcome": "overridden"},
        {
            "card": card,
            "outcome": "overridden",
            "overrideReason": {
                "reason": {"code": "reason-code", "system": "http://example.org/reasons"},
                "userComment": f"not for {canaries.word()}",
            },
        },
    ]
    report = [
        one | {"outcomeTimestamp": "2026-01-15T10:00:00Z"} for one in chance.sample(entries, chance.randint(1, 3))
    ]
    return chance.choice([one for one in PATHS if one.endswith("/feedback")]), encode({"feedback": report})


# -- what is not met, and stays so whatever is taken away -------------------------------------------------------

LACKING: tuple[dict[str, Any], ...] = (
    *({"status": one} for one in ("preliminary", "registered", "cancelled", "entered-in-error", "unknown")),
    *({"subject": {"reference": one}} for one in ("Patient/p2", "https://x.example.org/fhir/Patient/p2")),
    *({"valueString": one} for one in ("intact", {"a": []}, "", None)),
    *(
        {"code": one}
        for one in ({"text": "state"}, {"coding": [{"system": "https://example.org/other", "code": "state"}]})
    ),
)
"""What keeps a finding from showing that a widget is broken, each by itself.

Not among them is what may be taken away so that it does: a contradiction, a modifier extension, and a date to come,
since a policy that asks for no date takes an undated finding.
"""


def lacking(chance: Random) -> dict[str, Any]:
    """Return the signing of a widget for which the criteria are not met: every finding lacks something."""
    lacks = [chance.sample(LACKING, chance.choice((1, 1, 2))) for _ in range(chance.randint(1, 3))]
    findings = [
        finding(id=f"f{i}", **{key: one for part in parts for key, one in part.items()})
        for i, parts in enumerate(lacks)
    ]
    message = edit(ehr(), {"prefetch.observation": found(*findings), "prefetch.patient": PATIENT})
    coverage = found(COVERAGE, ORGANIZATION)
    return edit(message, {"prefetch.coverage": coverage}) if chance.random() < 0.5 else message
