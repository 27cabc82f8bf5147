"""Whatever holds resources (Bundles of any type, prefetch values, lists) → the resources, and what could not be read.

A prefetch value is in one of five states (CDS Hooks 2.0.1, Prefetch Template): supplied, none (`null`), empty,
failed (an OperationOutcome), missing (no such key). Only a failure tells us that something may exist unseen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cds_service.fhir.definitions import is_resource
from cds_service.fhir.element import Resource
from cds_service.fhir.encoding import canonical

__all__ = ["Holding", "gather", "read"]

_MAX_NESTING = 8


@dataclass(slots=True)
class Holding:
    """The resources found, each with its fullUrl, and what was found that is no resource."""

    resources: list[Resource] = field(default_factory=list)
    full_urls: dict[str, Resource] = field(default_factory=dict)
    incomplete: list[str] = field(default_factory=list)
    """Where a search failed or did not end: the key or place, for the answer's notes."""
    unreadable: list[str] = field(default_factory=list)
    """Where something stood that is no resource."""

    def add(self, resource: Resource, full_url: object = None) -> None:
        """Take a resource in."""
        self.resources.append(resource)
        if type(full_url) is str and full_url:
            earlier = self.full_urls.setdefault(full_url, resource)
            if earlier is not resource:  # the same one whatever came in first
                self.full_urls[full_url] = min(earlier, resource, key=canonical)


def read(value: object, *, place: str = "Bundle") -> Holding:
    """Return what a Bundle (its type does not matter), a single resource or a list of either holds."""
    holding = Holding()
    _read_into(holding, value, place, 0)
    return holding


def gather(values: Mapping[str, object]) -> Holding:
    """Return what the values of a prefetch hold, whatever their keys: resources are known by their content."""
    holding = Holding()
    for key, value in values.items():
        if value is not None:
            _read_into(holding, value, f"prefetch.{key}", 0)
    return holding


def _read_into(holding: Holding, value: object, place: str, nesting: int) -> None:
    if nesting > _MAX_NESTING:
        holding.unreadable.append(place)
        return
    if type(value) is list:
        for i, one in enumerate(value):
            _read_into(holding, one, f"{place}[{i}]", nesting + 1)
        return
    if type(value) is not dict:
        holding.unreadable.append(place)
        return
    match value.get("resourceType"):
        case "OperationOutcome":
            holding.incomplete.append(place)
        case None if "resource" in value and "response" in value:  # prefetch before CDS Hooks 1.0
            _read_into(holding, value["resource"], f"{place}.resource", nesting + 1)
        case "Bundle":
            _read_bundle(holding, value, place, nesting)
        case None if "entry" in value:
            _read_bundle(holding, value, place, nesting)
        case str() as kind if is_resource(kind):
            holding.add(value)
        case _:
            holding.unreadable.append(place)


def _read_bundle(holding: Holding, bundle: Mapping[str, Any], place: str, nesting: int) -> None:
    entries = bundle.get("entry")
    if type(entries) is not list and entries is not None:
        holding.unreadable.append(f"{place}.entry")
    for i, held in enumerate(entries if type(entries) is list else ()):
        at = f"{place}.entry[{i}]"
        entry, full_url = (held.get("resource"), held.get("fullUrl")) if type(held) is dict else (held, None)
        if type(entry) is dict and entry.get("resourceType") not in (None, "Bundle", "OperationOutcome"):
            if is_resource(str(entry["resourceType"])):
                holding.add(entry, full_url)
            else:
                holding.unreadable.append(at)
        elif entry is not None:
            _read_into(holding, entry, at, nesting + 1)
        elif type(held) is dict and _has_failed(held.get("response")):
            holding.incomplete.append(at)
    links = bundle.get("link")
    if type(links) is list and any(type(link) is dict and link.get("relation") == "next" for link in links):
        holding.incomplete.append(place)


def _has_failed(response: object) -> bool:
    """Return whether an entry's answer (of a batch) is a failure, by its HTTP status, else by having an outcome."""
    if type(response) is not dict:
        return False
    status = str(response.get("status", ""))[:1]
    return status in ("4", "5") or (status not in ("1", "2", "3") and response.get("outcome") is not None)
