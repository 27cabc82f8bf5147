"""A call of a function, as the function that makes code of it sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cds_service.errors import ExpressionError
from cds_service.expressions.language import Environment
from cds_service.fhirpath.code import Code, itself, local
from cds_service.fhirpath.items import ABSTRACT, Shape, Traced
from cds_service.fhirpath.tree import Call, Node

if TYPE_CHECKING:
    from cds_service.fhirpath.compiler import Compiler

__all__ = ["Function", "Invocation"]


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the language: its signature, what it answers, and what makes code of a call to it."""

    signature: str
    build: Callable[[Invocation], Code]
    doc: str
    fewest: int = 0
    most: int = 0


@dataclass(frozen=True, slots=True)
class Invocation:
    """A call, as the function that makes code of it sees it."""

    compiler: Compiler
    node: Call
    base: Code
    focus: Code
    name: str
    """The function's name as messages write it."""

    @property
    def count(self) -> int:
        """Return how many arguments there are."""
        return len(self.node.arguments)

    def argument(self, position: int, *, focus: Code | None = None) -> Code:
        """Return the code of an argument, where `$this` is what it is outside the call."""
        return self.compiler.whole(self.node.arguments[position], focus or self.focus)

    def part(self, position: int, *, focus: Code | None = None) -> Code:
        """Return the same of an argument whose items are the call's own."""
        return self.compiler.part(self.node.arguments[position], focus or self.focus)

    def projection(self, shape: Shape | None = None) -> Code:
        """Return the code of the first argument, whose items are the call's own, for each item before the call."""
        return self.compiler.part(self.node.arguments[0], itself(shape or self.base.shape))

    def inside(self, position: int = 0) -> Code:
        """Return the code of an argument, where `$this` is an item of what stands before the call."""
        return self.condition(self.node.arguments[position])

    def condition(self, node: Node) -> Code:
        """Return the code of a part of an argument, where `$this` is an item of what stands before the call."""
        return self.compiler.whole(node, itself(self.base.shape))

    def held(self) -> Code:
        """Return what stands before the call, as the call keeps it for its arguments: see `hold`."""
        return local(id(self), self.base.shape)

    def hold(self, found: Sequence[Any], env: Environment) -> None:
        """Keep what stands before the call, so that arguments which start from it do not evaluate it again."""
        self.hold_located([(one, None) for one in found], env)

    def hold_located(self, found: Sequence[Traced], env: Environment) -> None:
        """Keep the same with its places."""
        env.locals[id(self)] = found

    def literal(self, position: int = 0) -> Any:
        """Return an argument's value where it is a literal or a constant, else None."""
        code = self.compiler.whole(self.node.arguments[position], self.focus)
        return code.constant[0] if code.constant else None

    def fault(self, reason: str, position: int | None = None) -> ExpressionError:
        """Return the error for the call, or for one of its arguments, to be raised."""
        node = self.node if position is None else self.node.arguments[position]
        return self.compiler.fault(node, reason)

    def look_beside(self) -> None:
        """Let what stands before the call travel with the JSON beside it, where it may be primitive."""
        self.compiler.look_beside(self.node, self.base)

    def expect(self, what: str, accepts: Callable[[str], bool]) -> None:
        """Raise ExpressionError if no type that stands before the call is accepted."""
        types = self.base.shape.types
        if types and not any(kind in ABSTRACT or accepts(kind) for kind in types):
            raise self.fault(f"{self.name} takes {what}; these are {' or '.join(types)}")
