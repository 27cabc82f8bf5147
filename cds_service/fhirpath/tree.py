"""The syntax tree of FHIRPath. Every node knows where it starts, counted in characters from 0."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from cds_service.fhir.temporal import Temporal, Time
from cds_service.fhir.values import CALENDAR_UNITS, Quantity

__all__ = [
    "Binary",
    "Call",
    "External",
    "Indexer",
    "Literal",
    "Member",
    "Node",
    "Special",
    "TypeTest",
    "Unary",
    "levels",
    "text_of",
    "walk",
]


@dataclass(frozen=True, slots=True)
class Literal:
    """A literal; the empty collection `{}` has the value None."""

    at: int
    value: bool | int | Decimal | str | Temporal | Quantity | None


@dataclass(frozen=True, slots=True)
class External:
    """`%name`."""

    at: int
    name: str


@dataclass(frozen=True, slots=True)
class Special:
    """`$this`, `$index` or `$total`."""

    at: int
    name: str


@dataclass(frozen=True, slots=True)
class Member:
    """`base.name`, or `name` alone."""

    at: int
    base: Node | None
    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """`base.name(arguments)`, or without a base."""

    at: int
    base: Node | None
    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Indexer:
    """`base[index]`."""

    at: int
    base: Node
    index: Node


@dataclass(frozen=True, slots=True)
class Unary:
    """`-operand` or `+operand`."""

    at: int
    operator: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Binary:
    """`left operator right`."""

    at: int
    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class TypeTest:
    """`operand is Type` or `operand as Type`."""

    at: int
    operator: str
    operand: Node
    type_name: str


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and all below it."""
    return (one for one, _ in levels(node))


def levels(node: Node) -> Iterator[tuple[Node, int]]:
    """Yield a node and all below it, each with its level: 1 for the node itself."""
    waiting: list[tuple[Node | None, int]] = [(node, 1)]
    while waiting:
        at, level = waiting.pop()
        if at is None:
            continue
        yield at, level
        waiting += [(one, level + 1) for one in reversed(_below(at))]


def _below(node: Node) -> list[Node | None]:
    match node:
        case Member(base=base):
            return [base]
        case Call(base=base, arguments=arguments):
            return [base, *arguments]
        case Indexer(base=base, index=index):
            return [base, index]
        case Unary(operand=operand) | TypeTest(operand=operand):
            return [operand]
        case Binary(left=left, right=right):
            return [left, right]
    return []


def text_of(node: Node) -> str:
    """Return the expression that a tree stands for, with every operation in it in parentheses."""
    match node:
        case Literal(value=value):
            return _literal(value)
        case External(name=name):
            return f"%{name}" if _NAME.fullmatch(name) else f"%`{_escaped(name, '`')}`"
        case Special(name=name):
            return name
        case Member(base=base, name=name):
            return _after(base, _name(name))
        case Call(base=base, name=name, arguments=arguments):
            return _after(base, f"{_name(name)}({', '.join(map(text_of, arguments))})")
        case Indexer(base=base, index=index):
            return f"{_operand(base)}[{text_of(index)}]"
        case Unary(operator=operator, operand=operand):
            return f"{operator}{_operand(operand)}"
        case Binary(operator=operator, left=left, right=right):
            return f"{_operand(left)} {operator} {_operand(right)}"
        case TypeTest(operator=operator, operand=operand, type_name=type_name):
            return f"{_operand(operand)} {operator} {'.'.join(map(_name, type_name.split('.')))}"


def _after(base: Node | None, text: str) -> str:
    return text if base is None else f"{_operand(base)}.{text}"


def _operand(node: Node) -> str:
    text = text_of(node)
    return f"({text})" if isinstance(node, Binary | TypeTest | Unary) else text


def _literal(value: object) -> str:
    if value is None:
        return "{}"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{_escaped(value, chr(39))}'"
    if isinstance(value, Time):
        return f"@T{value}"
    if isinstance(value, Quantity) and value.unit not in CALENDAR_UNITS:
        return f"{value.value:f} '{_escaped(value.unit, chr(39))}'"
    if isinstance(value, Decimal):
        return f"{value:f}"
    return f"@{value}" if isinstance(value, Temporal) else str(value)


_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


_RESERVED = frozenset(("true", "false", "and", "or", "xor", "implies", "div", "mod", "in"))


def _name(name: str) -> str:
    return name if _NAME.fullmatch(name) and name not in _RESERVED else f"`{_escaped(name, '`')}`"


def _escaped(text: str, quote: str) -> str:
    for plain, written in (
        ("\\", "\\\\"),
        ("\n", "\\n"),
        ("\r", "\\r"),
        ("\t", "\\t"),
        ("\f", "\\f"),
        (quote, f"\\{quote}"),
    ):
        text = text.replace(plain, written)
    return text


Node: TypeAlias = Literal | External | Special | Member | Call | Indexer | Unary | Binary | TypeTest
