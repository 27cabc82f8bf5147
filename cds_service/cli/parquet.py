"""The table of determinations as Parquet, with the optional package `pyarrow`."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from cds_service.cli.failure import Exit, Failure
from cds_service.store.export import COLUMNS, to_csv
from cds_service.store.store import Kept

__all__ = ["write_parquet"]

_ROWS = 10_000
"""Rows in a group: what is held in memory at once."""


def write_parquet(place: Path, kept: Iterable[Kept]) -> None:
    """Write the rows of the CSV form, all columns text. Raises Failure without `pyarrow`, or where it cannot write."""
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise Failure(Exit.USAGE, "Parquet needs another package: pip install 'cds-service[parquet]'") from None
    schema = pa.schema([(name, pa.string()) for name in COLUMNS])
    rows = csv.reader(to_csv(kept))
    next(rows)
    try:
        with parquet.ParquetWriter(place, schema) as writer:
            for some in _batches(rows):
                columns = [list(column) for column in zip(*some, strict=True)]
                writer.write_table(pa.table(columns, schema=schema))
    except OSError as error:
        raise Failure(Exit.UNFORESEEN, f"{place}: cannot be written: {error.strerror or 'no such folder'}") from None


def _batches(rows: Iterator[list[str]]) -> Iterator[list[list[str]]]:
    while some := list(islice(rows, _ROWS)):
        yield some
