"""Decisions kept: how many a second, at what cost, how late, and how large they are."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from sqlalchemy import text

from cds_service.store.model import Decision
from cds_service.store.payload import Keys
from cds_service.store.sql import SqlStore
from cds_service.store.store import Filters
from tests.charts import ROOT
from tests.postgres import binaries, cluster
from tests.unit.store.making import contents, decision, determined, key

COUNT = 3_000


def _decision() -> Decision:
    """Return one as of three orders: a request of 54 KB, each time another, and a report of 40 KB."""
    body = (ROOT / "fixtures" / "cds_hooks" / "both-order-sign.json").read_bytes()
    named = body.replace(b"Patient/", b"Patient/" + uuid4().hex.encode())
    report = json.dumps([{"path": f"Observation/{i}.value", "state": "unknown"} for i in range(650)]).encode()
    held = contents(request=named, determinations=report)
    return decision(str(uuid4()), determined=(determined(),) * 3, contents=held)


async def _append(store: SqlStore, made: list[Decision], clients: int) -> list[float]:
    """Return how long each decision waited, in milliseconds."""
    left, waited = iter(made), list[float]()

    async def client() -> None:
        for one in left:
            start = time.perf_counter()
            await store.append(one)
            waited.append((time.perf_counter() - start) * 1000)

    await asyncio.gather(*(client() for _ in range(clients)))
    return sorted(waited)


def _measure(name: str, address: str, keys: Keys) -> None:
    with SqlStore(address, keys=keys) as store:
        for clients in (1, 16):
            made = [_decision() for _ in range(COUNT if clients > 1 else COUNT // 10)]
            start, cpu = time.perf_counter(), time.process_time()
            waited = asyncio.run(_append(store, made, clients))
            wall, spent = time.perf_counter() - start, time.process_time() - cpu
            half, late = waited[len(waited) // 2], waited[int(len(waited) * 0.99)]
            print(
                f"  {name:24} {clients:2} clients {len(made) / wall:6.0f}/s {spent / len(made) * 1e6:5.0f} us of CPU"
                f"   p50 {half:5.1f} ms   p99 {late:5.1f} ms"
            )
        start, cpu = time.perf_counter(), time.process_time()
        faults = list(store.verify())
        print(
            f"  {name:24} verified in {(time.process_time() - cpu) / store.count(Filters()) * 1e6:.0f} us each", faults
        )
        print(f"  {name:24} {_size(store) / store.count(Filters()) / 1000:.1f} KB per decision")


def _size(store: SqlStore) -> int:
    pages = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
    with store.reading() as connection:
        query = pages if connection.dialect.name == "sqlite" else "SELECT pg_database_size(current_database())"
        return int(connection.execute(text(query)).scalar_one())


def main() -> None:
    """Print the figures of SQLite, with a key and without, and of PostgreSQL where it is installed."""
    print(f"{COUNT} decisions of three determinations, each committed before it is acknowledged")
    with TemporaryDirectory() as folder:
        for name, keys in (("SQLite", Keys()), ("SQLite, encrypted", Keys.of(key("k")))):
            _measure(name, f"sqlite:///{Path(folder)}/{uuid4()}.db", keys)
    found = binaries()
    if found is not None:
        with cluster(found) as running:
            _measure("PostgreSQL", running.new_database(), Keys())
    print()
