"""The cases of two releases, run under both: which outcomes, states, conditions and cautions come out otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from cds_service.authoring.cases import Case, Fixture, run_case, set_up
from cds_service.errors import ContentError
from cds_service.necessity.model import CriterionResult, Determination
from cds_service.plan_definition.policies import Policies

__all__ = ["NONE", "CaseChange", "CaseRun", "Differing", "run_cases"]

NONE = "none"
"""What stands for a determination, criterion or note that only one of the two has. Beside it nothing is compared."""


class Differing(NamedTuple):
    """A criterion by its id and title, and what is said of it before and after."""

    id: str
    title: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class CaseChange:
    """How one ordered code of a case comes out before and after, in the shapes of evidence in which it does so."""

    case: str
    title: str
    code: str
    before: str
    after: str
    states: tuple[Differing, ...]
    """Criteria whose state differs."""
    notes: tuple[Differing, ...]
    """Conditions and cautions whose text differs."""
    shapes: tuple[str, ...] = ()

    @property
    def outcome_differs(self) -> bool:
        """Return whether the determination itself is another."""
        return self.before != self.after


@dataclass(frozen=True, slots=True)
class CaseRun:
    """What became of the cases: how many were run, what differs (outcomes first), and what could not be run."""

    count: int
    changes: tuple[CaseChange, ...]
    failed: tuple[tuple[str, str], ...] = ()
    """Cases that could not be set up, each with the reason."""


def run_cases(cases: Iterable[Case], before: Policies, after: Policies, fixture: Fixture) -> CaseRun:
    """Return how the cases come out under two releases. A parameter that a release does not have is not set there."""
    found: list[CaseChange] = []
    failed: list[tuple[str, str]] = []
    count = 0
    for case in cases:
        try:
            found += _changes(case, before, after, fixture)
        except ContentError as error:
            failed.append((case.id, str(error)))
        else:
            count += 1
    return CaseRun(count, tuple(sorted(found, key=lambda one: not one.outcome_differs)), tuple(failed))


def _changes(case: Case, before: Policies, after: Policies, fixture: Fixture) -> Iterator[CaseChange]:
    shapes: dict[CaseChange, list[str]] = {}
    for shape in case.shapes:
        old, new = (_determined(case, shape, policies, fixture) for policies in (before, after))
        for change in _differences(case, old, new):
            shapes.setdefault(change, []).append(shape)
    return (replace(change, shapes=tuple(held)) for change, held in shapes.items())


def _determined(case: Case, shape: str, policies: Policies, fixture: Fixture) -> Mapping[str, Determination]:
    known = {name for plan in policies.plans for name in plan.parameters}
    fitting = {name: value for name, value in case.parameters.items() if name in known}
    found = run_case(replace(case, parameters=fitting), set_up(case, shape, fixture), policies).determinations
    return {_name(one, found): one for one in found}


def _name(one: Determination, among: Sequence[Determination]) -> str:
    """The ordered code, with policy and order where it is determined more than once."""
    alone = sum(other.order.code == one.order.code for other in among) == 1
    policy = one.plan.canonical.rpartition("/")[2]
    return one.order.code if alone else f"{one.order.code} ({policy}, {one.order.reference})"


def _differences(
    case: Case, before: Mapping[str, Determination], after: Mapping[str, Determination]
) -> Iterator[CaseChange]:
    for code in sorted(before.keys() | after.keys()):
        old, new = before.get(code), after.get(code)
        both = old is not None and new is not None and bool(old.results) and bool(new.results)
        titles = {**_titles(old), **_titles(new)}
        states = tuple(_differing(_states(old), _states(new), titles)) if both else ()
        notes = tuple(_differing(_notes(old), _notes(new), titles)) if both else ()
        if states or notes or _outcome(old) != _outcome(new):
            yield CaseChange(case.id, case.title, code, _outcome(old), _outcome(new), states, notes)


def _outcome(one: Determination | None) -> str:
    return NONE if one is None else f"{one.outcome} ({one.kind})" if one.kind else str(one.outcome)


def _states(one: Determination | None) -> dict[str, str]:
    return {result.criterion.id: _told(result) for result in one.results} if one else {}


def _told(result: CriterionResult) -> str:
    return f"unknown/{result.reason}" if result.state is None else result.state_name


def _notes(one: Determination | None) -> dict[str, str]:
    return {note.id: note.text for note in (*one.conditions, *one.cautions)} if one else {}


def _titles(one: Determination | None) -> dict[str, str]:
    return {result.criterion.id: result.criterion.title for result in one.results} if one else {}


def _differing(before: Mapping[str, str], after: Mapping[str, str], titles: Mapping[str, str]) -> Iterator[Differing]:
    for name in dict.fromkeys((*before, *after)):
        old, new = before.get(name, NONE), after.get(name, NONE)
        if old != new:
            yield Differing(name, titles[name], old, new)
