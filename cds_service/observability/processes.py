"""What the processes of one service share: a folder, in which they count together and say that one is lacking.

A process holds a lock on its folder while it lives, so that the next one can tell what the dead left behind.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

__all__ = ["SEVERAL_PROCESSES", "is_lacking", "note_lacking", "shared_folder"]

SEVERAL_PROCESSES: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Names the folder; prometheus-client reads it as it is imported."""

_PREFIX: Final = "cds-metrics-"
_LOCK: Final = "lock"
_LACKING: Final = "lacking"


@contextmanager
def shared_folder() -> Iterator[None]:
    """Have a folder for the processes that are started inside, those of services that are gone removed.

    Where the environment names one already, it is that, and its owner looks after it.
    """
    if SEVERAL_PROCESSES in os.environ:
        note_lacking(lacking=False)
        yield
        return
    _remove_left_behind(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as folder:
        lock = os.open(Path(folder, _LOCK), os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.environ[SEVERAL_PROCESSES] = folder
        try:
            yield
        finally:
            del os.environ[SEVERAL_PROCESSES]
            os.close(lock)


def note_lacking(*, lacking: bool) -> None:
    """Tell all processes whether one of them cannot be started."""
    place = Path(os.environ[SEVERAL_PROCESSES], _LACKING)
    with suppress(OSError):  # a full disk must not end those that serve
        if lacking:
            place.touch()
        else:
            place.unlink(missing_ok=True)


def is_lacking() -> bool:
    """Return whether a process of this service cannot be started; False where it is alone."""
    folder = os.environ.get(SEVERAL_PROCESSES)
    return folder is not None and Path(folder, _LACKING).exists()


def _remove_left_behind(folder: Path) -> None:
    for place in folder.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # of somebody else, or held
            lock = os.open(place / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(place)
            finally:
                os.close(lock)
