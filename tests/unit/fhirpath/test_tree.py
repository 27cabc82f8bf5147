"""A tree written as text is the same tree again: what determinations show of a condition is what was asked."""

from __future__ import annotations

from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.fhir.temporal import Date, DateTime, Time, parse_date, parse_date_time, parse_time
from cds_service.fhir.values import CALENDAR_UNITS, Quantity
from cds_service.fhirpath.parser import parse
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
    walk,
)


def unplaced(node: Any) -> Any:
    """Return a tree without the positions of its nodes."""
    if isinstance(node, tuple):
        return tuple(map(unplaced, node))
    if not isinstance(node, Node):
        return node
    return replace(node, at=0, **{one.name: unplaced(getattr(node, one.name)) for one in fields(node)[1:]})


# -- examples -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "text"),
    [
        # operations inside others stand in parentheses
        ("a or b and c", "a or (b and c)"),
        ("(a or b) and c", "(a or b) and c"),
        ("a - b - c", "(a - b) - c"),
        ("a - (b - c)", "a - (b - c)"),
        ("a + b * c", "a + (b * c)"),
        ("a is B and c", "(a is B) and c"),
        ("a is FHIR.Patient", "a is FHIR.Patient"),
        ("a as `B`", "a as B"),
        ("a is `B b`.C", "a is `B b`.C"),
        ("-a.b", "-a.b"),
        ("(-a).b", "(-a).b"),
        ("--a", "-(-a)"),
        ("-a + b", "(-a) + b"),
        ("+5", "+5"),
        ("(a | b).c", "(a | b).c"),
        ("(a is B).c", "(a is B).c"),
        ("(a | b)[0]", "(a | b)[0]"),
        ("a[b + 1]", "a[b + 1]"),
        ("a.where(b and c)", "a.where(b and c)"),
        ("((a))", "a"),
        # names
        ("a.b.c", "a.b.c"),
        ("`a`.`b`", "a.b"),
        ("`a b`.c", "`a b`.c"),
        ("`a-b`", "`a-b`"),
        ("`1a`", "`1a`"),
        ("``", "``"),
        (r"`a\`b`", r"`a\`b`"),
        (r"`a\\b`", r"`a\\b`"),
        ("`ä`", "`ä`"),
        ("`div`", "`div`"),
        ("`and`.`or`", "`and`.`or`"),
        ("`true`", "`true`"),
        ("`true`()", "`true`()"),
        ("`mod`(1)", "`mod`(1)"),
        ("a.`in`", "a.`in`"),
        ("a.contains('x')", "a.contains('x')"),
        ("a.is(B)", "a.is(B)"),
        ("as.is", "as.is"),
        ("$this.a", "$this.a"),
        ("$index + $total", "$index + $total"),
        ("%a", "%a"),
        ("%`a`", "%a"),
        ("%'a b'", "%`a b`"),
        ("%`vs-a`", "%`vs-a`"),
        # calls
        ("f()", "f()"),
        ("f(a, b).g(c)", "f(a, b).g(c)"),
        ("a.f(-1)", "a.f(-1)"),
        # literals
        ("{}", "{}"),
        ("{ }", "{}"),
        ("true", "true"),
        ("42", "42"),
        ("1.50", "1.50"),
        ("0.0000001", "0.0000001"),
        ("1000000000000000000.0", "1000000000000000000.0"),
        ("''", "''"),
        (r"'it\'s'", r"'it\'s'"),
        (r"'a\\b'", r"'a\\b'"),
        (r"'\n\r\t\f'", r"'\n\r\t\f'"),
        (r"'\"\`\/'", "'\"`/'"),
        (r"'\u00e4'", "'ä'"),
        (r"'\\u00e4'", r"'\\u00e4'"),
        ("'// no remark'", "'// no remark'"),
        ("@2025", "@2025"),
        ("@2025-11-20", "@2025-11-20"),
        ("@2025T", "@2025T"),
        ("@2025-11-20T10", "@2025-11-20T10"),
        ("@2025-11-20T10:30:05.50+05:45", "@2025-11-20T10:30:05.50+05:45"),
        ("@2025-11-20T10:30-00:00", "@2025-11-20T10:30Z"),
        ("@T10:30", "@T10:30"),
        ("5 'mg/dL'", "5 'mg/dL'"),
        ("5'mg'", "5 'mg'"),
        (r"5 '[in_i\'Hg]'", r"5 '[in_i\'Hg]'"),
        ("1 day", "1 day"),
        ("1 days", "1 day"),
        ("2.5 weeks", "2.5 weeks"),
        ("2 week", "2 weeks"),
        ("0.0000001 'mg'", "0.0000001 'mg'"),
        # between tokens
        ("a // remark\n or /* another */ b", "a or b"),
        ("a\tor\r\nb", "a or b"),
    ],
)
def test_a_tree_is_written_and_read_again(source: str, text: str) -> None:
    tree = parse(source)
    assert text_of(tree) == text
    assert unplaced(parse(text)) == unplaced(tree)


@pytest.mark.parametrize(
    ("source", "kinds"),
    [
        ("a", ["Member a"]),
        ("a.b", ["Member b", "Member a"]),
        ("a.f(b, c)", ["Call f", "Member a", "Member b", "Member c"]),
        ("f()", ["Call f"]),
        ("a[b]", ["Indexer", "Member a", "Member b"]),
        ("-a", ["Unary", "Member a"]),
        ("a is B", ["TypeTest", "Member a"]),
        ("a + b * c", ["Binary", "Member a", "Binary", "Member b", "Member c"]),
        ("a.where($this = %x)", ["Call where", "Member a", "Binary", "Special $this", "External x"]),
        ("1 | {}", ["Binary", "Literal", "Literal"]),
    ],
)
def test_walking_gives_a_node_and_then_all_below_it_from_left_to_right(source: str, kinds: list[str]) -> None:
    walked = [f"{type(one).__name__} {getattr(one, 'name', '')}".strip() for one in walk(parse(source))]
    assert walked == kinds


def test_every_node_knows_where_it_starts() -> None:
    places = [(type(one).__name__, one.at) for one in walk(parse("a.f(b + 1)[%c]"))]
    assert places == [
        ("Indexer", 10),
        ("Call", 2),
        ("Member", 0),
        ("Binary", 6),
        ("Member", 4),
        ("Literal", 8),
        ("External", 11),
    ]


def test_walking_does_not_depend_on_how_deep_a_tree_is() -> None:
    chain: Node = Literal(0, 1)
    for _ in range(5_000):
        chain = Binary(0, "+", chain, Literal(0, 1))
    assert sum(1 for _ in walk(chain)) == 10_001


# -- any tree -----------------------------------------------------------------------------------------------------

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NAMES = st.sampled_from(["a", "b1", "_c", "div", "and", "is", "contains", "true", "day", "days", "as", "in"]) | TEXTS
TYPES = st.lists(st.sampled_from(["FHIR", "Patient", "System", "true", "is", "us core"]), min_size=1, max_size=3)
DECIMALS = st.decimals(0, 10**18, places=9).map(lambda one: Decimal(f"{one:f}"))
UNITS = st.sampled_from(["mg/dL", "[in_i'Hg]", "1", "{a b}", "wk", "\\", *CALENDAR_UNITS])
DAYS = st.dates().map(lambda day: day.isoformat())
CLOCKS = st.times().map(lambda time: time.isoformat())
ZONES = st.sampled_from(["", "Z", "+05:45", "-14:00", "+14:00"])


def date_time(day: str, clock: str, zone: str, length: int) -> DateTime | None:
    return parse_date_time(f"{day}T{clock[:length]}{zone}" if length else f"{day[:7]}T")


DATES: st.SearchStrategy[Date | None] = st.builds(
    lambda day, to: parse_date(day[:to]), DAYS, st.sampled_from((4, 7, 10))
)
TIMES: st.SearchStrategy[Time | None] = st.builds(
    lambda clock, to: parse_time(clock[:to]), CLOCKS, st.sampled_from((2, 5, 8, 15))
)
DATE_TIMES = st.builds(date_time, DAYS, CLOCKS, ZONES, st.sampled_from((0, 2, 5, 8, 15)))
LITERALS = st.builds(
    Literal,
    st.just(0),
    st.none()
    | st.booleans()
    | st.integers(0, 10**18)
    | DECIMALS.filter(lambda one: "." in f"{one:f}")
    | TEXTS
    | DATES
    | TIMES
    | DATE_TIMES
    | st.builds(Quantity, DECIMALS, UNITS),
)
LEAVES = (
    LITERALS
    | st.builds(External, st.just(0), NAMES)
    | st.builds(Special, st.just(0), st.sampled_from(["$this", "$index", "$total"]))
    | st.builds(Member, st.just(0), st.none(), NAMES)
)
OPERATORS = ["implies", "or", "xor", "and", "in", "contains", "=", "~", "!=", "!~", "<=", "<", ">", ">=", "|", "+", "-"]
OPERATORS += ["&", "*", "/", "div", "mod"]


def grown(nodes: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    zero = st.just(0)
    return (
        st.builds(Member, zero, nodes, NAMES)
        | st.builds(Call, zero, st.none() | nodes, NAMES, st.lists(nodes, max_size=3).map(tuple))
        | st.builds(Indexer, zero, nodes, nodes)
        | st.builds(Unary, zero, st.sampled_from("+-"), nodes)
        | st.builds(Binary, zero, st.sampled_from(OPERATORS), nodes, nodes)
        | st.builds(TypeTest, zero, st.sampled_from(["is", "as"]), nodes, TYPES.map(".".join))
    )


@given(st.recursive(LEAVES, grown, max_leaves=12))
def test_any_tree_that_is_written_is_read_as_the_same(tree: Node) -> None:
    assert unplaced(parse(text_of(tree))) == tree
