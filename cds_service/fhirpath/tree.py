"""The syntax tree of FHIRPath. Every node knows where it starts, counted in characters from 0."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from cds_service.fhir.temporal import Temporal
from cds_service.fhir.values import Quantity

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


Node: TypeAlias = Literal | External | Special | Member | Call | Indexer | Unary | Binary | TypeTest
