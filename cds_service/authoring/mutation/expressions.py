"""A FHIRPath expression → the same expression with one thing changed, for every one thing that can be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from cds_service.authoring.mutation.operators import Operator
from cds_service.fhirpath.parser import parse
from cds_service.fhirpath.tree import Binary, Call, Indexer, Literal, Member, Node, TypeTest, Unary, text_of

__all__ = ["Rewrite", "rewrites"]

_BOUNDARY = {">=": ">", ">": ">=", "<=": "<", "<": "<="}
_COMPARES = frozenset({*_BOUNDARY, "=", "!="})
_LONGEST = 72
_CANONICAL = re.compile(r"'https?://[^']*/([^/']+)'")


@dataclass(frozen=True, slots=True)
class Rewrite:
    """An expression that was changed at one place, and the change in words."""

    operator: Operator
    change: str
    source: str


_Change: TypeAlias = tuple[Operator, str, Node]


def rewrites(source: str) -> Iterator[Rewrite]:
    """Yield every expression that differs from `source` by one change. Raises ExpressionError if it does not parse."""
    for operator, change, tree in _changes(parse(source)):
        yield Rewrite(operator, change, text_of(tree))


def _changes(node: Node, joined_by: str | None = None) -> Iterator[_Change]:
    """Yield the changes of the node itself, then of each node below it, each as the whole tree.

    `joined_by` is the operator of the node above: in `a and b and c` each of the three is dropped once.
    """
    yield from _here(node, joined_by)
    match node:
        case Member(base=base) if base is not None:
            yield from ((kind, words, replace(node, base=new)) for kind, words, new in _changes(base))
        case Indexer(base=base, index=index):
            yield from ((kind, words, replace(node, base=new)) for kind, words, new in _changes(base))
            yield from ((kind, words, replace(node, index=new)) for kind, words, new in _changes(index))
        case Unary(operand=operand) | TypeTest(operand=operand):
            yield from ((kind, words, replace(node, operand=new)) for kind, words, new in _changes(operand))
        case Binary(operator=operator, left=left, right=right):
            yield from ((kind, words, replace(node, left=new)) for kind, words, new in _changes(left, operator))
            yield from ((kind, words, replace(node, right=new)) for kind, words, new in _changes(right, operator))
        case Call(base=base, arguments=arguments):
            if base is not None:
                yield from ((kind, words, replace(node, base=new)) for kind, words, new in _changes(base))
            for i, argument in enumerate(arguments):
                for kind, words, new in _changes(argument):
                    yield kind, words, replace(node, arguments=(*arguments[:i], new, *arguments[i + 1 :]))


def _here(node: Node, joined_by: str | None) -> Iterator[_Change]:
    match node:
        case Binary(operator="and" | "or" | "|" as operator):
            if operator != joined_by:
                yield from _one_less(node)
            if operator != "|":
                other = "or" if operator == "and" else "and"
                words = f"`{other}` for `{operator}` in `{_brief(node)}`"
                yield Operator.CONNECTIVE, words, replace(node, operator=other)
        case Binary():
            yield from _comparison(node)
        case Call(base=base, name=name, arguments=arguments) if base is not None:
            yield from _call(node, base, name, arguments)
        case Call(name="iif", arguments=(condition, *results)):
            for result in results:
                yield Operator.CHOICE, f"always `{_brief(result)}`, not only if `{_brief(condition)}`", result


def _one_less(node: Binary) -> Iterator[_Change]:
    """`a and b and c` → without a, without b, without c."""
    operands = list(_operands(node, node.operator))
    kind = Operator.SOURCE if node.operator == "|" else Operator.OPERAND
    for i, dropped in enumerate(operands):
        first, *others = operands[:i] + operands[i + 1 :]
        for other in others:
            first = Binary(node.at, node.operator, first, other)
        yield kind, f"without `{_brief(dropped)}`", first


def _operands(node: Node, operator: str) -> Iterator[Node]:
    match node:
        case Binary(operator=same, left=left, right=right) if same == operator:
            yield from _operands(left, operator)
            yield from _operands(right, operator)
        case _:
            yield node


def _comparison(node: Binary) -> Iterator[_Change]:
    moved = _BOUNDARY.get(node.operator)
    if moved:
        yield Operator.BOUNDARY, f"`{moved}` for `{node.operator}` in `{_brief(node)}`", replace(node, operator=moved)
    number = node.right.value if isinstance(node.right, Literal) else None
    if type(number) is not int or node.operator not in _COMPARES:
        return
    for shifted in (number - 1, number + 1):
        if shifted >= 0:
            changed = replace(node, right=Literal(node.right.at, shifted))
            yield Operator.NUMBER, f"`{shifted}` for `{number}` in `{_brief(node)}`", changed


def _call(node: Call, base: Node, name: str, arguments: tuple[Node, ...]) -> Iterator[_Change]:
    match name, arguments:
        case "latest", ():
            yield Operator.LATEST, f"not only the latest of `{_brief(base)}`", base
        case "not", ():
            yield Operator.NEGATION, f"`{_brief(base)}` without `not()`", base
        case "where", (condition,) if not _is_chain(condition):
            yield Operator.FILTER, f"without the filter `{_brief(condition)}`", base
        case "exists", (condition,) if not _is_chain(condition):
            yield Operator.FILTER, f"`exists()` without `{_brief(condition)}`", replace(node, arguments=())
        case "all", (condition,):
            yield Operator.SOME, f"`exists` for `all({_brief(condition)})`", replace(node, name="exists")
        case "combine" | "union", (other,):
            yield Operator.SOURCE, f"without `{_brief(base)}`", other
            yield Operator.SOURCE, f"without `{_brief(other)}`", base
        case "exclude", (other,):
            yield Operator.SOURCE, f"nothing excluded by `{_brief(other)}`", base


def _is_chain(condition: Node) -> bool:
    """Whether a filter has parts that are dropped one by one."""
    return isinstance(condition, Binary) and condition.operator == "and"


def _brief(node: Node) -> str:
    """Return an expression short enough to read: canonicals by their last name, the middle of a long one left out."""
    text = _CANONICAL.sub(r"'\1'", text_of(node))
    if len(text) <= _LONGEST:
        return text
    return f"{text[: _LONGEST // 2].rstrip()} … {text[-_LONGEST // 2 :].lstrip()}"
