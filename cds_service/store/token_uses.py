"""Tokens that were used, in the database: of all processes and replicas, one is the first to see a token.

A use need not be on disk by itself. Whoever answers a call keeps a decision afterwards, and that commit, which is on
disk before the answer leaves, takes what the same log holds before it along: no token whose call was answered is
forgotten when power fails.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from hashlib import sha256
from math import ceil
from typing import Final

from sqlalchemy import URL, Connection, bindparam, delete, text
from sqlalchemy.exc import DBAPIError

from cds_service.store import tables
from cds_service.store.engine import NOBODY_ELSE, connect_to, name_of
from cds_service.store.errors import StoreUnavailable

__all__ = ["SqlTokenUses"]

_USE: Final = text("INSERT INTO token_use (token, expires) VALUES (:token, :expires) ON CONFLICT DO NOTHING")
_FORGET: Final = delete(tables.token_use).where(tables.token_use.c.expires < bindparam("now"))
_FORGET_SECONDS: Final = 60.0
_MARGIN: Final = 300
"""Seconds that an expired token is remembered for longer: the clocks of several hosts differ."""

_Waiting = tuple[str, int, Future[bool]]


class SqlTokenUses:
    """One thread that writes; what arrives while it commits goes into its next transaction."""

    def __init__(
        self,
        url: URL,
        *,
        patience: float,
        clock: Callable[[], float] = time.time,
        turn: AbstractContextManager[object] = NOBODY_ELSE,
    ) -> None:
        """Use the database at `url`; nothing is connected yet.

        `clock` tells seconds since 1970; `turn` is held while a transaction is carried out.
        """
        self._engine = connect_to(url, patience=patience, writing=True, durable=False)
        self._turn, self._clock = turn, clock
        self._waiting: deque[_Waiting] = deque()
        self._thread = ThreadPoolExecutor(1, "cds-tokens")
        self._limit = 2 * patience + 1
        self._forget_at = 0.0

    async def first_use(self, iss: str, jti: str, expires: float) -> bool:
        """Return whether no process saw this token before, and remember it until it expires, in seconds since 1970.

        Raises StoreUnavailable where that cannot be told.
        """
        told = Future[bool]()
        token = sha256(f"{len(iss)} {iss} {jti}".encode("utf-8", "surrogatepass")).hexdigest()
        self._waiting.append((token, ceil(expires), told))
        try:
            self._thread.submit(self._write)
            async with asyncio.timeout(self._limit):
                return await asyncio.wrap_future(told)
        except TimeoutError:
            raise StoreUnavailable("the database did not answer in time") from None
        except RuntimeError:
            raise StoreUnavailable("the store is closed") from None

    def close(self) -> None:
        """End the thread, and the connection."""
        self._thread.shutdown()
        self._engine.dispose()

    def _write(self) -> None:
        group = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if not group:
            return
        outcome: list[bool] | StoreUnavailable
        try:
            with self._turn, self._engine.begin() as connection:
                outcome = [_use(connection, token, expires) for token, expires, _ in group]
                self._forget(connection)
        except DBAPIError as error:
            outcome = StoreUnavailable(f"the database cannot be written ({name_of(error)})")
        except Exception as error:  # a fault of ours: whoever waits must hear of it
            outcome = StoreUnavailable(f"an unforeseen fault ({type(error).__name__})")
        for i, (_, _, told) in enumerate(group):
            with suppress(InvalidStateError):  # who waits no longer
                if isinstance(outcome, StoreUnavailable):
                    told.set_exception(outcome)
                else:
                    told.set_result(outcome[i])

    def _forget(self, connection: Connection) -> None:
        """Forget tokens that are over, once a minute."""
        if time.monotonic() >= self._forget_at:
            self._forget_at = time.monotonic() + _FORGET_SECONDS
            connection.execute(_FORGET, {"now": int(self._clock()) - _MARGIN})


def _use(connection: Connection, token: str, expires: int) -> bool:
    return connection.execute(_USE, {"token": token, "expires": expires}).rowcount == 1
