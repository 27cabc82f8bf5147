"""A proof of policies, told in text."""

from __future__ import annotations

from collections.abc import Iterator

from cds_service.authoring.coverage import STATES, CriterionCoverage, PolicyCoverage
from cds_service.authoring.mutation import Operator, Verdict
from cds_service.authoring.proof import Mutation, Proof
from cds_service.authoring.suite import Result

__all__ = ["as_text"]

_NAME, _ROLE, _NUMBER = 26, 13, 9


def as_text(proof: Proof, *, seconds: float) -> Iterator[str]:
    """Yield the proof, line by line: what differs first, a table per policy, mutants, and all in a sentence."""
    yield from _failures(proof)
    for name, policy in proof.policies.items():
        yield from _policy(proof, name, policy)
    if proof.mutation is not None:
        yield from _mutants(proof.mutation)
    yield from _stale(proof)
    yield f"{_summary(proof)} ({seconds:.0f} s)"


def _failures(proof: Proof) -> Iterator[str]:
    alike: dict[tuple[int, tuple[str, ...]], list[Result]] = {}
    for result in proof.failed:
        alike.setdefault((id(result.run.case), result.differences), []).append(result)
    for results in alike.values():
        case, shapes = results[0].run.case, ", ".join(one.run.shape for one in results)
        yield f"{case.id}/{shapes}: {case.title}"
        yield from (f"    {difference}" for difference in results[0].differences)
    if proof.failed:
        yield ""


def _policy(proof: Proof, name: str, policy: PolicyCoverage) -> Iterator[str]:
    yield f"{name}: {policy.plan.title}"
    yield _row("", "", *STATES.values())
    for one in policy.criteria:
        yield _criterion(proof, name, one)
    yield ""


def _criterion(proof: Proof, name: str, one: CriterionCoverage) -> str:
    criterion = one.criterion
    counts = _row(criterion.id, criterion.role, *(str(one.seen.get(state, 0) or "–") for state in STATES))
    if not one.decides:
        return counts
    gaps = [gap for gap in proof.gaps if (gap.policy, gap.criterion) == (name, criterion.id)]
    notes = [f"never {gap.state}" + (f": {gap.reason}" if gap.reason else " (a case is missing)") for gap in gaps]
    return f"{counts}   {'; '.join(notes)}".rstrip()


def _row(name: str, role: str, *counts: str) -> str:
    return f"    {name:<{_NAME}}{role:<{_ROLE}}" + "".join(f"{count:>{_NUMBER}}" for count in counts)


def _mutants(mutation: Mutation) -> Iterator[str]:
    columns = ("tried", "noticed", "accepted", "survived", "no policy")
    yield f"{'mutants':<50}" + "".join(f"{column:>11}" for column in columns)
    for operator in Operator:
        if any(kind is operator for kind, _ in mutation.verdicts):
            yield _fates(operator, mutation, operator)
    yield _fates("all", mutation, None)
    yield ""
    if mutation.survivors:
        yield "no case notices these:"
        yield from (f"    {one.id}" for one in mutation.survivors)
        yield ""


def _fates(name: str, mutation: Mutation, operator: Operator | None) -> str:
    tried = sum(mutation.count(verdict, operator) for verdict in Verdict)
    left = sum(operator in (None, one.operator) for one in mutation.survivors)
    counts = (
        tried,
        mutation.count(Verdict.NOTICED, operator),
        mutation.count(Verdict.SURVIVED, operator) - left,
        left,
        mutation.count(Verdict.IMPOSSIBLE, operator),
    )
    return f"    {name:<46}" + "".join(f"{count or '–':>11}" for count in counts)


def _stale(proof: Proof) -> Iterator[str]:
    stale = [*proof.stale_states, *(proof.mutation.stale if proof.mutation else ())]
    if stale:
        yield "accepted in mutants.yaml, but no longer so; take it out, or write it as it now is:"
        yield from (f"    {one}" for one in stale)
        yield ""


def _summary(proof: Proof) -> str:
    cases = {id(result.run.case) for result in proof.results}
    parts = [f"{_count(len(cases), 'case')} in {_count(len(proof.results), 'chart')}, {_failed(proof)}"]
    if proof.policies:
        deciding = sum(one.decides for policy in proof.policies.values() for one in policy.criteria)
        untold = sum(gap.reason is None for gap in proof.gaps)
        parts.append(f"{_count(deciding, 'deciding criterion', 'deciding criteria')}, {_gaps(untold)}")
    if proof.mutation is not None:
        parts.append(f"{_count(proof.mutation.total, 'mutant')}, {_survived(proof.mutation)}")
    return "; ".join(parts)


def _failed(proof: Proof) -> str:
    failed = {id(result.run.case) for result in proof.failed}
    return f"{_count(len(failed), 'case')} not as expected" if failed else "all as expected"


def _gaps(count: int) -> str:
    return f"{_count(count, 'state')} never shown" if count else "each shown met, not met and missing"


def _survived(mutation: Mutation) -> str:
    survivors = len(mutation.survivors)
    return f"{survivors} that no case notices" if survivors else "none unnoticed"


def _count(count: int, one: str, several: str | None = None) -> str:
    return f"{count} {one if count == 1 else several or f'{one}s'}"
