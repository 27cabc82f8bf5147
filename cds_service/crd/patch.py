"""The order as the client wrote it, with our extension on it: its JSON text is patched, never written anew.

A decimal's digits, a number's exponent, the order of the members and what nobody here knows come back as they came.
White space that means nothing is left out. Source: CRD 2.2.1 resp-37, found-40.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from cds_service.crd.coverage_information import JsonObject, coverage_of, is_said
from cds_service.fhir.encoding import decode

__all__ = ["find_orders", "find_resources", "with_coverage_information"]

_MAX_NESTING = 8

_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_array = msgspec.json.Decoder(list[msgspec.Raw])


def find_orders(body: bytes, wanted: Collection[str]) -> Mapping[str, bytes]:
    """Return the text of the resources `wanted`, by `Type/id`, in the order in which a hook request holds them.

    The context counts first (draft orders, appointments), then what was prefetched (dispatched orders). What stands
    twice in the same place with different texts is left out: nobody can tell which of them an update would mean.
    """
    request = _members(body)
    found = find_resources(request.get("context", _NOTHING), wanted)
    rest = [one for one in wanted if one not in found]
    return {**found, **find_resources(request.get("prefetch", _NOTHING), rest)} if rest else found


def find_resources(text: bytes | msgspec.Raw, wanted: Collection[str]) -> Mapping[str, bytes]:
    """Return the same of any JSON that holds resources: a Bundle, a resource, or an object or array of them."""
    found: dict[str, set[bytes]] = {}
    for reference, resource in _resources(text, 0):
        if reference in wanted:
            found.setdefault(reference, set()).add(msgspec.json.format(resource, indent=-1))
    return {reference: texts.pop() for reference, texts in found.items() if len(texts) == 1}


def with_coverage_information(order: bytes, extensions: Sequence[JsonObject]) -> dict[str, Any] | None:
    """Return the order with the extensions on it, each in the place of those for the same Coverage; all else as it was.

    None if it carries all of them already, or has no extensions to add to. The members are JSON text that
    `cds_service.fhir.encoding.encode` writes as it is, but for `resourceType`.
    """
    members: dict[str, Any] = dict(_members(order))
    carried = _elements(members.get("extension", b"[]"))
    if carried is None:
        return None
    held = [(one, _read(one)) for one in carried]
    new = {coverage_of(one): one for one in extensions if not _is_carried(one, [read for _, read in held])}
    if not new:
        return None
    patched: list[Any] = []
    for text, read in held:
        coverage = coverage_of(read)
        if coverage not in new:
            patched.append(text)
        elif new[coverage] not in patched:
            patched.append(new[coverage])
    patched += [one for one in new.values() if one not in patched]
    return {**members, "resourceType": msgspec.json.decode(members["resourceType"]), "extension": patched}


def _is_carried(extension: JsonObject, held: Sequence[JsonObject]) -> bool:
    same = [one for one in held if coverage_of(one) == coverage_of(extension)]
    return len(same) == 1 and is_said(same[0], extension)


_NOTHING = b"null"


def _read(text: msgspec.Raw) -> JsonObject:
    """Return an extension decoded, its decimals exact; empty for what is none."""
    value = decode(bytes(text))
    return value if isinstance(value, dict) else {}


def _members(text: bytes | msgspec.Raw) -> Mapping[str, msgspec.Raw]:
    """Return the members of an object, as text; none of what is no object."""
    try:
        return _object.decode(text)
    except msgspec.DecodeError:
        return {}


def _elements(text: bytes | msgspec.Raw) -> list[msgspec.Raw] | None:
    """Return the elements of an array, as text; None for what is no array."""
    try:
        return _array.decode(text)
    except msgspec.DecodeError:
        return None


def _resources(text: bytes | msgspec.Raw, nesting: int) -> Iterator[tuple[str, bytes]]:
    """Yield (`Type/id`, text) of the resources in what holds any: as cds_service.fhir.bundle reads them."""
    if nesting > _MAX_NESTING:
        return
    elements = _elements(text)
    if elements is not None:
        for one in elements:
            yield from _resources(one, nesting + 1)
        return
    members = _members(text)
    kind, name = _text(members.get("resourceType")), _text(members.get("id"))
    if kind is None or kind == "Bundle":
        for one in members.values():
            yield from _resources(one, nesting + 1)
    elif name is not None:
        yield f"{kind}/{name}", bytes(text)


def _text(value: msgspec.Raw | None) -> str | None:
    found = msgspec.json.decode(value) if value is not None and bytes(value)[:1] == b'"' else None
    return found if type(found) is str else None
