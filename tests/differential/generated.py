"""Expressions made up at random over the fixtures, from single steps to conditions about conditions.

Only what all the engines carry out, and read alike, is generated.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from random import Random
from typing import Any

from cds_service.fhir.definitions import element, elements_of, is_primitive
from tests.charts import fixture

__all__ = ["MADE_UP", "expressions", "pairs", "resources"]


@cache
def resources() -> tuple[dict[str, Any], ...]:
    """Return the different resources of the fixtures, with one made up of what they lack."""
    found: dict[str, dict[str, Any]] = {}
    for name in ("seed-1-a", "seed-1-b", "seed-2-a", "seed-2-b"):
        for entry in fixture(f"patients/{name}.json")["entry"]:
            found.setdefault(f"{entry['resource']['resourceType']}/{entry['resource']['id']}", entry["resource"])
    return (*(found[name] for name in sorted(found)), MADE_UP)


MADE_UP: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "made-up",
    "status": "final",
    "issued": "2025-11-20T10:00:00Z",
    "effectivePeriod": {"start": "2025-11", "end": "2025-11-20T23:30:00+05:00"},
    "extension": [{"url": "u", "valueString": "x"}],
    "code": {"coding": [{"system": "s", "code": "a"}, {"system": "s", "code": "b"}, {"system": "t", "code": "a"}]},
    "component": [
        {"code": {"text": "x"}, "valueInteger": 5},
        {"code": {"text": "y"}, "valueInteger": 5},
        {"code": {"text": "z"}, "valueString": "five", "interpretation": [{"text": "high"}]},
        {"code": {"text": "z"}, "valueBoolean": False},
        {"code": {"text": "q"}, "valueQuantity": {"value": Decimal("1.50"), "unit": "mm"}},
    ],
}

# -- what is asked ------------------------------------------------------------------------------------------------


def paths(value: dict[str, Any], kind: str, prefix: str = "") -> Iterator[tuple[str, str, list[Any]]]:
    """Yield (path, type, values) of every element that the resource holds, without positions."""
    for name in elements_of(kind):
        known = element(kind, name)
        assert known is not None
        for key, inner in zip(known.keys, known.types, strict=True):
            if key not in value or inner in ("Resource", "Narrative", "xhtml"):
                continue
            held = value[key] if isinstance(value[key], list) else [value[key]]
            path = f"{prefix}{name}" if len(known.types) == 1 else f"{prefix}{name}.ofType({inner})"
            yield path, inner, held
            for one in held:
                if isinstance(one, dict):
                    yield from paths(one, inner, f"{path}.")


def literal(value: object, kind: str) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | Decimal):
        return str(value)
    if kind in ("date", "dateTime", "instant"):
        return f"@{value}" if isinstance(value, str) and len(value) == 10 else None
    return "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'" if isinstance(value, str) else None


def expressions(chance: Random, resource: dict[str, Any]) -> Iterator[str]:
    """Yield expressions about a resource, from single steps to conditions about conditions."""
    known = list(paths(resource, resource["resourceType"]))
    while True:
        path, kind, held = chance.choice(known)
        yield chance.choice(_about_anything(path, kind, chance))
        if is_primitive(kind):
            yield chance.choice(_about_values(path, kind, chance.choice(held), chance) or [path])
        else:
            yield chance.choice(_about_objects(path, kind, held, chance) or [path])
        one, other = (chance.choice(_conditions(chance, known)) for _ in range(2))
        yield f"({one}) {chance.choice(('and', 'or', 'xor', 'implies'))} ({other})"


def _about_anything(path: str, kind: str, chance: Random) -> list[str]:
    number = chance.randrange(3)
    return [
        path,
        f"{path}.exists()",
        f"{path}.empty()",
        f"{path}.exists().not()",
        f"{path}.count()",
        f"{path}.count() > {number}",
        f"{path}.first()",
        f"{path}.last()",
        f"{path}.tail()",
        f"{path}.skip({number})",
        f"{path}.take({number})",
        f"{path}[{number}]",
        f"{path}.distinct()",
        f"{path}.distinct().count() = {path}.count()",
        f"{path}.select($index)",
        f"{path}.where($index = {number})",
        f"{path}.where($this.exists())",
        f"{path}.all($this.exists())",
        *(() if kind in ("id", "uri") or "." in kind else (f"{path}.ofType({kind})", f"{path}.first() is {kind}")),
        f"{path} | {path}",
        f"{path}.union({path}.first())",
        f"{path}.combine({path})",
        f"{path}.intersect({path}.first())",
        f"{path}.exclude({path}.first())",
        f"{path}.first() in {path}",
        f"{path} contains {path}.last()",
        f"{path} = {path}",
        f"{path}.first() != {path}.last()",
        f"iif({path}.count() > {number}, {path}, {number})",
        f"iif({path}.empty(), 'none', {path}.count())",
        f"{path}.isDistinct()",
        f"{path}.subsetOf({path}.tail())",
        f"{path}.supersetOf({path}.tail())",
        f"{path} ~ {path}",
        f"{path}.first() !~ {path}.last()",
        f"{path}.select($this.exists()).allTrue()",
        f"{path}.select($this.empty()).anyTrue()",
        f"{path}.aggregate($total + 1, 0)",
        f"{path}.children().count()",
        f"{path}.descendants().count()",
        f"{path}.descendants().where($this.hasValue()).count()",
        f"{path}.select($this.hasValue())",
        f"{path}.children().exists() or {path}.hasValue()",
        f"{path}.defineVariable('x', count()).select(%x + $index)",
        f"{path}.first().type().name",
        f"{path}.repeat($this).count()",
        f"{path}.where(iif($index > {number}, true, $this.exists())).count()",
        f"{path}.trace('t').count()",
    ]


def _about_values(path: str, kind: str, value: object, chance: Random) -> list[str]:
    written = literal(value, kind)
    if written is None:
        return []
    first, operator = f"{path}.first()", chance.choice(("=", "!=", "<", "<=", ">", ">="))
    found = [
        f"{path}.where($this = {written})",
        f"{path}.where($this != {written}).count()",
        f"{first} = {written}",
        *(() if written.startswith("@") else (f"{path}.exclude({written})", f"{written} in {path}")),
    ]
    if isinstance(value, bool):
        return [*found, f"{first}.not()", f"{first} and {{}}", f"{first} or {{}}", f"{first} implies {{}}"]
    if kind in ("date", "dateTime"):
        day = chance.choice(("@2025-11-20", "@2024-02-29", "@2026", "@2025-10", "@2025"))
        amount = chance.choice(("1 day", "3 months", "1 year", "2 weeks", "90 days"))
        sign = chance.choice("+-")
        return [*found, f"{first} {operator} {day}", f"{day} {operator} {first}", f"{written} {sign} {amount}"]
    if isinstance(value, int | Decimal):
        number = chance.choice(("2", "0.5", "7"))
        return [
            *found,
            f"{first} {operator} {number}",
            f"{first} {chance.choice('+-*/')} {number}",
            f"{first} {chance.choice(('div', 'mod'))} 2",
            f"{first}.abs()",
            f"{first}.floor() <= {first}.ceiling()",
            f"{first}.round(1)",
            f"{first}.truncate()",
            f"{first}.power(2)",
            f"{first}.sqrt().round(4)",
            f"{first}.toString()",
            f"{first}.toInteger()",
            f"{first}.convertsToDecimal()",
            f"{first} ~ {number}",
        ]
    text = str(value)
    start, end = chance.randrange(len(text)), chance.randrange(len(text))
    part = literal(text[min(start, end) : max(start, end) + 1], "string")
    return [
        *found,
        f"{first} {operator} {part}",
        f"{first}.startsWith({part})",
        f"{first}.endsWith({part})",
        f"{first}.contains({part})",
        f"{first}.length()",
        f"{first}.upper()",
        f"{first}.lower()",
        f"{first} & {part}",
        f"{part} + {first}",
        f"{path}.join({part})",
        f"{path}.where($this.startsWith({part}))",
        f"{first}.substring({start})",
        f"{first}.substring({start}, {end})",
        f"{first}.indexOf({part})",
        f"{first}.replace({part}, 'x')",
        f"{first}.split({part}).count()",
        f"{first}.toChars().count()",
        f"{first}.toChars().distinct().count()",
        f"{first}.trim().length()",
        f"{first}.matches('[a-m]+')",
        f"{first}.matches('^[A-Z0-9].*$')",
        f"{first}.replaceMatches('[aeiou]', '.')",
        f"{first}.toInteger()",
        f"{first}.convertsToInteger()",
        f"{first}.toBoolean()",
        f"{first}.toDecimal()",
        f"{first}.toString()",
        f"{first}.encode('hex').decode('hex')",
        f"{first}.encode('base64')",
        f"{first} ~ {first}.upper()",
        f"{path}.select($this.length()).aggregate($this + $total, 0)",
        f"{first} in ({part} | {first})",
    ]


def _about_objects(path: str, kind: str, held: list[Any], chance: Random) -> list[str]:
    inner = [found for one in held for found in paths(one, kind)]
    if not inner:
        return []
    child, type_name, values = chance.choice(inner)
    written = literal(values[0], type_name) if is_primitive(type_name) else None
    found = [
        f"{path}.{child}",
        f"{path}.select({child})",
        f"{path}.where({child}.exists())",
        f"{path}.where({child}.empty())",
        f"{path}.exists({child}.exists())",
        f"{path}.all({child}.exists())",
        f"{path}.select({child}.first())",
        f"{path}.select({child} | {child}).count()",
        f"{path}.first().{child}",
        f"{path}.where({child}.exists() and $index = 0).{child}",
    ]
    if written and "dateTime" not in type_name and type_name != "date":
        found += [
            f"{path}.where({child}.exists($this = {written}))",
            f"{path}.exists({child}.where($this = {written}).exists())",
            f"{path}.all({child}.exists($this != {written}))",
            f"{path}.where({child} = {written} or {child}.empty()).count()",
        ]
    return found


def _conditions(chance: Random, known: list[tuple[str, str, list[Any]]]) -> list[str]:
    path, kind, held = chance.choice(known)
    written = literal(chance.choice(held), kind) if is_primitive(kind) else None
    unknown = "{}"
    return [
        f"{path}.exists()",
        f"{path}.empty()",
        f"{path}.count() = {chance.randrange(3)}",
        unknown,
        chance.choice(("true", "false")),
        f"{path}.first() = {written}" if written else f"{path}.exists().not()",
        f"{path}.all({unknown})",
    ]


def pairs(seed: int, count: int, *, without: tuple[str, ...] = ()) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield (resource, expression), the resources in turn; `without` names functions that are not asked."""
    chance = Random(seed)  # noqa: S311 - a test's own dice
    makers = [(resource, expressions(chance, resource)) for resource in resources()]
    for i in range(count):
        resource, maker = makers[i % len(makers)]
        yield resource, next(one for one in maker if not any(f"{name}(" in one for name in without))
