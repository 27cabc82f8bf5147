"""What is kept, as the commands on decisions read it: the database of the settings, filters, progress."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from cds_service.cli.failure import Exit, Failure

if TYPE_CHECKING:
    from cds_service.settings import Settings
    from cds_service.store.sql import SqlStore
    from cds_service.store.store import Filters, Kept

__all__ = ["each", "filters_of", "latest", "limit_of", "note_viewing", "opened", "progress_to", "settings_of_the_store"]


Way: TypeAlias = Literal["show", "export", "replay"]
_DONE: Final[Mapping[Way, str]] = {"export": "exported", "replay": "replayed"}
_NOTED: Final = 200
"""Decisions in one entry of who looked."""


@contextmanager
def opened() -> Iterator[SqlStore]:
    """Give the database that the settings name. Raises Failure where there is none, or it is unreadable."""
    from cds_service.store.engine import database_url
    from cds_service.store.payload import Keys
    from cds_service.store.sql import SqlStore

    with settings_of_the_store() as settings:
        url = database_url(settings.database_url)
        if url.get_backend_name() == "sqlite" and not Path(str(url.database)).is_file():
            raise Failure(Exit.USAGE, "CDS_DATABASE_URL: there is no database there")
        with SqlStore(settings.database_url, keys=Keys.of(settings.encryption_keys.get_secret_value())) as store:
            yield store


@contextmanager
def settings_of_the_store() -> Iterator[Settings]:
    """Give the settings, and turn what the database that they name cannot do into a Failure."""
    from cds_service.cli.settings import read_settings
    from cds_service.store.errors import StoreError, Unreadable

    settings = read_settings({})
    if settings.database_url == "memory":
        raise Failure(Exit.USAGE, "CDS_DATABASE_URL: `memory` keeps nothing; name the database of the service")
    try:
        yield settings
    except Unreadable as error:
        raise Failure(Exit.INPUT, f"{error}; `cds-service decisions verify` tells all") from None
    except StoreError as error:
        raise Failure(Exit.INPUT, f"CDS_DATABASE_URL: {error or type(error).__name__}") from None


def filters_of(
    since: str | None,
    until: str | None,
    *,
    code: str | None = None,
    outcome: str | None = None,
    policy: str | None = None,
    hook: str | None = None,
    patient: str | None = None,
) -> Filters:
    """Return which decisions are meant. Raises Failure for a time that is none."""
    from cds_service.store.store import Filters

    return Filters(
        since=_time(since, "--since"),
        until=_time(until, "--until"),
        code=code,
        outcome=outcome,
        policy=policy,
        hook=hook,
        patient=patient,
    )


def limit_of(before: str | None) -> datetime:
    """Return until when a purge goes: by option, else by the retention period, which no option cuts short."""
    from cds_service.cli.settings import read_settings

    days = read_settings({}).retention_days
    period = datetime.now(UTC) - timedelta(days=days) if days is not None else None
    limit = _time(before, "--before") or period
    if limit is None:
        raise Failure(Exit.USAGE, "give --before, or set CDS_RETENTION_DAYS")
    if limit > (period or datetime.now(UTC)):
        within = f"within the {days} days of CDS_RETENTION_DAYS" if days is not None else "in the future"
        raise Failure(Exit.USAGE, f"--before is {within}")
    return limit


def latest(store: SqlStore, filters: Filters, client: str | None, limit: int) -> list[Kept]:
    """Return the latest decisions, of whichever tenant of the client."""

    def found() -> Iterator[Kept]:
        following: int | None = None
        while True:
            page = store.search(filters, following=following)
            yield from (one for one in page.items if client in (None, one.decision.caller.issuer))
            following = page.following
            if following is None:
                return

    return list(islice(found(), limit))


def each(filters: Filters, name: str | None, way: Way) -> Iterator[Kept]:
    """Yield one decision by its id, or all that are meant, with their contents, telling how far it has come.

    Each is given once it is kept that this user looks at it.
    """
    with opened() as store:
        if name is not None:
            kept = store.find(name)
            yield from note_viewing(store, way, () if kept is None else (kept,))
            return
        with progress_to(store.count(filters), _DONE[way]) as progress:
            # what comes in meanwhile is not waited for
            found = store.each(replace(filters, until=filters.until or datetime.now(UTC)))
            while some := tuple(islice(found, _NOTED)):
                for kept in note_viewing(store, way, some):
                    yield kept
                    progress(1)


def note_viewing(store: SqlStore, way: Way, some: tuple[Kept, ...]) -> tuple[Kept, ...]:
    """Return decisions once it is kept that this user looks at them. Raises StoreUnavailable."""
    from cds_service.store.model import Viewing

    if some:
        store.keep(Viewing(_user(), way, tuple(one.decision.exchange for one in some)))
    return some


def _user() -> str:
    """Return who runs this, as the operating system has it: no variable of the environment is believed."""
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


@contextmanager
def progress_to(total: int | None, done: str) -> Iterator[Callable[[int], None]]:
    """Give what hears of progress, and shows it on stderr if that is a terminal; `total` is None if unknown."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    count = 0

    def heard(more: int) -> None:
        nonlocal count
        count += more
        share = f" of {total} ({100 * count // total} %)" if total else ""
        print(f"\r{done}: {count}{share}", end="", file=sys.stderr, flush=True)

    try:
        yield heard
    finally:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _time(text: str | None, option: str) -> datetime | None:
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise Failure(Exit.USAGE, f"{option} is a day such as 2026-01-15, or 2026-01-15T10:00:00Z") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
