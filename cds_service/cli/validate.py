"""FHIR resources checked."""

from __future__ import annotations

from typing import Annotated

import typer

from cds_service.cli.failure import Exit, Failure
from cds_service.cli.files import json_of, write_lines

__all__ = ["validate"]


def validate(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="FHIR resources or Bundles, as JSON.")],
) -> None:
    """Validate FHIR R4 resources.

    Checked are the names of elements, how often they occur, and the forms of their values.

    \b
    Exit codes: 0 all valid, 2 wrong usage, 3 something invalid or unreadable
    """
    found = {name: _issues_of(name) for name in files}
    write_lines(f"{name}: {line}" for name, lines in found.items() for line in lines or ["ok"])
    if any(found.values()):
        raise typer.Exit(Exit.INPUT)


def _issues_of(name: str) -> list[str]:
    from cds_service.fhir.validate import validate as issues_of
    from cds_service.necessity.wording import printable

    try:
        value = json_of(name)
    except Failure as failure:
        return [str(failure).removeprefix(f"{name}: ")]
    if not isinstance(value, dict):
        return ["must be a resource: an object"]
    return [printable(issue) for issue in issues_of(value)]
