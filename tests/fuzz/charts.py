"""Charts made at random: fixtures, and resources of any R4 type, spoiled in ways that FHIR does not allow.

All of it could have been decoded from JSON, which leaves out NaN and half characters: `fhir/encoding.py` refuses them.
Some of their texts, numbers and dates are canaries: values that stand nowhere else, which no message may hold.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cache
from random import Random
from typing import Any

from cds_service.fhir.definitions import element, elements_of, is_primitive, is_resource, type_names
from tests.differential.generated import resources

__all__ = ["CANARIES", "sound", "spoiled"]

CANARIES: tuple[Any, ...] = ("Quxzebra7391", Decimal("739184652.25"), "1937-03-29", 739184652)

_PRIMITIVES: dict[str, tuple[Any, ...]] = {
    "boolean": (True, False),
    "integer": (0, -5, 2**31 - 1),
    "positiveInt": (1, 2**31 - 1),
    "unsignedInt": (0, 7),
    "decimal": (Decimal("1.50"), Decimal("-0.0"), 12, Decimal("1E-30"), Decimal("123456789012345678901234567890.5")),
    "date": ("2025", "2025-11", "2025-11-20", "2024-02-29"),
    "dateTime": (
        "2025",
        "2025-11-20",
        "2025-11-20T10:00:00Z",
        "2025-11-20T23:59:60+14:00",
        "9999-12-31T23:59:59-12:00",
    ),
    "instant": ("2025-11-20T10:00:00.123456789Z", "0001-01-01T00:00:00+14:00"),
    "time": ("10:00:00", "23:59:59.999999"),
}
_TEXTS = ("final", "L1", "", " ", "é\u202e", "😀", "a" * 300, "#x", "Patient/p1", "true", "5", "http://snomed.info/sct")


@cache
def _types() -> tuple[str, ...]:
    return tuple(sorted(kind for kind in type_names() if is_resource(kind) and elements_of(kind)))


def sound(chance: Random) -> list[dict[str, Any]]:
    """Return a few resources as FHIR defines them, each with an id of its own; each reading has its own copy."""
    chart = []
    for i in range(chance.randint(1, 3)):
        kind = chance.choice(_types())
        one = copy.deepcopy(chance.choice(resources())) if chance.random() < 0.6 else _made(chance, kind, 4)
        chart.append({**one, "resourceType": one.get("resourceType", kind), "id": f"r{i}"})
    return chart


def _made(chance: Random, kind: str, depth: int) -> dict[str, Any]:
    names = elements_of(kind)
    made: dict[str, Any] = {"resourceType": kind} if is_resource(kind) else {}
    for name in chance.sample(names, min(len(names), chance.randint(1, 6))):
        known = element(kind, name)
        assert known is not None
        at = chance.randrange(len(known.keys))
        value = _value(chance, known.types[at], depth - 1)
        if value is not None:
            made[known.keys[at]] = _copies(value, chance.randint(1, 2)) if known.many else value
    return made


def _copies(value: Any, count: int) -> list[Any]:
    return [copy.deepcopy(value) for _ in range(count)]


def _value(chance: Random, kind: str, depth: int) -> Any:
    if is_primitive(kind):
        return chance.choice(_PRIMITIVES.get(kind, _TEXTS))
    if depth <= 0:
        return None
    return _made(chance, chance.choice(_types()) if is_resource(kind) else kind, depth)


# -- what should not be there -----------------------------------------------------------------------------------

_Holder = dict[str, Any] | list[Any]
_STRANGE: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 2**63, 10**40, Decimal("1E+400"), Decimal("-1E-400"), Decimal("0E+5000"), "NaN", "-0"),
    *(
        "",
        "\x00",
        "\\ud800",
        "\\udfff&#xd800;",
        "5 mg",
        "20.11.2025",
        "2025-13-45",
        "a" * 100_000,
        "0" * 5_000,
        "é" * 1_000,
    ),
    *({}, [], [None], [[]], [{}], {"x": 1}, [[{"code": "L1"}]], {"resourceType": "Observation"}, {"resourceType": 5}),
    *({"value": 1}, {"value": "1", "unit": "mg"}, {"value": Decimal("1E+999999"), "code": "mg"}, {"reference": "#r0"}),
    *(
        {"value": 5, "code": "mg", "comparator": "<"},
        {"value": True},
        {"coding": {"code": "L1"}},
        {"coding": [None, 5]},
    ),
    *({"reference": "#"}, {"extension": {}}, {"extension": [None, "x", {"url": None}]}, [True, None, 5, "a", {}]),
    *({"start": "x", "end": 5}, {"low": {"value": 1}}, {"resourceType": "Patient", "contained": [{"id": "x"}]}),
)


def spoiled(chance: Random, chart: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a copy of a chart with canaries in it, and none to five of its elements spoiled."""
    chart = copy.deepcopy(chart)
    for _ in range(chance.choice((0, 1, 1, 2, 3, 5))):
        places = list(_places(chart))
        if places:
            chance.choice(_SPOILS)(chance, *chance.choice(places))
    for holder, key in list(_places(chart)):
        if chance.random() < 0.2:
            _hide(chance, holder, key)
    return chart


def _places(held: Any, levels: int = 40) -> Iterator[tuple[Any, Any]]:
    """Yield (holder, key or index) of everything in a chart but the types and ids of its resources."""
    if levels and isinstance(held, dict | list):
        for key in list(held) if isinstance(held, dict) else range(len(held)):
            if key not in ("resourceType", "id") and (type(key) is str or not _is_resource(held[key])):
                yield held, key
            yield from _places(held[key], levels - 1)


def _is_resource(value: Any) -> bool:
    return isinstance(value, dict) and "resourceType" in value


def _replace(chance: Random, holder: Any, key: Any) -> None:
    holder[key] = copy.deepcopy(chance.choice(_STRANGE))


def _swap_shape(_chance: Random, holder: Any, key: Any) -> None:
    value = holder[key]
    holder[key] = (value[0] if value else {}) if isinstance(value, list) else [value, None, value]


def _nest(chance: Random, holder: Any, key: Any) -> None:
    for _ in range(chance.choice((1, 5, 30))):
        holder[key] = chance.choice(([holder[key]], {key if type(key) is str else "item": holder[key]}))


def _beside(chance: Random, holder: Any, key: Any) -> None:
    if type(key) is str:
        extension = {"id": "e", "extension": [{"url": "u", "valueString": "x"}]}
        holder[f"_{key}"] = copy.deepcopy(
            chance.choice((extension, [None, extension], _copies(extension, 3), *_STRANGE))
        )
        if chance.random() < 0.5:
            del holder[key]


def _misname(chance: Random, holder: Any, key: Any) -> None:
    if type(key) is str:
        holder[chance.choice(("valueString", "valueQuantity", "value", "extension", "contained", "code", "é"))] = (
            holder[key]
        )


def _repeat(chance: Random, holder: Any, key: Any) -> None:
    if isinstance(holder[key], list):
        holder[key] = [one for part in _copies(holder[key], chance.choice((2, 50))) for one in part][:500]


_SPOILS: tuple[Callable[[Random, Any, Any], None], ...] = (
    _replace,
    _replace,
    _swap_shape,
    _nest,
    _beside,
    _misname,
    _repeat,
)


def _hide(chance: Random, holder: Any, key: Any) -> None:
    """Put a canary where there is a value of its kind."""
    text, decimal, date, integer = CANARIES
    match holder[key]:
        case bool():
            pass
        case int():
            holder[key] = integer
        case Decimal():
            holder[key] = decimal
        case str(value) if value[:2] in ("19", "20") and "-" in value:
            holder[key] = date
        case str(value):
            holder[key] = chance.choice((text, f"{value}{text}", f"{text} {value}"))
