"""What the parts of an expression give, told from its syntax tree without running it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from cds_service.errors import ExpressionError
from cds_service.expressions.language import Scope, Types
from cds_service.fhirpath import compile_fhirpath
from cds_service.fhirpath.tree import (
    Binary,
    Call,
    External,
    Indexer,
    Literal,
    Member,
    Node,
    Special,
    TypeTest,
    Unary,
    text_of,
)

__all__ = ["Typing", "asked_of_the_ordered_code", "conjuncts"]

_ASKED_OF_EACH_ITEM = frozenset({"all", "exists", "repeat", "repeatAll", "select", "sort", "where"})
_NO_EXPRESSIONS_INSIDE = frozenset({"aggregate", "as", "defineVariable", "is", "ofType"})
"""Functions whose arguments are names of types, or read what only the whole expression defines."""


@dataclass
class Typing:
    """Tells the types that the parts of one expression give."""

    scope: Scope
    _known: dict[tuple[str, Types], Types | None] = field(default_factory=dict)

    def of(self, node: Node, context: Types) -> Types | None:
        """Return the types of a part, where `$this` is of the types `context`; None where that cannot be told."""
        key = text_of(node), context
        if key not in self._known:
            try:
                self._known[key] = compile_fhirpath(key[0], replace(self.scope, context=context)).types
            except ExpressionError:
                self._known[key] = None
        return self._known[key]

    def walk(self, node: Node, context: Types | None = None) -> Iterator[tuple[Node, Types]]:
        """Yield a node and all below it, each with the types of `$this` there; what cannot be told is left out."""
        context = self.scope.context if context is None else context
        yield node, context
        for part in _operands(node):
            yield from self.walk(part, context)
        if isinstance(node, Call) and node.name not in _NO_EXPRESSIONS_INSIDE:
            inner: Types | None = context
            if node.name in _ASKED_OF_EACH_ITEM and node.base is not None:
                inner = self.of(node.base, context)
            for argument in node.arguments if inner else ():
                yield from self.walk(argument, inner)


def conjuncts(node: Node) -> Iterator[Node]:
    """Yield the parts that `and` and `or` join."""
    if isinstance(node, Binary) and node.operator in ("and", "or"):
        yield from conjuncts(node.left)
        yield from conjuncts(node.right)
    else:
        yield node


def asked_of_the_ordered_code(node: Node) -> str | None:
    """Return the value set that `%orderedCode` is asked to be in, None for an expression that does not ask that."""
    match node:
        case Call(base=External(name="orderedCode"), name="memberOf", arguments=(Literal(value=str() as asked),)):
            return asked
        case Call(
            base=External(name="orderedCode"),
            name="where" | "exists",
            arguments=(Call(base=None | Special(), name="memberOf", arguments=(Literal(value=str() as asked),)),),
        ):
            return asked
    return None


def _operands(node: Node) -> Iterator[Node]:
    match node:
        case Member(base=base) | Call(base=base):
            if base is not None:
                yield base
        case Indexer(base=base, index=index):
            yield from (base, index)
        case Unary(operand=operand) | TypeTest(operand=operand):
            yield operand
        case Binary(left=left, right=right):
            yield from (left, right)
