"""What was decided: kept decisions listed, shown, verified, replayed, exported, and the feedback on them counted."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from cds_service.cli.failure import Exit, Failure
from cds_service.cli.files import tell, write_json, write_lines, write_stream
from cds_service.cli.keeping import COMMANDS
from cds_service.cli.kept import each, filters_of, note_viewing, opened, progress_to
from cds_service.cli.options import folder_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cds_service.replay import Replayed, Replayer
    from cds_service.store.chain import Head
    from cds_service.store.store import Kept

__all__ = ["decisions"]

Since: TypeAlias = Annotated[
    str | None, typer.Option("--since", metavar="TIME", help="Received at or after: a day, or a time with its zone.")
]
Until: TypeAlias = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Received before.")]
Code: TypeAlias = Annotated[str | None, typer.Option("--code", help="On this ordered code.")]
Outcome: TypeAlias = Annotated[str | None, typer.Option("--outcome", help="With this outcome, such as `not-met`.")]
Policy: TypeAlias = Annotated[str | None, typer.Option("--policy", metavar="CANONICAL", help="By this policy.")]
Client: TypeAlias = Annotated[str | None, typer.Option("--client", metavar="ISS", help="Asked by this client.")]
Hook: TypeAlias = Annotated[str | None, typer.Option("--hook", help="Of this hook.")]
Patient: TypeAlias = Annotated[str | None, typer.Option("--patient", metavar="ID", help="About this patient.")]
Places: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option("--policies", metavar="DIR|TGZ", help="Policies as they were, where they are not kept; several."),
]

decisions = typer.Typer(help="Work on what was decided: look at it, prove it, keep it or let it go.")


@decisions.callback(invoke_without_command=True)
def _root(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@decisions.command("list")
def list_decisions(
    since: Since = None,
    until: Until = None,
    code: Code = None,
    outcome: Outcome = None,
    policy: Policy = None,
    client: Client = None,
    hook: Hook = None,
    patient: Patient = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many at most.")] = 50,
    output: Annotated[Literal["text", "json"], typer.Option("--format")] = "text",
) -> None:
    """List decisions, the latest first: when, by whom, what was determined by which policy. Nothing of a chart.

    \b
    Exit codes: 0 listed, 2 wrong usage, 3 what is kept cannot be read
    """
    from cds_service.cli.decision_words import as_block, as_json
    from cds_service.cli.kept import latest
    from cds_service.fhir.encoding import encode

    wanted = filters_of(since, until, code=code, outcome=outcome, policy=policy, hook=hook, patient=patient)
    with opened() as store:
        found = latest(store, wanted, client, limit)
    if output == "json":
        write_json(encode([as_json(one) for one in found]), pretty=False)
    else:
        write_lines(line for one in found for line in as_block(one))


@decisions.command()
def show(
    name: Annotated[str, typer.Argument(metavar="ID", help="The id of an exchange or of a decision.")],
    policies: Places = None,
    output: Annotated[
        Literal["text", "json", "request", "response", "determinations"], typer.Option("--format")
    ] = "text",
) -> None:
    """Show a decision: who asked, when, what was determined, by which policies, and why.

    It shows what is in the chart. `request` comes without its access token.

    \b
    Exit codes: 0 shown, 2 wrong usage, 3 what is kept cannot be read, 5 no such decision, or purged
    """
    from cds_service.cli.decision_words import as_json, as_text
    from cds_service.fhir.encoding import encode

    with opened() as store:
        kept = store.find(name)
        if kept is None:
            raise Failure(Exit.NOTHING, "no decision of that id is kept here")
        note_viewing(store, "show", (kept,))
    if output == "text":
        write_lines(as_text(kept, _again(kept, policies)))
    elif output == "json":
        write_json(encode(as_json(kept)), pretty=False)
    elif kept.decision.contents is None:
        raise Failure(Exit.NOTHING, "what this decision rests on was purged; --format json shows what is left")
    else:
        write_json(getattr(kept.decision.contents, output), pretty=False)


@decisions.command()
def verify(
    anchor: Annotated[
        Path | None, typer.Option("--anchor", metavar="FILE", help="Heads noted earlier, as --heads prints them.")
    ] = None,
    head: Annotated[
        list[str] | None,
        typer.Option("--head", metavar="WRITER:SEQUENCE:HASH", help="A head noted earlier; several, one each."),
    ] = None,
    heads: Annotated[
        bool, typer.Option("--heads", help="Print the head of each chain, to be noted elsewhere.")
    ] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Do not open what is sealed.")] = False,
) -> None:
    """Verify that nothing that is kept was changed, lost or put in another order; name each thing that was.

    \b
    Exit codes: 0 all is as it was stored, 1 something is not, 2 wrong usage, 3 it cannot be read
    """
    anchors = [*(_anchors(anchor) if anchor else ()), *(_head(one, ":", "--head") for one in head or ())]
    with opened() as store, progress_to(None, "verified") as progress:
        count, noted = 0, store.heads()
        for finding in store.verify(anchors=anchors, payloads=not quick, progress=progress):
            count += 1
            write_lines(iter([str(finding)]))
    if heads:
        write_lines(f"{one.writer} {one.sequence} {one.hash}" for one in noted)
    if count:
        raise Failure(Exit.REFUSED, f"{count} {'thing is' if count == 1 else 'things are'} not as stored")
    tell(f"all {sum(one.sequence for one in noted)} entries of {len(noted)} chains are as they were stored")


@decisions.command()
def replay(
    name: Annotated[str | None, typer.Argument(metavar="[ID]", help="One decision; by default all.")] = None,
    policies: Places = None,
    since: Since = None,
    until: Until = None,
    any_engine: Annotated[
        bool, typer.Option("--any-engine", help="Also decisions of other releases of this service.")
    ] = False,
) -> None:
    """Recompute decisions from what is kept of them, and compare the answers byte for byte.

    Each is recomputed by the policies that have the revision it was made with: those at hand, else those that were
    kept with it. Told are those that differ, with the place of the first difference, and those that cannot be
    recomputed, with the reason; never a value.

    \b
    Exit codes: 0 all are identical, 1 one differs or cannot be recomputed, 2 wrong usage, 3 what is kept cannot be
                read, 4 a fault in a policy, 5 no decision
    """
    from cds_service.replay import Verdict

    replayer, counts = _replayer(policies, any_engine=any_engine), Counter[Verdict]()
    for kept in each(filters_of(since, until), name, "replay"):
        replayed = replayer.replay(kept.decision)
        counts[replayed.verdict] += 1
        if replayed.verdict is not Verdict.IDENTICAL:
            write_lines(iter([f"{replayed.verdict}: {kept.decision.exchange}: {replayed.detail}"]))
    if not counts:
        raise Failure(Exit.NOTHING, "no such decision is kept here")
    tell(", ".join(f"{counts[one]} {_COUNTED[one]}" for one in Verdict))
    if counts[Verdict.IDENTICAL] < counts.total():
        raise typer.Exit(Exit.REFUSED)


@decisions.command("policies")
def kept_policies(
    revision: Annotated[
        str | None, typer.Argument(metavar="[REVISION]", help="Its first digits do, where no other has them.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where the package (`.tgz`) goes.")
    ] = None,
) -> None:
    """List the sets of policies that decided, or write one out as a package, which every command takes.

    
    Exit codes: 0 done, 2 wrong usage, 3 what is kept cannot be read, 5 no such policies are kept
    """
    with opened() as store:
        found = {one: since for one, since in store.policies_kept().items() if one.startswith(revision or "")}
        package = store.policies_of(next(iter(found))) if len(found) == 1 and revision else None
    if not found:
        raise Failure(Exit.NOTHING, "no such policies are kept here")
    if output is None:
        write_lines(f"{since.isoformat(timespec='seconds')}  {one}" for one, since in found.items())
        return
    if package is None:
        raise Failure(Exit.USAGE, "name one revision; without --output they are listed")
    try:
        output.write_bytes(package)
    except OSError as error:
        raise Failure(Exit.USAGE, f"{output}: cannot be written: {error.strerror}") from None
    tell(f"{output}: policies of revision {next(iter(found))[:12]}")


@decisions.command()
def export(
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="By default stdout.")] = None,
    form: Annotated[Literal["ndjson", "csv", "parquet"], typer.Option("--format")] = "ndjson",
    since: Since = None,
    until: Until = None,
    code: Code = None,
    outcome: Outcome = None,
    policy: Policy = None,
    hook: Hook = None,
) -> None:
    """Export decisions, in the order of their arrival.

    `ndjson` is FHIR R4: a GuidanceResponse and a Provenance per determination, an AuditEvent per exchange. It names
    patients and evidence. `csv` and `parquet` are a row per determination, with nothing of a chart.

    \b
    Exit codes: 0 exported, 1 cannot be written, 2 wrong usage, 3 what is kept cannot be read
    """
    from cds_service.store.export import to_csv, to_ndjson

    wanted = filters_of(since, until, code=code, outcome=outcome, policy=policy, hook=hook)
    kept = each(wanted, None, "export")
    if form == "parquet":
        from cds_service.cli.parquet import write_parquet

        if output is None:
            raise Failure(Exit.USAGE, "Parquet is written to a file; name it by --output")
        write_parquet(output, kept)
    else:
        write_stream(output, to_ndjson(kept) if form == "ndjson" else (line.encode() for line in to_csv(kept)))


@decisions.command()
def report(
    since: Since = None,
    output: Annotated[Literal["text", "json"], typer.Option("--format")] = "text",
) -> None:
    """Count what became of cards, and why they were overridden, per policy and criterion.

    \b
    Exit codes: 0 counted, 2 wrong usage, 3 what is kept cannot be read
    """
    import dataclasses

    from cds_service.cli.decision_words import as_counts
    from cds_service.fhir.encoding import encode
    from cds_service.store.report import count_feedback

    with opened() as store:
        counted = count_feedback(store, since=filters_of(since, None).since)
    if output == "json":
        write_json(encode([dataclasses.asdict(one) for one in counted]), pretty=False)
    else:
        write_lines(as_counts(counted))


@decisions.command()
def viewings(
    since: Since = None,
    until: Until = None,
    output: Annotated[Literal["text", "ndjson"], typer.Option("--format")] = "text",
) -> None:
    """List who looked at which decisions, on the reviewer's pages and by command; times are of looking.

    `ndjson` is FHIR R4: an AuditEvent each. Neither holds anything of a chart.

    \b
    Exit codes: 0 listed, 1 cannot be written, 2 wrong usage, 3 what is kept cannot be read
    """
    from cds_service.cli.decision_words import as_line
    from cds_service.fhir.encoding import encode
    from cds_service.store.fhir_views import viewing_event

    asked = filters_of(since, until)
    with opened() as store:
        found = store.viewings(since=asked.since, until=asked.until)
        if output == "ndjson":
            write_stream(None, (encode(viewing_event(one)) + b"\n" for one in found))
        else:
            write_stream(None, (f"{as_line(one)}\n".encode() for one in found))


for _command in COMMANDS:
    decisions.command()(_command)

_COUNTED = {"identical": "identical", "differs": "differ", "cannot": "cannot be recomputed"}


def _replayer(places: list[Path] | None, *, any_engine: bool = False) -> Replayer:
    from cds_service.replay import Replayer
    from cds_service.wiring import load_policies

    at_hand = [load_policies(place) for place in places or [folder_of(None)]]
    return Replayer.of(at_hand, any_engine=any_engine, kept=_package)


def _package(revision: str) -> bytes | None:
    with opened() as store:
        return store.policies_of(revision)


def _again(kept: Kept, places: list[Path] | None) -> Replayed:
    return _replayer(places).replay(kept.decision)


def _anchors(place: Path) -> Iterator[Head]:
    try:
        lines = place.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise Failure(Exit.USAGE, f"{place}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Failure(Exit.USAGE, f"{place}: is no text") from None
    return (_head(line, None, f"{place}: a line") for line in lines if line.strip())


def _head(text: str, separator: str | None, what: str) -> Head:
    from cds_service.store.chain import Head

    try:
        writer, sequence, found = text.split(separator)
        return Head(writer, int(sequence), found)
    except ValueError:
        form = (separator or " ").join(("writer", "sequence", "hash"))
        raise Failure(Exit.USAGE, f"{what} is `{form}`, as --heads and the log have it") from None
