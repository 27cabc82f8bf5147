"""Quantities: exact across units, and calendar durations told apart from UCUM's."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.fhir.quantity import (
    UnknownUnit,
    canonical_form,
    comparable,
    compare_quantities,
    convert,
    convert_explicitly,
    divide,
    in_coarser_unit,
    multiply,
)
from cds_service.fhir.values import CALENDAR_UNITS, Quantity


def q(text: str) -> Quantity:
    """Return the quantity that `5 mg/dL` writes."""
    value, _, unit = text.partition(" ")
    return Quantity(Decimal(value), unit or "1")


# -- comparing ----------------------------------------------------------------------------------------------------

ORDERS: list[tuple[str, str, int | None]] = [
    # one unit
    ("5 mg", "5 mg", 0),
    ("5 mg", "5.00 mg", 0),
    ("5 mg", "6 mg", -1),
    ("-5 mg", "-6 mg", 1),
    ("5", "5", 0),
    # one dimension
    ("1 m", "100 cm", 0),
    ("1 cm", "1 m", -1),
    ("1.5 g", "1500 mg", 0),
    ("1.5001 g", "1500 mg", 1),
    ("0.1 g", "100 mg", 0),
    ("126 mg/dL", "1.26 g/L", 0),
    ("1 [lb_av]", "0.45359237 kg", 0),
    ("1 [lb_av]", "0.453592370000000000000000001 kg", -1),
    ("4 10*3/uL", "4 10*9/L", 0),
    ("3 [in_i]", "7.62 cm", 0),
    ("1 %", "0.01", 0),
    ("5 {score}", "5", 0),
    ("60 mL/min/{1.73_m2}", "1 mL/s", 0),
    ("1 [IU]/L", "1 [iU]/L", 0),
    # temperatures
    ("37 Cel", "98.6 [degF]", 0),
    ("38 Cel", "100.3 [degF]", 1),
    ("0 K", "-273.15 Cel", 0),
    # UCUM's own durations
    ("1 wk", "7 d", 0),
    ("1 a", "365.25 d", 0),
    ("12 mo", "1 a", 0),
    # the calendar's among themselves
    ("1 year", "12 month", 0),
    ("6 month", "1 year", -1),
    ("1 year", "365 day", 0),
    ("1 year", "366 day", -1),
    ("1 month", "30 day", 0),
    ("3 month", "90 day", 0),
    ("3 month", "91 day", -1),
    ("1 week", "7 day", 0),
    ("1 day", "24 hour", 0),
    ("90 minute", "1 hour", 1),
    ("1 second", "1000 millisecond", 0),
    # the calendar's against UCUM's
    ("1 week", "1 wk", 0),
    ("1 day", "1 d", 0),
    ("1 hour", "3600 s", 0),
    ("1 minute", "60 s", 0),
    ("1 second", "1 s", 0),
    ("1 millisecond", "1 ms", 0),
    ("7 day", "1 wk", 0),
    ("8 day", "1 wk", 1),
    ("1 year", "1 a", None),
    ("1 month", "1 mo", None),
    ("1 year", "365 d", None),
    ("1 month", "30 d", None),
    ("1 year", "12 mo", None),
    ("2 year", "1 s", None),
    # different dimensions
    ("1 m", "1 s", None),
    ("1 m", "1 m2", None),
    ("5", "5 mg", None),
    ("1 [iU]", "1", None),
    ("1 [arb'U]", "1 [USP'U]", None),
    ("1 mmol/L", "1 mg/dL", None),
    ("1 day", "1 m", None),
    ("1 year", "1 m", None),
]


@pytest.mark.parametrize(("left", "right", "order"), ORDERS)
def test_quantities_are_compared_exactly(left: str, right: str, order: int | None) -> None:
    assert compare_quantities(q(left), q(right)) == order
    assert compare_quantities(q(right), q(left)) == (None if order is None else -order)
    assert comparable(q(left), q(right)) is (order is not None)


def test_units_that_are_the_same_text_need_not_be_known() -> None:
    assert compare_quantities(q("5 smoots"), q("6 smoots")) == -1
    assert comparable(q("5 smoots"), q("6 smoots"))
    assert in_coarser_unit(q("5 smoots"), q("6 smoots")) == (5, 6)
    assert convert(q("5 smoots"), "smoots") == q("5 smoots")


@pytest.mark.parametrize("unit", ["smoots", "MGS", "mg dL", "days", "", "Years", "Cel/min"])
def test_a_unit_that_is_not_known_is_said_to_be_so_without_its_name(unit: str) -> None:
    other, known = Quantity(Decimal(5), unit), q("5 mg")
    for ask in (
        lambda: compare_quantities(other, known),
        lambda: compare_quantities(known, other),
        lambda: comparable(known, other),
        lambda: convert(other, "mg"),
        lambda: convert(known, unit),
        lambda: canonical_form(other),
        lambda: in_coarser_unit(known, other),
    ):
        with pytest.raises(UnknownUnit) as fault:
            ask()
        assert str(fault.value) == "a unit is not known"


# -- the same amount in another unit ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "right", "amounts"),
    [
        ("2.1 cm", "21 mm", ("2.1", "2.1")),
        ("21 mm", "2 cm", ("2.1", "2")),
        ("4 g", "4040 mg", ("4", "4.04")),
        ("1 a", "1 year", ("1", "1")),
        ("1 year", "11 month", ("1", "0.9166666666666666666666666667")),
        ("1 month", "1 mo", ("1", "1")),
        ("37 Cel", "98.6 [degF]", ("37", "37")),
        ("1 m", "1 s", None),
        ("1", "1 mg", None),
    ],
)
def test_two_amounts_are_told_in_the_coarser_unit(left: str, right: str, amounts: tuple[str, str] | None) -> None:
    found = in_coarser_unit(q(left), q(right))
    assert found == (None if amounts is None else tuple(map(Decimal, amounts)))


CONVERSIONS: list[tuple[str, str, str | None]] = [
    ("5 mg", "mg", "5"),
    ("1.5 g", "mg", "1500"),
    ("1500 mg", "g", "1.5"),
    ("1 [in_i]", "cm", "2.54"),
    ("1 m", "km", "0.001"),
    ("37 Cel", "[degF]", "98.6"),
    ("-40 [degF]", "Cel", "-40"),
    ("0 Cel", "K", "273.15"),
    ("1 a", "d", "365.25"),
    ("52 cm", "m", "0.52"),
    ("10 m", "s", None),
    ("5", "mg", None),
    # the calendar's factors
    ("1 year", "month", "12"),
    ("1 year", "day", "365"),
    ("1 month", "day", "30"),
    ("90 day", "month", "3"),
    ("730 day", "year", "2"),
    ("18 month", "year", "1.5"),
    ("2 week", "day", "14"),
    ("36 hour", "day", "1.5"),
    ("1 minute", "second", "60"),
]


@pytest.mark.parametrize(("quantity", "unit", "amount"), CONVERSIONS)
def test_a_quantity_is_converted(quantity: str, unit: str, amount: str | None) -> None:
    expected = None if amount is None else Quantity(Decimal(amount), unit)
    assert convert(q(quantity), unit) == expected
    assert convert_explicitly(q(quantity), unit) == expected


@pytest.mark.parametrize(
    ("quantity", "unit", "implicitly", "explicitly"),
    [
        ("7 day", "wk", "1", "1"),
        ("1 hour", "min", "60", "60"),
        ("2 s", "millisecond", "2000", "2000"),
        ("1 year", "a", None, "1"),
        ("1 a", "year", None, "1"),
        ("2 month", "mo", None, "2"),
        ("182.5 day", "a", "0.4996577686516084873374401095", "0.5"),
        ("365.25 d", "year", None, "1"),
        ("1 year", "d", None, "365"),
        ("1 month", "us", None, "2592000000000"),
        ("1 year", "m", None, None),
        ("1 m", "year", None, None),
    ],
)
def test_years_and_months_are_renamed_only_where_that_is_asked_for(
    quantity: str, unit: str, implicitly: str | None, explicitly: str | None
) -> None:
    for change, amount in ((convert, implicitly), (convert_explicitly, explicitly)):
        assert change(q(quantity), unit) == (None if amount is None else Quantity(Decimal(amount), unit))


@pytest.mark.parametrize(
    ("quantity", "amount", "dimensions"),
    [
        ("5", "5", ()),
        ("5 cm", "0.05", (("m", 1),)),
        ("2 /min", Fraction(1, 30), (("s", -1),)),
        ("37 Cel", "310.15", (("K", 1),)),
        ("2 day", 172_800, (("s", 1),)),
        ("2 month", "2", (("month", 1),)),
        ("2 year", "24", (("month", 1),)),
    ],
)
def test_the_canonical_form_is_the_amount_in_base_units(
    quantity: str, amount: str | Fraction, dimensions: tuple[tuple[str, int], ...]
) -> None:
    assert canonical_form(q(quantity)) == (Fraction(amount), dimensions)


# -- reckoning ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "right", "same_as"),
    [
        ("12 cm", "3 cm", "36 cm2"),
        ("3 cm", "12 cm2", "36 cm3"),
        ("2.0 cm", "2.0 m", "0.040 m2"),
        ("10 m/s", "10 s", "100 m"),
        ("3", "2 cm", "6 cm"),
        ("2 cm", "3", "6 cm"),
        ("2", "3", "6"),
        ("4 mg/kg", "80 kg", "320 mg"),
        ("2 mg/(kg.d)", "3 d.kg", "6 mg"),
        ("2 /min", "30 min", "60"),
        ("2 L/min", "2 hour", "240 L"),
        ("5 [in_i'Hg]", "2 m", "10 [in_i'Hg].m"),
    ],
)
def test_a_product_has_the_product_of_the_units(left: str, right: str, same_as: str) -> None:
    assert compare_quantities(multiply(q(left), q(right)), q(same_as)) == 0


@pytest.mark.parametrize(
    ("left", "right", "same_as"),
    [
        ("12 cm2", "3 cm", "4.0 cm"),
        ("120 m", "60 s", "2 m/s"),
        ("4.0 g", "2.0 m", "2 g/m"),
        ("60", "1 s", "60 /s"),
        ("60 s", "2", "30 s"),
        ("80 kg", "4 m2", "20 kg/m2"),
        ("6 mg/dL", "2 mg/dL", "3"),
        ("1 m", "1 cm", "100"),
        ("5 mg", "2 kg.d", "2.5 mg/(kg.d)"),
        ("6 /min", "2 /min", "3"),
        ("1 L", "2 hour", "0.5 L/h"),
    ],
)
def test_a_quotient_has_the_quotient_of_the_units(left: str, right: str, same_as: str) -> None:
    quotient = divide(q(left), q(right))
    assert quotient is not None
    assert compare_quantities(quotient, q(same_as)) == 0


def test_what_is_divided_by_its_own_unit_has_none() -> None:
    assert divide(q("6 mg/dL"), q("2 mg/dL")) == q("3")


def test_nothing_comes_of_a_division_by_zero() -> None:
    assert divide(q("5 mg"), q("0 mg")) is None
    assert divide(q("5 mg"), q("0")) is None


# -- as text ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quantity", "text"),
    [
        ("5 mg/dL", "5 'mg/dL'"),
        ("5.0 mg", "5.0 'mg'"),
        ("5", "5 '1'"),
        ("-5 mm", "-5 'mm'"),
        ("1 day", "1 day"),
        ("1.0 day", "1.0 day"),
        ("2 day", "2 days"),
        ("0 week", "0 weeks"),
        ("1 d", "1 'd'"),
        ("1e3 mg", "1000 'mg'"),
        ("1e-7 mg", "0.0000001 'mg'"),
        ("1E+2 year", "100 years"),
    ],
)
def test_a_quantity_is_written_without_an_exponent(quantity: str, text: str) -> None:
    assert str(q(quantity)) == text


# -- whatever comes -----------------------------------------------------------------------------------------------

AMOUNTS = st.decimals(-1000, 1000, places=3)
UNITS = st.sampled_from(
    ("mg", "g", "kg", "[lb_av]", "m", "[in_i]", "Cel", "[degF]", "s", "a", "mo", "1", *CALENDAR_UNITS)
)
QUANTITIES = st.builds(Quantity, AMOUNTS, UNITS)


@given(QUANTITIES, QUANTITIES)
def test_comparing_turns_round_with_the_sides(one: Quantity, other: Quantity) -> None:
    order = compare_quantities(one, other)
    assert compare_quantities(other, one) == (None if order is None else -order)
    assert compare_quantities(one, one) == 0


@given(QUANTITIES, UNITS)
def test_what_was_converted_compares_as_the_same(one: Quantity, unit: str) -> None:
    other = convert(one, unit)
    assert (other is not None) is comparable(one, Quantity(Decimal(0), unit))
    if other is not None:
        back = convert(other, one.unit)
        assert back is not None
        assert abs(back.value - one.value) <= Decimal("1e-18")


RATIOS = st.builds(Quantity, AMOUNTS, st.sampled_from(("mg", "kg", "[lb_av]", "m", "[in_i]", "s", "a", "1", "/min")))


@given(RATIOS, RATIOS)
def test_a_quotient_times_the_divisor_is_as_before(one: Quantity, other: Quantity) -> None:
    quotient = divide(one, other)
    assert (quotient is None) is (other.value == 0)
    if quotient is not None:
        amount, dimensions = canonical_form(multiply(quotient, other))
        before, expected = canonical_form(one)
        assert dimensions == expected
        assert abs(amount - before) <= Fraction(1, 10**12)
