"""A PostgreSQL server of the tests' own: made in a temporary folder, reached by a socket there, gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Literal
from urllib.parse import quote

REQUIRED = os.environ.get("POSTGRES_REQUIRED") == "1"
_DATABASES = count()


def binaries() -> Path | None:
    """Return the folder of initdb, pg_ctl and postgres, or None where there is none."""
    found = shutil.which("pg_ctl")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((one for one in folders if (one / "initdb").exists()), None)


@dataclass(frozen=True)
class Cluster:
    """A server. It refuses to run as root, so root runs it as somebody who may do nothing else."""

    folder: Path
    bin: Path
    durable: bool

    def start(self) -> None:
        options = f"-c listen_addresses='' -c unix_socket_directories={self.folder} -c max_connections=50"
        options += " -c dynamic_shared_memory_type=mmap"
        options += "" if self.durable else " -c fsync=off"
        self._run("pg_ctl", "start", "-w", "-D", f"{self.folder}/data", "-l", f"{self.folder}/log", "-o", options)

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        self._run("pg_ctl", "stop", "-w", "-m", mode, "-D", f"{self.folder}/data")

    def new_database(self) -> str:
        """Return the address of an empty database."""
        name = f"store_{next(_DATABASES)}"
        self.sql("postgres", f"CREATE DATABASE {name}")
        return self.url(name)

    def drop(self, address: str) -> None:
        """Delete a database, whoever still uses it."""
        name = address.partition("@/")[2].partition("?")[0]
        self.sql("postgres", f"DROP DATABASE {name} WITH (FORCE)")

    def url(self, database: str, user: str = "postgres") -> str:
        return f"postgresql://{user}@/{database}?host={quote(str(self.folder))}"

    def sql(self, database: str, *statements: str) -> None:
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def initialize(self) -> None:
        self._run("initdb", "-D", f"{self.folder}/data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")

    def _run(self, program: str, *arguments: str) -> None:
        command = [*_as_nobody(), str(self.bin / program), *arguments]
        with (self.folder / "commands").open("ab") as log:
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=120)


@contextmanager
def cluster(bin_folder: Path, *, durable: bool = True) -> Iterator[Cluster]:
    """Give a server that runs; one that is never stopped at once need not be `durable`, and lies in memory."""
    memory = "/dev/shm" if not durable and Path("/dev/shm").is_dir() else None  # noqa: S108 - private, by its mode
    with tempfile.TemporaryDirectory(prefix="pg", dir=memory) as name:
        folder = Path(name)
        if os.geteuid() == 0:
            os.chown(folder, _nobody().pw_uid, _nobody().pw_gid)
        one = Cluster(folder, bin_folder, durable)
        one.initialize()
        one.start()
        try:
            yield one
        finally:
            if (folder / "data" / "postmaster.pid").exists():
                one.stop()


def _nobody() -> pwd.struct_passwd:
    return pwd.getpwnam("nobody")


def _as_nobody() -> list[str]:
    if os.geteuid() != 0:
        return []
    return ["setpriv", f"--reuid={_nobody().pw_uid}", f"--regid={_nobody().pw_gid}", "--clear-groups"]
