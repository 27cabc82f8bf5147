"""A process that appends for as long as it lives, and says of each decision when it was acknowledged.

Run as `python -m tests.integration.store.appending ADDRESS CLIENTS [SPILL]`; a line on stdout is an exchange.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from cds_service.store.errors import StoreUnavailable
from cds_service.store.sql import SqlStore
from tests.unit.store.making import contents, decision

ROOT = Path(__file__).parents[3]


async def client(store: SqlStore) -> None:
    held = contents(response=b"a card " * 2000)
    while True:
        try:
            receipt = await store.append(decision(str(uuid4()), contents=held))
        except StoreUnavailable:
            await asyncio.sleep(0.01)
        else:
            sys.stdout.write(receipt.id + "\n")
            sys.stdout.flush()


async def main(address: str, clients: int, spill: Path | None) -> None:
    store = SqlStore(address, spill=spill, patience=0.5)
    await asyncio.gather(*(client(store) for _ in range(clients)))


class Appender:
    """The process, and what it had acknowledged so far."""

    def __init__(self, address: str, *, clients: int = 16, spill: Path | None = None) -> None:
        command = [sys.executable, "-m", "tests.integration.store.appending", address, str(clients)]
        self.process = subprocess.Popen(
            [*command, *([str(spill)] if spill else [])], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        self.acknowledged: list[str] = []
        self._more = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def wait_for(self, count: int) -> None:
        """Return once so many are acknowledged beyond now."""
        with self._more:
            wanted = len(self.acknowledged) + count
            assert self._more.wait_for(lambda: len(self.acknowledged) >= wanted, timeout=60)

    def kill(self) -> None:
        """End the process at once, as `kill -9` does."""
        self.process.kill()
        self.process.wait()
        self._reader.join()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                if line.endswith("\n"):
                    with self._more:
                        self.acknowledged.append(line.strip())
                        self._more.notify_all()


@contextmanager
def appending(address: str, *, clients: int = 16, spill: Path | None = None) -> Iterator[Appender]:
    appender = Appender(address, clients=clients, spill=spill)
    try:
        yield appender
    finally:
        appender.kill()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]) if len(sys.argv) > 3 else None))
