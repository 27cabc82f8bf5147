"""A new policy, written to disk."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cds_service.cli.failure import Exit, Failure
from cds_service.cli.files import write_bytes, write_lines

if TYPE_CHECKING:
    from cds_service.fhir.values import Code

__all__ = ["new"]

_ADDRESS = r"(?:https?://|urn:)[^\s\"'\\|#?$]+"


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Lower-case words joined by hyphens.")],
    code: Annotated[
        list[str], typer.Option("--code", metavar="SYSTEM|CODE", help="A code that it decides on; may be repeated.")
    ],
    title: Annotated[
        str | None, typer.Option("--title", help="What it is called; by default the name in words.")
    ] = None,
    base: Annotated[
        str | None,
        typer.Option("--base", metavar="URL", help="What its canonicals begin with; by default this project's."),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Where its folder is made.")] = Path(),
    fixtures: Annotated[
        Path, typer.Option("--fixtures", metavar="DIR", help="Where the chart of its cases is made.")
    ] = Path("fixtures"),
) -> None:
    """Begin a policy: a folder that loads and lints, and cases that fail until it is filled in.

    Where its author must decide, a text begins with `DECIDE:`. Nothing that is there is overwritten.

    \b
    Exit codes: 0 written, 1 cannot be written, 2 wrong usage, or a file is there already
    """
    from cds_service.authoring.scaffold import NAME, scaffold
    from cds_service.plan_definition.profile import CANONICAL_BASE

    if not NAME.fullmatch(name):
        raise Failure(Exit.USAGE, f"`{name}` is no name for a policy: use lower-case words joined by hyphens")
    words = " ".join((title or name.replace("-", " ")).split())
    made = scaffold(
        name,
        title=words[:1].upper() + words[1:],
        codes=[_code(one) for one in dict.fromkeys(code)],
        base=_base(base) if base else CANONICAL_BASE,
    )
    files = {**_below(output, made.policy), **_below(fixtures, made.fixtures)}
    _write(files)
    write_lines(str(place) for place in files)


def _code(written: str) -> Code:
    found = re.fullmatch(rf"({_ADDRESS})\|([A-Za-z0-9.-]{{1,40}})", written)
    if found is None:
        example = "http://www.ama-assn.org/go/cpt|77080"
        raise Failure(Exit.USAGE, f"--code is a system and a code, as in {example}, not `{written}`")
    return found[1], found[2]


def _base(written: str) -> str:
    if re.fullmatch(_ADDRESS, written) is None:
        raise Failure(Exit.USAGE, f"--base is an address, as in https://policies.example.org/fhir, not `{written}`")
    return written.rstrip("/")


def _below(folder: Path, files: Mapping[str, bytes]) -> dict[Path, bytes]:
    return {folder / place: body for place, body in files.items()}


def _write(files: Mapping[Path, bytes]) -> None:
    """Write the files, all or none. Raises Failure."""
    there = next(_there(files), None)
    if there is not None:
        raise Failure(Exit.USAGE, f"{there} is there already; nothing is written")
    for place, body in files.items():
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Failure(Exit.UNFORESEEN, f"{place.parent}: cannot be made: {error.strerror}") from None
        write_bytes(place, body)


def _there(files: Mapping[Path, bytes]) -> Iterator[Path]:
    return (place for place in files if place.exists() or place.is_symlink())
