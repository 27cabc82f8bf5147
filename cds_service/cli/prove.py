"""Policies proved by their cases: each case in each shape, every state of every criterion, and mutants."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

from cds_service.cli.failure import Exit, Failure
from cds_service.cli.files import bytes_of, write_json, write_lines
from cds_service.cli.options import folder_of

if TYPE_CHECKING:
    from cds_service.authoring.accepted import Accepted
    from cds_service.authoring.cases import Case
    from cds_service.authoring.mutation import Mutant, Trial, Verdict
    from cds_service.plan_definition.package import PolicyFiles

__all__ = ["prove"]

Progress: TypeAlias = Callable[[int, int, int], None]
"""(done, all, unnoticed) is told from time to time."""


def prove(
    place: Annotated[
        Path | None,
        typer.Argument(metavar="DIR|TGZ", help="Folder or FHIR package of policies. [env: CDS_POLICIES]"),
    ] = None,
    case: Annotated[
        list[str] | None, typer.Option("--case", metavar="ID", help="Only this case; may be given again.")
    ] = None,
    policy: Annotated[
        list[str] | None,
        typer.Option("--policy", metavar="NAME", help="Only this policy, by the end of its canonical; again for more."),
    ] = None,
    mutate: Annotated[bool, typer.Option(help="Change the policies, one thing at a time, and see who notices.")] = True,
    thorough: Annotated[
        bool, typer.Option("--thorough", help="Also change the inside of expressions, part by part.")
    ] = False,
    fixtures: Annotated[
        Path | None,
        typer.Option("--fixtures", metavar="DIR", help="Folder of the charts; by default `fixtures` beside DIR."),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", metavar="N", min=1, help="Processes; by default one per processor.")
    ] = None,
    output: Annotated[Literal["text", "json"], typer.Option("--format")] = "text",
) -> None:
    """Test policies by the cases beside them (cases.yaml).

    Every case is run in every shape of evidence. Then it is told which criteria were seen met, not met and missing,
    and the policies are changed, one thing at a time: each such mutant must be noticed by a case. What cases cannot
    show is accepted by a written reason in mutants.yaml. With --case only cases are run.

    \b
    Exit codes: 0 all as it must be, 2 wrong usage, 3 a chart that cannot be read
                4 a fault in a policy or case; a case that differs, a state never shown, a mutant that nobody noticed
    """
    from cds_service.authoring.mutation import Trial
    from cds_service.authoring.proof import prove as proved
    from cds_service.authoring.proof import tally
    from cds_service.authoring.proof_json import as_json
    from cds_service.authoring.proof_text import as_text
    from cds_service.authoring.suite import runs_of
    from cds_service.fhir.encoding import encode
    from cds_service.plan_definition.artifacts import read_artifacts
    from cds_service.policy_files import read_policy_files

    started = monotonic()
    folder = folder_of(place)
    files = read_policy_files(folder)
    chosen = _chosen(_cases(files), case)
    trial = Trial(read_artifacts(files.artifacts), runs_of(chosen, _charts(fixtures, folder)))
    names = _named(policy, tuple(trial.plans))
    untried = trial.plans.keys() - set(names)
    accepted = _accepted(files)
    tried = {} if case else {name: trial.plans[name] for name in names}
    proof = proved(trial.results(names if policy else None), tried, accepted, untried=untried)
    if mutate and tried and not proof.failed:
        every = list(trial.mutants(names))
        mutants = [one for one in every if thorough or not one.operator.thorough]
        left_out = {one.id for one in every} - {one.id for one in mutants}
        judged = _judged(trial, mutants, jobs, _progress())
        proof = proof.with_mutants(tally(judged, accepted, untried=untried, left_out=left_out))
    if output == "json":
        write_json(encode(as_json(proof)), pretty=False)
    else:
        write_lines(as_text(proof, seconds=monotonic() - started))
    if not proof.passed:
        raise typer.Exit(Exit.CONTENT)


def _cases(files: PolicyFiles) -> Iterator[Case]:
    from cds_service.authoring.case_format import parse_yaml, read_cases

    for one in files.texts:
        if one.place == "cases.yaml":
            name = f"{one.group}/{one.place}"
            yield from read_cases(parse_yaml(one.body.decode(), place=name), place=name)


def _accepted(files: PolicyFiles) -> Accepted:
    from cds_service.authoring.accepted import merged, read_accepted
    from cds_service.authoring.case_format import parse_yaml

    return merged(
        read_accepted(parse_yaml(one.body.decode(), place=name), place=name)
        for one in files.texts
        for name in (f"{one.group}/{one.place}",)
        if one.place == "mutants.yaml"
    )


def _chosen(cases: Iterable[Case], wanted: Sequence[str] | None) -> list[Case]:
    found = list(cases)
    unknown = [name for name in wanted or () if name not in {one.id for one in found}]
    if unknown:
        raise Failure(Exit.USAGE, f"there is no case `{unknown[0]}`")
    return [one for one in found if not wanted or one.id in wanted]


def _named(wanted: Sequence[str] | None, names: Sequence[str]) -> Sequence[str]:
    unknown = [name for name in wanted or () if name not in names]
    if unknown:
        raise Failure(Exit.USAGE, f"there is no policy `{unknown[0]}`; there are {', '.join(names)}")
    return [name for name in names if not wanted or name in wanted]


def _charts(fixtures: Path | None, policies: Path) -> Callable[[str], Any]:
    """Return what reads a chart: below the chosen folder, else below the `fixtures` beside the policies or here."""
    from cds_service.fhir.encoding import decode

    near = (policies.resolve().parent / "fixtures", Path("fixtures"))
    folder = fixtures or next((one for one in near if one.is_dir()), near[0])
    return lambda path: decode(bytes_of(str(folder / path)))


# -- mutants, in as many processes as there are processors ------------------------------------------------------


def _judged(
    trial: Trial, mutants: Sequence[Mutant], jobs: int | None, progress: Progress
) -> Iterator[tuple[Mutant, Verdict]]:
    from cds_service.authoring.mutation import Verdict

    unnoticed = 0
    for i, verdict in enumerate(_verdicts(trial, mutants, jobs or os.cpu_count() or 1)):
        unnoticed += verdict is Verdict.SURVIVED
        progress(i + 1, len(mutants), unnoticed)
        yield mutants[i], verdict


def _verdicts(trial: Trial, mutants: Sequence[Mutant], jobs: int) -> Iterator[Verdict]:
    """Yield the verdict on each mutant, in order. A child process inherits what is prepared; it is not sent."""
    from multiprocessing import get_all_start_methods, get_context

    if jobs == 1 or "fork" not in get_all_start_methods():
        yield from map(trial.judge, mutants)
        return
    _inherited[:] = [(trial, mutants)]
    with get_context("fork").Pool(jobs) as pool:
        yield from pool.imap(_judge_inherited, range(len(mutants)), chunksize=25)
    _inherited.clear()


_inherited: list[tuple[Trial, Sequence[Mutant]]] = []


def _judge_inherited(i: int) -> Verdict:
    trial, mutants = _inherited[0]
    return trial.judge(mutants[i])


def _progress() -> Progress:
    """Return what tells a person who waits how far it is; a pipe is told nothing."""
    if not sys.stderr.isatty():
        return lambda _done, _all, _unnoticed: None

    def tell(done: int, everything: int, unnoticed: int) -> None:
        end = "\r\x1b[K" if done == everything else ""
        if end or done % 20 == 0:
            print(f"\rmutants: {done} of {everything}, {unnoticed} unnoticed{end}", end="", file=sys.stderr, flush=True)

    return tell
