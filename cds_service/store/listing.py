"""Positions of what is asked for, by the indexes that bring the latest first, however much is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, func, select

from cds_service.store import tables
from cds_service.store.projection import column_text, moment
from cds_service.store.store import Filters

__all__ = ["NO_DETERMINATION", "names_few", "of_determination", "positions"]

NO_DETERMINATION: Final[Mapping[str, Any]] = {"policy": None, "code": None, "outcome": None, "determination": None}
"""The filters that are about one determination, taken away."""


def positions(
    connection: Connection, filters: Filters, decided: Sequence[ColumnElement[bool]], *, each: bool = False
) -> Select[Any]:
    """Return the query for the positions of decisions that fulfil `decided` and have a determination of `filters`.

    With `each`, a position comes once for each such determination, and each determination counts.
    """
    decision, determination = tables.decision, tables.determination
    named = of_determination(filters)
    if not named and not each:
        return select(decision.c.position).where(*decided, *_within(connection, filters, decision.c.position))
    position = determination.c.position
    found = select(position).where(*named, *_within(connection, filters, position))
    if decided:
        found = found.join(decision, decision.c.position == position).where(*decided)
    return found if each else found.distinct()


def names_few(filters: Filters) -> bool:
    """Return whether few can fulfil them, which are found by what they name; no index of many may come in between."""
    return not (filters.patient is filters.determination is filters.card is None)


def of_determination(filters: Filters) -> list[ColumnElement[bool]]:
    """Return what one determination has to fulfil; nothing where any will do."""
    determination = tables.determination
    stated = (
        (determination.c.policy, filters.policy),
        (determination.c.code, filters.code),
        (determination.c.outcome, filters.outcome),
        (determination.c.id, filters.determination),
    )
    return [column == column_text(value) for column, value in stated if value is not None]


def _within(connection: Connection, filters: Filters, position: ColumnElement[int]) -> list[ColumnElement[bool]]:
    """Return the bounds of the times and of the caller asked for, so that nothing beyond them is looked at."""
    if names_few(filters):
        return []
    received, own = tables.decision.c.received, tables.decision.c.position
    times = []
    if filters.since is not None:
        times.append(received >= moment(filters.since))
    if filters.until is not None:
        times.append(received < moment(filters.until))
    asked = [select(func.min(own), func.max(own)).where(*times)] if times else []
    if filters.caller is not None:
        caller = ((tables.decision.c.issuer, filters.caller.issuer), (tables.decision.c.tenant, filters.caller.tenant))
        ends = (func.min(own), func.max(own))
        mine = [column == column_text(value) for column, value in caller]
        asked.append(select(*(select(end).where(*mine).scalar_subquery() for end in ends)))
    bounds = [connection.execute(one).one() for one in asked]
    return [bound for first, last in bounds for bound in (position >= (first or 0), position <= (last or 0))]
