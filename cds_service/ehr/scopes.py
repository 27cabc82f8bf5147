"""SMART scopes: which types of resource an access covers in part only, so that what is not found may be there unseen.

A type that no scope covers is asked for all the same: clients are known to write less than they grant, and the server
refuses what is not granted. A part is not refused but left out without a word, so that it has to be known from here.

Source: SMART App Launch 1.0 (`user/Patient.read`); 2.2, Scopes for requesting FHIR resources (`user/Patient.rs`),
finer-grained resource constraints (`user/Observation.rs?category=laboratory`).
"""

from __future__ import annotations

import re

__all__ = ["covers_in_part"]

_SCOPE = re.compile(
    r"(?:patient|user|system)/(?P<type>[A-Z][A-Za-z]*|\*)\.(?P<may>read|write|\*|c?r?u?d?s?)(?:\?(?P<only>\S+))?"
)


def covers_in_part(scopes: str | None, type_name: str) -> bool:
    """Return whether some scope lets resources of a type be searched, and every such scope only some of them."""
    found = [_SCOPE.fullmatch(one) for one in (scopes or "").split()]
    mine = [one for one in found if one and one["type"] in (type_name, "*") and _may_search(one["may"])]
    return bool(mine) and all(one["only"] for one in mine)


def _may_search(may: str) -> bool:
    return may in ("read", "*") or (may != "write" and "s" in may)
