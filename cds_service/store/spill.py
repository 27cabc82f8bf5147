"""The spill file: where decisions go that must not wait for a database that is away.

One file per process, `spill-<random>.ndjson`, readable by its owner only; each line is an entry with a checksum, and
on disk before its decision is answered. A process holds a lock on its file while it lives, so that another takes over
only what the dead left behind. What stands in it goes into the database once; a last line that was cut off is of a
decision that was never answered.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Final
from uuid import uuid4

import msgspec

from cds_service.store.entries import Entry

__all__ = ["Spill"]

_SUFFIX: Final = ".ndjson"
_DAMAGED: Final = ".damaged"


@dataclass(frozen=True, slots=True)
class _Line:
    checksum: str
    entry: msgspec.Raw


_encoder: Final = msgspec.json.Encoder()
_lines: Final = msgspec.json.Decoder(_Line)
_entries: Final = msgspec.json.Decoder(Entry)


class SpillFile:
    """One file and the lock on it; entries are put at its end and read from its beginning."""

    def __init__(self, path: Path, descriptor: int) -> None:
        """Hold a file that is open and locked."""
        self.path = path
        self._descriptor = descriptor

    @classmethod
    def lock(cls, path: Path, *, make: bool = False) -> SpillFile | None:
        """Return a file to hold, or None where another process holds it or has just taken it away. Raises OSError."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND | (os.O_CREAT if make else 0), 0o600)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(descriptor).st_nlink:
                return cls(path, descriptor)
        except BlockingIOError:
            pass
        os.close(descriptor)
        return None

    def put(self, entries: Sequence[Entry]) -> None:
        """Add entries; they are on disk when this returns. Raises OSError, and then none of them is there."""
        size = os.fstat(self._descriptor).st_size
        left = memoryview(b"".join(map(_line, entries)))
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
            os.fsync(self._descriptor)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._descriptor, size)
            raise

    def entries(self) -> Iterator[Entry | None]:
        """Yield the entries; None for a line that is not what was written. A last line cut off is left out."""
        with self.path.open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    yield _read(line)

    def empty(self) -> None:
        """Forget what stands there."""
        os.ftruncate(self._descriptor, 0)
        os.fsync(self._descriptor)

    def remove(self) -> None:
        """Delete the file and let it go."""
        self.path.unlink(missing_ok=True)
        self.release()

    def set_aside(self) -> None:
        """Keep the file under a name under which nothing takes it up again, and let it go."""
        self.path.rename(self.path.with_suffix(_DAMAGED))
        self.release()

    def release(self) -> None:
        """Let the file go; what stands in it waits for whoever takes it up."""
        os.close(self._descriptor)


class Spill:
    """The spill files of a folder, one of them this process's own. `waiting` entries are not in the database yet."""

    def __init__(self, folder: Path) -> None:
        """Use a folder, made for its owner alone if it is not there. Raises OSError."""
        self._folder = folder
        self._own: SpillFile | None = None
        self.waiting = 0
        self.damaged = 0
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._recount()

    def put(self, entries: Sequence[Entry]) -> None:
        """Add entries to this process's file. Raises OSError, and then none of them is there."""
        if self._own is None:
            self._own = self._begin()
        self._own.put(entries)
        self.waiting += len(entries)

    def bring_in(self, write: Callable[[Sequence[Entry]], bool], *, group: int = 256) -> None:
        """Hand all that waits to `write`, in groups, and forget it; what the dead left behind included.

        A file with a line that cannot be read is kept aside, its other lines written. What `write` raises ends this.
        Raises OSError.
        """
        for file in self._files():
            try:
                sound = _hand_over(file, write, group)
            except BaseException:
                if file is not self._own:
                    file.release()
                raise
            if sound and file is self._own:
                file.empty()
                continue
            if file is self._own:
                self._own = None
            if sound:
                file.remove()
            else:
                file.set_aside()
        self._recount()

    def close(self) -> None:
        """Let this process's file go, deleted if nothing waits in it."""
        if self._own is not None:
            if self._own.path.stat().st_size:
                self._own.release()
            else:
                self._own.remove()
            self._own = None

    def _begin(self) -> SpillFile:
        while True:
            file = SpillFile.lock(self._folder / f"spill-{uuid4()}{_SUFFIX}", make=True)
            if file is not None:
                _sync(self._folder)
                return file

    def _files(self) -> Iterator[SpillFile]:
        if self._own is not None:
            yield self._own
        for path in sorted(self._folder.glob(f"spill-*{_SUFFIX}")):
            file = SpillFile.lock(path)
            if file is not None:
                yield file

    def _recount(self) -> None:
        self.waiting = 0
        for file in self._files():
            self.waiting += sum(1 for _ in file.entries())
            if file is not self._own:
                file.release()
        self.damaged = sum(1 for _ in self._folder.glob(f"spill-*{_DAMAGED}"))


def _hand_over(file: SpillFile, write: Callable[[Sequence[Entry]], bool], group: int) -> bool:
    """Return whether all lines of a file could be read and written."""
    entries = file.entries()
    sound = True
    while some := list(islice(entries, group)):
        read = [one for one in some if one is not None]
        sound = write(read) and len(read) == len(some) and sound
    return sound


def _line(entry: Entry) -> bytes:
    raw = _encoder.encode(entry)
    return b'{"checksum":"%s","entry":%s}\n' % (sha256(raw).hexdigest().encode(), raw)


def _read(line: bytes) -> Entry | None:
    try:
        read = _lines.decode(line)
        return _entries.decode(read.entry) if sha256(bytes(read.entry)).hexdigest() == read.checksum else None
    except msgspec.DecodeError:
        return None


def _sync(folder: Path) -> None:
    """Put a folder's new names on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
