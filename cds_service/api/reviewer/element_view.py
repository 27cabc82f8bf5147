"""A resource of a chart as JSON to be read, in which the elements that evidence names can be led to."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cds_service.fhir.element import locate
from cds_service.fhir.encoding import encode
from cds_service.necessity.wording import printable

__all__ = ["ElementView", "Piece", "element_view"]

_MOST_LINES: Final = 400
_LONGEST: Final = 500

_Anchors = Mapping[tuple[int, str | int], str]
"""Names of elements, each by its container and its key there."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of text, or where an element begins that has a name, or where one ends."""

    text: str = ""
    opens: str = ""
    closes: bool = False


@dataclass(frozen=True, slots=True)
class ElementView:
    """The JSON in pieces; `marks` gives, by path, the names of the elements that are shown."""

    pieces: tuple[Piece, ...]
    marks: Mapping[str, str]


def element_view(resource: Mapping[str, Any], paths: Sequence[str], anchor: str) -> ElementView:
    """Return the JSON of a resource, indented, with the elements at `paths` named `anchor-1`, `anchor-2` and so on.

    No control, no change of direction is left in it; long texts and the end of a long resource are left out.
    """
    named: dict[tuple[int, str | int], str] = {}
    by_path: dict[str, str] = {}
    for path in paths:
        for container, key in locate(resource, path)[:1]:
            by_path[printable(path)] = named.setdefault((id(container), key), f"{anchor}-{len(named) + 1}")
    pieces = tuple(_shortened(_written(resource, named, "\n")))
    shown = {one.opens for one in pieces}
    return ElementView(pieces, {path: name for path, name in by_path.items() if name in shown})


def _written(value: Any, named: _Anchors, line: str) -> Iterator[Piece]:
    if not value or not isinstance(value, Mapping | list):
        yield Piece(_literal(value))
        return
    first, last = "{}" if isinstance(value, Mapping) else "[]"
    yield Piece(first)
    for i, (key, one) in enumerate(value.items() if isinstance(value, Mapping) else enumerate(value)):
        yield Piece(f"{',' if i else ''}{line}  ")
        name = named.get((id(value), key))
        if name:
            yield Piece(opens=name)
        if isinstance(key, str):
            yield Piece(f"{_literal(key)}: ")
        yield from _written(one, named, f"{line}  ")
        if name:
            yield Piece(closes=True)
    yield Piece(f"{line}{last}")


def _shortened(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Yield what stands on the first lines, every element that begins there ended, and how many lines follow."""
    lines, open_elements = 1, 0
    for one in pieces:
        lines += one.text.count("\n")
        if lines <= _MOST_LINES:
            open_elements += bool(one.opens) - one.closes
            yield one
    yield from [Piece(closes=True)] * open_elements
    if lines > _MOST_LINES:
        yield Piece(f"\n… {lines - _MOST_LINES} more lines")


def _literal(value: Any) -> str:
    text = encode(value).decode()
    clean = "".join(" " if unicodedata.category(one)[0] == "C" else one for one in text)
    return clean if len(clean) <= _LONGEST else f"{clean[:_LONGEST]}… ({len(clean)} characters)"
