"""A message changed in its structure: members and values gone, doubled, moved, repeated, junk or another message's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from random import Random
from typing import Any

import msgspec

from cds_service.fhir.definitions import element, elements_of
from cds_service.fhir.encoding import encode
from tests.fuzz.requests.junk import junk

__all__ = ["changed", "lessened"]

Json = Any
_Holder = dict[str, Any] | list[Any]
_Place = tuple[_Holder, Any]
"""A dict with a key, or a list with an index."""
_KEYS = ("", "__proto__", "id", "a.b", "\x00", "resourceType", "extension", "canary999999z", "x" * 300)
_TIMES = (2, 2, 3, 10, 60)
_LARGEST = 300_000
"""Bytes that a value may have once it is repeated."""


def changed(chance: Random, message: Json, other: Json) -> bytes:
    """Return a message with one to five changes as JSON, or nearly; parts of `other` may be in it."""
    root = [message]
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 5))):
        place = _any_place(chance, root)
        chance.choice(_CHANGES)(chance, place, root, other)
    return b"".join(map(encode, root))


def lessened(chance: Random, message: dict[str, Any], apart: tuple[str, ...]) -> bytes:
    """Return a message from which one to four things are taken away, none of them at or below the members `apart`."""
    root = [deepcopy({key: one for key, one in message.items() if key not in apart})]
    for _ in range(chance.randint(1, 4)):
        _remove(chance, _any_place(chance, root), root, None)
    return encode(root[0] | {key: message[key] for key in apart})


def _any_place(chance: Random, root: list[Any]) -> _Place:
    """Return a place, deep in the message or, as often, a few steps down."""
    if chance.random() < 0.5:
        places = list(_places(root))
        return chance.choice(places)
    place: _Place = (root, 0)
    while isinstance(held := place[0][place[1]], dict | list) and held and chance.random() < 0.7:
        place = held, chance.choice(list(held) if isinstance(held, dict) else range(len(held)))
    return place


def _places(held: Any) -> Iterator[_Place]:
    if isinstance(held, dict | list):
        for key in list(held) if isinstance(held, dict) else range(len(held)):
            yield held, key
            yield from _places(held[key])


# -- what is done at a place ------------------------------------------------------------------------------------


def _remove(_chance: Random, place: _Place, root: list[Any], _other: Json) -> None:
    holder, key = place
    if holder is not root:
        del holder[key]


def _replace(chance: Random, place: _Place, _root: list[Any], _other: Json) -> None:
    place[0][place[1]] = junk(chance)


def _double(chance: Random, place: _Place, _root: list[Any], _other: Json) -> None:
    """Name a member twice: in the text, since no object of Python's holds it."""
    held = place[0][place[1]]
    if isinstance(held, dict) and held:
        key = chance.choice(list(held))
        again = encode({key: held[key] if chance.random() < 0.5 else junk(chance)})
        place[0][place[1]] = msgspec.Raw(encode(held)[:-1] + b"," + again[1:])


def _move(chance: Random, place: _Place, root: list[Any], other: Json) -> None:
    holder, key = place
    value = holder[key]
    _remove(chance, place, root, other)
    _put(chance, _any_place(chance, root), value)


def _splice(chance: Random, place: _Place, _root: list[Any], other: Json) -> None:
    theirs, key = _any_place(chance, [other])
    _put(chance, place, theirs[key])


def _put(chance: Random, place: _Place, value: Any) -> None:
    """Put a copy of a value at a place: the place may be within the value."""
    held, value = place[0][place[1]], deepcopy(value)
    if isinstance(held, list) and chance.random() < 0.5:
        held.insert(chance.randint(0, len(held)), value)
    else:
        place[0][place[1]] = value


def _swap(chance: Random, place: _Place, root: list[Any], _other: Json) -> None:
    (one, here), (two, there) = place, _any_place(chance, root)
    one[here], two[there] = deepcopy(two[there]), deepcopy(one[here])


def _alter_a_list(chance: Random, place: _Place, _root: list[Any], _other: Json) -> None:
    held = place[0][place[1]]
    times = chance.choice(_TIMES)
    if len(encode(held)) * times > _LARGEST:
        times = 1
    if not isinstance(held, list):
        place[0][place[1]] = [deepcopy(held) for _ in range(chance.choice((1, times)))]
        return
    how = chance.randrange(5)
    if how == 0:
        held.clear()
    elif how == 1:
        held += [deepcopy(one) for _ in range(times - 1) for one in held]
    elif how == 2:
        chance.shuffle(held)
    elif how == 3:
        held.append(junk(chance))
    else:
        place[0][place[1]] = held[0] if held else None


def _rename(chance: Random, place: _Place, _root: list[Any], _other: Json) -> None:
    holder, key = place
    if isinstance(holder, dict):
        name = chance.choice((f"_{key}", key.swapcase(), key.removesuffix("s"), *_KEYS))
        holder[name] = holder.pop(key)


def _misuse_an_element(chance: Random, place: _Place, _root: list[Any], _other: Json) -> None:
    """Give a resource an element that FHIR knows of it, holding junk."""
    for held in (place[0][place[1]], place[0]):
        names = elements_of(held["resourceType"]) if _is_resource(held) else ()
        if names:
            known = element(held["resourceType"], chance.choice(names))
            assert known is not None
            held[chance.choice(known.keys)] = [junk(chance)] if known.many and chance.random() < 0.5 else junk(chance)
            return


def _is_resource(held: Any) -> bool:
    return isinstance(held, dict) and isinstance(held.get("resourceType"), str)


def _extend(chance: Random, place: _Place, _root: list[Any], _other: Json) -> None:
    """Give an object extensions, or a primitive those that stand beside it."""
    holder, key = place
    url = chance.choice(("https://example.org/x", "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "", 5))
    extension = [{"url": url, chance.choice(("valueCode", "valueString", "value")): junk(chance)}]
    if isinstance(holder[key], dict):
        holder[key][chance.choice(("extension", "modifierExtension"))] = extension
    elif isinstance(holder, dict):
        holder[f"_{key}"] = {"extension": extension}


_CHANGES: tuple[Callable[[Random, _Place, list[Any], Json], None], ...] = (
    *(_remove, _remove, _replace, _replace, _replace, _double, _move, _splice, _splice, _swap),
    *(_alter_a_list, _alter_a_list, _rename, _misuse_an_element, _misuse_an_element, _extend),
)
