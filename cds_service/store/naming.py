"""Exchanges by what people call them: an id, or an order that was in the request or was fetched."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sqlalchemy import or_, select

from cds_service.store import tables
from cds_service.store.contents import resources_in
from cds_service.store.sql import SqlStore
from cds_service.store.store import Filters

__all__ = ["exchanges_named", "exchanges_with_order"]


def exchanges_named(store: SqlStore, name: str) -> tuple[str, ...]:
    """Return the exchanges that an id is of, in the order of arrival: their own, a decision's or a determination's."""
    decision, determination = tables.decision, tables.determination
    of_one = select(determination.c.writer).where(
        determination.c.id == name,
        determination.c.writer == decision.c.writer,
        determination.c.sequence == decision.c.sequence,
    )
    asked = select(decision.c.exchange).where(or_(decision.c.exchange == name, decision.c.id == name, of_one.exists()))
    with store.reading() as connection:
        return tuple(connection.execute(asked.order_by(decision.c.position)).scalars())


def exchanges_with_order(
    store: SqlStore, order: str, *, progress: Callable[[int], None] | None = None
) -> tuple[str, ...]:
    """Return the exchanges with a resource that has the identifier `[system|]value`, or is `Type/id`.

    Everything that is not purged is opened; `progress` hears of each. Raises Unreadable where no key at hand opens it.
    """
    found = []
    for kept in store.each(Filters()):
        contents = kept.decision.contents
        if contents is not None and any(order in _names(one) for one in resources_in(contents)):
            found.append(kept.decision.exchange)
        if progress is not None:
            progress(1)
    return tuple(found)


def _names(resource: Mapping[str, Any]) -> Iterator[str]:
    """Yield what an order may be called by. Source: FHIR R4, Request pattern: identifier, groupIdentifier."""
    yield f"{resource['resourceType']}/{resource.get('id')}"
    several = resource.get("identifier")
    for one in (
        *(several if isinstance(several, list) else ()),
        resource.get("groupIdentifier"),
        resource.get("requisition"),
    ):
        if isinstance(one, dict) and "value" in one:
            yield str(one["value"])
            yield f"{one.get('system', '')}|{one['value']}"
