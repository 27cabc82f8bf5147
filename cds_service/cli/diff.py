"""Two releases of policies compared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from cds_service.cli.failure import Exit, Failure
from cds_service.cli.files import write_json, write_lines

__all__ = ["diff"]

_Release: TypeAlias = Annotated[Path, typer.Argument(metavar="DIR|TGZ", help="Folder or FHIR package of policies.")]


def diff(
    before: _Release,
    after: _Release,
    output: Annotated[Literal["text", "markdown", "html", "json"], typer.Option("--format")] = "text",
    fixtures: Annotated[Path, typer.Option("--fixtures", metavar="DIR", help="Where the charts of cases are.")] = Path(
        "fixtures"
    ),
    cases: Annotated[bool, typer.Option("--cases/--no-cases", help="Run the cases of both under both.")] = True,
) -> None:
    """Tell in words what changed between two releases of policies, and which cases come out otherwise.

    Of a policy in several versions the newest of either side are compared.

    \b
    Exit codes: 0 compared, 2 wrong usage, 4 a fault in a policy
    """
    from cds_service.authoring.diff import as_json, as_page, compare, read_release
    from cds_service.authoring.pages import as_html, as_markdown, as_text
    from cds_service.fhir.encoding import encode
    from cds_service.policy_files import fixtures_in, read_policy_files

    if cases and not fixtures.is_dir():
        raise Failure(
            Exit.USAGE, f"there are no charts at `{fixtures}`; name their folder with --fixtures, or --no-cases"
        )
    one, other = (read_release(read_policy_files(place)) for place in (before, after))
    found = compare(one, other, fixture=fixtures_in(fixtures) if cases else None)
    page = as_page(found)
    match output:
        case "text":
            write_lines(as_text([page]))
        case "markdown":
            write_lines(as_markdown([page]))
        case "html":
            write_lines(as_html([page], title=page.title))
        case "json":
            write_json(encode(as_json(found)), pretty=False)
