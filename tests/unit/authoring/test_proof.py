"""What a proof holds: cases that differ, states never shown, mutants, what is accepted and what no longer is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from cds_service.authoring.accepted import Accepted, AcceptedMutants, AcceptedState, merged, read_accepted
from cds_service.authoring.proof import Proof, prove, tally
from cds_service.authoring.proof_json import as_json
from cds_service.authoring.proof_text import as_text
from cds_service.errors import ContentError
from cds_service.fhir.encoding import encode
from tests.unit.authoring.widgets import CASES, POLICY, but_for, case, finding, trial
from tests.unit.plan_definition.plans import Json, criterion, group, plan

NOTHING = Accepted()
MENDED = "widget variable lately: not only the latest of `%findings.where(clinicalDate() >= (%asOf - %maxAge))`"


def proof_of(
    written: Iterable[Json] = CASES, accepted: Accepted = NOTHING, *, mutate: bool = False, policy: Json = POLICY
) -> Proof:
    tried = trial(policy, written=written)
    proof = prove(tried.results(), tried.plans, accepted)
    if not mutate:
        return proof
    return proof.with_mutants(tally(((one, tried.judge(one)) for one in tried.mutants()), accepted))


def text(proof: Proof) -> list[str]:
    return list(as_text(proof, seconds=1.6))


# -- coverage ------------------------------------------------------------------------------------------------------


def test_a_criterion_that_decides_must_be_seen_met_not_met_and_missing() -> None:
    assert proof_of().gaps == ()
    (gap,) = proof_of(but_for("sound", "mended")).gaps
    assert (gap.policy, gap.criterion, gap.state, gap.reason) == ("widget", "broken", "not met", None)


def test_what_does_not_decide_may_stay_unseen() -> None:
    note = criterion("note", "caution", "%findings.exists()")
    inside = group("told", "all", criterion("required inside", "required", "%findings.exists()"), role="supporting")
    made = plan(*POLICY["action"][0]["action"], note, inside, extension=POLICY["extension"])
    shown = {one.criterion.id: one for one in proof_of(policy=made).policies["widget"].criteria}
    assert {name: one.decides for name, one in shown.items()} == {
        "broken": True,
        "note": False,
        "told": False,
        "required inside": False,
    }
    assert shown["note"].never == ("false",)
    assert proof_of(policy=made).passed


def test_a_state_that_cannot_be_is_accepted_by_a_reason() -> None:
    accepted = Accepted(states=(AcceptedState("widget", "broken", "not met", "widgets are never sound"),))
    proof = proof_of(but_for("sound", "mended"), accepted)
    assert proof.passed
    assert any(line.endswith("never not met: widgets are never sound") for line in text(proof))


@pytest.mark.parametrize("criterion_id", ["broken", "no such criterion"])
def test_an_accepted_state_that_is_shown_after_all_is_stale(criterion_id: str) -> None:
    accepted = Accepted(states=(AcceptedState("widget", criterion_id, "met", "never"),))
    proof = proof_of(accepted=accepted)
    assert proof.stale_states == (f"widget {criterion_id}: never met",)
    assert not proof.passed


# -- cases ---------------------------------------------------------------------------------------------------------


def test_a_case_that_differs_says_in_what() -> None:
    proof = proof_of([*CASES, case("wrong", "true", finding("sound", "2026-01-10"))])
    assert not proof.passed
    assert text(proof)[:3] == [
        "wrong/a: wrong",
        "    A is not-met (clinical), expected met",
        "    A broken (Title of broken) is false, expected true",
    ]
    assert text(proof)[-1].startswith("10 cases in 10 charts, 1 case not as expected;")


def test_shapes_that_differ_alike_are_told_together() -> None:
    wrong = {**case("wrong", "true", finding("sound", "2026-01-10")), "shapes": ["a", "b"]}
    lines = text(proof_of([*CASES, wrong]))
    assert lines[0] == "wrong/a, b: wrong"
    assert lines[3] == ""


# -- mutants -------------------------------------------------------------------------------------------------------


def test_a_proof_without_gaps_passes() -> None:
    proof = proof_of(mutate=True)
    assert proof.passed
    assert text(proof)[-1] == (
        "9 cases in 9 charts, all as expected; 1 deciding criterion, each shown met, not met and missing; "
        "19 mutants, none unnoticed (2 s)"
    )


def test_a_mutant_that_nobody_notices_is_told_by_its_name() -> None:
    proof = proof_of(but_for("mended"), mutate=True)
    assert not proof.passed
    lines = text(proof)
    assert f"    {MENDED}" in lines
    row = next(line for line in lines if line.strip().startswith("`latest()` dropped"))
    assert row.split()[2:] == ["1", "–", "–", "1", "–"]
    assert lines[-1].endswith("19 mutants, 1 that no case notices (2 s)")


def test_a_survivor_is_accepted_by_a_written_reason() -> None:
    accepted = Accepted(mutants=(AcceptedMutants("widgets are seen once", (MENDED,)),))
    proof = proof_of(but_for("mended"), accepted, mutate=True)
    assert proof.passed
    assert proof.mutation is not None
    assert proof.mutation.accepted == {MENDED: "widgets are seen once"}


@pytest.mark.parametrize("name", [MENDED, "widget broken: renamed since"])
def test_an_accepted_mutant_that_is_noticed_or_gone_is_stale(name: str) -> None:
    proof = proof_of(accepted=Accepted(mutants=(AcceptedMutants("why", (name,)),)), mutate=True)
    assert not proof.passed
    assert proof.mutation is not None
    assert proof.mutation.stale == (name,)
    assert f"    {name}" in text(proof)


def test_what_is_accepted_of_a_policy_that_was_left_out_is_left_alone() -> None:
    accepted = Accepted(
        states=(AcceptedState("gadget", "x", "met", "why"),), mutants=(AcceptedMutants("why", ("gadget x: dropped",)),)
    )
    tried = trial()
    proof = prove(tried.results(), tried.plans, accepted, untried=["gadget"])
    assert proof.with_mutants(tally((), accepted, untried=["gadget"])).passed
    assert not prove(tried.results(), tried.plans, accepted).passed


def test_the_proof_as_json() -> None:
    told = as_json(proof_of(but_for("mended"), mutate=True))
    assert encode(told)
    assert told["passed"] is False
    assert told["cases"][0] == {"id": "cracked", "shape": "a", "title": "cracked", "differences": []}
    assert told["policies"][0]["criteria"] == [
        {"id": "broken", "role": "required", "decides": True, "seen": {"met": 3, "not met": 1, "missing": 4}}
    ]
    assert (told["mutants"]["tried"], [one["id"] for one in told["mutants"]["survivors"]]) == (19, [MENDED])
    assert as_json(proof_of())["mutants"] is None


# -- mutants.yaml --------------------------------------------------------------------------------------------------


def test_what_is_accepted_is_read_and_merged() -> None:
    written: dict[str, Any] = {
        "states": [{"policy": "widget", "criterion": "a", "never": "missing", "reason": "closed world"}],
        "mutants": [{"reason": "equal", "mutants": ["widget a: dropped"]}],
    }
    read = read_accepted(written, place="mutants.yaml")
    assert read.reason_of_state("widget", "a", "missing") == "closed world"
    assert merged([read, Accepted()]) == read


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ({"mutant": []}, "f: `mutant` is no member there"),
        ({"mutants": [{"reason": "", "mutants": ["x"]}]}, "f: `mutants.0.reason` is wrong"),
        ({"mutants": [{"mutants": ["x"]}]}, "f: `mutants.0.reason` is missing"),
        (
            {"states": [{"policy": "p", "criterion": "c", "never": "true", "reason": "r"}]},
            "f: `states.0.never` is wrong",
        ),
        ({"mutants": [{"reason": "r", "mutants": ["x", "x"]}]}, "f: `x` is accepted twice"),
        ([], "f: the file must have members"),
    ],
)
def test_a_fault_in_what_is_accepted_is_told(written: object, told: str) -> None:
    with pytest.raises(ContentError) as raised:
        read_accepted(written, place="f")
    assert str(raised.value).startswith(told)
