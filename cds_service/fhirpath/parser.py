"""FHIRPath text → syntax tree, by operator precedence.

Source: FHIRPath 2.0, 7 (lexical elements), 8 and the ANTLR grammar in appendix A.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import NamedTuple

from cds_service.errors import ExpressionError, ExpressionTooLarge
from cds_service.fhir.temporal import Temporal, parse_date, parse_date_time, parse_time
from cds_service.fhir.values import CALENDAR_UNITS, Quantity
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
    levels,
)

__all__ = ["MAX_DEPTH", "MAX_LENGTH", "MAX_LEVELS", "parse"]

MAX_LENGTH = 20_000
MAX_DEPTH = 100
MAX_LEVELS = 200
"""How deep a tree may be, chains as `a.b.c` and `1 + 2 + 3` included: whoever walks it may do so by recursion."""
_MAX_DIGITS = 28

_TOKENS = re.compile(
    r"""
    (?P<space>\s+|//[^\r\n]*|/\*.*?\*/)
  | (?P<open>/\*)
  | (?P<date>@(?:T\d\d(?::\d\d(?::\d\d(?:\.\d+)?)?)?
        |\d{4}(?:-\d\d(?:-\d\d)?)?(?:T(?:\d\d(?::\d\d(?::\d\d(?:\.\d+)?)?)?(?:Z|[+-]\d\d:\d\d)?)?)?))
  | (?P<number>\d+(?:\.\d+)?)
  | (?P<string>'(?:[^'\\]|\\.)*')
  | (?P<delimited>`(?:[^`\\]|\\.)*`)
  | (?P<external>%(?:(?:vs|ext)-[\w-]*\w|[A-Za-z_]\w*|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`))
  | (?P<special>\$(?:this|index|total)\b)
  | (?P<name>[A-Za-z_]\w*)
  | (?P<operator><=|>=|!=|!~|[.,()\[\]{}+\-*/&|<>=~])
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "\\": "\\", "/": "/", "'": "'", '"': '"', "`": "`"}
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_SURROGATES = re.compile(r"[\ud800-\udbff][\udc00-\udfff]")
_HALF = re.compile(r"[\ud800-\udfff]")

# From the loosest to the tightest; the grammar lists them the other way round.
_BINDING = {
    name: level
    for level, names in enumerate(
        (
            ("implies",),
            ("or", "xor"),
            ("and",),
            ("in", "contains"),
            ("=", "~", "!=", "!~"),
            ("<=", "<", ">", ">="),
            ("|",),
            ("is", "as"),
            ("+", "-", "&"),
            ("*", "/", "div", "mod"),
        ),
        start=1,
    )
    for name in names
}
_TIGHTEST = max(_BINDING.values())
_WORDS_AS_NAMES = frozenset({"as", "is", "contains", "in", "div", "mod", "and", "or", "xor", "implies"})


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


def parse(source: str) -> Node:
    """Return the syntax tree of `source`. Raises ExpressionError with the position of the fault."""
    if len(source) > MAX_LENGTH:
        reason = f"the expression is longer than {MAX_LENGTH} characters"
        raise ExpressionTooLarge(reason, source=source[:60], limit="length")
    return _Parser(source).whole()


class _Parser:
    def __init__(self, source: str) -> None:
        self.source = source
        self.tokens = list(self._tokens())
        self.next = 0
        self.depth = 0

    def whole(self) -> Node:
        node = self.expression(1)
        if self.token.kind != "end":
            raise self.fault(f"`{self.token.text}` does not belong here")
        for one, level in levels(node):
            if level > MAX_LEVELS:
                reason = "the expression is too long to be carried out; split it into variables"
                raise self.too_large(reason, "depth", one.at)
        return node

    def _tokens(self) -> list[_Token]:
        tokens, at = [], 0
        while at < len(self.source):
            found = _TOKENS.match(self.source, at)
            if not found:
                raise self.fault(f"`{self.source[at]}` is not FHIRPath", at)
            if found.lastgroup == "open":
                raise self.fault("a comment is not closed", at)
            if found.lastgroup != "space":
                tokens.append(_Token(str(found.lastgroup), found.group(), at))
            at = found.end()
        return [*tokens, _Token("end", "the end", at)]

    @property
    def token(self) -> _Token:
        return self.tokens[self.next]

    def fault(self, reason: str, at: int | None = None) -> ExpressionError:
        position = self.token.at if at is None else at
        return ExpressionError(reason, source=self.source, position=position, kind="syntax")

    def too_large(self, reason: str, limit: str, at: int) -> ExpressionTooLarge:
        return ExpressionTooLarge(reason, source=self.source, position=at, limit=limit)

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.too_large(f"nested deeper than {MAX_DEPTH} levels", "depth", self.token.at)

    def take(self) -> _Token:
        token = self.token
        self.next += token.kind != "end"
        return token

    def at_operator(self, *texts: str) -> bool:
        return self.token.kind == "operator" and self.token.text in texts

    def expect(self, text: str) -> None:
        if not self.at_operator(text):
            raise self.fault(f"`{text}` is missing before `{self.token.text}`")
        self.take()

    def expression(self, loosest: int) -> Node:
        """`expression operator expression`, for operators that bind at least as tightly as `loosest`."""
        self.deeper()
        left = self.unary()
        while (level := self._level()) >= loosest:
            operator = self.take()
            if operator.text in ("is", "as"):
                left = TypeTest(operator.at, operator.text, left, self.type_name())
            else:
                left = Binary(operator.at, operator.text, left, self.expression(level + 1))
        self.depth -= 1
        return left

    def _level(self) -> int:
        return _BINDING.get(self.token.text, 0) if self.token.kind in ("operator", "name") else 0

    def unary(self) -> Node:
        """`('+' | '-') expression`, binding tighter than `*` and looser than `.`."""
        if self.at_operator("+", "-"):
            sign = self.take()
            self.deeper()
            node = Unary(sign.at, sign.text, self.unary())
            self.depth -= 1
            return node
        return self.invocations()

    def invocations(self) -> Node:
        """`term ('.' invocation | '[' expression ']')*`."""
        node = self.term()
        while True:
            if self.at_operator("."):
                self.take()
                node = self.invocation(node)
            elif self.at_operator("["):
                at = self.take().at
                node = Indexer(at, node, self.expression(1))
                self.expect("]")
            else:
                return node

    def term(self) -> Node:
        """`literal | externalConstant | invocation | '(' expression ')' | '{}'`."""
        token = self.token
        match token.kind:
            case "string":
                return Literal(self.take().at, self.unescaped(token.text, token.at))
            case "number":
                return self.number()
            case "date":
                return self.date()
            case "external":
                name = self.take().text[1:]
                return External(token.at, self.unescaped(name, token.at) if name[0] in "'`" else name)
            case "special":
                return Special(self.take().at, token.text)
            case "name" | "delimited":
                if token.text in ("true", "false"):
                    return Literal(self.take().at, token.text == "true")
                return self.invocation(None)
            case "operator" if token.text == "(":
                self.take()
                node = self.expression(1)
                self.expect(")")
                return node
            case "operator" if token.text == "{":
                self.take()
                self.expect("}")
                return Literal(token.at, None)
        raise self.fault(f"an expression is missing before `{token.text}`")

    def invocation(self, base: Node | None) -> Node:
        """`identifier | function | $this | $index | $total`."""
        token = self.take()
        if token.kind == "special":  # the grammar allows it; what stands before it would count for nothing
            raise self.fault(f"`{token.text}` stands alone or at the start", token.at)
        if token.kind not in ("name", "delimited"):
            raise self.fault(f"a name is missing before `{token.text}`", token.at)
        if token.kind == "name" and base is None and token.text in _WORDS_AS_NAMES - {"as", "is", "contains", "in"}:
            raise self.fault(f"`{token.text}` has nothing on its left", token.at)
        name = self.unescaped(token.text, token.at) if token.kind == "delimited" else token.text
        if not self.at_operator("("):
            return Member(token.at, base, name)
        self.take()
        arguments: list[Node] = []
        while not self.at_operator(")"):
            if arguments:
                self.expect(",")
            arguments.append(self.expression(1))
        self.take()
        return Call(token.at, base, name, tuple(arguments))

    def type_name(self) -> str:
        """`identifier ('.' identifier)*` after `is` or `as`."""
        names = [self._name()]
        while self.at_operator("."):
            self.take()
            names.append(self._name())
        return ".".join(names)

    def _name(self) -> str:
        token = self.take()
        if token.kind not in ("name", "delimited"):
            raise self.fault("a type name is missing", token.at)
        return token.text.strip("`")

    def number(self) -> Node:
        """`NUMBER (unit)?`: an integer, a decimal or a quantity."""
        token = self.take()
        if len(token.text.replace(".", "")) > _MAX_DIGITS:
            raise self.too_large(f"a number has more than {_MAX_DIGITS} digits", "number", token.at)
        unit = self.token
        if unit.kind == "string":
            return Literal(token.at, Quantity(Decimal(token.text), self.unescaped(self.take().text, unit.at)))
        if unit.kind == "name" and unit.text.removesuffix("s") in CALENDAR_UNITS:
            return Literal(token.at, Quantity(Decimal(token.text), self.take().text.removesuffix("s")))
        return Literal(token.at, Decimal(token.text) if "." in token.text else int(token.text))

    def date(self) -> Node:
        """`@2025-11-20`, `@2025-11-20T14:30Z`, `@T14:30`."""
        token = self.take()
        text = token.text[1:]
        value: Temporal | None
        if text.startswith("T"):
            value = parse_time(text[1:])
        else:
            value = parse_date_time(text) if "T" in text else parse_date(text)
        if value is None:
            raise self.fault(f"`{token.text}` is no date or time", token.at)
        return Literal(token.at, value)

    def unescaped(self, quoted: str, at: int) -> str:
        """Return what a quoted text stands for."""
        text = _SURROGATES.sub(_joined, _ESCAPE.sub(_unescaped, quoted[1:-1]))
        if _HALF.search(text):
            raise self.fault("an escape stands for half a character; the other half is missing", at)
        return text


def _unescaped(found: re.Match[str]) -> str:
    code = found.group(1)
    return chr(int(code[1:], 16)) if len(code) == 5 else _ESCAPES.get(code, code)


def _joined(pair: re.Match[str]) -> str:
    """Return the character of which UTF-16 writes two halves, as `\\ud83d\\ude00`."""
    return pair.group().encode("utf-16", "surrogatepass").decode("utf-16")
