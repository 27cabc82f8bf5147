"""A light look at a body: is it a resource, how many entries has it, is there a next page. What it means, others tell.

A 5 MB page takes about 2 ms; made of nothing but empty entries, 70 ms.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

__all__ = ["Page", "look"]


@dataclass(frozen=True, slots=True)
class Page:
    """What must be known of a page to go on."""

    entries: int
    more: bool
    """Whether it has a next page; also where its links cannot be read, for then it may."""
    next: str | None
    """The URL of the next page, as written; None where there is none that could be followed."""


def look(body: bytes) -> Page | None:
    """Return what a body says as a page; None when it is no FHIR resource in JSON. Nothing else is checked."""
    try:
        resource = _resource.decode(body)
    except _NOT_IT:
        return None
    try:
        following = [link.url for link in _links.decode(resource.link) or () if link.relation == "next"]
    except _NOT_IT:
        return Page(_count(resource.entry), more=True, next=None)
    url = following[0] if following else None
    return Page(_count(resource.entry), more=bool(following), next=url if isinstance(url, str) else None)


class _Resource(msgspec.Struct):
    resource_type: str = msgspec.field(name="resourceType")
    entry: msgspec.Raw = msgspec.Raw(b"null")
    link: msgspec.Raw = msgspec.Raw(b"null")


class _Entry(msgspec.Struct, gc=False):
    """An entry whose members are all left out: the smallest thing that can be counted."""


class _Link(msgspec.Struct):
    relation: object = None
    url: object = None


_resource = msgspec.json.Decoder(_Resource)
_links = msgspec.json.Decoder(list[_Link] | None)
_entries = msgspec.json.Decoder(list[_Entry])
_anything = msgspec.json.Decoder(list[msgspec.Raw])
_NOT_IT = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ArithmeticError)


def _count(value: msgspec.Raw) -> int:
    for decoder in (_entries, _anything):
        try:
            return len(decoder.decode(value))
        except _NOT_IT:
            continue
    return 0
