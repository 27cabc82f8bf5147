"""Policies in words."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from cds_service.cli.failure import Exit, Failure
from cds_service.cli.files import write_lines
from cds_service.cli.options import Policies, folder_of

__all__ = ["show"]


def show(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Canonical, its last step, a folder, or an ordered code.")
    ] = None,
    output: Annotated[Literal["text", "markdown", "html"], typer.Option("--format")] = "text",
    policies: Policies = None,
) -> None:
    """Show policies in a clinician's words: what they ask, of which codes, on what grounds, and who stands for them.

    Without NAME all of them. With --format html one page that needs nothing else.

    \b
    Exit codes: 0 shown, 2 wrong usage or no policy of that name, 4 a fault in a policy
    """
    from cds_service.authoring.pages import as_html, as_markdown, as_text
    from cds_service.authoring.show import chosen
    from cds_service.authoring.show import show as page_of
    from cds_service.wiring import read_policies

    compiled, artifacts = read_policies(folder_of(policies))
    pages = [page_of(plan, compiled, artifacts) for plan in chosen(compiled, name)]
    if not pages:
        raise Failure(Exit.USAGE, f"no policy is called `{name}`; `cds-service policies list` names them")
    match output:
        case "text":
            write_lines(as_text(pages))
        case "markdown":
            write_lines(as_markdown(pages))
        case "html":
            write_lines(as_html(pages, title=pages[0].title if len(pages) == 1 else "Policies"))
