"""What a decision holds of the chart, read: its parts as JSON, and the FHIR resources in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cds_service.errors import MalformedRequest
from cds_service.fhir.encoding import decode
from cds_service.store.model import Contents

__all__ = ["read_part", "resources_in"]


def resources_in(contents: Contents) -> Iterator[dict[str, Any]]:
    """Yield the resources that came with the request or were fetched, those inside others included."""
    values = [read_part(contents.request), read_part(contents.fetched)]
    while values:
        value = values.pop()
        if isinstance(value, dict):
            if isinstance(value.get("resourceType"), str):
                yield value
            values += value.values()
        elif isinstance(value, list):
            values += value


def read_part(body: bytes) -> object:
    """Return the JSON of a part of the contents, None where it is none."""
    try:
        return decode(body) if body else None
    except MalformedRequest:
        return None
