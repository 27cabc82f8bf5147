"""Check digits: whether a code can be one of its system at all.

Source: SNOMED CT Release File Specification 6.2 (SCTID: Verhoeff's dihedral check); LOINC Users' Guide (mod 10).
"""

from __future__ import annotations

import re

__all__ = ["is_loinc", "is_snomed", "is_sound"]

_SNOMED, _LOINC = "http://snomed.info/sct", "http://loinc.org"
_SCTID = re.compile(r"[1-9]\d{5,17}")
_CONCEPTS = ("00", "10")
"""The partitions of concepts: descriptions and relationships are no codes."""
_LOINC_FORM = re.compile(r"(?:LP|LA)?(\d{1,7})-(\d)")

_TIMES = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    (1, 2, 3, 4, 0, 6, 7, 8, 9, 5),
    (2, 3, 4, 0, 1, 7, 8, 9, 5, 6),
    (3, 4, 0, 1, 2, 8, 9, 5, 6, 7),
    (4, 0, 1, 2, 3, 9, 5, 6, 7, 8),
    (5, 9, 8, 7, 6, 0, 4, 3, 2, 1),
    (6, 5, 9, 8, 7, 1, 0, 4, 3, 2),
    (7, 6, 5, 9, 8, 2, 1, 0, 4, 3),
    (8, 7, 6, 5, 9, 3, 2, 1, 0, 4),
    (9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
)
"""Multiplication in the dihedral group of order ten."""
_SHIFT = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
"""Verhoeff's permutation; it is applied once more with each place."""


def is_sound(system: str, code: str) -> bool:
    """Return whether a code can be one of its system; True for systems without a check digit."""
    if system == _SNOMED:
        return is_snomed(code)
    return is_loinc(code) if system == _LOINC else True


def is_snomed(code: str) -> bool:
    """Return whether a code is the identifier of a SNOMED CT concept by its form and its check digit."""
    if not _SCTID.fullmatch(code) or code[-3:-1] not in _CONCEPTS:
        return False
    check = 0
    for place, digit in enumerate(reversed(code)):
        value = int(digit)
        for _ in range(place % 8):
            value = _SHIFT[value]
        check = _TIMES[check][value]
    return check == 0


def is_loinc(code: str) -> bool:
    """Return whether a code has the form of a LOINC code (or part, or answer), and its check digit."""
    found = _LOINC_FORM.fullmatch(code)
    if found is None:
        return False
    total = 0
    for place, digit in enumerate(reversed(found[1])):
        value = int(digit) * (2 - place % 2)
        total += value - 9 if value > 9 else value
    return (10 - total % 10) % 10 == int(found[2])
