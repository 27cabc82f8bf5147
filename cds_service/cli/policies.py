"""What a policy author needs: policies listed, checked, tested, shown, packaged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from cds_service.cli.files import write_lines
from cds_service.cli.options import Policies, folder_of

if TYPE_CHECKING:
    from cds_service.plan_definition.policies import Policies as Compiled

__all__ = ["policies"]

policies = typer.Typer(help="Work on policies: list, check, test, show and package them.")


@policies.callback(invoke_without_command=True)
def _root(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@policies.command("list")
def list_policies(folder: Policies = None) -> None:
    """List policies: canonical, version, status, and how many codes each decides on.

    \b
    Exit codes: 0 listed, 2 wrong usage, 4 a fault in a policy
    """
    from cds_service.wiring import load_policies

    write_lines(_listed(load_policies(folder_of(folder))))


def _listed(compiled: Compiled) -> Iterator[str]:
    for plan in compiled.plans:
        count = len(plan.codes.codes)
        yield f"{plan.canonical}|{plan.version}  {plan.status}  {count} {'code' if count == 1 else 'codes'}"
