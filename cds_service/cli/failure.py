"""How a command ends."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["Exit", "Failure"]


class Exit(IntEnum):
    """The exit codes."""

    DONE = 0
    UNFORESEEN = 1
    REFUSED = 1
    USAGE = 2
    INPUT = 3
    CONTENT = 4
    NOTHING = 5


class Failure(Exception):
    """Ends a command: the exit code, and one line for stderr."""

    def __init__(self, code: Exit, reason: str) -> None:
        """End with `code`; `reason` names no value of a chart."""
        super().__init__(reason)
        self.code = code
