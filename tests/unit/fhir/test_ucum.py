"""Unit codes: which are UCUM's, what each is worth in base units, exactly, and what is refused."""

from __future__ import annotations

import time
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.fhir.ucum import Unit, parse_unit

INCH = Fraction("0.0254")
POUND = Fraction("453.59237")
AVOGADRO = Fraction("6.02214076e23")
ONE = ""


def parsed(code: str) -> Unit:
    unit = parse_unit(code)
    assert unit is not None, code
    return unit


def dimensions(unit: Unit) -> str:
    """Return the dimensions as `g m-1 s-2`."""
    return " ".join(f"{base}{'' if exponent == 1 else exponent}" for base, exponent in unit.dimensions)


# -- what a code is worth -----------------------------------------------------------------------------------------

UNITS: list[tuple[str, Fraction | int | str, str]] = [  # code, factor to base units, dimensions
    # the base units of table 4, and the unity
    ("m", 1, "m"),
    ("s", 1, "s"),
    ("g", 1, "g"),
    ("rad", 1, "rad"),
    ("K", 1, "K"),
    ("C", 1, "C"),
    ("cd", 1, "cd"),
    ("1", 1, ONE),
    # prefixes, table 2
    ("Ym", Fraction(10**24), "m"),
    ("Zm", Fraction(10**21), "m"),
    ("Em", Fraction(10**18), "m"),
    ("Pm", Fraction(10**15), "m"),
    ("Tm", Fraction(10**12), "m"),
    ("Gm", Fraction(10**9), "m"),
    ("Mm", Fraction(10**6), "m"),
    ("km", 1000, "m"),
    ("hm", 100, "m"),
    ("dam", 10, "m"),
    ("dm", "0.1", "m"),
    ("cm", "0.01", "m"),
    ("mm", "0.001", "m"),
    ("um", "1e-6", "m"),
    ("nm", "1e-9", "m"),
    ("pm", "1e-12", "m"),
    ("fm", "1e-15", "m"),
    ("am", "1e-18", "m"),
    ("zm", "1e-21", "m"),
    ("ym", "1e-24", "m"),
    ("kg", 1000, "g"),
    ("ug", "1e-6", "g"),
    ("KiBy", 1024 * 8, ONE),
    ("MiBy", 2**20 * 8, ONE),
    ("GiBy", 2**30 * 8, ONE),
    ("TiBy", 2**40 * 8, ONE),
    # a symbol as a whole is read before a prefix and the rest
    ("cd", 1, "cd"),
    ("Pa", 1000, "g m-1 s-2"),
    ("min", 60, "s"),
    ("mo", Fraction(36525, 100) * 86_400 / 12, "s"),
    ("ft", "1e-9", "g"),  # a femtotonne
    ("dar", 10, "m2"),  # a deciare, for `r` is no unit
    ("PT", Fraction(10**15) * 1000, "C-1 g s-1"),
    # dimensionless
    ("10*3", 1000, ONE),
    ("10^3", 1000, ONE),
    ("10*-3", "0.001", ONE),
    ("10*+3", 1000, ONE),
    ("10*", 10, ONE),
    ("%", "0.01", ONE),
    ("[ppth]", "0.001", ONE),
    ("[ppm]", "1e-6", ONE),
    ("[ppb]", "1e-9", ONE),
    ("[pi]", "3.1415926535897932384626433832795028841971693993751058209749445923", ONE),
    ("mol", AVOGADRO, ONE),
    ("mmol", AVOGADRO / 1000, ONE),
    ("eq", AVOGADRO, ONE),
    ("osm", AVOGADRO, ONE),
    ("100", 100, ONE),
    ("bit", 1, ONE),
    ("By", 8, ONE),
    ("[HPF]", 1, ONE),
    ("[LPF]", 100, ONE),
    ("[hnsf'U]", 1, ONE),
    # annotations
    ("{score}", 1, ONE),
    ("{}", 1, ONE),
    ("10*3{cells}/uL", Fraction(10**12), "m-3"),
    ("/{HPF}", 1, ONE),
    ("mL/min/{1.73_m2}", Fraction("1e-6") / 60, "m3 s-1"),
    ("kg{wet_tis}", 1000, "g"),
    ("{creat}.g", 1, "g"),
    ("{#}/100{WBC}", "0.01", ONE),
    ("m2{a.b/c(d)2}", 1, "m2"),
    # SI units of table 8 and 9
    ("Hz", 1, "s-1"),
    ("N", 1000, "g m s-2"),
    ("kPa", 10**6, "g m-1 s-2"),
    ("J", 1000, "g m2 s-2"),
    ("W", 1000, "g m2 s-3"),
    ("A", 1, "C s-1"),
    ("V", 1000, "C-1 g m2 s-2"),
    ("mV", 1, "C-1 g m2 s-2"),
    ("F", "0.001", "C2 g-1 m-2 s2"),
    ("Ohm", 1000, "C-2 g m2 s-1"),
    ("S", "0.001", "C2 g-1 m-2 s"),
    ("Wb", 1000, "C-1 g m2 s-1"),
    ("T", 1000, "C-1 g s-1"),
    ("H", 1000, "C-2 g m2"),
    ("lm", 1, "cd rad2"),
    ("lx", 1, "cd m-2 rad2"),
    ("Bq", 1, "s-1"),
    ("Gy", 1, "m2 s-2"),
    ("Sv", 1, "m2 s-2"),
    ("sr", 1, "rad2"),
    ("kat", AVOGADRO, "s-1"),
    ("U", AVOGADRO / 10**6 / 60, "s-1"),
    ("U/L", AVOGADRO / 10**3 / 60, "m-3 s-1"),
    # units used with the SI
    ("l", "0.001", "m3"),
    ("L", "0.001", "m3"),
    ("dL", "0.0001", "m3"),
    ("uL", "1e-9", "m3"),
    ("ar", 100, "m2"),
    ("har", 10_000, "m2"),
    ("t", 10**6, "g"),
    ("bar", 10**8, "g m-1 s-2"),
    ("u", "1.66053906660e-24", "g"),
    ("h", 3600, "s"),
    ("d", 86_400, "s"),
    ("wk", 604_800, "s"),
    ("a", Fraction("365.25") * 86_400, "s"),
    ("a_j", Fraction("365.25") * 86_400, "s"),
    ("a_g", Fraction("365.2425") * 86_400, "s"),
    ("a_t", Fraction("365.24219") * 86_400, "s"),
    ("mo_s", Fraction("29.53059") * 86_400, "s"),
    ("ms", "0.001", "s"),
    # others
    ("atm", 101_325_000, "g m-1 s-2"),
    ("mm[Hg]", 133_322, "g m-1 s-2"),
    ("m[H2O]", 9_806_650, "g m-1 s-2"),
    ("cm[H2O]", Fraction("98066.5"), "g m-1 s-2"),
    ("[in_i'Hg]", 133_322_000 * INCH, "g m-1 s-2"),
    ("[in_i'H2O]", 9_806_650 * INCH, "g m-1 s-2"),
    ("[psi]", POUND * Fraction("9.80665") / INCH**2, "g m-1 s-2"),
    ("cal", 4184, "g m2 s-2"),
    ("kcal", 4_184_000, "g m2 s-2"),
    ("[Cal]", 4_184_000, "g m2 s-2"),
    ("Ci", 37 * 10**9, "s-1"),
    ("mCi", 37 * 10**6, "s-1"),
    ("RAD", "0.01", "m2 s-2"),
    ("G", "0.1", "C-1 g s-1"),
    ("P", 100, "g m-1 s-1"),
    ("dyn", "0.01", "g m s-2"),
    ("Ao", "1e-10", "m"),
    ("[c]", 299_792_458, "m s-1"),
    ("[g]", Fraction("9.80665"), "m s-2"),
    ("[MET]", Fraction("3.5e-6") / 60 / 1000, "g-1 m3 s-1"),
    ("[diop]", 1, "m-1"),
    ("[Ch]", Fraction(1, 3000), "m"),
    ("[wood'U]", 133_322 * 60 / Fraction("0.001"), "g m-4 s-1"),
    ("g%", 10_000, "g m-3"),
    # customary units
    ("[in_i]", INCH, "m"),
    ("[ft_i]", 12 * INCH, "m"),
    ("[mi_i]", 63_360 * INCH, "m"),
    ("[nmi_i]", 1852, "m"),
    ("[sin_i]", INCH**2, "m2"),
    ("[cin_i]", INCH**3, "m3"),
    ("[ft_us]", Fraction(1200, 3937), "m"),
    ("[acr_us]", 160 * (Fraction(33, 2) * Fraction(1200, 3937)) ** 2, "m2"),
    ("[gal_us]", 231 * INCH**3, "m3"),
    ("[foz_us]", 231 * INCH**3 / 128, "m3"),
    ("[tsp_us]", 231 * INCH**3 / 768, "m3"),
    ("[foz_m]", "30e-6", "m3"),
    ("[gal_br]", "4.54609e-3", "m3"),
    ("[foz_br]", Fraction("4.54609e-3") / 160, "m3"),
    ("[lb_av]", POUND, "g"),
    ("[oz_av]", POUND / 16, "g"),
    ("[gr]", "0.06479891", "g"),
    ("[oz_tr]", "31.1034768", "g"),
    ("[stone_av]", 14 * POUND, "g"),
    ("deg", Fraction("3.1415926535897932384626433832795028841971693993751058209749445923") / 180, "rad"),
    ("'", Fraction("3.1415926535897932384626433832795028841971693993751058209749445923") / 180 / 60, "rad"),
    ("''", Fraction("3.1415926535897932384626433832795028841971693993751058209749445923") / 180 / 3600, "rad"),
    # terms
    ("/min", Fraction(1, 60), "s-1"),
    ("/m2", 1, "m-2"),
    ("m2", 1, "m2"),
    ("m+2", 1, "m2"),
    ("m-2", 1, "m-2"),
    ("cm3", "1e-6", "m3"),
    ("s0", 1, ONE),
    ("m/m", 1, ONE),
    ("m.s-2", 1, "m s-2"),
    ("m/s/s", 1, "m s-2"),
    ("m/s.s", 1, "m"),  # from left to right: (m/s).s
    ("m/(s.s)", 1, "m s-2"),
    ("(m/s)/s", 1, "m s-2"),
    ("((m))", 1, "m"),
    ("/(m)", 1, "m-1"),
    ("(/m)", 1, "m-1"),
    ("10.L/(min.m2)", Fraction(10, 60_000), "m s-1"),
    ("mg/dL", 10, "g m-3"),
    ("ng/mL", "0.001", "g m-3"),
    ("mmol/L", AVOGADRO, "m-3"),
    ("10*3/uL", 10**12, "m-3"),
    ("10*9/L", 10**12, "m-3"),
    ("kg/m2", 1000, "g m-2"),
    ("ug/kg/min", Fraction("1e-9") / 60, "s-1"),
    ("2.m", 2, "m"),
    ("m.2", 2, "m"),
    ("1.5", 5, ONE),  # a point multiplies, whatever stands beside it
    ("10*3.5", 5000, ONE),
    ("m2.5", 5, "m2"),
    # set by a procedure
    ("[iU]", 1, "[iU]"),
    ("[IU]", 1, "[iU]"),
    ("k[iU]/L", 10**6, "[iU] m-3"),
    ("m[IU]/mL", 1000, "[iU] m-3"),
    ("[arb'U]", 1, "[arb'U]"),
    ("[anti'Xa'U]", 1, "[anti'Xa'U]"),
    ("[FEU]", 1, "[FEU]"),
    ("[CFU]", 1, "[CFU]"),
    ("[pH]", 1, "[pH]"),
    ("dB", "0.1", "B"),
    ("dB[SPL]", "0.1", "B[SPL]"),
    ("mB[10.nV]", "0.001", "B[10.nV]"),
    ("Np", 1, "Np"),
]


@pytest.mark.parametrize(("code", "factor", "of"), UNITS, ids=[code for code, _, _ in UNITS])
def test_a_code_has_its_factor_and_its_dimensions(code: str, factor: Fraction | int | str, of: str) -> None:
    unit = parsed(code)
    assert (unit.factor, dimensions(unit), unit.offset) == (Fraction(factor), of, 0)


# -- what is no code ----------------------------------------------------------------------------------------------

NO_UNITS = [
    "",
    " ",
    "mg dL",
    " mg",
    "mg ",
    "m\tg",
    "kgg",
    "Kg",
    "KG",
    "MG/DL",
    "mG/dL2x",
    "Mol",
    "mEq",
    "mOsm",
    "IU",
    "iU",
    "[iu]",
    "cel",
    "CEL",
    "degC",
    "°C",
    "µg",
    "mcg",
    "cc",
    "lbs",
    "inch",
    "mmHg",
    "[lbs_av]",
    "[in_i",
    "in_i]",
    "[]",
    "[[in_i]]",
    "1e3",
    "0",
    "-1",
    "+1",
    "x10*3",
    "m^2",
    "m**2",
    "m²",
    "m--2",
    "m+-2",
    "m2+",
    "2m",
    "m2s",
    "(m)2",
    "(m",
    "m)",
    "()",
    "/",
    "//m",
    "m/",
    "m//s",
    "m.",
    ".m",
    "m..s",
    "m*s",
    "m×s",
    "m,s",
    "{score",
    "score}",
    "{{score}}",
    "{a}{b}",
    "{a b}",
    "{ä}",
    "{a\n}",
    "per {visit}",
    # prefixes are for metric units
    "kmin",
    "kh",
    "md",
    "k%",
    "m[in_i]",
    "k[lb_av]",
    "katm",
    "mdeg",
    "k[pH]",
    "k[arb'U]",
    "k[CFU]",
    "k[degF]",
    "kmm",
    "mkg",
    "k10*",
    "k",
    "da",
    "µ",
    "kim",
    # words of the calendar and of conversation
    "day",
    "days",
    "year",
    "month",
    "unit",
    "null",
]


@pytest.mark.parametrize("code", NO_UNITS, ids=repr)
def test_what_is_no_code_has_no_meaning(code: str) -> None:
    assert parse_unit(code) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [("mg", "Mg"), ("ms", "Ms"), ("m", "M"), ("g", "G"), ("s", "S"), ("a", "A"), ("u", "U"), ("t", "T"), ("cd", "Cd")],
)
def test_case_tells_units_apart(one: str, other: str) -> None:
    assert parse_unit(one) != parse_unit(other)


# -- temperatures -------------------------------------------------------------------------------------------------


def in_kelvin(amount: str, code: str) -> Fraction:
    unit = parsed(code)
    assert dimensions(unit) == "K"
    return Fraction(amount) * unit.factor + unit.offset


@pytest.mark.parametrize(
    ("amount", "code", "kelvin"),
    [
        ("0", "K", "0"),
        ("0", "Cel", "273.15"),
        ("100", "Cel", "373.15"),
        ("-273.15", "Cel", "0"),
        ("37", "Cel", "310.15"),
        ("32", "[degF]", "273.15"),
        ("212", "[degF]", "373.15"),
        ("-459.67", "[degF]", "0"),
        ("98.6", "[degF]", "310.15"),
        ("80", "[degRe]", "373.15"),
        ("0", "[degRe]", "273.15"),
        ("491.67", "[degR]", "273.15"),
        ("1000", "mCel", "274.15"),
        ("37", "Cel{oral}", "310.15"),
        ("37", "(Cel)", "310.15"),
        ("37", "Cel1", "310.15"),
    ],
)
def test_a_temperature_is_told_from_absolute_zero(amount: str, code: str, kelvin: str) -> None:
    assert in_kelvin(amount, code) == Fraction(kelvin)


@pytest.mark.parametrize(
    "code",
    ["Cel2", "Cel-1", "Cel.m", "m.Cel", "Cel/min", "W/Cel", "/Cel", "2.Cel", "(Cel).m", "[degF]/h", "[degF]2", "Cel0"],
)
def test_a_scale_with_another_zero_takes_no_part_in_products(code: str) -> None:
    assert parse_unit(code) is None


# -- what compares with what --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("mg/dL", "g/L"),
        ("mmol/L", "/L"),
        ("10*3/uL", "10*9/L"),
        ("mm[Hg]", "kPa"),
        ("m[H2O]", "[psi]"),
        ("Cel", "[degF]"),
        ("kg/m2", "[lb_av]/[in_i]2"),
        ("mL/min/{1.73_m2}", "mL/min"),
        ("{score}", "1"),
        ("%", "[ppm]"),
        ("Gy", "J/kg"),
        ("kat", "U"),
        ("wk", "a"),
        ("[iU]/L", "k[IU]/mL"),
    ],
)
def test_units_of_one_dimension_can_be_compared(one: str, other: str) -> None:
    assert parsed(one).dimensions == parsed(other).dimensions


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("m", "m2"),
        ("mg", "mL"),
        ("kg", "kg/m2"),
        ("/min", "min"),
        ("[iU]", "1"),
        ("[iU]", "U"),
        ("[arb'U]", "[USP'U]"),
        ("[pH]", "mol/L"),
        ("B", "Np"),
        ("B[V]", "V"),
        ("rad", "1"),
        ("[CFU]", "[PFU]"),
    ],
)
def test_units_of_different_dimensions_cannot(one: str, other: str) -> None:
    assert parsed(one).dimensions != parsed(other).dimensions


# -- whatever comes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        "(" * 100 + "m" + ")" * 99,
        "(" * 11 + "m" + ")" * 11,
        "m" * 201,
        ".".join(["m"] * 101),
        "m" + "9" * 150,
        "m100",
        "m-100",
        "10*" + "9" * 150,
        ".".join(["Ym99"] * 40),
        ".".join(["[pi]99"] * 28),
        "/".join(["[pi]9"] * 33),
        "[pi]-99.[e]99",
        "{" * 200,
        "/" * 200,
        "[" + "a" * 150,
    ],
    ids=lambda code: code[:20],
)
def test_a_hostile_code_is_refused_at_once(code: str) -> None:
    started = time.perf_counter()
    assert parse_unit(code) is None
    assert time.perf_counter() - started < 0.1


@pytest.mark.parametrize("code", ["(" * 10 + "m" + ")" * 10, ".".join(["m"] * 50), "9" * 200, "10*99", "m-99", "Ym99"])
def test_a_long_code_is_read(code: str) -> None:
    started = time.perf_counter()
    assert parsed(code).bits <= 8_192
    assert time.perf_counter() - started < 0.1


PIECES = st.sampled_from(
    ["m", "g", "k", "10*", "[iU]", "[in_i]", "{x}", ".", "/", "(", ")", "2", "-1", "Cel", "%", " "]
)


@given(st.lists(PIECES, max_size=12).map("".join) | st.text(max_size=30))
def test_any_text_is_a_unit_or_none(code: str) -> None:
    unit = parse_unit(code)
    assert unit is None or (unit.factor > 0 and code.isascii() and " " not in code)


KNOWN = st.sampled_from(["m", "kg", "/min", "[in_i]", "mm[Hg]", "10*3", "[iU]", "mmol/L", "{x}", "%"])


@given(KNOWN, KNOWN)
def test_a_product_multiplies_and_a_quotient_divides(one: str, other: str) -> None:
    product, quotient = parsed(f"({one}).({other})"), parsed(f"({one})/({other})")
    assert product == parsed(one).times(parsed(other))
    assert quotient.times(parsed(other)) == parsed(one)
    assert quotient.times(quotient.power(-1)) == Unit()


@given(KNOWN, st.decimals(-1000, 1000, places=3))
def test_a_factor_is_exact(code: str, amount: Decimal) -> None:
    unit = parsed(code)
    assert Fraction(amount) * unit.factor / unit.factor == Fraction(amount)
