"""Generated expressions over the fixtures: our answers against those of the library fhirpathpy.

Only what both carry out is generated; where they differ on purpose, the difference stands below with its reason.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cache
from random import Random
from typing import Any

import fhirpathpy
import pytest
from fhirpathpy.models import models

from cds_service.errors import EvaluationError
from cds_service.fhir.definitions import element, elements_of, is_primitive
from cds_service.fhir.temporal import Temporal
from tests.charts import fixture
from tests.unit.fhirpath.evaluating import items

EXPRESSIONS = 1500
RAISED = "raised"


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
        return [*found, f"{first} {operator} {number}", f"{first} {chance.choice('+-*/')} {number}"]
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


# -- what is answered ---------------------------------------------------------------------------------------------


def answer(evaluate: Callable[[], list[Any]]) -> object:
    try:
        return [_plain(one) for one in evaluate()]
    except Exception:  # the library has no error of its own
        return RAISED


def _plain(value: Any) -> Any:
    if isinstance(value, Temporal) or type(value).__module__.startswith("fhirpathpy"):
        return str(value)
    if isinstance(value, float):
        return Decimal(repr(value))
    return value


def ours(resource: dict[str, Any], source: str) -> object:
    try:
        return [_plain(one) for one in items(source, resource, focus=resource)]
    except EvaluationError:
        return RAISED


def theirs(resource: dict[str, Any], source: str) -> object:
    own = copy.deepcopy(resource)  # the library writes into what it is given
    found = answer(lambda: fhirpathpy.evaluate(own, source, {"resource": own}, models["r4"]))
    return RAISED if isinstance(found, list) and any("$status" in str(one) for one in found) else found


def test_generated_expressions_are_answered_as_fhirpathpy_answers_them() -> None:
    chance = Random(20260115)  # noqa: S311 - a test's own dice
    makers = [(resource, expressions(chance, resource)) for resource in resources()]
    differ, answered = [], 0
    for i in range(EXPRESSIONS):
        resource, maker = makers[i % len(makers)]
        source = next(maker)
        mine, other = ours(resource, source), theirs(resource, source)
        answered += mine not in (RAISED, [])
        if mine != other:
            differ.append(f"{resource['resourceType']}/{resource['id']}: {source}: {mine} against {other}")
    assert differ == []
    assert answered > EXPRESSIONS / 2


# -- where they differ, and why -----------------------------------------------------------------------------------

DIFFERENCES: list[tuple[str, object, object, str]] = [
    ("issued.exclude(@2025-11-20T10:00:00Z)", [], ["2025-11-20T10:00:00Z"], "an element equals a literal, as for `=`"),
    ("(status | 'final').count()", [1], [2], "a union keeps one of equal items, of an element and a literal, too"),
    ("id is id", [True], [False], "R4's page gives `Resource.id` the type id, its model says System.String"),
    ("extension.url.first() is uri", [True], [False], "as for the id: R4's page says uri, its model System.String"),
    ("-component.value.ofType(integer).first()", [-5], RAISED, "the library negates literals only"),
    ("today() = @2026-01-15", [True], [False], "the clock is the reference date of the evaluation"),
    ("-7 mod 2", [-1], [1], "mod has the sign of the dividend, as div truncates (FHIRPath 6.6.6)"),
    ("true.toString()", ["true"], ["True"], "a boolean is written in small letters (FHIRPath 5.5.7)"),
]


@pytest.mark.parametrize(("source", "mine", "other", "reason"), DIFFERENCES, ids=[one[0] for one in DIFFERENCES])
def test_a_difference_is_there_and_has_a_reason(source: str, mine: object, other: object, reason: str) -> None:
    assert (ours(MADE_UP, source), theirs(MADE_UP, source)) == (mine, other)
    assert reason
