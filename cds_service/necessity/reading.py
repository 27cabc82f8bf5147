"""How a determination reads: which criteria made it what it is, which are open, and the words for their states."""

from __future__ import annotations

from collections.abc import Sequence

from cds_service.necessity.model import CriterionResult, Determination, Kind, Outcome
from cds_service.plan_definition.model import Criterion
from cds_service.plan_definition.profile import Role

__all__ = ["deciding", "gaps_of", "is_critical", "open_questions", "says_critical", "state_words"]

_STATE_WORDS = {
    "true": "Met",
    "false": "Not met",
    "unknown": "Missing",
    "excluded": "Ruled out",
    "excludes": "Stands against it",
    "conflict": "Conflicts",
    "no-conflict": "No conflict",
}


def state_words(result: CriterionResult) -> str:
    """Return the state of a criterion in words that fit its role."""
    return _STATE_WORDS[_reading(result)]


def _reading(result: CriterionResult) -> str:
    if result.state is None:
        return "unknown"
    match result.criterion.role:
        case Role.EXCLUSION:
            return "excludes" if result.state else "excluded"
        case Role.CODE_CONFLICT:
            return "conflict" if result.state else "no-conflict"
    return result.state_name


def says_critical(result: CriterionResult) -> bool:
    """Return whether the policy calls the state of a criterion critical, such as the wrong side."""
    written = (result.criterion.state_texts or {}).get(result.state_name)
    return written is not None and written.indicator == "critical" and result.text is not None


def is_critical(determination: Determination) -> bool:
    """Return whether something critical keeps a determination from being met."""
    return determination.outcome is not Outcome.MET and any(says_critical(one) for one in determination.results)


def gaps_of(group: Sequence[Determination]) -> list[CriterionResult]:
    """Return what keeps determinations open; what merely waits for another of them is left out if it can be."""
    gaps = [result for one in group for result in open_questions(one)]
    own = [result for result in gaps if result.criterion.determination_of is None]
    return own or gaps


def deciding(determination: Determination) -> list[CriterionResult]:
    """Return the results that made the outcome what it is, each as deep in the tree as it has words of its own."""
    outcome, kind = determination.outcome, determination.kind
    found = []
    for criterion in determination.plan.criteria:
        result = determination.result(criterion.id) if determination.results else None
        if result is not None and _decides(result, outcome, kind):
            found.append(_worded(determination, result))
    return found


def _decides(result: CriterionResult, outcome: Outcome, kind: Kind | None) -> bool:
    role, state = result.criterion.role, result.state
    match outcome:
        case Outcome.NOT_APPLICABLE:
            return (role is Role.SCOPE and state is False) or result.not_applicable
        case Outcome.NOT_MET if kind is Kind.CODING:
            return (role is Role.CODE_FIT and state is False) or (role is Role.CODE_CONFLICT and state is True)
        case Outcome.NOT_MET:
            gate = role in (Role.REQUIRED, Role.GROUP, Role.ALTERNATIVE)
            return (gate and state is False) or (role is Role.EXCLUSION and state is True)
    return False


def _worded(determination: Determination, result: CriterionResult) -> CriterionResult:
    if result.text:
        return result
    for part in result.criterion.parts:
        child = determination.result(part.id)
        if child.state is result.state:
            deeper = _worded(determination, child)
            if deeper.text:
                return deeper
    return result


def open_questions(determination: Determination) -> list[CriterionResult]:
    """Return the unknown criteria that keep the determination open, leaves only, in plan order."""
    found: list[CriterionResult] = []

    def visit(criterion: Criterion) -> None:
        result = determination.result(criterion.id)
        if result.state is not None:
            return
        before = len(found)
        for part in criterion.parts:
            visit(part)
        if len(found) == before:  # nothing below it is open: it is so by itself
            found.append(result)

    for criterion in determination.plan.criteria if determination.results else ():
        if criterion.role in (Role.SCOPE, Role.REQUIRED, Role.GROUP, Role.ALTERNATIVE, Role.EXCLUSION, Role.CODE_FIT):
            visit(criterion)
    return found
