"""`cds-service serve` in a process of its own, to be loaded, looked at and killed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[2]
_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_of(pid: int) -> float:
    """Return the seconds of CPU that a process has taken, all its threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


class Served:
    """The process, and where it listens. What it says beside that is read, and dropped."""

    def __init__(self, database: str, *, port: int = 0, workers: int = 1, **settings: str) -> None:
        command = [sys.executable, "-m", "cds_service", "serve", "--mode", "sandbox", "--port", str(port)]
        command += ["--workers", str(workers)]
        environment = {**os.environ, "CDS_DATABASE_URL": database, "CDS_LOG_LEVEL": "error", **settings}
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        self._said = self.process.stderr
        self.port = _port(self._said)
        self._drain = threading.Thread(target=self._said.read)
        self._drain.start()

    @property
    def pid(self) -> int:
        return self.process.pid

    def workers(self) -> list[int]:
        """Return the processes that answer, where they are several."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text(encoding="ascii")
        return [int(pid) for pid in children.split() if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def cpu(self) -> float:
        """Return the seconds of CPU that the process has taken, all its threads together."""
        return cpu_of(self.pid)

    def memory(self) -> float:
        """Return the MB of memory that the process holds."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        found = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
        assert found is not None
        return int(found[1]) / 1024

    def kill(self) -> None:
        """End it at once, as `kill -9` does."""
        self.process.kill()
        self.process.wait()
        self._drain.join(timeout=30)
        assert not self._drain.is_alive(), "a worker outlived the process that started it"
        self._said.close()

    def stop(self) -> int:
        """Ask it to end, and return its exit code."""
        self.process.terminate()
        return self.process.wait(timeout=30)


def _port(lines: IO[str]) -> int:
    said = []
    for line in lines:
        said.append(line)
        found = re.search(r"http://127\.0\.0\.1:(\d+), mode", line)
        if found:
            return int(found[1])
    raise AssertionError("".join(said))


@contextmanager
def served(database: str, *, port: int = 0, **settings: str) -> Iterator[Served]:
    """Give the service, served at a free port with one worker; it is killed if it still runs in the end."""
    one = Served(database, port=port, **settings)
    try:
        yield one
    finally:
        one.kill()
