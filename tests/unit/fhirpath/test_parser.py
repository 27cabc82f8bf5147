"""Text → tree: what binds tighter, what a literal is, and where exactly a fault stands."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.errors import ExpressionError, ExpressionTooLarge
from cds_service.fhir.temporal import parse_date, parse_date_time, parse_time
from cds_service.fhir.values import Quantity
from cds_service.fhirpath.parser import MAX_DEPTH, MAX_LENGTH, parse
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
)


def written(node: Node | None) -> str:
    """Return a tree with every operation in brackets."""
    match node:
        case Binary():
            return f"({written(node.left)} {node.operator} {written(node.right)})"
        case Unary():
            return f"({node.operator}{written(node.operand)})"
        case TypeTest():
            return f"({written(node.operand)} {node.operator} {node.type_name})"
        case Indexer():
            return f"{written(node.base)}[{written(node.index)}]"
        case Member():
            return f"{written(node.base)}.{node.name}" if node.base else node.name
        case Call():
            call = f"{node.name}({', '.join(map(written, node.arguments))})"
            return f"{written(node.base)}.{call}" if node.base else call
        case External():
            return f"%{node.name}"
        case Special():
            return node.name
        case Literal():
            return repr(node.value) if isinstance(node.value, str) else str(node.value)
    raise AssertionError(node)


@pytest.mark.parametrize(
    ("source", "tree"),
    [
        ("a implies b or c", "(a implies (b or c))"),
        ("a or b implies c", "((a or b) implies c)"),
        ("a or b and c", "(a or (b and c))"),
        ("a and b or c", "((a and b) or c)"),
        ("a xor b or c", "((a xor b) or c)"),
        ("a and b = c", "(a and (b = c))"),
        ("a = b and c in d", "((a = b) and (c in d))"),
        ("a in b = c", "(a in (b = c))"),
        ("a = b < c", "(a = (b < c))"),
        ("a < b | c", "(a < (b | c))"),
        ("a | b is C", "(a | (b is C))"),
        ("a | b + c", "(a | (b + c))"),
        ("a is B.C", "(a is B.C)"),
        ("a as B and c", "((a as B) and c)"),
        ("a + b is C", "((a + b) is C)"),
        ("a + b * c", "(a + (b * c))"),
        ("a * b + c", "((a * b) + c)"),
        ("a - b - c", "((a - b) - c)"),
        ("a div b mod c", "((a div b) mod c)"),
        ("a & b + c", "((a & b) + c)"),
        ("-a + b", "((-a) + b)"),
        ("-a.b", "(-a.b)"),
        ("--a", "(-(-a))"),
        ("-a * b", "((-a) * b)"),
        ("a.b[0].c", "a.b[0].c"),
        ("a.b(c, d).e", "a.b(c, d).e"),
        ("(a or b) and c", "((a or b) and c)"),
        ("a contains b or c", "((a contains b) or c)"),
        ("a != b !~ c", "((a != b) !~ c)"),
        ("a implies b implies c", "((a implies b) implies c)"),
        ("%asOf - 90 days", "(%asOf - 90 days)"),
        ("$this.a[$index]", "$this.a[$index]"),
        ("a.is(B)", "a.is(B)"),
        ("a.contains('x') contains b", "(a.contains('x') contains b)"),
        ("as.is.contains.in", "as.is.contains.in"),
        ("a.and.or.div", "a.and.or.div"),
        ("%`a b`.c", "%a b.c"),
        ("%'vs-x'", "%vs-x"),
        ("%vs-x", "%vs-x"),
        ("`a b`.`c`", "a b.c"),
        ("a // a remark\n or b", "(a or b)"),
        ("a /* or c */ or b", "(a or b)"),
        ("{} | a", "(None | a)"),
        ("f()", "f()"),
    ],
)
def test_operators_bind_as_the_grammar_says(source: str, tree: str) -> None:
    assert written(parse(source)) == tree


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("true", True),
        ("false", False),
        ("{}", None),
        ("0", 0),
        ("42", 42),
        ("1.50", Decimal("1.50")),
        ("'text'", "text"),
        ("''", ""),
        ("90 days", Quantity(Decimal(90), "day")),
        ("1 day", Quantity(Decimal(1), "day")),
        ("2.5 weeks", Quantity(Decimal("2.5"), "week")),
        ("5 'mg/dL'", Quantity(Decimal(5), "mg/dL")),
        ("@2025", parse_date("2025")),
        ("@2025-11-20", parse_date("2025-11-20")),
        ("@2025-11T", parse_date_time("2025-11T")),
        ("@2025-11-20T10:30Z", parse_date_time("2025-11-20T10:30Z")),
        ("@2025-11-20T10:30:05.5+05:45", parse_date_time("2025-11-20T10:30:05.5+05:45")),
        ("@T14:30", parse_time("14:30")),
    ],
)
def test_a_literal_has_its_value(source: str, value: Any) -> None:
    node = parse(source)
    assert isinstance(node, Literal)
    assert (node.value, type(node.value)) == (value, type(value))


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (r"'\''", "'"),
        (r"'\"'", '"'),
        (r"'\`'", "`"),
        (r"'\\'", "\\"),
        (r"'\/'", "/"),
        (r"'a\nb\tc\rd\fe'", "a\nb\tc\rd\fe"),
        (r"'\u00e4\u4e2D'", "ä中"),
        (r"'\\u00e4'", r"\u00e4"),
        ("'ä 中 \U0001f600'", "ä 中 \U0001f600"),
        (r"'\ud83d\ude00 \uD83D\uDE00'", "\U0001f600 \U0001f600"),
        ("'// no remark'", "// no remark"),
    ],
)
def test_escapes_in_a_string_stand_for_their_characters(source: str, text: str) -> None:
    node = parse(source)
    assert isinstance(node, Literal)
    assert node.value == text


@given(st.text())
def test_any_text_can_be_written_as_a_string(text: str) -> None:
    quoted = text.replace("\\", "\\\\").replace("'", "\\'")
    node = parse(f"'{quoted}'")
    assert isinstance(node, Literal)
    assert node.value == text


@pytest.mark.parametrize(
    ("source", "position", "words"),
    [
        ("", 0, "an expression is missing before `the end`"),
        ("   ", 3, "missing before `the end`"),
        ("a or", 4, "missing before `the end`"),
        ("a b", 2, "`b` does not belong here"),
        ("a.", 2, "a name is missing before `the end`"),
        ("a..b", 2, "a name is missing before `.`"),
        ("a.1", 2, "a name is missing before `1`"),
        (".a", 0, "missing before `.`"),
        ("(a", 2, "`)` is missing before `the end`"),
        ("a)", 1, "`)` does not belong here"),
        ("f(a", 3, "`,` is missing before `the end`"),
        ("f(a b)", 4, "`,` is missing before `b`"),
        ("f(a,)", 4, "missing before `)`"),
        ("f(,a)", 2, "missing before `,`"),
        ("a[0", 3, "`]` is missing before `the end`"),
        ("a[]", 2, "missing before `]`"),
        ("{1}", 1, "`}` is missing before `1`"),
        ("'open", 0, "`'` is not FHIRPath"),
        ('a = "b"', 4, '`"` is not FHIRPath'),
        ("a ? b", 2, "`?` is not FHIRPath"),
        ("a @ b", 2, "`@` is not FHIRPath"),
        ("@2025-13", 0, "is no date or time"),
        ("a > @2025-02-30", 4, "is no date or time"),
        ("@T25", 0, "is no date or time"),
        ("@2025T10", 0, "is no date or time"),
        ("a is", 4, "a type name is missing"),
        ("a is 5", 5, "a type name is missing"),
        ("and b", 0, "`and` has nothing on its left"),
        ("a and and b", 6, "`and` has nothing on its left"),
        ("* a", 0, "missing before `*`"),
        ("$that", 0, "`$` is not FHIRPath"),
        ("a.$this", 2, "`$this` stands alone or at the start"),
        ("a.b.$index > 1", 4, "`$index` stands alone or at the start"),
        ("% a", 0, "`%` is not FHIRPath"),
        ("a /* open", 2, "a comment is not closed"),
        ("a /*/ b", 2, "a comment is not closed"),
        ("é", 0, "`é` is not FHIRPath"),
        ("a.é", 2, "`é` is not FHIRPath"),
        ("١", 0, "`١` is not FHIRPath"),
        ("a = '\\ud83d'", 4, "half a character"),
        ("`\\ude00`.b", 0, "half a character"),
    ],
)
def test_a_fault_is_told_with_its_position(source: str, position: int, words: str) -> None:
    with pytest.raises(ExpressionError) as fault:
        parse(source)
    assert words in fault.value.reason
    assert fault.value.position == position
    assert fault.value.source == source
    assert fault.value.kind == "syntax"


def test_the_message_marks_the_place_within_a_long_expression() -> None:
    source = "aaaa.exists() or " * 10 + "? or " + "bbbb.exists() or " * 10
    with pytest.raises(ExpressionError) as fault:
        parse(source)
    message = str(fault.value)
    assert f"at character {17 * 10}: `…" in message
    assert "or ⟨here⟩? or bbbb" in message
    assert message.endswith("…`")
    assert "\n" not in message


@pytest.mark.parametrize(
    "nest",
    [
        lambda depth: "(" * depth + "a" + ")" * depth,
        lambda depth: "-" * depth + "a",
        lambda depth: "f(" * depth + "a" + ")" * depth,
        lambda depth: "a[" * depth + "0" + "]" * depth,
    ],
    ids=["brackets", "signs", "calls", "indexes"],
)
def test_nesting_is_bounded(nest: Any) -> None:
    parse(nest(MAX_DEPTH - 2))
    with pytest.raises(ExpressionTooLarge, match=f"nested deeper than {MAX_DEPTH} levels") as fault:
        parse(nest(MAX_DEPTH + 1))
    assert fault.value.limit == "depth"


def test_length_is_bounded() -> None:
    parse("a" * MAX_LENGTH)
    with pytest.raises(ExpressionTooLarge, match=f"longer than {MAX_LENGTH} characters") as fault:
        parse("a" * (MAX_LENGTH + 1))
    assert fault.value.limit == "length"
    assert len(str(fault.value)) < 300


@pytest.mark.parametrize("number", ["9" * 28, "0." + "9" * 27, "9" * 28 + " 'mg'"])
def test_the_digits_of_a_number_are_bounded(number: str) -> None:
    parse(number)
    with pytest.raises(ExpressionTooLarge, match="more than 28 digits") as fault:
        parse(f"a > 9{number}")
    assert (fault.value.limit, fault.value.position) == ("number", 4)


WORDS = "a b . ( ) [ ] , and or is in = < + - * | & 1 'x' true {} %v $this @2025 div `q` days"
TOKENS = st.sampled_from(WORDS.split())


@given(st.lists(TOKENS, max_size=15).map(" ".join) | st.text(max_size=25))
def test_any_text_is_a_tree_or_a_fault_with_a_position_inside_it(source: str) -> None:
    try:
        at = parse(source).at
    except ExpressionError as fault:
        at = fault.position
    assert 0 <= at <= len(source)
