"""Discovery: the services on offer.

Source: CDS Hooks 2.0.1, Discovery.
"""

from collections.abc import Mapping
from typing import Self

from pydantic import model_validator

from cds_service.cds_hooks.errors import ProtocolError
from cds_service.cds_hooks.message import JsonObject, Message, Text, first_repeat

__all__ = ["Discovery", "Service"]


class Service(Message):
    """One service: it answers `hook` at `{baseUrl}/cds-services/{id}`.

    `prefetch` maps keys to templates; `prefetch.check` tells whether CDS Hooks 2.0
    allows them (3.0 allows more, so they are not checked here).
    """

    hook: Text
    title: Text | None = None
    description: Text
    id: Text
    prefetch: Mapping[Text, Text] | None = None
    usage_requirements: Text | None = None
    extension: JsonObject | None = None


class Discovery(Message):
    """All services. One id may serve several hooks, but each hook only once."""

    services: tuple[Service, ...]

    @model_validator(mode="after")
    def _ids_are_unique_per_hook(self) -> Self:
        position = first_repeat((service.hook, service.id) for service in self.services)
        if position is not None:
            raise ProtocolError(f"services[{position}].id", "must be unique among the services of its hook")
        return self
