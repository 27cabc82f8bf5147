"""What a service answered, read leniently: whatever can be shown is, and what breaks the standard is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from cds_service.cds_hooks import ProtocolError, Response
from cds_service.client.caller import Reply
from cds_service.errors import MalformedRequest
from cds_service.fhir.encoding import decode

__all__ = ["Answer"]

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply understood as far as it goes."""

    reply: Reply
    content: object
    """The decoded body; None for what is no JSON."""

    @classmethod
    def of(cls, reply: Reply) -> Self:
        """Return the answer in a reply."""
        try:
            return cls(reply, decode(reply.body))
        except MalformedRequest:
            return cls(reply, None)

    @property
    def accepted(self) -> bool:
        """Return whether the service answered with cards, be it none."""
        return self.reply.status == 200 and isinstance(self._members.get("cards"), list)

    @property
    def cards(self) -> Sequence[Object]:
        """Return the cards."""
        return objects(self._members.get("cards"))

    @property
    def system_actions(self) -> Sequence[Object]:
        """Return the actions that need no click."""
        return objects(self._members.get("systemActions"))

    @property
    def issues(self) -> Sequence[Object]:
        """Return the issues of an OperationOutcome."""
        outcome = self._members.get("resourceType") == "OperationOutcome"
        return objects(self._members.get("issue")) if outcome else ()

    @property
    def breach(self) -> str | None:
        """Return the first place where an answer with cards is not as CDS Hooks 2.0 has it, and how."""
        try:
            Response.read(self.content)
        except ProtocolError as error:
            return str(error)
        return None

    @property
    def _members(self) -> Object:
        return self.content if isinstance(self.content, dict) else {}


def objects(value: object) -> Sequence[Object]:
    """Return the objects in an array; none of anything else."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else ()
