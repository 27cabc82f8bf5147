"""Resources by type and id: what the sandbox's FHIR server holds, and what it held at the start."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import uuid4

from cds_service.errors import MalformedRequest

__all__ = ["FhirStore"]


class FhirStore:
    """Resources that may be read, put and deleted; `reset` brings back the first ones."""

    def __init__(self, resources: Iterable[Mapping[str, Any]]) -> None:
        """Hold these resources."""
        self._first = [dict(one) for one in resources]
        self._held: dict[str, dict[str, dict[str, Any]]] = {}
        self.reset()

    def reset(self) -> None:
        """Hold what was held at the start, and nothing else."""
        self._held = {}
        for one in self._first:
            self.put(copy.deepcopy(one))

    def read(self, kind: str, name: str) -> dict[str, Any] | None:
        """Return a resource, None where there is none of that type and id."""
        return self._held.get(kind, {}).get(name)

    def all(self, kind: str) -> list[dict[str, Any]]:
        """Return the resources of a type, in the order in which they came."""
        return list(self._held.get(kind, {}).values())

    def everything(self) -> list[dict[str, Any]]:
        """Return all resources, by type."""
        return [one for kind in self._held for one in self.all(kind)]

    def put(self, resource: object) -> dict[str, Any]:
        """Return the resource as it is held now, with an id if it had none. Raises MalformedRequest."""
        if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
            raise MalformedRequest("", "must be a resource with a `resourceType`")
        name = resource.setdefault("id", str(uuid4()))
        if not isinstance(name, str):
            raise MalformedRequest("id", "must be a text")
        self._held.setdefault(resource["resourceType"], {})[name] = resource
        return resource

    def put_all(self, bundle: object) -> list[dict[str, Any]]:
        """Return the resources of a Bundle, or the one resource, as they are held now. Raises MalformedRequest."""
        if isinstance(bundle, dict) and bundle.get("resourceType") == "Bundle":
            entries = bundle.get("entry", [])
            if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
                raise MalformedRequest("entry", "must be an array of objects")
            return [self.put(one.get("resource")) for one in entries]
        return [self.put(bundle)]

    def delete(self, kind: str, name: str) -> bool:
        """Remove a resource; return whether it was there."""
        return self._held.get(kind, {}).pop(name, None) is not None
