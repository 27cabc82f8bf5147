"""What came of a hook: the cards as a client gets them, and the determinations behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Answer", "Refused"]

JsonObject = Mapping[str, Any]


class Refused(Exception):
    """The service answered with an error: its HTTP status, and the issues of its OperationOutcome."""

    def __init__(self, status: int, issues: tuple[JsonObject, ...]) -> None:
        """Keep both."""
        super().__init__(status, issues)
        self.status = status
        self.issues = issues

    def __str__(self) -> str:
        """Return the status, and what the issues say."""
        said = "; ".join(str(one.get("details", {}).get("text", one.get("code"))) for one in self.issues)
        return f"{self.status}: {said or 'no OperationOutcome'}"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: `body` is the response as sent, `report` what `--format determinations` of `evaluate` gives."""

    service: str
    body: JsonObject = field(repr=False)
    report: JsonObject = field(repr=False)

    @property
    def cards(self) -> tuple[JsonObject, ...]:
        """Return the cards, the most severe first."""
        return tuple(self.body["cards"])

    @property
    def system_actions(self) -> tuple[JsonObject, ...]:
        """Return the actions that need no click; none but of a payer's service."""
        return tuple(self.body.get("systemActions", ()))

    @property
    def determinations(self) -> tuple[JsonObject, ...]:
        """Return a determination per ordered code and policy; see docs/reference/determinations.md."""
        return tuple(self.report["determinations"])

    def determination(self, code: str) -> JsonObject:
        """Return the only determination of an ordered code. Raises LookupError."""
        found = [one for one in self.determinations if one["order"]["code"] == code]
        if len(found) != 1:
            codes = ", ".join(sorted({one["order"]["code"] for one in self.determinations})) or "none"
            raise LookupError(f"`{code}` has {len(found)} determinations, not one; codes that have any: {codes}")
        return found[0]

    def outcome(self, code: str) -> str:
        """Return how an ordered code came out: `met`, `not-met`, `information-missing`, … Raises LookupError."""
        return str(self.determination(code)["outcome"])

    def state(self, code: str, criterion: str) -> str:
        """Return the state of a criterion, such as `true` or `unknown/absent`. Raises LookupError."""
        criteria = {one["id"]: one for one in self.determination(code)["criteria"]}
        if criterion not in criteria:
            raise LookupError(f"`{code}` has no criterion `{criterion}`; it has {', '.join(criteria)}")
        found = criteria[criterion]
        return f"{found['state']}/{found['reason']}" if found["reason"] else str(found["state"])
