"""What a CDS service is: a hook, an entry in discovery, and a way from its request to orders and chart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cds_service.cds_hooks import Request
from cds_service.fhir.bundle import Holding
from cds_service.services.evaluation import Exchange

__all__ = ["Service"]


@dataclass(frozen=True, slots=True)
class Service:
    """One service; `read` turns a parsed request, and the chart gathered for it, into what is to be evaluated."""

    id: str
    hook: str
    title: str
    description: str
    read: Callable[[Request[Any], Holding], Exchange]
    orders: str | None = "draftOrders"
    """The member of the context that holds the orders; None where they are named only."""
