"""The CDS services on offer, one module per hook."""

from collections.abc import Mapping
from types import MappingProxyType

from cds_service.services import order_select, order_sign
from cds_service.services.service import Service

__all__ = ["SERVICES", "Service"]

SERVICES: Mapping[str, Service] = MappingProxyType(
    {service.id: service for service in (order_sign.SERVICE, order_select.SERVICE)}
)
