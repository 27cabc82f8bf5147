"""Criteria → group, and groups → outcome: the only place with the rules that decide.

Scope first, then the clinical criteria, then the code: not applicable, not met (clinical), not met (coding), met.
`met` needs every gate true and every exclusion refuted; whatever stays open makes it information-missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cds_service.expressions.logic import Truth, all_of, at_least, not_
from cds_service.necessity.model import CriterionResult, Kind, Outcome
from cds_service.plan_definition.model import Criterion
from cds_service.plan_definition.profile import Role

__all__ = ["CLINICAL", "clinical_truth", "group_result", "outcome_of"]

CLINICAL = (Role.REQUIRED, Role.GROUP, Role.ALTERNATIVE)
"""The roles that say what is needed."""


def group_result(criterion: Criterion, needed: int, parts: Sequence[CriterionResult]) -> CriterionResult:
    """Return the result of a group of which `needed` parts must hold: all of them, one, or a number between.

    It rests on the parts that have its state: their evidence, the first one's reason, and what does not apply.
    """
    state = at_least(needed, [part.state for part in parts])
    deciding = [part for part in parts if part.state is state]
    return CriterionResult(
        criterion,
        state,
        next((part.reason for part in deciding), None) if state is None else None,
        tuple({one.path: one for part in deciding for one in part.evidence}.values()),
        not_applicable=any(part.not_applicable for part in deciding),
        needed=needed,
    )


def clinical_truth(results: Iterable[CriterionResult]) -> Truth:
    """Return whether the need is shown, whatever the code says: scope, requirements and refuted exclusions."""
    results = tuple(results)
    return all_of((_scope(results), _clinical(results)))


def outcome_of(results: Iterable[CriterionResult]) -> tuple[Outcome, Kind | None]:
    """Return the outcome of a policy's top criteria, and for not-met its kind."""
    results = tuple(results)
    scope, clinical, code = _scope(results), _clinical(results), _code(results)
    if scope is False or any(result.not_applicable for result in results):
        return Outcome.NOT_APPLICABLE, None
    if scope is None:
        return Outcome.INFORMATION_MISSING, None
    if clinical is False:
        return Outcome.NOT_MET, Kind.CLINICAL
    if code is False:
        return Outcome.NOT_MET, Kind.CODING
    if clinical is True and code is True:
        return Outcome.MET, None
    return Outcome.INFORMATION_MISSING, None


def _scope(results: Sequence[CriterionResult]) -> Truth:
    return all_of(result.state for result in results if result.criterion.role is Role.SCOPE)


def _clinical(results: Sequence[CriterionResult]) -> Truth:
    needed = [result.state for result in results if result.criterion.role in CLINICAL]
    barred = [not_(result.state) for result in results if result.criterion.role is Role.EXCLUSION]
    return all_of((*needed, *barred))


def _code(results: Sequence[CriterionResult]) -> Truth:
    """A code that does not fit, or that conflicts with the order set. An open conflict is a caution, not a gap."""
    fits = [result.state for result in results if result.criterion.role is Role.CODE_FIT]
    conflicts = any(result.state is True for result in results if result.criterion.role is Role.CODE_CONFLICT)
    return all_of((*fits, not conflicts))
