"""An order that may stand beside those that are known: where it would matter, nothing can be told.

The orders being signed are all there are; those already signed that a message names are not. So that what is not among
these never counts as not ordered, a condition has to hold with and without an order of each type of which nothing is
known but its type.
"""

from __future__ import annotations

from typing import Any

from cds_service.expressions.language import Missing
from cds_service.plan_definition.compile import ORDER_TYPES

__all__ = ["UNDISCLOSED"]


class _Undisclosed(dict[str, Any]):
    def get(self, key: str, _default: object = None) -> Any:
        if key == "resourceType":
            return self[key]
        raise Missing("what else is ordered is not known", code="ambiguous")


UNDISCLOSED: tuple[dict[str, Any], ...] = tuple(_Undisclosed(resourceType=kind) for kind in ORDER_TYPES)
"""One order of each type; to ask for any of its elements raises Missing."""
