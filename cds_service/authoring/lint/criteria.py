"""Criteria by their form: sources, refutations, prompts, roles, groups, and what can never be reached."""

from __future__ import annotations

from collections.abc import Iterator

from cds_service.authoring.lint.empty_chart import reads_the_chart
from cds_service.authoring.lint.finding import Finding
from cds_service.authoring.lint.subject import Policy, Subject
from cds_service.errors import ContentError
from cds_service.necessity.model import Outcome
from cds_service.plan_definition.criteria import TOLD
from cds_service.plan_definition.elements import extensions_of
from cds_service.plan_definition.model import Criterion, PlanDefinition, Suggestion
from cds_service.plan_definition.profile import Extension, Role

__all__ = ["check"]

_GATING = (Role.SCOPE, Role.REQUIRED, Role.ALTERNATIVE, Role.EXCLUSION, Role.CODE_FIT, Role.GROUP)
_CLINICAL_PARTS = (Role.REQUIRED, Role.ALTERNATIVE, Role.GROUP)
_PARTS = {
    Role.SCOPE: (Role.SCOPE, *_CLINICAL_PARTS),
    Role.CODE_FIT: (Role.CODE_FIT, *_CLINICAL_PARTS),
    Role.EXCLUSION: (Role.EXCLUSION, *_CLINICAL_PARTS),
    Role.CODE_CONFLICT: (Role.CODE_CONFLICT, *_CLINICAL_PARTS),
}
"""Which roles the parts of a group may have, by the role of the group at the top; else those of the need."""
_ALWAYS = "it has no expressions, so that it always holds"


def check(subject: Subject) -> Iterator[Finding]:
    """Yield what is wrong with the form of criteria. One that does not compile is left to its fault."""
    for policy in subject.policies:
        if policy.plan is None:
            continue
        at_fault = [fault.element or "" for fault in policy.faults]
        for criterion in policy.plan.walk():
            place = policy.places.get(criterion.id, "")
            if not any(element.startswith(place) for element in at_fault):
                yield from _criterion(policy, policy.plan, criterion)
        yield from _suggestions(policy, policy.plan)
    yield from _never_made(subject)


def _criterion(policy: Policy, plan: PlanDefinition, criterion: Criterion) -> Iterator[Finding]:
    yield from _role(policy, criterion)
    yield from _texts(policy, criterion)
    if criterion.join is not None:
        if len(criterion.parts) == 1:
            yield policy.finding("group-of-one", f"its only part is `{criterion.parts[0].id}`", criterion)
        return
    if not _cited(policy, criterion):
        yield policy.finding("no-citation", "there is no `documentation`", criterion)
    if _top_role(policy, criterion) not in _GATING:
        return
    leaf = criterion.support is not None
    if leaf and criterion.refute is None:
        yield policy.finding("no-refutation", "there is no refutation", criterion)
    asked = criterion.prompt is not None or _has(policy, criterion, Extension.MISSING_PROMPT)
    if not asked and (criterion.determination_of is not None or _may_be_missing(plan, criterion)):
        yield policy.finding("no-prompt", "there is no text for what is missing", criterion)


def _may_be_missing(plan: PlanDefinition, criterion: Criterion) -> bool:
    """Whether the chart can leave a criterion open: it reads more than the order set, which is closed."""
    held = [one for one in (criterion.support, criterion.refute) if one is not None]
    return any(reads_the_chart(one, plan) for one in held)


def _has(policy: Policy, criterion: Criterion, url: Extension) -> bool:
    """Whether the action of a criterion has an extension, however it is written."""
    action = next((one for one in policy.actions if one.id == criterion.id), None)
    return action is not None and bool(extensions_of(action.written, url))


def _cited(policy: Policy, criterion: Criterion) -> bool:
    """Whether a criterion, or a group around it, names a source."""
    action = next((one for one in policy.actions if one.id == criterion.id), None)
    around = (*action.above, action) if action else ()
    return any(one.written.get("documentation") for one in around)


# -- roles ----------------------------------------------------------------------------------------------------


def _top_role(policy: Policy, criterion: Criterion) -> Role:
    """Return the role of the criterion at the top in which a criterion stands."""
    assert policy.plan is not None  # noqa: S101 - narrows the type
    return next((top.role for top in policy.plan.criteria if criterion in top.walk()), criterion.role)


def _role(policy: Policy, criterion: Criterion) -> Iterator[Finding]:
    if criterion.parent is None:
        return
    top = _top_role(policy, criterion)
    allowed = (top, *_CLINICAL_PARTS) if top in TOLD else _PARTS.get(top, _CLINICAL_PARTS)
    if criterion.role not in allowed:
        known = ", ".join(f"`{one}`" for one in allowed)
        problem = f"`{criterion.role}` inside of `{criterion.parent}`; parts of a `{top}` are {known}"
        yield policy.finding("role-out-of-place", problem, criterion)


# -- what can never be reached --------------------------------------------------------------------------------


def _states_of(criterion: Criterion) -> set[str]:
    """Return the states that a criterion can have, as far as its form tells."""
    if criterion.join is not None or criterion.determination_of is not None:
        return {"true", "false", "unknown"}
    if criterion.support is None:
        return {"true"}
    return {"true", "unknown"} | ({"false"} if criterion.refute is not None else set())


def _texts(policy: Policy, criterion: Criterion) -> Iterator[Finding]:
    for state in criterion.state_texts or {}:
        if state not in _states_of(criterion):
            why = _ALWAYS if criterion.support is None else "there is no refutation"
            yield policy.finding("unreachable-text", f"the text for `{state}`: {why}", criterion)
    reasons = [reason for reason, _ in criterion.unknown_because]
    if reasons and criterion.support is None:
        yield policy.finding("unreachable-text", f"`unknown-because`: {_ALWAYS}", criterion)
    for reason in {one for one in reasons if reasons.count(one) > 1 and _same_twice(criterion, one)}:
        yield policy.finding("unreachable-text", f"the second `unknown-because` {reason} asks the same", criterion)


def _same_twice(criterion: Criterion, reason: str) -> bool:
    sources = [expression.source for one, expression in criterion.unknown_because if one == reason]
    return len(sources) > len(set(sources))


def _suggestions(policy: Policy, plan: PlanDefinition) -> Iterator[Finding]:
    criteria = {one.id: one for one in plan.walk()}
    written = [one for one in policy.actions if _suggests(one.written)]
    for action in written:
        for inner in policy.actions:
            if action in inner.above:
                problem = "it stands inside of a suggestion, which has no parts"
                yield policy.finding("unreachable-action", problem, inner.id, element=inner.place)
    labels = {str(one.written.get("title")): one for one in written}
    for suggestion in plan.suggestions:
        problem = "" if policy.faults else _never_offered(suggestion, criteria)
        if problem:
            action = labels[suggestion.label]
            yield policy.finding("unreachable-action", problem, action.id, element=action.place)


def _suggests(written: object) -> bool:
    try:
        return isinstance(written, dict) and bool(extensions_of(written, Extension.SUGGEST_WHEN))
    except ContentError:
        return False


def _never_offered(suggestion: Suggestion, criteria: dict[str, Criterion]) -> str:
    """Return why a suggestion can never be offered; an empty text where it can."""
    name, state, outcome = suggestion.criterion, suggestion.state, suggestion.outcome
    if name is None and outcome is None:
        return "it names neither an outcome nor a criterion"
    if outcome is not None and outcome not in set(Outcome):
        return f"`{outcome}` is no outcome; the outcomes are {', '.join(f'`{one}`' for one in Outcome)}"
    if name is not None and name not in criteria:
        return f"there is no criterion `{name}`"
    if name is not None and state not in _states_of(criteria[name]):
        return f"`{name}` is never `{state}`"
    return ""


def _never_made(subject: Subject) -> Iterator[Finding]:
    plans = {plan.canonical: plan for _, plan in subject.sound}
    for policy, plan in subject.sound:
        for criterion in plan.walk():
            wanted = criterion.determination_of
            other = plans.get(wanted.canonical) if wanted is not None else None
            if wanted is not None and other is not None and not wanted.codes.codes & other.codes.codes:
                problem = f"`{wanted.canonical}` decides on none of the codes in `{wanted.codes.canonical}`"
                yield policy.finding("determination-never-made", problem, criterion)
