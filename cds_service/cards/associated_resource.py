"""Which orders a card is about, told to the client as well as to the reader."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cds_service.necessity.model import Order

__all__ = ["associated_resource"]


def associated_resource(orders: Iterable[Order]) -> dict[str, Any]:
    """Return the `extension` of a card about `orders`; empty where none of them has an id to be told by.

    Source: CRD 2.2.1 dev-25.
    """
    names = dict.fromkeys(name for one in orders for name in (one.reference, *one.duplicates) if "/~" not in name)
    return {"davinci-crd.associated-resource": [{"reference": name} for name in names]} if names else {}
