"""Logic over three values: True, False and None, which means unknown and nothing else.

Source: FHIRPath 2.0 6.5 (boolean logic), ELM r1 13 (logical operators); Kleene's strong logic.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

__all__ = ["Truth", "all_of", "and_", "any_of", "at_least", "implies", "not_", "or_", "xor"]

Truth: TypeAlias = bool | None


def and_(left: Truth, right: Truth) -> Truth:
    """Return False if either is, else None if either is, else True."""
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


def or_(left: Truth, right: Truth) -> Truth:
    """Return True if either is, else None if either is, else False."""
    if left is True or right is True:
        return True
    return None if left is None or right is None else False


def xor(left: Truth, right: Truth) -> Truth:
    """Return whether exactly one is True; None if either is unknown."""
    return None if left is None or right is None else left is not right


def implies(left: Truth, right: Truth) -> Truth:
    """Return `not left or right`."""
    return or_(not_(left), right)


def not_(value: Truth) -> Truth:
    """Return the opposite; unknown stays unknown."""
    return None if value is None else not value


def all_of(values: Iterable[Truth]) -> Truth:
    """Return the conjunction; True for none at all."""
    values = tuple(values)
    return False if False in values else None if None in values else True


def any_of(values: Iterable[Truth]) -> Truth:
    """Return the disjunction; False for none at all."""
    values = tuple(values)
    return True if True in values else None if None in values else False


def at_least(count: int, values: Iterable[Truth]) -> Truth:
    """Return True if `count` are true, False if so many no longer can be, else None."""
    values = tuple(values)
    true, unknown = values.count(True), values.count(None)
    if true >= count:
        return True
    return None if true + unknown >= count else False
