"""The database of compose.yaml: made by its owner, written by a service that may not change what it wrote."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import psycopg
import pytest

from cds_service.store.sql import SqlStore
from cds_service.store.store import Filters
from tests.charts import ROOT
from tests.postgres import REQUIRED, binaries, cluster
from tests.unit.store.making import decision


def test_the_service_may_keep_and_read_and_nothing_else(tmp_path: Path) -> None:
    folder = binaries()
    if folder is None:
        assert not REQUIRED
        pytest.skip("PostgreSQL is not installed here")
    for name in ("owner_password", "service_password"):
        (tmp_path / name).write_text(f"{name}-'quoted'")
    with cluster(folder, durable=False) as server:
        url = server.new_database()
        SqlStore(url).close()
        name = url.removeprefix("postgresql://postgres@/").partition("?")[0]
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("PG")},
            "PATH": f"{folder}:{os.environ['PATH']}",
            "PGHOST": str(server.folder),
            "PGUSER": "postgres",
            "PGDATABASE": name,
            "SECRETS": str(tmp_path),
            "ROLES": str(ROOT / "cds_service" / "store" / "roles.sql"),
        }
        for _ in range(2):
            script = str(ROOT / "deploy" / "compose" / "grants.sh")
            subprocess.run(["/bin/sh", script], env=environment, check=True, capture_output=True, timeout=120)
        with SqlStore(server.url(name, "cds_service")) as store:
            assert store.append_now(decision()).fresh
        server.sql(name, "CREATE ROLE auditor LOGIN IN ROLE cds_reader")
        with SqlStore(server.url(name, "auditor")) as store:
            assert store.count(Filters()) == 1
            assert list(store.verify()) == []
        with psycopg.connect(server.url(name, "cds_service"), autocommit=True) as connection:
            for refused in (b"DELETE FROM journal", b"DELETE FROM payload", b"UPDATE decision SET status = 200"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(refused)
