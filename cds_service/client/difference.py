"""What an action changes in a resource, line by line of its JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from difflib import unified_diff

import msgspec

from cds_service.fhir.encoding import canonical

__all__ = ["changes"]

_MOST_LINES = 5_000


def changes(before: object, after: object) -> Iterator[str]:
    """Yield the lines that go (`-`), come (`+`) and stand beside them (` `); members in the order of their names.

    `before` is None for what was not there. Nothing is yielded where nothing changes.
    """
    old, new = ([] if value is None else _lines(value) for value in (before, after))
    if len(old) + len(new) > _MOST_LINES:
        yield f"  ({len(old)} lines before and {len(new)} after: too many to compare; --format json shows them)"
        return
    for line in list(unified_diff(old, new, n=2, lineterm=""))[2:]:
        yield "  …" if line.startswith("@@") else line


def _lines(value: object) -> list[str]:
    text = msgspec.json.format(canonical(value), indent=2).decode()
    return ["".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in line) for line in text.split("\n")]
