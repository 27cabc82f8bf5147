"""The service as served: order-sign requests of three orders, each kept before it is answered, from 16 clients.

The service is a process of its own with one worker; its CPU is what the system says that it took. The clients run
beside it, so that the rate depends on how many cores there are; the rate per core is requests per second of CPU.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import text

from cds_service.store.sql import SqlStore
from tests.load.clients import load
from tests.load.process import served
from tests.postgres import binaries, cluster

CLIENTS = 16
SECONDS = float(os.environ.get("CDS_BENCH_SECONDS", "10"))


def measure(name: str, database: str) -> None:
    """Print the figures of the service with one database."""
    with served(database) as service:
        asyncio.run(load(service.port, CLIENTS, seconds=2))
        size, memory, cpu = _size(database), service.memory(), service.cpu()
        answers = asyncio.run(load(service.port, CLIENTS, seconds=SECONDS))
        spent, grown = service.cpu() - cpu, service.memory() - memory
        kept = 0 if database == "memory" else (_size(database) - size) / len(answers.acknowledged)
    count = len(answers.acknowledged)
    print(
        f"  {name:12} {count / SECONDS:5.0f}/s  {spent / count * 1e6:5.0f} us of CPU, {count / spent:4.0f}/s per core  "
        f"p50 {answers.percentile(0.5):5.1f} ms  p99 {answers.percentile(0.99):5.1f} ms  "
        f"{memory:.0f} MB, {grown:+.0f} MB  {kept / 1000:.1f} KB kept each  {answers.others} not answered with 200"
    )


def _size(database: str) -> int:
    """Return the bytes that a database takes."""
    if database == "memory":
        return 0
    pages = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
    with SqlStore(database) as store, store.reading() as connection:
        query = pages if connection.dialect.name == "sqlite" else "SELECT pg_database_size(current_database())"
        return int(connection.execute(text(query)).scalar_one())


def main() -> None:
    """Print the figures without a database, with SQLite, and with PostgreSQL where it is installed."""
    print(
        f"Served on loopback, one worker, {CLIENTS} clients, {os.cpu_count()} cores shared with them, {SECONDS:.0f} s"
    )
    measure("memory", "memory")
    with TemporaryDirectory() as folder:
        measure("SQLite", f"sqlite:///{Path(folder)}/decisions.db")
    found = binaries()
    if found is not None:
        with cluster(found) as running:
            measure("PostgreSQL", running.new_database())
    print()
