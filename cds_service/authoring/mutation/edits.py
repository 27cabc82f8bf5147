"""Changes to JSON that leave the original as it is: only what stands above the change is copied."""

from __future__ import annotations

from typing import Any, TypeAlias

__all__ = ["Path", "at", "cut", "put"]

Path: TypeAlias = tuple[str | int, ...]
"""Names and positions from the root down."""


def at(tree: Any, path: Path) -> Any:
    """Return what stands at `path`."""
    for step in path:
        tree = tree[step]
    return tree


def put(tree: Any, path: Path, value: Any) -> Any:
    """Return `tree` with `value` at `path`."""
    if not path:
        return value
    step, *rest = path
    copied = tree.copy()
    copied[step] = put(tree[step], tuple(rest), value)
    return copied


def cut(tree: Any, path: Path) -> Any:
    """Return `tree` without what stands at `path`; an array that this empties goes with it."""
    *above, step = path
    holder = at(tree, tuple(above)).copy()
    del holder[step]
    if not holder and above:
        return cut(tree, tuple(above))
    return put(tree, tuple(above), holder)
