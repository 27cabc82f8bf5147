"""The order as the client wrote it, with our extension on it: its JSON text is patched, never written anew.

A decimal's digits, a number's exponent, the order of the members and what nobody here knows come back as they came.
White space that means nothing is left out. Source: CRD 2.2.1 resp-37, found-40.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import chain
from typing import Any

import msgspec

from cds_service.crd.coverage_information import JsonObject, coverage_of, is_said
from cds_service.errors import MalformedRequest
from cds_service.fhir.encoding import decode

__all__ = ["find_orders", "with_coverage_information"]

_MAX_NESTING = 8

_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_array = msgspec.json.Decoder(list[msgspec.Raw])


def find_orders(body: bytes, wanted: Collection[str], pages: Iterable[bytes] = ()) -> Mapping[str, bytes]:
    """Return the text of the resources `wanted`, by `Type/id`, in the order in which a hook request holds them.

    The context counts first (draft orders, appointments), then what was prefetched (dispatched orders), then each of
    the `pages` that a FHIR server answered. What stands twice in the same place with different texts is left out:
    nobody can tell which of them an update would mean.
    """
    request = _members(body)
    texts: dict[str, set[bytes]] = {}
    for held in chain((request.get("context"), request.get("prefetch")), map(_page, pages)):
        texts |= _texts(held, wanted)
        wanted = [one for one in wanted if one not in texts]
        if not wanted:
            break
    return {reference: next(iter(held)) for reference, held in texts.items() if len(held) == 1}


def with_coverage_information(order: bytes, extensions: Sequence[JsonObject]) -> dict[str, Any] | None:
    """Return the order with the extensions on it, each in the place of those for the same Coverage; all else as it was.

    None if it carries all of them already, or holds in their place what cannot be one. A single extension that stands
    outside of a list is put into one. The members are JSON text that `cds_service.fhir.encoding.encode` writes as it
    is, but for `resourceType`.
    """
    members: dict[str, Any] = dict(_members(order))
    texts = _carried(members.get("extension", msgspec.Raw(b"[]")))
    if texts is None:
        return None
    held = [(one, _read(one)) for one in texts]
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


def _carried(text: msgspec.Raw) -> list[msgspec.Raw] | None:
    """Return the extensions that stand there, as text; None where neither none, nor one nor a list of them does."""
    if _opens(text, b"["):
        return _array.decode(text)
    if _opens(text, b"{"):
        return [text]
    return [] if bytes(text) == b"null" else None


def _is_carried(extension: JsonObject, held: Sequence[JsonObject]) -> bool:
    same = [one for one in held if coverage_of(one) == coverage_of(extension)]
    return len(same) == 1 and is_said(same[0], extension)


def _read(text: msgspec.Raw) -> JsonObject:
    """Return an extension decoded, its decimals exact; empty for what is none."""
    value = decode(bytes(text))
    return value if isinstance(value, dict) else {}


def _members(text: bytes) -> Mapping[str, msgspec.Raw]:
    """Return the members of an object, as text; none of what is no object."""
    try:
        return _object.decode(text)
    except msgspec.DecodeError:
        return {}


# -- finding ------------------------------------------------------------------------------------------------------


def _page(text: bytes) -> msgspec.Raw | None:
    """Return a page as JSON text; None for one that cannot be read, which holds no order that was judged."""
    try:
        decode(text)
    except MalformedRequest:
        return None
    return msgspec.Raw(text)


class _Named(msgspec.Struct, rename="camel"):
    resource_type: object = None
    id: object = None


_named = msgspec.json.Decoder(_Named, float_hook=Decimal)  # which has room for every number


def _texts(text: msgspec.Raw | None, wanted: Collection[str]) -> dict[str, set[bytes]]:
    """Return the texts that stand for each of the resources `wanted`."""
    found: dict[str, set[bytes]] = {}
    for reference, resource in _resources(text, 0) if text is not None else ():
        if reference in wanted:
            found.setdefault(reference, set()).add(msgspec.json.format(bytes(resource), indent=-1))
    return found


def _resources(text: msgspec.Raw, nesting: int) -> Iterator[tuple[str, msgspec.Raw]]:
    """Yield (`Type/id`, text) of the resources in what holds any: as cds_service.fhir.bundle reads them."""
    if nesting > _MAX_NESTING:
        return
    held: Iterable[msgspec.Raw] = ()
    if _opens(text, b"["):
        held = _array.decode(text)
    elif _opens(text, b"{"):
        named = _named.decode(text)
        if named.resource_type not in (None, "Bundle"):
            if type(named.resource_type) is str and type(named.id) is str:
                yield f"{named.resource_type}/{named.id}", text
            return
        held = _object.decode(text).values()
    for one in held:
        yield from _resources(one, nesting + 1)


def _opens(text: msgspec.Raw, sign: bytes) -> bool:
    return bytes(memoryview(text)[:1]) == sign
