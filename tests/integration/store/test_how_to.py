"""How to keep decisions in PostgreSQL: the page is carried out, its addresses put in their place."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cds_service.store.errors import StoreUnavailable
from cds_service.store.payload import Keys
from cds_service.store.retention import purge
from cds_service.store.sql import SqlStore
from tests.postgres import Cluster, cluster
from tests.unit.store.making import RECEIVED, decision

PAGE = Path(__file__).parents[3] / "docs" / "how_to" / "keep_decisions_in_postgresql.md"


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def run(server: Cluster, script: str) -> str:
    """Run a script of the page with what it calls a host put in place; return what it prints and exports."""
    script = re.sub(
        r"(postgresql://\w+@)db\.example/decisions(\?[^']*)?", rf"\1/decisions?host={server.folder}", script
    )
    found = {"PATH": f"{Path(sys.executable).parent}:{server.bin}:{os.environ['PATH']}", "PGHOST": str(server.folder)}
    told = subprocess.run(
        ["/bin/bash", "-ec", f"{script}\nenv"],
        env=found,
        cwd=PAGE.parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stdout


def test_the_page_leads_to_a_service_that_adds_and_does_nothing_else(postgres: Cluster) -> None:
    made, granted = blocks("sql")
    tables, roles, environment = blocks("sh")
    with cluster(postgres.bin) as server:
        server.sql("postgres", *made.strip().split("\n"), "ALTER ROLE cds_owner CREATEROLE")
        run(server, tables)
        run(server, roles)
        server.sql("postgres", granted)
        told = dict(line.split("=", 1) for line in run(server, environment).splitlines() if line.startswith("CDS_"))
        with SqlStore(told["CDS_DATABASE_URL"], keys=Keys.of(told["CDS_ENCRYPTION_KEYS"])) as store:
            assert store.append_now(decision()).fresh
            assert list(store.verify()) == []
            with pytest.raises(StoreUnavailable, match="InsufficientPrivilege"):
                purge(store, before=RECEIVED.replace(year=2099), reason="", dry_run=False)
