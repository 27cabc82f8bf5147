"""The reviewer's queue over many decisions, made up without contents: each page of it, with its counts.

`python -m tests.benchmarks.review_queue 1000000` writes as many into a temporary file (2 GB); told is the best of 3.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import perf_counter

from sqlalchemy import Connection, Table, insert

from cds_service.api.reviewer.queue import asked_of, queue
from cds_service.store import tables
from cds_service.store.entries import content_of, entry_of
from cds_service.store.journal import INSERT
from cds_service.store.model import Determined, PolicyVersion
from cds_service.store.payload import Keys
from cds_service.store.projection import Row, rows_of
from cds_service.store.sql import SqlStore
from tests.integration.store.altering import engine_of
from tests.unit.store.making import decision

DAYS = 60
BASE = "https://cds-service.example/fhir/PlanDefinition"
POLICIES = (("spine", ("63102", "63101")), ("fixation", ("22849",)), ("surveillance", ("72158", "72197")))
OUTCOMES = ("met",) * 60 + ("not-met",) * 25 + ("information-missing",) * 14 + ("not-applicable",)
ASKED = (
    {},
    {"outcome": "met"},
    {"outcome": "not-evaluated"},
    {"code": "22849"},
    {"code": "nothing"},
    {"policy": f"{BASE}/retired"},
    {"review": "agreed"},
    {"client": "https://ehr.example.org|north"},
    {"client": "https://nobody.example|"},
    {"since": (datetime.now(UTC) - timedelta(days=2)).date().isoformat()},
    {"until": (datetime.now(UTC) - timedelta(days=DAYS - 3)).date().isoformat(), "outcome": "met"},
    {"following": "1000"},
)


def fill(connection: Connection, many: int) -> None:
    """Write decisions of the last days, some thousand of a policy that is no longer used first."""
    rnd, now = Random(1), datetime.now(UTC)  # noqa: S311 - made up
    connection.execute(insert(tables.writer).values(number=1, id="made-up", sequence=many, hash=""))
    rows: dict[Table, list[Row]] = {}
    plain = decision("made-up", contents=None, cards=())
    for i in range(1, many + 1):
        received = now - timedelta(days=DAYS) * ((many - i) / many)
        one = replace(plain, exchange=str(i), received=received, determined=tuple(_determined(rnd, i)))
        entry = entry_of(one, Keys(), recorded=received)
        row = {"writer": 1, "sequence": i, "kind": entry.kind, "id": entry.id, "content": entry.content.decode()}
        rows.setdefault(tables.journal, []).append(row | {"previous": "", "hash": ""})
        for table, found in rows_of(content_of(entry.content), 1, i):
            rows.setdefault(table, []).append(found)
        if i % 5000 == 0 or i == many:
            for table, some in rows.items():
                connection.execute(INSERT[table], some)
            rows.clear()


def _determined(rnd: Random, i: int) -> list[Determined]:
    policy, codes = ("retired", ("99999",)) if i <= 1000 else rnd.choice(POLICIES)
    version = PolicyVersion(f"{BASE}/{policy}", "0.1.0", "c0ffee")
    outcomes = ["not-evaluated"] if i == 500 else [rnd.choice(OUTCOMES) for _ in range(1 + i % 3)]
    return [
        Determined(f"{i}-{k}", version, "http://example.org", rnd.choice(codes), one) for k, one in enumerate(outcomes)
    ]


def main(many: int) -> None:
    """Print how long each page takes."""
    with TemporaryDirectory() as folder:
        address = f"sqlite:///{Path(folder) / 'decisions.db'}"
        with SqlStore(address) as store:
            with engine_of(address).begin() as connection:
                fill(connection, many)
            print(f"the queue over {many:,} decisions")
            for asked in ASKED:
                print(f"  {min(_taken(store, asked) for _ in range(3)) * 1000:5.0f} ms  {asked or 'all'}")


def _taken(store: SqlStore, asked: dict[str, str]) -> float:
    begun = perf_counter()
    queue(store, asked_of(asked), now=datetime.now(UTC))
    return perf_counter() - begun


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
