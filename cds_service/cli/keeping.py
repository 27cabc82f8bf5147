"""Commands that change how decisions are kept: purge, legal holds, encryption anew, the schema."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from cds_service.cli.failure import Exit, Failure
from cds_service.cli.files import tell, write_lines
from cds_service.cli.kept import limit_of, opened, progress_to, settings_of_the_store

if TYPE_CHECKING:
    from cds_service.store.retention import ActiveHold, Purged

__all__ = ["COMMANDS"]

Reason: TypeAlias = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Why, for the journal; it must name no patient.")
]
_MOST_REASON = 2000
_PATIENCE = 30.0
"""Seconds that tables which are in use are waited for."""


def purge(
    before: Annotated[
        str | None,
        typer.Option("--before", metavar="TIME", help="Received and recorded before. [default: CDS_RETENTION_DAYS]"),
    ] = None,
    reason: Reason = "retention",
    sure: Annotated[bool, typer.Option("--yes", help="Remove it; else only say how much would go.")] = False,
) -> None:
    """Remove what is past its retention of charts, save what is on hold; without --yes only count it.

    Of each decision the journal's entry stays: what was determined, by which policy, when. It cannot be undone.

    \b
    Exit codes: 0 done or counted, 2 wrong usage, 3 what is kept cannot be read or changed
    """
    from cds_service.store import retention

    limit = limit_of(before)
    with opened() as store, progress_to(None, "looked at") as progress:
        done = retention.purge(store, before=limit, reason=_reason(reason), dry_run=not sure, progress=progress)
    write_lines(_as_counts(done, limit, sure=sure))


def hold(
    reason: Reason,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Exchanges, decisions or determinations.")
    ] = None,
    order: Annotated[
        str | None,
        typer.Option("--order", metavar="[SYSTEM|]VALUE", help="What is kept with this order, by identifier."),
    ] = None,
    patient: Annotated[
        str | None, typer.Option("--patient", metavar="ID", help="All of this patient, later ones, too.")
    ] = None,
    everything: Annotated[bool, typer.Option("--everything", help="All that is kept, and will be.")] = False,
) -> None:
    """Put what is kept on legal hold, so that no purge removes it; print each hold's id, and what it is on.

    \b
    Exit codes: 0 held, 2 wrong usage, 3 what is kept cannot be read or changed, 5 nothing of that name is kept
    """
    from cds_service.store import retention
    from cds_service.store.naming import exchanges_named, exchanges_with_order
    from cds_service.store.store import Filters

    why = _reason(reason)
    if [bool(names), order is not None, patient is not None, everything].count(True) != 1:
        raise Failure(Exit.USAGE, "name what to hold: ids, or one of --order, --patient and --everything")
    with opened() as store:
        if patient is not None or everything:
            made = retention.hold(store, why, patient=patient)
            write_lines(iter([f"{made} {'everything' if everything else 'a patient'}"]))
            return
        if order is not None:
            with progress_to(store.count(Filters()), "looked at") as progress:
                found = exchanges_with_order(store, order, progress=progress)
        else:
            found = _all_named(names or [], lambda name: exchanges_named(store, name))
        if not found:
            raise Failure(Exit.NOTHING, "nothing that is kept, and not purged, has that order")
        write_lines(f"{retention.hold(store, why, exchange=one)} {one}" for one in found)


def holds() -> None:
    """List the legal holds in force: id, when it was placed, what it is on, and why. Patients are not named.

    \b
    Exit codes: 0 listed, 2 wrong usage, 3 what is kept cannot be read
    """
    from cds_service.store.retention import active_holds

    with opened() as store:
        write_lines(map(_as_line, active_holds(store)))


def release(
    names: Annotated[list[str], typer.Argument(metavar="HOLD...", help="The ids of holds, as `holds` lists them.")],
    reason: Reason,
) -> None:
    """End legal holds: all of them, or none where one is not in force.

    \b
    Exit codes: 0 released, 2 wrong usage, 3 what is kept cannot be read or changed, 5 no such hold is in force
    """
    from cds_service.store import retention

    why = _reason(reason)
    with opened() as store:
        known = {one.id for one in retention.active_holds(store)}
        _all_named(names, lambda name: (name,) if name in known else ())
        for name in dict.fromkeys(names):
            retention.release(store, name, why)
    tell(f"{len(set(names))} released")


def reencrypt() -> None:
    """Encrypt everything anew under the first key of CDS_ENCRYPTION_KEYS; then the others can be thrown away.

    The service may run meanwhile, if it has that key. What is interrupted is taken up again by the next run.

    \b
    Exit codes: 0 all is under that key, 2 wrong usage, 3 what is kept cannot be read or changed
    """
    from cds_service.store.rekeying import count_old, encrypt_anew

    with opened() as store:
        if not store.keys.writing:
            raise Failure(Exit.USAGE, "CDS_ENCRYPTION_KEYS names no key; put the one that is to write in front")
        with progress_to(count_old(store), "encrypted anew") as progress:
            done = encrypt_anew(store, progress)
    tell(f"{done} encrypted anew; all is under the key `{store.keys.writing}`")


def upgrade() -> None:
    """Bring the tables to the schema of this release, as their owner; an empty database gets them.

    \b
    Exit codes: 0 they are as this release needs them, 2 wrong usage, 3 they cannot be changed
    """
    from cds_service.store import schema
    from cds_service.store.engine import connect_to, database_url

    with settings_of_the_store() as settings:
        engine = connect_to(database_url(settings.database_url), patience=_PATIENCE, writing=True)
        try:
            before = schema.upgrade(engine)
        finally:
            engine.dispose()
    tell(
        f"the schema is `{schema.HEAD}`"
        + ("" if before == schema.HEAD else f"; it was {f'`{before}`' if before else 'none'}")
    )


COMMANDS = (purge, hold, holds, release, reencrypt, upgrade)


def _reason(text: str) -> str:
    if not text.strip() or len(text) > _MOST_REASON:
        raise Failure(Exit.USAGE, f"--reason says why, in at most {_MOST_REASON} characters")
    return text.strip()


def _all_named(names: list[str], found: Callable[[str], tuple[str, ...]]) -> tuple[str, ...]:
    """Return what names are of, each once. Raises Failure where one is of nothing: then nothing is done."""
    every = [found(name) for name in names]
    for i, some in enumerate(every, 1):
        if not some:
            raise Failure(Exit.NOTHING, f"there is nothing of id {i} of {len(names)}; nothing was changed")
    return tuple(dict.fromkeys(one for some in every for one in some))


def _as_counts(done: Purged, limit: datetime, *, sure: bool) -> Iterator[str]:
    verb = "purged" if sure else "would be purged, with --yes"
    yield f"{done.decisions} decisions and {done.feedback} comments of before {limit.isoformat()} {verb}"
    yield f"{done.held} more are on hold"


def _as_line(one: ActiveHold) -> str:
    from cds_service.necessity.wording import printable
    from cds_service.store.projection import moment

    if not one.readable:
        subject = "unreadable, so that nothing is purged"
    elif one.covers_all:
        subject = "everything"
    else:
        subject = one.hold.exchange or "a patient"
    return f"{one.id}  {moment(one.placed)[:19]}Z  {subject}  {printable(one.hold.reason)}"
