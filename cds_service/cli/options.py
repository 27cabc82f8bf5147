"""The options that several commands share, and what they are turned into."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

from cds_service.cli.failure import Exit, Failure

if TYPE_CHECKING:
    from cds_service.fhir.temporal import Date
    from cds_service.wiring import Application

__all__ = ["AsOf", "Mode", "ModeOption", "Patient", "Policies", "application_of", "date_of", "folder_of"]

Mode: TypeAlias = Literal["sandbox", "production"]
Policies: TypeAlias = Annotated[
    Path | None,
    typer.Option("--policies", metavar="DIR|TGZ", help="Folder or FHIR package of policies. [env: CDS_POLICIES]"),
]
AsOf: TypeAlias = Annotated[
    str | None,
    typer.Option("--as-of", metavar="DATE", help="Reference date; by default the day each order was authored."),
]
Patient: TypeAlias = Annotated[
    str | None, typer.Option("--patient", metavar="ID", help="Whose orders count, where a Bundle leaves it open.")
]
ModeOption: TypeAlias = Annotated[
    Mode | None,
    typer.Option("--mode", help="production refuses what no clinician approved. [env: CDS_MODE; default: sandbox]"),
]


def application_of(mode: Mode | None, policies: Path | None) -> Application:
    """Return the service with its policies. Raises Failure for a wrong setting, ContentError for a wrong policy."""
    from cds_service.cli.settings import read_settings
    from cds_service.wiring import Application

    given: dict[str, Any] = {"mode": mode, "policies": policies}
    settings = read_settings({name: value for name, value in given.items() if value is not None})
    return Application.of(settings)


def folder_of(policies: Path | None) -> Path:
    """Return where the policies are: by option, by CDS_POLICIES, else the folder that comes with the service."""
    from cds_service.wiring import policies_folder

    named = os.environ.get("CDS_POLICIES")
    return policies_folder(policies or (Path(named) if named else None))


def date_of(text: str | None) -> Date | None:
    """Return the day that an option names. Raises Failure for what is none."""
    from cds_service.fhir.temporal import parse_date

    date = parse_date(text) if text else None
    if text is not None and (date is None or not date.full):
        raise Failure(Exit.USAGE, "--as-of is a day, such as 2026-01-15")
    return date
