"""A hook request in a file: sent as it was written, byte by byte, but for the members that are set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import uuid4

import msgspec

from cds_service.errors import MalformedRequest
from cds_service.fhir.encoding import decode, encode

__all__ = ["HookRequest"]

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True, slots=True)
class HookRequest:
    """A request as bytes, and decoded."""

    body: bytes
    content: Mapping[str, Any] = field(repr=False)

    @classmethod
    def read(cls, body: bytes) -> Self:
        """Return the request that a file holds. Raises MalformedRequest for what is no JSON object."""
        content = decode(body)
        if not isinstance(content, dict):
            raise MalformedRequest("", "a hook request is a JSON object, with `hook` and `context`")
        return cls(body, content)

    @property
    def hook(self) -> str | None:
        """Return the hook that it names."""
        hook = self.content.get("hook")
        return hook if isinstance(hook, str) else None

    def fresh(self) -> HookRequest:
        """Return the request as another invocation of its hook: with a `hookInstance` of its own."""
        return self.having(hookInstance=str(uuid4()))

    def having(self, **members: str) -> HookRequest:
        """Return the request with members set; all others keep their place and their text."""
        changed: dict[str, Any] = {**_members.decode(self.body), **members}
        return HookRequest.read(encode(changed))

    def resource(self, reference: str) -> Mapping[str, Any] | None:
        """Return the resource that it holds under `Type/id`: of the context, else of the prefetch."""
        for part in (self.content.get("context"), self.content.get("prefetch")):
            for one in _resources(part):
                if f"{one['resourceType']}/{one.get('id')}" == reference:
                    return one
        return None


def _resources(value: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list):
        for one in value:
            yield from _resources(one)
    elif isinstance(value, dict):
        if "resourceType" in value:
            yield value
        if value.get("resourceType", "Bundle") == "Bundle":
            for one in value.values():
                yield from _resources(one)
