"""What FHIR adds to the language. Source: FHIR R4 2.9.1.5.6 (additional functions)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cds_service.expressions.language import Environment, Missing, Types
from cds_service.expressions.logic import Truth
from cds_service.fhir.definitions import is_primitive
from cds_service.fhir.element import Location
from cds_service.fhirpath.code import Code, from_truth
from cds_service.fhirpath.compiler import Compiler, Function
from cds_service.fhirpath.items import Typed, raw, single
from cds_service.fhirpath.tree import Call, Literal


def _member_of(compiler: Compiler, node: Call, base: Code, _focus: Types) -> Code:
    """`memberOf('canonical')`: one look-up in a set expanded at load; an unknown set is a fault of the content."""
    named = node.arguments[0]
    if not isinstance(named, Literal) or type(named.value) is not str:
        raise compiler.fault(named, "`memberOf()` takes the value set's canonical as a literal, known at load")
    value_set = compiler.scope.value_sets.get(named.value)
    if value_set is None:
        raise compiler.fault(named, f"no value set `{named.value}` is loaded")
    compiler.value_sets.add(named.value)
    static = base.types[0] if len(base.types) == 1 else ""

    def truth(this: Any, env: Environment) -> Truth:
        item = single(base.items(this, env), "`memberOf()`")
        if item is None:
            return None
        value, kind = raw(item), item.type if type(item) is Typed else static
        if kind in ("CodeableConcept", "Coding") and type(value) is str:
            raise Missing("a code is not written as FHIR writes it", code="unreadable")
        answer = value_set.answer(value)
        if answer is None:
            raise Missing("a code is not written as FHIR writes it", code="unreadable")
        return answer

    return from_truth(truth)


def _resolve(_compiler: Compiler, _node: Call, base: Code, _focus: Types) -> Code:
    """`resolve()`: what references point to inside the record; one that points nowhere gives nothing."""

    def items(this: Any, env: Environment) -> Sequence[Any]:
        found = (env.record.resolve(raw(one)) for one in base.items(this, env))
        return [one for one in found if one is not None]

    def located(this: Location, env: Environment) -> Sequence[Location]:
        return [Location(one) for one in items(this.value, env)]

    return Code(("Resource",), items, located)


def _extension(compiler: Compiler, node: Call, base: Code, _focus: Types) -> Code:
    """`extension('url')`: the extensions of that url on each item."""
    named = node.arguments[0]
    if not isinstance(named, Literal) or type(named.value) is not str:
        raise compiler.fault(named, "`extension()` takes a url as a literal")
    if any(is_primitive(kind) for kind in base.types):
        raise compiler.fault(node, "`extension()` of a primitive element is not carried out")
    url = named.value

    def items(this: Any, env: Environment) -> Sequence[Any]:
        return [one for item in base.items(this, env) for _, one in _extensions(raw(item), url)]

    def located(this: Location, env: Environment) -> Sequence[Location]:
        return [
            place.child(one, "extension", i)
            for place in base.located(this, env)
            for i, one in _extensions(raw(place.value), url)
        ]

    return Code(("Extension",), items, located)


def _extensions(element: Any, url: str) -> list[tuple[int, Any]]:
    found = element.get("extension") if type(element) is dict else None
    return [
        (i, one)
        for i, one in enumerate(found if type(found) is list else ())
        if type(one) is dict and one.get("url") == url
    ]


FUNCTIONS = {
    "memberOf": Function(_member_of, 1, 1),
    "resolve": Function(_resolve),
    "extension": Function(_extension, 1, 1),
}
