"""What commands read and write: files, stdin and stdout."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cds_service.cli.failure import Exit, Failure
from cds_service.errors import MalformedRequest, NothingToEvaluate

__all__ = ["blamed_on", "bytes_of", "json_of", "tell", "write_bytes", "write_json", "write_lines", "write_stream"]


def bytes_of(name: str) -> bytes:
    """Return what a file holds, `-` for stdin. Raises Failure."""
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise Failure(Exit.INPUT, f"{name}: cannot be read: {error.strerror}") from None


def json_of(name: str) -> object:
    """Return the JSON that a file holds. Raises Failure, also for members that are there twice."""
    from cds_service.fhir.encoding import decode, refuse_duplicate_keys

    with blamed_on(name):
        body = bytes_of(name)
        value = decode(body)
        refuse_duplicate_keys(body)
        return value


@contextmanager
def blamed_on(name: str) -> Iterator[None]:
    """Turn what is wrong with an input into a failure that names the input."""
    try:
        yield
    except MalformedRequest as error:
        raise Failure(Exit.INPUT, f"{name}: {error}") from None
    except NothingToEvaluate as error:
        raise Failure(Exit.NOTHING, f"{name}: {error}") from None


def write_json(body: bytes, *, pretty: bool) -> None:
    """Write JSON to stdout as it is, or indented."""
    if pretty:
        import msgspec

        body = msgspec.json.format(body, indent=2)
    _write(body + b"\n" if sys.stdout.isatty() else body)


def write_lines(lines: Iterator[str]) -> None:
    """Write lines to stdout, in UTF-8 whatever the terminal."""
    _write("".join(f"{line}\n" for line in lines).encode())


def write_bytes(place: Path, body: bytes) -> None:
    """Write a file. Raises Failure."""
    try:
        place.write_bytes(body)
    except OSError as error:
        raise Failure(Exit.UNFORESEEN, f"{place}: cannot be written: {error.strerror}") from None


def write_stream(place: Path | None, parts: Iterable[bytes]) -> None:
    """Write parts as they come, to a file or to stdout. Raises Failure."""
    if place is None:
        for part in parts:
            _write(part)
        return
    try:
        with place.open("wb") as file:
            file.writelines(parts)
    except OSError as error:
        raise Failure(Exit.UNFORESEEN, f"{place}: cannot be written: {error.strerror}") from None


def _write(body: bytes) -> None:
    try:
        sys.stdout.buffer.write(body)
        sys.stdout.buffer.flush()
    except OSError as error:
        # What is left must not be written again as the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # a reader who has seen enough is no fault
            raise Failure(Exit.UNFORESEEN, f"the output cannot be written: {error.strerror}") from None


def tell(line: str) -> None:
    """Tell something on stderr, on one line."""
    print(f"cds-service: {' '.join(line.split())}", file=sys.stderr)
