"""From an element to those inside it: one JSON key, the keys of a choice, or what the item's own type says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cds_service.expressions.language import Environment, Missing
from cds_service.fhir.definitions import element, elements_of, is_a, is_primitive, is_resource
from cds_service.fhirpath.code import Code, Items, Located, rooted, subset
from cds_service.fhirpath.items import ABSTRACT, Shape, Traced, Typed, child, is_of_type, raw, type_of
from cds_service.fhirpath.values import converter, fits

__all__ = ["SYSTEM_TYPES", "as_system_type", "children", "fixed_step", "of_type", "own_step"]

Keys = Sequence[tuple[str, str]]
"""(JSON key, type) of the types of an element."""


def _no_object(name: str) -> Missing:
    return Missing(f"an element that should hold `{name}` is no object", code="unreadable")


def fixed_step(base: Code, name: str, keys: Keys, shape: Shape) -> Code:
    """Return the element `name` of each item, where the compiler knows its keys and types."""
    if len(keys) == 1 and not base.shape.wrapped and not shape.wrapped:
        key = keys[0][0]
        if name != "contained" and all(is_resource(kind) for kind in shape.types):
            return rooted(shape, _plain_step(base.items, key, name), base.refusals)
        places = _plain_places(base.located, key, name)
        if base.is_focus:
            return Code(shape, _focus_step(key, name), places, key=key, first=key)
        return Code(shape, _plain_step(base.items, key, name), places, refusals=base.refusals, first=base.first)
    return _choice_step(base, name, keys, shape)


def _focus_step(key: str, name: str) -> Items:
    def items(this: Any, env: Environment) -> Sequence[Any]:
        try:
            value = this.get(key)
        except AttributeError:
            raise _no_object(name) from None
        if value is None:
            return ()
        if type(value) is list:
            env.steps -= len(value)  # as `spend` does, where every call counts
            if env.steps < 0:
                env.spend(0)
            return value if None not in value else [one for one in value if one is not None]
        return (value,)

    return items


def _plain_step(before: Items, key: str, name: str) -> Items:
    def items(this: Any, env: Environment) -> Sequence[Any]:
        found: list[Any] = []
        try:
            for item in before(this, env):
                value = item.get(key)
                if value is None:
                    continue
                if type(value) is list:
                    found += value if None not in value else [one for one in value if one is not None]
                else:
                    found.append(value)
        except AttributeError:
            raise _no_object(name) from None
        env.steps -= len(found)
        if env.steps < 0:
            env.spend(0)
        return found

    return items


def _plain_places(before: Located, key: str, name: str) -> Located:
    def located(this: Traced, env: Environment) -> Sequence[Traced]:
        found: list[Traced] = []
        try:
            for item, at in before(this, env):
                value = item.get(key)
                if value is None:
                    continue
                if type(value) is not list:
                    found.append((value, at and (value, at, name, None)))
                else:
                    found += [(one, at and (one, at, name, i)) for i, one in enumerate(value) if one is not None]
        except AttributeError:
            raise _no_object(name) from None
        env.steps -= len(found)
        if env.steps < 0:
            env.spend(0)
        return found

    return located


def _choice_step(base: Code, name: str, keys: Keys, shape: Shape) -> Code:
    before, places, unwrap, wrapped = base.items, base.located, base.shape.wrapped, shape.wrapped

    def inside(item: Any) -> Iterator[tuple[Any, int | None, Any]]:
        holder = item.value if unwrap else item
        if type(holder) is not dict:
            if not unwrap or not (holder is None or fits(holder, item.type)):
                raise _no_object(name)
            holder = item.element  # a primitive, or another type of the choice
            if type(holder) is not dict:
                return
        for key, kind in keys:
            for index, value, sibling in _held(holder, key, beside=shape.beside):
                yield Typed(kind, value, sibling) if wrapped else value, index, value

    def items(this: Any, env: Environment) -> Sequence[Any]:
        found = [one for item in before(this, env) for one, _, _ in inside(item)]
        env.spend(len(found))
        return found

    def located(this: Traced, env: Environment) -> Sequence[Traced]:
        found = [
            (one, child(at, value, name, index)) for item, at in places(this, env) for one, index, value in inside(item)
        ]
        env.spend(len(found))
        return found

    return Code(shape, items, located, refusals=base.refusals, first=base.first)


def own_step(base: Code, name: str, shape: Shape) -> Code:
    """Return the element `name` of each item whose own type has it, for items of any type."""
    before, places, types = base.items, base.located, base.shape.types

    def items(this: Any, env: Environment) -> Sequence[Any]:
        found = [
            Typed(kind, value, sibling)
            for item in before(this, env)
            for kind, _, value, sibling in _own(item, types, name, beside=shape.beside)
        ]
        env.spend(len(found))
        return found

    def located(this: Traced, env: Environment) -> Sequence[Traced]:
        found = [
            (Typed(kind, value, sibling), child(at, value, name, index))
            for item, at in places(this, env)
            for kind, index, value, sibling in _own(item, types, name, beside=shape.beside)
        ]
        env.spend(len(found))
        return found

    return Code(shape, items, located, refusals=base.refusals)


def children(item: Any, types: Sequence[str]) -> Iterator[tuple[str, str, int | None, Any, Any]]:
    """Yield (name, type, index, value, sibling) of the elements right inside an item, in the order of its type."""
    kind = type_of(item, tuple(types))
    for name in elements_of(kind):
        for inner, index, value, sibling in _own(item, types, name, beside=True):
            yield name, inner, index, value, sibling


def _own(item: Any, types: Sequence[str], name: str, *, beside: bool) -> Iterator[tuple[str, int | None, Any, Any]]:
    kind = type_of(item, tuple(types))
    known = element(kind, name)
    holder = item.element if type(item) is Typed and is_primitive(kind) else raw(item)
    if known is None or type(holder) is not dict:
        return
    for key, inner in zip(known.keys, known.types, strict=True):
        for index, value, sibling in _held(holder, key, beside=beside and is_primitive(inner)):
            named = type(value) is dict and inner in ABSTRACT and "resourceType" in value
            yield str(value["resourceType"]) if named else inner, index, value, sibling


def _held(holder: Mapping[str, Any], key: str, *, beside: bool) -> Iterator[tuple[int | None, Any, Any]]:
    """Yield (index, value, what stands beside it) of a JSON key; `beside` looks for `_key`, too."""
    value = holder.get(key)
    extra = holder.get(f"_{key}") if beside else None
    if type(value) is not list and type(extra) is not list:
        if value is not None or extra is not None:
            yield None, value, extra
        return
    ones: Sequence[Any] = value if isinstance(value, list) else ()
    others: Sequence[Any] = extra if isinstance(extra, list) else ()
    for i in range(max(len(ones), len(others))):
        one = ones[i] if i < len(ones) else None
        other = others[i] if i < len(others) else None
        if one is not None or other is not None:
            yield i, one, other


def of_type(base: Code, wanted: str) -> Code:
    """Return the items that are of the type `wanted`."""
    types = base.shape.types
    kept = tuple(kind for kind in types if is_a(kind, wanted) or kind == f"System.{wanted}")
    if not kept and any(kind in ABSTRACT or is_a(wanted, kind) for kind in types):
        kept = (wanted,)
    shape = base.shape.of(kept)
    if is_resource(wanted) and len(kept) == 1:
        shape = replace(shape, origins=((wanted, ""),))
    if not base.shape.wrapped:
        narrowed = _resources_of_type(base, wanted) if all(is_resource(kind) for kind in types) else None
        return (narrowed or _kept(base, wanted)).shaped(replace(shape, wrapped=False))
    chosen = _kept(base, wanted)
    if shape.wrapped or any(is_primitive(kind) for kind in kept):
        return chosen.shaped(replace(shape, wrapped=True))
    return Code(
        shape,
        lambda this, env: [raw(item) for item in chosen.items(this, env)],
        lambda this, env: [(raw(item), at) for item, at in chosen.located(this, env)],
        refusals=base.refusals,
        first=base.first,
    )


# FHIR R4 2.9.1.2: the FHIRPath type of primitive elements and quantities
SYSTEM_TYPES: Mapping[str, tuple[str, ...]] = {
    "Boolean": ("boolean",),
    "String": ("string", "uri", "base64Binary", "xhtml"),
    "Integer": ("integer",),
    "Decimal": ("decimal",),
    "Date": ("date",),
    "DateTime": ("dateTime", "instant"),
    "Time": ("time",),
    "Quantity": ("Quantity",),
}


def as_system_type(base: Code, wanted: str) -> Code:
    """Return the values of the items that FHIRPath's own type `wanted` has, or stands for."""
    types, change = base.shape.types, converter(base.shape) or raw

    def is_one(item: Any) -> bool:
        kind = type_of(item, types)
        return kind == f"System.{wanted}" or any(is_a(kind, one) for one in SYSTEM_TYPES[wanted])

    return Code(
        Shape((f"System.{wanted}",), origins=base.shape.origins),
        lambda this, env: [raw(change(item)) for item in base.items(this, env) if is_one(item)],
        lambda this, env: [(raw(change(item)), at) for item, at in base.located(this, env) if is_one(item)],
    )


def _kept(base: Code, wanted: str) -> Code:
    types = base.shape.types

    def keep(found: Sequence[Any], _this: Any, _env: Environment) -> Sequence[int]:
        return [i for i, item in enumerate(found) if is_of_type(item, types, wanted, exactly=True)]

    return subset(base, keep)


def _resources_of_type(base: Code, wanted: str) -> Code:
    before, places, general = base.items, base.located, wanted in ABSTRACT

    def items(this: Any, env: Environment) -> Sequence[Any]:
        try:
            if not general:
                return [one for one in before(this, env) if one.get("resourceType") == wanted]
            return [one for one in before(this, env) if is_a(str(one.get("resourceType")), wanted)]
        except AttributeError:
            raise _no_object("resourceType") from None

    if base.rooted:
        return rooted(base.shape, items, base.refusals)

    def located(this: Traced, env: Environment) -> Sequence[Traced]:
        kept = {id(one) for one in items(this[0], env)}
        return [one for one in places(this, env) if id(one[0]) in kept]

    return Code(base.shape, items, located, refusals=base.refusals)
