"""What is bounded, and told by the name of its limit; what looks alike but is cheap is carried out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest

from cds_service.errors import EvaluationError, ExpressionTooLarge, LimitExceeded
from cds_service.expressions.language import MAX_ITEMS, MAX_TEXT, Missing
from cds_service.fhir.definitions import element
from cds_service.fhir.temporal import parse_date, parse_date_time, parse_time
from tests.unit.fhirpath.evaluating import Asked, coded, items, observation, truth

MODULUS = 2**61 - 1
"""Numbers that differ by it have the same hash in Python."""


def limit(source: str, *resources: Mapping[str, Any], **more: Any) -> str:
    """Return the name of the limit that an expression meets."""
    with pytest.raises((LimitExceeded, ExpressionTooLarge)) as met:
        items(source, *resources, **more)
    return met.value.limit


class Clock:
    """The CPU time that a test may take, in seconds: what is quadratic takes minutes."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.start = seconds, time.process_time()

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        assert time.process_time() - self.start < self.seconds


# -- depth ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["where", "all", "exists", "select"])
def test_a_long_conjunction_counts_as_deep(call: str) -> None:
    assert limit(f"(1).{call}({' and '.join(['true'] * 2_000)})") == "depth"


def test_what_nests_too_deeply_for_the_stack_is_a_limit() -> None:
    asked = Asked("1" + ".where(true)" * 100)

    def deep(levels: int) -> Any:
        return deep(levels - 1) if levels else asked.items()

    with pytest.raises(LimitExceeded) as met:
        deep(900)
    assert met.value.limit == "depth"


# -- items and steps --------------------------------------------------------------------------------------------


def test_a_collection_may_be_as_large_as_its_limit() -> None:
    many = list(range(MAX_ITEMS))
    assert items("%many.select($this).count()", many=many) == [MAX_ITEMS]
    assert items("%many.where(true).count()", many=many) == [MAX_ITEMS]
    assert limit("%many.select($this | -1)", many=many) == "items"
    assert limit("1.repeat($this + 1)") == "items"


@pytest.mark.parametrize(
    "source",
    [
        "%many.select(%many.count())",
        "%many.where(%many.exists())",
        "%many.all(%many.count() > 1)",
        f"%many.where({'$this + 1 > 1 and ' * 30} true).where(%many.exists())",
        "%many.aggregate($total + %many.count(), 0)",
        "%many.sort(%many.count())",
        "%many.select(%resource.entry.resource.ofType(Observation).code.coding.count())",
    ],
)
def test_loops_in_loops_come_to_an_end(source: str) -> None:
    full = [observation(f"o{i}", code=coded("L1")) for i in range(300)]
    with Clock(5):
        assert limit(source, *full, many=list(range(20_000))) == "steps"


def test_every_variable_has_its_own_share() -> None:
    asked = Asked("%many.where($this > 1).count()", many=list(range(40_000)))
    for _ in range(30):
        assert asked.items() == [39_998]


# -- equality -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "many",
    [
        [i * MODULUS for i in range(20_000)],
        [Decimal(i * MODULUS + 1) / 10 for i in range(20_000)],
        [i * MODULUS for i in range(20_000)] + [Decimal(i * MODULUS) for i in range(20_000)],
    ],
    ids=["integers", "decimals", "both"],
)
def test_numbers_of_the_same_hash_are_kept_apart_quickly(many: list[Any]) -> None:
    with Clock(10):
        assert items("%many.distinct().count()", many=many, types={"many": ("System.Any",)}) == [20_000]
    assert items("(0 | -0.0 | 0.00 | 1 | 1.0 | 100 | 1e | 1.50 | 1.5)".replace("| 1e ", "")) == [
        0,
        1,
        100,
        Decimal("1.50"),
    ]


@pytest.mark.parametrize(
    "member",
    [
        lambda i: {"valueQuantity": {"value": i * MODULUS, "unit": "mg"}},
        lambda i: {"valueInteger": i},
        lambda i: {"note": [{"extension": [{"extension": [{"url": "u", "valueDecimal": Decimal(i) / 8}]}]}]},
        lambda i: {"meta": {"profile": [f"http://example.org/{i}"]}},
    ],
    ids=["quantity", "number", "deep", "text"],
)
def test_elements_that_differ_somewhere_are_kept_apart_quickly(member: Any) -> None:
    many = [observation("same", **member(i)) for i in range(5_000)]
    with Clock(10):
        assert items("%many.distinct().count()", many=many) == [5_000]
        assert items("(%many | %many).count()", many=many) == [5_000]
        assert items("%many.intersect(%many).count()", many=many) == [5_000]
        assert truth("%many.isDistinct() and %many.subsetOf(%many)", many=many) is True


def test_equivalence_in_any_order_is_paid_for() -> None:
    many = [{"coding": [{"code": str(i)} for i in range(3_000)]}]
    other = [{"coding": [{"code": str(i)} for i in reversed(range(3_000))]}]
    types = {"many": ("CodeableConcept",), "other": ("CodeableConcept",)}
    with Clock(10):
        assert limit("%many ~ %other", many=many, other=other, types=types) == "steps"
    assert truth("%many ~ %many", many=many, types=types) is True


# -- numbers ------------------------------------------------------------------------------------------------------

HUGE = [
    Decimal("1E+999999999"),
    Decimal("-1E+999999999"),
    Decimal("1E-999999999"),
    10**1_000,
    Decimal("0." + "1" * 200_000),
]


@pytest.mark.parametrize("huge", HUGE, ids=["large", "negative", "small", "whole", "digits"])
@pytest.mark.parametrize(
    "source",
    [
        "%huge.toString()",
        "%huge + 1",
        "%huge div 3",
        "-%huge",
        "%huge.floor()",
        "%huge.round(2)",
        "%huge.sqrt()",
        "%huge ~ 1.5",
        "%huge = 1",
        "%huge > 1.5",
        "(%huge | 1).count()",
        "%huge.lowBoundary()",
        "%huge.precision()",
        "%huge.toQuantity() > 1 '%'",
        "(%huge.toQuantity() | 1 '%').count()",
        "%huge.toQuantity('%')",
        "%huge.toInteger()",
        "%huge & 'a'",
        "@2020 + %huge.toQuantity('year')",
        "%huge.toQuantity().toString()",
        "'text'.substring(%huge.toInteger())",
    ],
)
def test_numbers_beyond_all_measure_are_no_trouble(source: str, huge: Any) -> None:
    with Clock(2), suppress(EvaluationError):
        items(source, huge=[huge])


def test_a_product_of_units_is_bounded() -> None:
    assert limit("(1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9).aggregate($total * $total, 1 'm')") == "text"
    assert limit("(1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9).aggregate($total * $total, 10)") == "number"
    assert limit("(1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9).aggregate($total * $total, 10 '1')") == "number"


# -- text ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "step", ["encode('hex')", "escape('json')", "replace('\\\\', '\\\\\\\\')", "select($this & $this)"]
)
def test_a_text_that_grows_meets_its_limit(step: str) -> None:
    with Clock(2):
        assert limit("'\\\\'" + f".{step}" * 30) == "text"


def test_many_large_texts_are_paid_for() -> None:
    large = "a" * MAX_TEXT
    with Clock(5):
        assert limit("%many.select(%large & $this.toString())", many=list(range(1_000)), large=[large[:-10]]) == "steps"
        assert limit("%many.select(%large.indexOf('b'))", many=list(range(1_000)), large=[large]) == "steps"
        assert (
            limit("%many.where(%large ~ %other)", many=list(range(1_000)), large=[large], other=[large.upper()])
            == "steps"
        )
        assert limit("%large.toChars()", large=[large]) == "items"


@pytest.mark.parametrize("parse", [parse_date, parse_date_time, parse_time])
def test_no_date_is_as_long_as_a_book(parse: Any) -> None:
    assert parse("2025-01-01T00:00:00." + "9" * 1_000) is None
    assert parse("00:00:00." + "9" * 1_000) is None


def test_names_that_no_type_has_are_not_kept() -> None:
    assert element("Patient", "madeUp") is None
    assert element("Patient", "birthDate") is not None


# -- markup -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ('<div xmlns="http://www.w3.org/1999/xhtml"><p class="a">é &lt; 5<br/></p></div>', True),
        ("  <div>a</div>\n", True),
        ("<div><script>a</script></div>", False),
        ('<div onclick="a"/>', False),
        ('<div><a href=" JavaScript:a">b</a></div>', False),
        ('<div><img src="#a"/></div>', True),
        ("<p>a</p>", False),
        ("<div>a</div><div>b</div>", False),
        ("<div><p>a</div>", False),
        ("<div>&nbsp;</div>", False),
        ("<![foo[", False),
        ("", False),
        ('<!DOCTYPE d [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><div>&c;</div>', False),
    ],
)
def test_a_narrative_is_one_harmless_division(text: str, allowed: bool) -> None:
    assert truth("%text.htmlChecks()", text=[text]) is allowed


@pytest.mark.parametrize("part", ["<!--", "<a ", "<a b='", "<p>", "<![CDATA[", "&lt;", "<?"])
def test_a_narrative_is_read_in_linear_time(part: str) -> None:
    with Clock(2):
        assert truth("%text.htmlChecks()", text=["<div>" + part * 50_000]) is False


# -- what is no text where text is asked for ------------------------------------------------------------------------


def test_a_modifier_is_looked_up_whatever_its_name() -> None:
    modified = observation("o1", modifierExtension=[{"url": "http://example.org/a"}])
    assert len(items("%one.checkModifiers('http://example.org/a')", one=[modified])) == 1
    with pytest.raises(EvaluationError, match="does not know"):
        items("%one.checkModifiers(%resource)", one=[modified])


def test_codes_without_number_are_paid_for() -> None:
    many = [{"coding": [{"system": "s", "code": str(i)} for i in range(2_000)]}]
    assert limit("%many.subsumes(%many)", many=many, types={"many": ("CodeableConcept",)}) == "steps"
    few = [{"coding": [{"system": "s", "code": "1"}]}]
    with pytest.raises(Missing):
        items(
            "%few.subsumes(%other)",
            few=few,
            other=[{"coding": [{"system": "s", "code": "2"}]}],
            types={"few": ("CodeableConcept",), "other": ("CodeableConcept",)},
        )
