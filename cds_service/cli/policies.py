"""What a policy author needs: policies listed, checked, tested, shown, packaged."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from cds_service.cli.diff import diff
from cds_service.cli.failure import Exit
from cds_service.cli.files import write_bytes, write_json, write_lines
from cds_service.cli.new import new
from cds_service.cli.options import AsOf, Policies, application_of, date_of, folder_of
from cds_service.cli.prove import prove
from cds_service.cli.show import show

__all__ = ["policies"]

Place: TypeAlias = Annotated[
    Path | None,
    typer.Argument(metavar="DIR|TGZ", help="Folder or FHIR package of policies. [env: CDS_POLICIES]"),
]

policies = typer.Typer(help="Work on policies: begin, list, check, test, show, compare and package them.")


@policies.callback(invoke_without_command=True)
def _root(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


policies.command()(new)
policies.command()(show)
policies.command()(diff)
policies.command("test")(prove)


@policies.command("list")
def list_policies(
    folder: Policies = None,
    as_of: AsOf = None,
    output: Annotated[Literal["text", "json"], typer.Option("--format")] = "text",
) -> None:
    """List policies: version, codes, review, who stands for them, and whether production would use them today.

    With --as-of, whether it would use them for an order of that day.

    \b
    Exit codes: 0 listed, 2 wrong usage, 4 a fault in a policy
    """
    from cds_service.authoring.listing import as_json, as_text, listing
    from cds_service.fhir.encoding import encode

    day, application = date_of(as_of), application_of(None, folder)
    months = application.settings.review_valid_months
    listed = listing(application.policies, day or application.clock(), review_valid_months=months)
    if output == "json":
        write_json(encode(as_json(listed)), pretty=False)
    else:
        write_lines(as_text(listed))


@policies.command()
def package(
    place: Place = None,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE.tgz", help="Where the package is written.")],
    name: Annotated[str | None, typer.Option("--name", help="Its name; by default as package.json states.")] = None,
    version: Annotated[str | None, typer.Option("--version", help="Its version; by default the same.")] = None,
) -> None:
    """Pack policies into a FHIR package, which every command takes in place of the folder.

    \b
    Exit codes: 0 written, 1 cannot be written, 2 wrong usage, 4 a fault in a policy
    """
    from cds_service.plan_definition.package import pack_policies
    from cds_service.policy_files import read_policy_files
    from cds_service.wiring import load_policies

    source = folder_of(place)
    load_policies(source)
    write_bytes(output, pack_policies(read_policy_files(source), name=name, version=version))


@policies.command()
def lint(
    place: Place = None,
    against: Annotated[
        Path | None, typer.Option("--against", metavar="DIR|TGZ", help="An earlier release, to compare versions with.")
    ] = None,
    output: Annotated[Literal["text", "json"], typer.Option("--format")] = "text",
    strict: Annotated[bool, typer.Option("--strict", help="Let warnings count as errors.")] = False,
) -> None:
    """Check policies by every rule, and tell all that is wrong at once.

    What is left as it is on purpose is listed with its reason in `lint.yaml` beside the policies.

    \b
    Exit codes: 0 no error, 2 wrong usage, 4 an error, or with --strict a warning
    """
    from cds_service.authoring.lint import as_json, as_text, breaches
    from cds_service.authoring.lint import lint as findings_in
    from cds_service.fhir.encoding import encode
    from cds_service.policy_files import read_policy_files

    files = read_policy_files(folder_of(place))
    findings = findings_in(files, against=read_policy_files(against) if against else None)
    if output == "json":
        write_json(encode(as_json(findings)), pretty=False)
    else:
        write_lines(as_text(findings))
    if breaches(findings, strict=strict):
        raise typer.Exit(Exit.CONTENT)
