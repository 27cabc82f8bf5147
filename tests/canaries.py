"""Hook requests in which every value of a patient stands nowhere else, so that it is known where it turns up.

Texts, ids, references, birth dates and quantities are replaced; codes, systems, statuses and other dates are not, so
that policies decide as before. Nothing is put into `fhirAuthorization`: a token is not to be found anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import Any, Final

__all__ = ["Canaries", "canaries_in"]

_CANARY: Final = re.compile(r"canary\d{6}z|\.31415\d{6}|\b18\d\d-\d\d-\d\d\b")
_TEXTS: Final = re.compile(
    "text|div|display|family|given|prefix|suffix|line|city|district|state|postalCode|country|comment|description|"
    "patientInstruction|title|valueString|authorString|conclusion"
)
"""Members whose strings are free text."""
_HOLDERS: Final = frozenset({"identifier", "telecom", "groupIdentifier", "requisition"})
"""Members in which `value` says who or which."""
_IDENTITY: Final = {
    "name": [{"family": "", "given": ["", ""], "text": ""}],
    "telecom": [{"system": "phone", "value": ""}],
    "address": [{"line": ["", ""], "city": "", "postalCode": ""}],
    "identifier": [{"system": "urn:example:mrn", "value": ""}],
    "contact": [{"name": {"text": ""}}],
    "birthDate": "1960-01-01",
}
"""What a patient is given that is not there."""


def canaries_in(text: str | bytes) -> set[str]:
    """Return the canaries that are in a text."""
    return set(_CANARY.findall(text if isinstance(text, str) else text.decode("utf-8", "replace")))


@dataclass
class Canaries:
    """Makes them, no two alike."""

    _numbers: Iterator[int] = field(default_factory=count)

    def put_into(self, message: Any) -> Any:
        """Return a copy of a message with a canary for every value of a patient."""
        return self._replaced(message, "", {one: self.word() for one in _ids(message)})

    def word(self) -> str:
        """Return one that is a word."""
        return f"canary{next(self._numbers):06}z"

    def _replaced(self, value: Any, name: str, ids: dict[str, str]) -> Any:
        match value:
            case dict() if name == "fhirAuthorization":
                return value
            case dict():
                more = _additions(value)
                return {key: self._replaced(one, _within(name, key), ids) for key, one in {**more, **value}.items()}
            case list():
                return [self._replaced(one, name, ids) for one in value]
            case str():
                return self._string(value, name, ids)
            case int() | Decimal() if name == "value" and not isinstance(value, bool):
                whole = format(value, "f").partition(".")[0]
                return Decimal(f"{whole}.31415{next(self._numbers):06}")
        return value

    def _string(self, value: str, name: str, ids: dict[str, str]) -> str:
        if name == "birthDate":
            number = next(self._numbers)
            return f"18{number // 300 % 100:02}-{number % 12 + 1:02}-{number // 12 % 25 + 1:02}"
        if _TEXTS.fullmatch(name):
            return f"<div>{self.word()}</div>" if name == "div" else self.word()
        head, slash, tail = value.rpartition("/")
        if tail in ids and (slash or name in {"id", "patientId", "encounterId"}):
            return head + slash + ids[tail]
        return self.word() if name == "value" else value


def _within(holder: str, name: str) -> str:
    """Return what a member is called: `value` only where it says who or which, or how much."""
    return "" if name == "value" and holder not in _HOLDERS and not holder.endswith("Quantity") else name


def _additions(value: dict[str, Any]) -> dict[str, Any]:
    """Return the members that a resource is given beside its own: all the places in which a person may be named."""
    match value.get("resourceType"):
        case "Patient":
            return _IDENTITY
        case None | "Bundle" | "OperationOutcome" | "QuestionnaireResponse":
            return {}
    return {"note": [{"text": ""}], "text": {"status": "generated", "div": ""}, "identifier": [{"value": ""}]}


def _ids(value: Any) -> Iterable[str]:
    """Yield the ids of resources, and those that the context names."""
    match value:
        case dict():
            named = (value.get("id"), value.get("patientId"), value.get("encounterId"))
            yield from (one for one in named if isinstance(one, str) and one)
            yield from (one.rpartition("/")[2] for one in (value.get("userId"),) if isinstance(one, str) and "/" in one)
            for one in value.values():
                yield from _ids(one)
        case list():
            for one in value:
                yield from _ids(one)
