"""Mutants against cases: complete cases notice all, and a case that is taken away lets its mutants live."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

import pytest

from cds_service.authoring.mutation import Mutant, Trial, Verdict
from cds_service.authoring.mutation.again import before
from cds_service.authoring.mutation.difference import difference
from cds_service.authoring.suite import runs_of
from cds_service.errors import ContentError
from cds_service.plan_definition.artifacts import read_artifacts
from cds_service.policy_files import read_policy_files
from cds_service.services.evaluation import Evaluation
from tests.charts import POLICIES, fixture
from tests.charts import cases as shipped_cases
from tests.unit.authoring.widgets import POLICY, VALUE_SETS, but_for, case, finding, survivors, trial, verdicts
from tests.unit.plan_definition.plans import Json, criterion, determination_of, group, plan, value_set


def test_complete_cases_notice_every_mutant() -> None:
    assert survivors(trial()) == []


@pytest.mark.parametrize(
    ("missing", "unnoticed"),
    [
        ("mended", ["variable lately: not only the latest of `%findings.where(clinicalDate() >= (%asOf - %maxAge))`"]),
        (
            "thirty days",
            [
                "parameter maxAge: 29 for 30 days",
                "variable lately: `>` for `>=` in `clinicalDate() >= (%asOf - %maxAge)`",
            ],
        ),
        (
            "a day more",
            [
                "parameter maxAge: 31 for 30 days",
                "variable lately: without the filter `clinicalDate() >= (%asOf - %maxAge)`",
            ],
        ),
    ],
)
def test_a_missing_case_lets_its_mutants_live(missing: str, unnoticed: list[str]) -> None:
    assert survivors(trial(written=but_for(missing))) == unnoticed


def test_what_a_case_does_not_ask_nobody_notices() -> None:
    careless = [{**one, "expect": {"A": {"outcome": one["expect"]["A"]["outcome"]}}} for one in but_for()]
    assert "broken: never unknown because stale" in survivors(trial(written=careless))


def test_a_mutant_that_is_no_policy_is_told_apart() -> None:
    lone = plan(group("either", "one-or-more", criterion("a", "alternative", "%findings.exists()")))
    assert verdicts(trial(lone, written=[case("one", "x", expect={"A": {"outcome": "information-missing"}})])) == {
        "widget either: dropped": "impossible",
        "widget either: `supporting` for `group`": "impossible",
        "widget either: `all` for `one-or-more`": "survived",
        "widget a: dropped": "impossible",
        "widget value set widgets: without A (A)": "noticed",
    }


def test_a_policy_that_decides_on_more_codes_is_noticed_in_any_case() -> None:
    tried = trial()
    (wider,) = [one for one in tried.mutants() if one.id == "widget value set widgets: with Z"]
    assert tried.judge(wider) is Verdict.NOTICED
    assert "value set widgets: with Z" in survivors(
        trial(written=[*but_for("another order"), case("z", "unknown", orders=["A", "Z"], expect=EXPECTS_Z)])
    )


EXPECTS_Z = {"A": {"outcome": "information-missing"}, "Z": {"outcome": "information-missing"}}


def test_who_reads_the_determination_of_a_mutant_is_asked_again() -> None:
    reader = plan(
        criterion("need", "required", None, None, determination_of(), definitionCanonical=POLICY["url"]),
        name="gadget",
        codes="gadgets",
    )
    only_the_reader = [
        {**case("both", "x", finding("cracked", "2026-01-10")), "orders": ["A", "C"], "expect": {"A": {}, "C": {}}}
    ]
    only_the_reader[0]["expect"] = {"A": {"outcome": "met"}, "C": {"outcome": "met", "criteria": {"need": "true"}}}
    tried = trial(reader, POLICY, written=only_the_reader, sets=(*VALUE_SETS, value_set("gadgets", "C")))
    fate = verdicts(tried)
    assert fate["widget broken: support and refutation exchanged"] == "noticed"
    assert fate["gadget need: dropped"] == "impossible"


def test_every_mutant_has_a_name_of_its_own_and_the_order_is_always_the_same() -> None:
    first, second = ([one.id for one in trial().mutants()] for _ in range(2))
    assert first == second
    assert len(first) == len(set(first))


def test_two_versions_of_a_policy_have_two_names() -> None:
    later: Json = {**POLICY, "version": "2.0.0", "effectivePeriod": {"start": "2026-06-01"}}
    earlier: Json = {**POLICY, "effectivePeriod": {"end": "2026-05-31"}}
    assert set(trial(earlier, later).plans) == {"widget|1.0.0", "widget|2.0.0"}


# -- what is asked again is all that can come out otherwise ----------------------------------------------------


def told(evaluation: Evaluation) -> list[Any]:
    return [
        (
            one.order.path,
            one.plan.reference,
            one.outcome,
            one.kind,
            one.human_review,
            [(r.criterion.id, r.criterion.role, r.state, r.reason, [e.path for e in r.evidence]) for r in one.results],
            [note.id for note in (*one.conditions, *one.cautions)],
        )
        for one in evaluation.determinations
    ]


@cache
def shipped() -> tuple[Trial, list[Mutant]]:
    """The shipped policies with some of their runs: preparing all of them takes longer than the comparisons."""
    cases = {case.id: case for case, _ in shipped_cases()}
    runs = random.Random(0).sample(runs_of(cases.values(), fixture), 40)  # noqa: S311 - draws a sample
    tried = Trial(read_artifacts(read_policy_files(POLICIES).artifacts), tuple(runs))
    return tried, list(tried.mutants())


@pytest.mark.parametrize("seed", range(5))
def test_asking_again_in_part_gives_what_asking_all_again_gives(seed: int) -> None:
    tried, mutants = shipped()
    chance = random.Random(seed)  # noqa: S311 - draws a sample
    compared = 0
    for mutant in chance.sample(mutants, 10):
        try:
            plan = tried.mutated(mutant)
        except ContentError:
            continue
        changed = difference(tried.plans[mutant.policy], plan)
        if changed is None:
            continue
        for run in chance.sample(tried.suite, 8):
            held = before(run, tried.policies)
            part, whole = held.again(changed) or held.evaluation, run.evaluate(tried.policies_with(plan))
            assert told(part) == told(whole), mutant.id
            compared += 1
    assert compared
