"""From criteria to an outcome: every combination of roles and states against the table of the profile."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import pytest

from cds_service.expressions.logic import Truth
from cds_service.necessity.model import CriterionResult, Kind, Outcome
from cds_service.necessity.roll_up import clinical_truth, group_result, outcome_of
from cds_service.plan_definition.model import Criterion
from cds_service.plan_definition.profile import Role

STATES: tuple[Truth, ...] = (True, False, None)
MET, NOT_MET, MISSING = Outcome.MET, Outcome.NOT_MET, Outcome.INFORMATION_MISSING
NOT_APPLICABLE = Outcome.NOT_APPLICABLE
TOLD = (Role.CONDITION, Role.CAUTION, Role.SUPPORTING)
GROUP = Criterion("group", Role.GROUP, "title")
CLINICAL = (Role.REQUIRED, Role.GROUP, Role.ALTERNATIVE)


def result(role: Role, state: Truth, *, not_applicable: bool = False) -> CriterionResult:
    return CriterionResult(Criterion("c", role, "title"), state, not_applicable=not_applicable)


def outcome(*pairs: tuple[Role, Truth]) -> tuple[Outcome, Kind | None]:
    return outcome_of(result(role, state) for role, state in pairs)


# -- groups -------------------------------------------------------------------------------------------------------


def completions(states: Sequence[Truth], count: int) -> Truth:
    """Return whether at least `count` hold, if that is the same however the unknowns turn out."""
    choices = [(True, False) if state is None else (state,) for state in states]
    answers = {sum(choice) >= count for choice in product(*choices)}
    return answers.pop() if len(answers) == 1 else None


@pytest.mark.parametrize("size", range(1, 6))
def test_a_group_holds_when_it_holds_however_the_unknowns_turn_out(size: int) -> None:
    for states in product(STATES, repeat=size):
        parts = [result(Role.SUPPORTING, state) for state in states]
        for needed in range(1, size + 1):
            rolled_up = group_result(GROUP, needed, parts)
            assert rolled_up.state is completions(states, needed)
            assert rolled_up.needed == needed


# -- one criterion beside one that is met --------------------------------------------------------------------------

TABLE: dict[Role, tuple[tuple[Outcome, Kind | None], tuple[Outcome, Kind | None], tuple[Outcome, Kind | None]]] = {
    #              true                              false                          unknown
    Role.SCOPE: ((MET, None), (NOT_APPLICABLE, None), (MISSING, None)),
    Role.REQUIRED: ((MET, None), (NOT_MET, Kind.CLINICAL), (MISSING, None)),
    Role.GROUP: ((MET, None), (NOT_MET, Kind.CLINICAL), (MISSING, None)),
    Role.ALTERNATIVE: ((MET, None), (NOT_MET, Kind.CLINICAL), (MISSING, None)),
    Role.EXCLUSION: ((NOT_MET, Kind.CLINICAL), (MET, None), (MISSING, None)),
    Role.CODE_FIT: ((MET, None), (NOT_MET, Kind.CODING), (MISSING, None)),
    Role.CODE_CONFLICT: ((NOT_MET, Kind.CODING), (MET, None), (MET, None)),
    Role.CONDITION: ((MET, None), (MET, None), (MET, None)),
    Role.CAUTION: ((MET, None), (MET, None), (MET, None)),
    Role.SUPPORTING: ((MET, None), (MET, None), (MET, None)),
}


def test_the_table_has_every_role() -> None:
    assert set(TABLE) == set(Role)


@pytest.mark.parametrize(("role", "state"), list(product(Role, STATES)))
def test_each_role_does_to_the_outcome_what_the_table_says(role: Role, state: Truth) -> None:
    assert outcome((Role.REQUIRED, True), (role, state)) == TABLE[role][STATES.index(state)]


# -- several ------------------------------------------------------------------------------------------------------


def expected(pairs: Sequence[tuple[Role, Truth]]) -> tuple[Outcome, Kind | None]:
    """The rule in words: scope first, then the need, then the code; all known and in order is met."""
    scope = [state for role, state in pairs if role is Role.SCOPE]
    need = [state for role, state in pairs if role in CLINICAL]
    need += [None if state is None else not state for role, state in pairs if role is Role.EXCLUSION]
    fit = [state for role, state in pairs if role is Role.CODE_FIT]
    conflict = any(state is True for role, state in pairs if role is Role.CODE_CONFLICT)
    if False in scope:
        return NOT_APPLICABLE, None
    if None in scope:
        return MISSING, None
    if False in need:
        return NOT_MET, Kind.CLINICAL
    if conflict or False in fit:
        return NOT_MET, Kind.CODING
    if None in (*need, *fit):
        return MISSING, None
    return MET, None


DECIDING = (Role.SCOPE, Role.REQUIRED, Role.EXCLUSION, Role.CODE_FIT, Role.CODE_CONFLICT)


@pytest.mark.parametrize("roles", list(product(DECIDING, repeat=3)), ids="-".join)
def test_three_criteria_in_every_state_are_scope_then_need_then_code(roles: tuple[Role, ...]) -> None:
    for states in product(STATES, repeat=3):
        pairs = list(zip(roles, states, strict=True))
        assert outcome(*pairs) == expected(pairs), pairs


def test_met_needs_every_gate_true_and_every_exclusion_refuted() -> None:
    gates = (Role.SCOPE, Role.REQUIRED, Role.GROUP, Role.EXCLUSION, Role.CODE_FIT)
    for states in product(STATES, repeat=len(gates)):
        met = outcome(*zip(gates, states, strict=True)) == (MET, None)
        assert met is (states == (True, True, True, False, True))


def test_the_order_of_criteria_changes_nothing() -> None:
    pairs: list[tuple[Role, Truth]] = [
        (Role.CODE_CONFLICT, True),
        (Role.REQUIRED, None),
        (Role.SCOPE, True),
        (Role.EXCLUSION, None),
        (Role.CAUTION, True),
    ]
    assert outcome(*pairs) == outcome(*reversed(pairs)) == (NOT_MET, Kind.CODING)


@pytest.mark.parametrize("told", TOLD)
def test_what_is_only_told_never_decides(told: Role) -> None:
    for state, other in product(STATES, STATES):
        assert outcome((Role.REQUIRED, state), (told, other)) == outcome((Role.REQUIRED, state))


@pytest.mark.parametrize("state", STATES)
def test_what_rests_on_an_order_that_is_not_applicable_is_not_applicable(state: Truth) -> None:
    elsewhere = result(Role.REQUIRED, state, not_applicable=True)
    assert outcome_of([result(Role.REQUIRED, False), elsewhere]) == (NOT_APPLICABLE, None)
    assert outcome_of([result(Role.SCOPE, None), elsewhere]) == (NOT_APPLICABLE, None)


# -- the need alone -----------------------------------------------------------------------------------------------


def test_the_need_does_not_depend_on_the_code() -> None:
    gates = (Role.SCOPE, Role.REQUIRED, Role.EXCLUSION)
    for states in product(STATES, repeat=3):
        pairs = [result(role, state) for role, state in zip(gates, states, strict=True)]
        for code in STATES:
            beside = [*pairs, result(Role.CODE_FIT, code), result(Role.CODE_CONFLICT, code)]
            assert clinical_truth(iter(beside)) is clinical_truth(pairs)
        scope, need, barred = states
        if scope is False or need is False or barred is True:
            assert clinical_truth(pairs) is False
        else:
            assert clinical_truth(pairs) is (True if states == (True, True, False) else None)
