"""A comparison as a page in words, and as plain JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from cds_service.authoring.diff.cases import NONE, CaseChange, CaseRun, Differing
from cds_service.authoring.diff.changes import Change
from cds_service.authoring.diff.release import Diff, PolicyDiff
from cds_service.authoring.pages import Entry, Page, Remark, Section
from cds_service.necessity.wording import REASON_WORDS
from cds_service.plan_definition.model import PlanDefinition
from cds_service.plan_definition.profile import Reason

__all__ = ["as_json", "as_page"]

_SHORT = 120
"""Texts up to this length are told whole; of longer ones only what differs, with a little around it."""
_AROUND = 25
_MOST = 400
"""How many characters of a text are told."""
_VALUE_SET = re.compile(r"'https?://[^']*/ValueSet/([^']+)'")
_MAY_ALTER = "may alter a determination"
_STATE_WORDS = {"true": "yes", "false": "no", NONE: "not asked"}


def as_page(diff: Diff) -> Page:
    """Return the comparison as a page: policy by policy, then the cases that come out otherwise."""
    if not diff.policies:
        return Page("Policies compared", lead="Nothing changed.")
    sections = [_policy(one) for one in diff.policies]
    if diff.cases is not None and (diff.cases.count or diff.cases.failed):
        sections.append(_cases(diff.cases))
    return Page("Policies compared", lead=_lead(diff), sections=tuple(sections))


def _lead(diff: Diff) -> str:
    count = len(diff.policies)
    policies = f"{count} {'policy' if count == 1 else 'policies'} changed."
    if diff.cases is None:
        return f"{policies} The cases were not run."
    if not diff.cases.count and not diff.cases.failed:
        return f"{policies} There are no cases."
    other = {one.case for one in diff.cases.changes if one.outcome_differs}
    states = {one.case for one in diff.cases.changes} - other
    return (
        f"{policies} Another outcome in {len(other)} of {diff.cases.count} cases; "
        f"in {len(states)} more, criteria or notes alone differ."
    )


# -- policies -----------------------------------------------------------------------------------------------------


def _policy(one: PolicyDiff) -> Section:
    facts = [Remark("Policy", one.plan.canonical, is_code=True), Remark("Version", _versions(one))]
    if one.version_not_raised:
        facts.append(Remark("Mind", "the content changed, the version did not"))
    grouped = groupby(one.changes, key=lambda change: (change.kind, change.name))
    return Section(
        one.plan.title,
        facts=tuple(facts),
        entries=tuple(_thing(list(changes)) for _, changes in grouped),
    )


def _versions(one: PolicyDiff) -> str:
    if one.before is None:
        return f"{one.plan.version}, new"
    if one.after is None:
        return f"{one.plan.version}, taken out"
    if one.before.version == one.after.version:
        return one.after.version
    return f"{one.before.version} → {one.after.version}"


def _thing(changes: Sequence[Change]) -> Entry:
    first = changes[0]
    title = f"{first.kind} {first.name}".rstrip() + (f": {first.title}" if first.title else "")
    mark = _MAY_ALTER if any(one.decides for one in changes) else None
    return Entry(title, mark=mark, remarks=tuple(map(_remark, changes)))


def _remark(change: Change) -> Remark:
    before, after = change.before, change.after
    if change.aspect is None:
        return Remark("added" if before is None else "removed", _cut(_plain(after or before or "")))
    if before is None or after is None:
        words, text = ("now", after) if after else ("no longer", before or "")
        return Remark(change.aspect, f"{words} “{_cut(_plain(text))}”")
    old, new = _narrowed(_plain(before), _plain(after))
    if old == new:
        old, new = _narrowed(before, after)
    return Remark(change.aspect, f"{old} → {new}")


def _plain(text: str) -> str:
    """Return an expression with value sets by their names alone."""
    return _VALUE_SET.sub(r"'\1'", text)


def _cut(text: str) -> str:
    return text if len(text) <= _MOST else f"{text[: _MOST - 1]}…"


def _narrowed(before: str, after: str) -> tuple[str, str]:
    """Return two texts without what they have in common at their start and end, unless they are short."""
    if max(len(before), len(after)) <= _SHORT:
        return before, after
    start = _shared(before, after)
    rest = min(len(before), len(after)) - start
    end = min(_shared(before[::-1], after[::-1]), rest)
    first, last = max(0, start - _AROUND), max(0, end - _AROUND)

    def middle(text: str) -> str:
        return f"{'…' if first else ''}{text[first : len(text) - last]}{'…' if last else ''}"

    return _cut(middle(before)), _cut(middle(after))


def _shared(one: str, other: str) -> int:
    """How many characters two texts have in common at their start."""
    return next(
        (i for i, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), min(len(one), len(other))
    )


# -- cases --------------------------------------------------------------------------------------------------------


def _cases(run: CaseRun) -> Section:
    lead = "" if run.changes else "Every case comes out as before."
    failed = tuple(Entry(name, mark="not run", remarks=(Remark("", why),)) for name, why in run.failed)
    return Section("Cases that come out otherwise", lead, entries=(*map(_case, run.changes), *failed))


def _case(one: CaseChange) -> Entry:
    return Entry(f"{one.case}, {one.code}: {one.title}", mark=f"in {', '.join(one.shapes)}", remarks=tuple(_told(one)))


def _told(one: CaseChange) -> Iterator[Remark]:
    if one.outcome_differs:
        yield Remark("outcome", f"{one.before} → {one.after}")
    for state in one.states:
        yield Remark(_named(state), f"{_state_words(state.before)} → {_state_words(state.after)}")
    for note in one.notes:
        yield Remark(f"what is said of {_named(note)}", _note_words(note))


def _named(one: Differing) -> str:
    return f"{one.title} [{one.id}]"


def _state_words(state: str) -> str:
    word, _, reason = state.partition("/")
    return f"open ({REASON_WORDS[Reason(reason)]})" if reason else _STATE_WORDS[word]


def _note_words(one: Differing) -> str:
    if one.before == NONE:
        return f"now “{_cut(one.after)}”"
    if one.after == NONE:
        return f"no longer “{_cut(one.before)}”"
    return " → ".join(_narrowed(one.before, one.after))


# -- JSON ---------------------------------------------------------------------------------------------------------


def as_json(diff: Diff) -> dict[str, Any]:
    """Return the comparison as plain JSON. Members may be added later; none is renamed or taken away."""
    return {
        "policies": [_policy_json(one) for one in diff.policies],
        "cases": _cases_json(diff.cases) if diff.cases is not None else None,
    }


def _policy_json(one: PolicyDiff) -> dict[str, Any]:
    return {
        "canonical": one.plan.canonical,
        "title": one.plan.title,
        "before": _version_json(one.before),
        "after": _version_json(one.after),
        "decides": one.decides,
        "versionNotRaised": one.version_not_raised,
        "changes": [_change_json(change) for change in one.changes],
    }


def _version_json(plan: PlanDefinition | None) -> dict[str, str] | None:
    return {"version": plan.version, "hash": plan.hash} if plan else None


def _change_json(change: Change) -> dict[str, Any]:
    return {
        "kind": change.kind,
        "name": change.name or None,
        "title": change.title or None,
        "aspect": change.aspect,
        "before": change.before,
        "after": change.after,
        "decides": change.decides,
    }


def _cases_json(run: CaseRun) -> dict[str, Any]:
    return {
        "run": run.count,
        "changes": [
            {
                "case": one.case,
                "title": one.title,
                "code": one.code,
                "shapes": list(one.shapes),
                "before": one.before,
                "after": one.after,
                "criteria": [state._asdict() for state in one.states],
                "notes": [note._asdict() for note in one.notes],
            }
            for one in run.changes
        ],
        "failed": [{"case": name, "reason": why} for name, why in run.failed],
    }
