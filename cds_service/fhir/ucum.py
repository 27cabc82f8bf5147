"""Units of measure: what a UCUM code means, as an exact factor and its dimensions.

Source: The Unified Code for Units of Measure, 2.2 (grammar in §6 to §12, units in tables 2 to 26). Calendar words
(`month`, `year`) are not UCUM's `mo` and `a`; see `fhir.quantity`.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

__all__ = ["Unit", "parse_unit"]

_MAX_LENGTH = 200
_MAX_EXPONENT = 99
_MAX_BITS = 8_192  # of a factor: some two thousand digits, more than any unit needs


@dataclass(frozen=True, slots=True)
class Unit:
    """`value × factor + offset` is the value in base units of these dimensions."""

    factor: Fraction = Fraction(1)
    dimensions: tuple[tuple[str, int], ...] = ()
    """(base unit, exponent), sorted; units that only compare with themselves are a dimension of their own."""
    offset: Fraction = Fraction(0)

    def times(self, other: Unit) -> Unit:
        """Return the product."""
        exponents = Counter(dict(self.dimensions))
        for base, exponent in other.dimensions:
            exponents[base] += exponent
        return Unit(self.factor * other.factor, tuple(sorted((b, e) for b, e in exponents.items() if e)))

    @property
    def bits(self) -> int:
        """Return the size of the factor, which decides how long it takes to reckon with it."""
        return max(self.factor.numerator.bit_length(), self.factor.denominator.bit_length())

    def power(self, exponent: int) -> Unit:
        """Return the unit raised to a whole exponent."""
        return Unit(self.factor**exponent, tuple((base, e * exponent) for base, e in self.dimensions if exponent))


_PREFIXES = {
    "Y": 24, "Z": 21, "E": 18, "P": 15, "T": 12, "G": 9, "M": 6, "k": 3, "h": 2, "da": 1,
    "d": -1, "c": -2, "m": -3, "u": -6, "n": -9, "p": -12, "f": -15, "a": -18, "z": -21, "y": -24,
}  # fmt: skip
_BINARY_PREFIXES = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40}

_BASE_UNITS = ("m", "s", "g", "rad", "K", "C", "cd")

# unit = number × units; a star marks a unit that takes prefixes.
_DEFINITIONS = """
10* = 10 1; 10^ = 10 1; [pi] = 3.1415926535897932384626433832795028841971693993751058209749445923 1
% = 0.01 1; [ppth] = 0.001 1; [ppm] = 0.000001 1; [ppb] = 1e-9 1; [pptr] = 1e-12 1
mol* = 6.02214076 10*23; sr* = 1 rad2; Hz* = 1 s-1; N* = 1 kg.m/s2; Pa* = 1 N/m2; J* = 1 N.m; W* = 1 J/s
A* = 1 C/s; V* = 1 J/C; F* = 1 C/V; Ohm* = 1 V/A; S* = 1 Ohm-1; Wb* = 1 V.s; T* = 1 Wb/m2; H* = 1 Wb/A
lm* = 1 cd.sr; lx* = 1 lm/m2; Bq* = 1 s-1; Gy* = 1 J/kg; Sv* = 1 J/kg; mho* = 1 S
deg = 2 [pi].rad/360; gon = 0.9 deg; ' = 1 deg/60; '' = 1 '/60; circ = 2 [pi].rad; sph = 4 [pi].sr
l* = 1 dm3; L* = 1 l; ar* = 100 m2; t* = 1000 kg; bar* = 100000 Pa; u* = 1.66053906660e-24 g; eV* = 1 [e].V
AU = 149597.870691 Mm; pc* = 3.085678e16 m; st* = 1 m3; kat* = 1 mol/s; U* = 1 umol/min
min = 60 s; h = 60 min; d = 24 h; wk = 7 d; a_t = 365.24219 d; a_j = 365.25 d; a_g = 365.2425 d; a = 1 a_j
mo_s = 29.53059 d; mo_j = 1 a_j/12; mo_g = 1 a_g/12; mo = 1 mo_j
[c]* = 299792458 m/s; [h]* = 6.62607015e-34 J.s; [k]* = 1.380649e-23 J/K; [eps_0]* = 8.854187817e-12 F/m
[mu_0]* = 4 [pi].10*-7.N/A2; [e]* = 1.602176634e-19 C; [m_e]* = 9.1093837139e-31 kg
[m_p]* = 1.67262192595e-27 kg; [G]* = 6.67430e-11 m3.kg-1.s-2; [g]* = 9.80665 m/s2; [ly]* = 1 [c].a_j
gf* = 1 g.[g]; [lbf_av] = 1 [lb_av].[g]
atm = 101325 Pa; att = 1 kgf/cm2; Ky* = 1 cm-1; Gal* = 1 cm/s2; dyn* = 1 g.cm/s2; erg* = 1 dyn.cm
P* = 1 dyn.s/cm2; Bi* = 10 A; St* = 1 cm2/s; Mx* = 1e-8 Wb; G* = 0.0001 T; Oe* = 250 [pi]-1.A/m; Gb* = 1 Oe.cm
sb* = 1 cd/cm2; Lmb* = 1 [pi]-1.cd/cm2; ph* = 0.0001 lx; Ci* = 37e9 Bq; R* = 0.000258 C/kg
RAD* = 100 erg/g; REM* = 1 RAD
[in_i] = 2.54 cm; [ft_i] = 12 [in_i]; [yd_i] = 3 [ft_i]; [mi_i] = 5280 [ft_i]; [fth_i] = 6 [ft_i]
[nmi_i] = 1852 m; [kn_i] = 1 [nmi_i]/h; [sin_i] = 1 [in_i]2; [sft_i] = 1 [ft_i]2; [syd_i] = 1 [yd_i]2
[cin_i] = 1 [in_i]3; [cft_i] = 1 [ft_i]3; [cyd_i] = 1 [yd_i]3; [bf_i] = 144 [in_i]3; [cr_i] = 128 [ft_i]3
[mil_i] = 0.001 [in_i]; [cml_i] = 0.25 [pi].[mil_i]2; [hd_i] = 4 [in_i]
[ft_us] = 1200 m/3937; [yd_us] = 3 [ft_us]; [in_us] = 1 [ft_us]/12; [rd_us] = 16.5 [ft_us]; [ch_us] = 4 [rd_us]
[lk_us] = 1 [ch_us]/100; [fur_us] = 40 [rd_us]; [mi_us] = 8 [fur_us]; [acr_us] = 160 [rd_us]2; [mil_us] = 0.001 [in_us]
[rch_us] = 100 [ft_us]; [rlk_us] = 1 [rch_us]/100; [fth_us] = 6 [ft_us]
[srd_us] = 1 [rd_us]2; [smi_us] = 1 [mi_us]2; [sct] = 1 [mi_us]2; [twp] = 36 [sct]
[in_br] = 2.539998 cm; [ft_br] = 12 [in_br]; [yd_br] = 3 [ft_br]; [mi_br] = 5280 [ft_br]
[rd_br] = 16.5 [ft_br]; [ch_br] = 4 [rd_br]; [lk_br] = 1 [ch_br]/100; [fth_br] = 6 [ft_br]; [pc_br] = 2.5 [ft_br]
[nmi_br] = 6080 [ft_br]; [kn_br] = 1 [nmi_br]/h; [acr_br] = 4840 [yd_br]2
[gal_us] = 231 [in_i]3; [bbl_us] = 42 [gal_us]; [qt_us] = 1 [gal_us]/4; [pt_us] = 1 [qt_us]/2; [gil_us] = 1 [pt_us]/4
[foz_us] = 1 [gil_us]/4; [fdr_us] = 1 [foz_us]/8; [min_us] = 1 [fdr_us]/60; [crd_us] = 128 [ft_i]3
[bu_us] = 2150.42 [in_i]3; [gal_wi] = 1 [bu_us]/8; [pk_us] = 1 [bu_us]/4; [dqt_us] = 1 [pk_us]/8
[dpt_us] = 1 [dqt_us]/2
[tbs_us] = 1 [foz_us]/2; [tsp_us] = 1 [tbs_us]/3; [cup_us] = 16 [tbs_us]
[foz_m] = 30 mL; [cup_m] = 240 mL; [tsp_m] = 5 mL; [tbs_m] = 15 mL
[gal_br] = 4.54609 l; [pk_br] = 2 [gal_br]; [bu_br] = 4 [pk_br]; [qt_br] = 1 [gal_br]/4; [pt_br] = 1 [qt_br]/2
[gil_br] = 1 [pt_br]/4; [foz_br] = 1 [gil_br]/5; [fdr_br] = 1 [foz_br]/8; [min_br] = 1 [fdr_br]/60
[gr] = 64.79891 mg; [lb_av] = 7000 [gr]; [oz_av] = 1 [lb_av]/16; [dr_av] = 1 [oz_av]/16; [scwt_av] = 100 [lb_av]
[lcwt_av] = 112 [lb_av]; [ston_av] = 20 [scwt_av]; [lton_av] = 20 [lcwt_av]; [stone_av] = 14 [lb_av]
[pwt_tr] = 24 [gr]; [oz_tr] = 20 [pwt_tr]; [lb_tr] = 12 [oz_tr]; [sc_ap] = 20 [gr]; [dr_ap] = 3 [sc_ap]
[oz_ap] = 8 [dr_ap]; [lb_ap] = 12 [oz_ap]; [oz_m] = 28 g; [car_m] = 0.2 g; [car_Au] = 1 /24
[lne] = 1 [in_i]/12; [pnt] = 1 [lne]/6; [pca] = 12 [pnt]; [pnt_pr] = 0.013837 [in_i]; [pca_pr] = 12 [pnt_pr]
[pied] = 32.48 cm; [pouce] = 1 [pied]/12; [ligne] = 1 [pouce]/12; [didot] = 1 [ligne]/6; [cicero] = 12 [didot]
[smoot] = 67 [in_i]; Ao = 0.1 nm; b = 100 fm2; [den] = 1 g/9/km; tex* = 1 g/km
[degR] = 5 K/9; cal_[15]* = 4.1858 J; cal_[20]* = 4.1819 J; cal_m* = 4.19002 J; cal_IT* = 4.1868 J; cal_th* = 4.184 J
cal* = 1 cal_th; [Cal] = 1 kcal_th; [Btu_39] = 1.05967 kJ; [Btu_59] = 1.0548 kJ; [Btu_60] = 1.05468 kJ
[Btu_m] = 1.05587 kJ; [Btu_IT] = 1.05505585262 kJ; [Btu_th] = 1.05435 kJ; [Btu] = 1 [Btu_th]
[HP] = 550 [ft_i].[lbf_av]/s; [psi] = 1 [lbf_av]/[in_i]2
m[H2O]* = 9.80665 kPa; m[Hg]* = 133.322 kPa; [in_i'H2O] = 1 m[H2O].[in_i]/m; [in_i'Hg] = 1 m[Hg].[in_i]/m
[PRU] = 1 mm[Hg].s/ml; [wood'U] = 1 mm[Hg].min/L; [diop] = 1 /m; [MET] = 3.5 mL/min/kg; [Ch] = 1 mm/3
[drp] = 1 ml/20; [mesh_i] = 1 /[in_i]; [S] = 1 10*-13.s; [HPF] = 1 1; [LPF] = 100 1; [hnsf'U] = 1 1
[NTU] = 1 1; [FNU] = 1 1; eq* = 1 mol; osm* = 1 mol; g%* = 1 g/dl; bit = 1 1; By* = 8 bit; Bd* = 1 /s; [IU]* = 1 [iU]
"""

# Units whose amount is set by a procedure, and logarithmic ones: each compares with itself only.
_ON_THEIR_OWN = frozenset(
    """
    [iU] [arb'U] [USP'U] [GPL'U] [MPL'U] [APL'U] [beth'U] [anti'Xa'U] [todd'U] [dye'U] [smgy'U] [bdsk'U] [ka'U]
    [knk'U] [mclg'U] [tb'U] [CCID_50] [TCID_50] [EID_50] [PFU] [FFU] [CFU] [IR] [BAU] [AU] [Amb'a'1'U] [PNU] [Lf]
    [D'ag'U] [FEU] [ELU] [EU] [pH] Np B B[SPL] B[V] B[mV] B[uV] B[10.nV] B[W] B[kW] [p'diop] %[slope] bit_s
    [hp'_X] [hp'_C] [hp'_M] [hp'_Q] [hp_X] [hp_C] [hp_M] [hp_Q] [kp_X] [kp_C] [kp_M] [kp_Q] [m/s2/Hz^(1/2)]
    """.split()  # noqa: SIM905 - a table
)
_ON_THEIR_OWN_WITH_PREFIXES = frozenset(
    ("[iU]", "Np", "B", "B[SPL]", "B[V]", "B[mV]", "B[uV]", "B[10.nV]", "B[W]", "B[kW]")
)
_OFFSETS = {  # K = value × factor + offset
    "Cel": (Fraction(1), Fraction("273.15")),
    "[degF]": (Fraction(5, 9), Fraction("459.67") * Fraction(5, 9)),
    "[degRe]": (Fraction(5, 4), Fraction("273.15")),
}


def _definitions() -> dict[str, tuple[str, str]]:
    found = {}
    for line in re.split(r";|\n", _DEFINITIONS):
        symbol, equals, meaning = line.strip().partition(" = ")
        if equals:
            number, _, units = meaning.partition(" ")
            found[symbol] = (number, units)
    return found


_UNITS = _definitions()
_COMPONENT = re.compile(
    r"""
    (?P<power>10[*^])(?P<tens>[+-]?\d+)?
  | (?P<number>\d+)
  | (?P<symbol>(?:\[[^\[\]\s]*\]|[^\s./(){}\[\]0-9+\-])+)(?P<exponent>[+-]?\d+)?
    """,
    re.VERBOSE | re.ASCII,
)
_ANNOTATION = re.compile(r"\{[!-z|~]*\}")  # what ASCII prints, without blanks and braces


def parse_unit(text: str) -> Unit | None:
    """Return what a UCUM code (case-sensitive) means, or None for text that is none."""
    return _parsed(text) if 0 < len(text) <= _MAX_LENGTH else None  # no longer text is kept


@lru_cache(maxsize=1024)
def _parsed(text: str) -> Unit | None:
    reader = _Reader(text)
    unit = reader.term()
    return unit if unit is not None and reader.at == len(text) else None


class _Reader:
    """Reads one unit: `term = ['/'] component (('.' | '/') component)*`."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0

    def _peek(self, characters: str) -> bool:
        return self.at < len(self.text) and self.text[self.at] in characters

    def term(self) -> Unit | None:
        unit: Unit | None = Unit()
        if self._peek("/"):
            self.at += 1
            unit = self._joined(Unit(), -1)
        else:
            unit = self.component()
        while unit is not None and self._peek("./"):
            sign = -1 if self.text[self.at] == "/" else 1
            self.at += 1
            unit = self._joined(unit, sign)
        return unit

    def _joined(self, unit: Unit, sign: int) -> Unit | None:
        other = self.component()
        if other is None or other.offset or unit.offset or other.bits + unit.bits > _MAX_BITS:
            return None
        return unit.times(other.power(sign))

    def component(self) -> Unit | None:
        if self._peek("("):
            self.depth += 1
            self.at += 1
            unit = self.term() if self.depth <= 10 else None
            if not self._peek(")"):
                return None
            self.at += 1
            self.depth -= 1
        elif self._peek("{"):
            return Unit() if self._annotation() else None
        else:
            unit = self._simple()
        if self._peek("{") and not self._annotation():
            return None
        return unit

    def _annotation(self) -> bool:
        found = _ANNOTATION.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return found is not None

    def _simple(self) -> Unit | None:
        found = _COMPONENT.match(self.text, self.at)
        if not found:
            return None
        self.at = found.end()
        if found["number"]:
            number = int(found["number"])
            return Unit(Fraction(number)) if number else None
        unit = Unit(Fraction(10)) if found["power"] else _symbol(found["symbol"])
        exponent = int(found["tens"] or found["exponent"] or 1)
        if unit is None or exponent == 1:
            return unit
        if unit.offset or abs(exponent) > _MAX_EXPONENT or abs(exponent) * unit.bits > _MAX_BITS:
            return None
        return unit.power(exponent)


@lru_cache(maxsize=512)
def _symbol(symbol: str) -> Unit | None:
    """Return a unit symbol's meaning, with its prefix if it has one."""
    whole = _atom(symbol)
    if whole is not None:
        return whole
    for length in (1, 2):
        prefix, atom = symbol[:length], symbol[length:]
        factor = Fraction(10) ** _PREFIXES[prefix] if prefix in _PREFIXES else None
        if prefix in _BINARY_PREFIXES:
            factor = Fraction(2) ** _BINARY_PREFIXES[prefix]
        unit = _atom(atom) if factor is not None and _takes_prefixes(atom) else None
        if unit is not None and factor is not None:
            return Unit(unit.factor * factor, unit.dimensions, unit.offset)
    return None


def _takes_prefixes(atom: str) -> bool:
    return atom in _BASE_UNITS or f"{atom}*" in _UNITS or atom in _ON_THEIR_OWN_WITH_PREFIXES or atom in ("Cel", "bit")


def _atom(symbol: str) -> Unit | None:
    if symbol in _BASE_UNITS or symbol in _ON_THEIR_OWN:
        return Unit(Fraction(1), ((symbol, 1),))
    if symbol in _OFFSETS:
        factor, offset = _OFFSETS[symbol]
        return Unit(factor, (("K", 1),), offset)
    number, units = _UNITS.get(symbol) or _UNITS.get(f"{symbol}*") or ("", "")
    unit = parse_unit(units) if number else None
    return Unit(unit.factor * Fraction(number), unit.dimensions) if unit else None
