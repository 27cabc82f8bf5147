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
from cds_service.fhir.unread import Unread, Why

__all__ = ["Holding", "gather", "has_more", "matches", "read", "read_context"]

_MAX_NESTING = 8


@dataclass(slots=True)
class Holding:
    """The resources found, each with its fullUrl, and what was not read."""

    resources: list[Resource] = field(default_factory=list)
    full_urls: dict[str, Resource] = field(default_factory=dict)
    disputed: set[str] = field(default_factory=set)
    """Addresses that several resources claim."""
    unread: list[Unread] = field(default_factory=list)
    """Where a search failed or did not end, and where something stood that is no resource."""

    def add(self, resource: Resource, full_url: object = None) -> None:
        """Take a resource in."""
        self.resources.append(resource)
        if type(full_url) is str and ("://" in full_url or full_url.startswith("urn:")):  # a relative one is none
            self._name(full_url, resource)

    def add_all(self, other: Holding) -> None:
        """Take in what another holds."""
        for resource in other.resources:
            self.add(resource)
        for url, resource in other.full_urls.items():
            self._name(url, resource)
        for url in other.disputed:
            self.full_urls.pop(url, None)
        self.disputed |= other.disputed
        self.unread += other.unread

    def _name(self, url: str, resource: Resource) -> None:
        """Know a resource by its address. Two resources at one address are neither; of two forms of one it is either.

        Whatever came in first, it comes out the same.
        """
        earlier = self.full_urls.get(url, resource)
        if url in self.disputed:
            return
        if _identity(earlier) != _identity(resource):
            self.disputed.add(url)
            del self.full_urls[url]
            return
        self.full_urls[url] = resource if earlier is resource else min(earlier, resource, key=canonical)


def _identity(resource: Resource) -> tuple[object, object]:
    return resource.get("resourceType"), resource.get("id")


def read(value: object, *, place: str = "Bundle", type_name: str | None = None) -> Holding:
    """Return what a Bundle (its type does not matter), a single resource or a list of either holds.

    `type_name` is the type of resource that was asked for, where something was.
    """
    reading = _Reading(Holding(), type_name)
    reading.take(value, place, 0)
    return reading.holding


def read_context(bundle: object, *, place: str) -> Holding:
    """Return what a Bundle of a hook's context holds; entries that hold nothing, all of them, are told as not read."""
    holding = read(bundle, place=place)
    entries = bundle.get("entry") if isinstance(bundle, Mapping) else None
    if entries and not holding.resources and not holding.unread:
        holding.unread.append(Unread(place, Why.NO_RESOURCE))
    return holding


def gather(values: Mapping[str, object], types: Mapping[str, str] | None = None) -> Holding:
    """Return what the values of a prefetch hold, whatever their keys: resources are known by their content.

    `types` has the type of resource that is asked for under a key, where that is known.
    """
    holding = Holding()
    for key, value in values.items():
        if value is not None:
            holding.add_all(read(value, place=f"prefetch.{key}", type_name=(types or {}).get(key)))
    return holding


@dataclass(frozen=True, slots=True)
class _Reading:
    holding: Holding
    type_name: str | None

    def lack(self, place: str, why: Why) -> None:
        self.holding.unread.append(Unread(place, why, self.type_name))

    def take(self, value: object, place: str, nesting: int) -> None:
        if nesting > _MAX_NESTING:
            self.lack(place, Why.NO_RESOURCE)
            return
        if type(value) is list:
            for i, one in enumerate(value):
                self.take(one, f"{place}[{i}]", nesting + 1)
            return
        if type(value) is not dict:
            self.lack(place, Why.NO_RESOURCE)
            return
        match value.get("resourceType"):
            case "OperationOutcome":
                if _reports_failure(value):
                    self.lack(place, Why.FAILED)
            case None if "resource" in value and "response" in value:  # prefetch before CDS Hooks 1.0
                self.take(value["resource"], f"{place}.resource", nesting + 1)
            case "Bundle":
                self.take_bundle(value, place, nesting)
            case None if "entry" in value:
                self.take_bundle(value, place, nesting)
            case str() as kind if is_resource(kind):
                self.keep(value, None, place)
            case _:
                self.lack(place, Why.NO_RESOURCE)

    def keep(self, resource: Resource, full_url: object, place: str) -> None:
        self.holding.add(resource, full_url)
        if _is_subsetted(resource):
            self.lack(place, Why.MORE)

    def take_bundle(self, bundle: Mapping[str, Any], place: str, nesting: int) -> None:
        entries = bundle.get("entry")
        if type(entries) is not list and entries is not None:
            self.lack(f"{place}.entry", Why.NO_RESOURCE)
        for held in entries if type(entries) is list else ():
            self.take_entry(held, f"{place}.entry", nesting)  # no position: the order of entries changes no answer
        if has_more(bundle):
            self.lack(place, Why.MORE)

    def take_entry(self, held: object, place: str, nesting: int) -> None:
        entry, full_url = (held.get("resource"), held.get("fullUrl")) if type(held) is dict else (held, None)
        if type(entry) is dict and entry.get("resourceType") not in (None, "Bundle", "OperationOutcome"):
            if is_resource(str(entry["resourceType"])):
                self.keep(entry, full_url, place)
            else:
                self.lack(place, Why.NO_RESOURCE)
        elif entry is not None:
            self.take(entry, place, nesting + 1)
        elif type(held) is dict and _has_failed(held.get("response")):
            self.lack(place, Why.FAILED)
        elif type(held) is dict and full_url and not held.keys() & {"request", "response"}:
            self.lack(place, Why.NO_RESOURCE)


def has_more(bundle: Mapping[str, Any]) -> bool:
    """Return whether a Bundle says that there is more than it holds: by a next page, or by a total above its matches.

    Source: FHIR R4 3.1.1.5.2 (Bundle.total), 3.1.1.5.4 (paging).
    """
    links = bundle.get("link")
    relations = [one.get("relation") for one in links if type(one) is dict] if type(links) is list else []
    total = bundle.get("total")
    return "next" in (str(one).lower() for one in relations) or (type(total) is int and total > matches(bundle))


def matches(bundle: Mapping[str, Any]) -> int:
    """Return how many of a Bundle's entries are what was searched for, rather than included or remarked."""
    entries = bundle.get("entry")
    held = [one for one in entries if type(one) is dict] if type(entries) is list else []
    modes = (one["search"].get("mode") if type(one.get("search")) is dict else None for one in held)
    return sum(mode in (None, "match") for mode in modes)


def _is_subsetted(resource: Resource) -> bool:
    """Return whether a server left out elements of a resource. Source: FHIR R4 3.1.1.5.8 (_elements)."""
    meta = resource.get("meta")
    tags = meta.get("tag") if type(meta) is dict else None
    return type(tags) is list and any(type(one) is dict and one.get("code") == "SUBSETTED" for one in tags)


def _reports_failure(outcome: Mapping[str, Any]) -> bool:
    """Return whether an outcome reports an error, rather than remarks on the search. Source: FHIR R4, IssueSeverity."""
    issues = outcome.get("issue")
    severities = [one.get("severity") if type(one) is dict else None for one in issues] if type(issues) is list else []
    return not severities or not all(one in ("information", "warning") for one in severities)


def _has_failed(response: object) -> bool:
    """Return whether an entry's answer (of a batch) is a failure, by its HTTP status, else by having an outcome."""
    if type(response) is not dict:
        return False
    status = str(response.get("status", ""))[:1]
    return status in ("4", "5") or (status not in ("1", "2", "3") and response.get("outcome") is not None)
