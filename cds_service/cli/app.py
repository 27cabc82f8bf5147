"""The application: its commands, and how what goes wrong is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from cds_service import __version__
from cds_service.cli.decisions import decisions
from cds_service.cli.evaluate import evaluate, explain
from cds_service.cli.failure import Exit, Failure
from cds_service.cli.fhirpath import fhirpath
from cds_service.cli.files import tell
from cds_service.cli.policies import policies
from cds_service.cli.send import send
from cds_service.cli.serve import CreateApp, serve
from cds_service.cli.settings import settings
from cds_service.cli.validate import validate
from cds_service.errors import ConfigurationError, ContentError

__all__ = ["CreateApp", "Exit", "run"]


def run(arguments: Sequence[str], *, create_app: CreateApp, more: Mapping[str, typer.Typer] | None = None) -> int:
    """Carry out a command line and return its exit code; what goes wrong is told on stderr in one line.

    `create_app` makes an ASGI application of the service; only `serve` calls it. `more` are commands by name.
    """
    known = {group.name for group in _app.registered_groups}
    for name, commands in (more or {}).items():
        if name not in known:
            _app.add_typer(commands, name=name)
    try:
        code = _app(args=list(arguments) or ["--help"], prog_name="cds-service", standalone_mode=False, obj=create_app)
    except Failure as failure:
        return _complain(failure.code, str(failure))
    except ContentError as error:
        return _complain(Exit.CONTENT, f"policy: {error}")
    except ConfigurationError as error:
        return _complain(Exit.USAGE, str(error))
    except typer.TyperException as error:
        return _complain(Exit.USAGE, f"{error.format_message()} See `cds-service --help`.")
    except Exception as error:
        return _complain(
            Exit.UNFORESEEN, f"failed: {type(error).__name__} at {_place_of(error)}; please report this line"
        )
    return int(code or Exit.DONE)


def _complain(code: Exit, reason: str) -> int:
    tell(reason)
    return code


def _place_of(error: Exception) -> str:
    from traceback import extract_tb

    frame = extract_tb(error.__traceback__)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"


_app = typer.Typer(
    help="Medical necessity per ordered code, decided by policies (FHIR PlanDefinitions) as the order is signed.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # costs 100 ms more
)


@_app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False) -> None:
    if version:
        typer.echo(f"cds-service {__version__}")
        raise typer.Exit


for _command in (evaluate, explain, fhirpath, validate, serve, send, settings):
    _app.command()(_command)
_app.add_typer(policies, name="policies")
_app.add_typer(decisions, name="decisions")
