"""The CDS services on offer, one module per hook."""

from collections.abc import Mapping
from types import MappingProxyType

from cds_service.services import appointment_book, order_dispatch, order_select, order_sign
from cds_service.services.service import Service

__all__ = ["SERVICES", "Service"]

_MODULES = (order_sign, order_select, order_dispatch, appointment_book)

SERVICES: Mapping[str, Service] = MappingProxyType({one.SERVICE.id: one.SERVICE for one in _MODULES})
"""In the order of discovery: some clients call the first service of a hook only."""
