"""A short run, always of the same cases; and a fault planted in the engine is noticed, whichever rule it breaks."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from random import Random
from typing import Any

import pytest

from cds_service import fhirpath
from cds_service.errors import EvaluationError
from cds_service.fhirpath.code import Code, computed, from_truth
from cds_service.fhirpath.functions import FUNCTIONS
from cds_service.fhirpath.invocation import Function, Invocation
from tests.fuzz.cases import Case, make
from tests.fuzz.charts import CANARIES, sound
from tests.fuzz.checks import examine
from tests.fuzz.command import main
from tests.fuzz.expressions import EXPRESSIONS
from tests.fuzz.grammar import Grammar
from tests.fuzz.mutations import corpus, mutated, split
from tests.fuzz.running import Tally, run, try_cases

SEED = 20260115


def test_a_short_run_meets_no_fault() -> None:
    tally = try_cases(EXPRESSIONS, SEED, range(1_200))
    assert tally.found == {}
    evaluated = sum(tally.outcomes[name] for name in ("values", "nothing", "EvaluationError", "Missing: unreadable"))
    assert evaluated > 400
    assert tally.outcomes["values"] > 200
    assert tally.outcomes["ExpressionError: syntax"] > 100


# -- what is tried ------------------------------------------------------------------------------------------------


def test_a_case_is_the_same_whenever_it_is_made() -> None:
    assert [make(SEED, i) for i in range(30)] == [make(SEED, i) for i in range(30)]
    assert len({make(SEED, i).source for i in range(30)}) > 20


def test_every_function_and_operator_is_tried() -> None:
    seen: set[str] = set()
    for seed in range(1_500):
        chance = Random(seed)  # noqa: S311 - a test's own dice
        first = sound(chance)[0]
        seen.update(split(Grammar(chance, first["resourceType"], first).expression()))
    words = {"and", "or", "xor", "implies", "in", "contains", "is", "as", "div", "mod", "$this", "$index", "$total"}
    assert {*FUNCTIONS, *words, *"=~<>+-*/&|"} - seen == set()


def test_expressions_are_damaged_in_many_ways() -> None:
    policies, hostile = corpus()
    assert len(policies) > 100
    assert len(hostile) > 40
    chance = Random(SEED)  # noqa: S311 - a test's own dice
    assert len({mutated(chance, policies[0], policies[1]) for _ in range(100)}) > 60


def test_charts_are_spoiled_and_hold_canaries() -> None:
    charts = [repr(make(SEED, i).chart) for i in range(200)]
    for canary in CANARIES:
        assert sum(str(canary) in chart for chart in charts) > 5
    assert sum("[None" in chart for chart in charts) > 5


# -- what is noticed ----------------------------------------------------------------------------------------------

Build = Callable[[Invocation], Code]


def raises(_call: Invocation) -> Code:
    nothing: dict[str, str] = {}
    return computed(("System.String",), lambda _this, _env: [nothing["planted"]])


def raises_when_compiled(_call: Invocation) -> Code:
    raise KeyError("planted")


def is_evaluated_when_compiled(_call: Invocation) -> Code:
    raise EvaluationError("planted")


def changes_the_chart(_call: Invocation) -> Code:
    def items(this: Any, _env: Any) -> Any:
        this["planted"] = True
        return ()

    return computed((), items)


def changes_what_is_inside(call: Invocation) -> Code:
    def items(this: Any, env: Any) -> Any:
        for resource in env.record.resources:
            resource["code"]["coding"].reverse()
        return call.base.items(this, env)

    return computed(call.base.shape, items)


def never_ends(_call: Invocation) -> Code:
    def items(_this: Any, _env: Any) -> Any:
        while True:
            pass

    return computed((), items)


def catches_everything_and_never_ends(_call: Invocation) -> Code:
    def items(_this: Any, _env: Any) -> Any:
        while True:
            try:
                sum(range(1_000))
            except Exception:
                return ()

    return computed((), items)


def tells_a_value(call: Invocation) -> Code:
    def items(this: Any, env: Any) -> Any:
        raise EvaluationError(f"cannot read `{call.base.items(this, env)}`")

    return computed((), items)


def remembers(_call: Invocation) -> Code:
    numbers = count()
    return computed(("System.Integer",), lambda _this, _env: (next(numbers) // 4,))


def halves_a_character(_call: Invocation) -> Code:
    return computed(("System.String",), lambda _this, _env: ("\ud83d",))


def is_located_elsewhere(_call: Invocation) -> Code:
    return replace(computed(("System.Integer",), lambda _this, _env: (1,)), located=lambda _this, _env: [(2, None)])


def is_true_without_items(_call: Invocation) -> Code:
    return replace(computed(("System.Integer",), lambda _this, _env: ()), truth=lambda _this, _env: True)


def answers_otherwise(_call: Invocation) -> Code:
    return from_truth(lambda _this, _env: True, answer=lambda _this, _env: (False, ()))


def cannot_answer(_call: Invocation) -> Code:
    def answer(_this: Any, _env: Any) -> Any:
        raise EvaluationError("planted")

    return from_truth(lambda _this, _env: True, answer=answer)


PLANTED: list[tuple[Build, str]] = [
    (raises, "KeyError: test_fuzz.py"),
    (raises_when_compiled, "KeyError: test_fuzz.py"),
    (is_evaluated_when_compiled, "EvaluationError: test_fuzz.py"),
    (changes_the_chart, "the chart was changed"),
    (changes_what_is_inside, "the chart was changed"),
    (never_ends, "it does not end: items"),
    (catches_everything_and_never_ends, "it does not end: items"),
    (tells_a_value, "a message holds a value of the chart: items"),
    (remembers, "a second evaluation differs: items"),
    (halves_a_character, "a text holds half a character"),
    (is_located_elsewhere, "answers disagree: items and located"),
    (is_true_without_items, "answers disagree: items and truth"),
    (answers_otherwise, "answers disagree: truth and answer"),
    (cannot_answer, "answers disagree: truth and answer"),
]
CHART: list[dict[str, Any]] = [
    {
        "resourceType": "Condition",
        "id": "c1",
        "code": {"coding": [{"code": "a"}, {"code": "b"}], "text": CANARIES[0]},
        "note": [{"text": "n"}],
    }
]


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Build], None]:
    """Give the engine a function that is at fault."""

    def planted(name: str, build: Build) -> None:
        known = FUNCTIONS.get(name, Function(f"{name}()", build, "planted"))
        monkeypatch.setattr(fhirpath, "FUNCTIONS", {**FUNCTIONS, name: replace(known, build=build)})

    return planted


@pytest.mark.parametrize(("build", "fault"), PLANTED, ids=lambda one: getattr(one, "__name__", None))
def test_a_planted_fault_is_noticed(build: Build, fault: str, plant: Callable[[str, Build], None]) -> None:
    plant("planted", build)
    case = Case("Condition.code.text.planted()" if build is tells_a_value else "planted()", CHART, "Condition")
    examined = examine(replace(case, chart=[dict(CHART[0])]), cpu_seconds=0.3)
    assert str(examined.fault).startswith(fault)
    assert examine(replace(case, source="Condition.code.text.upper()")).fault is None


def test_a_run_meets_a_planted_fault_and_makes_it_small(plant: Callable[[str, Build], None]) -> None:
    plant("count", raises)
    tally = try_cases(EXPRESSIONS, SEED, range(250), shrinking=5)
    (found,) = tally.found.values()
    assert found.fault.what == "KeyError"
    assert "count()'," in found.case
    assert len(found.case) < 200
    assert "count(" in make(SEED, found.number).source


def test_the_command_reports_a_fault_and_fails(
    plant: Callable[[str, Build], None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    number = next(i for i in range(500) if make(SEED, i).source.endswith(".exists()") and _is_sound(make(SEED, i)))
    monkeypatch.setattr(sys, "argv", ["fuzz", "--seed", str(SEED), "--case", str(number)])
    assert main(EXPRESSIONS, "") == 0
    assert "no faults" in capsys.readouterr().out
    plant("exists", raises)
    assert main(EXPRESSIONS, "") == 1
    told = capsys.readouterr().out
    assert "1 fault\n" in told
    assert f"python -m tests.fuzz --seed {SEED} --case {number}\n" in told
    assert "exists()'," in told


def _is_sound(case: Case) -> bool:
    return examine(case).outcome in ("values", "nothing")


def test_a_run_in_other_processes_tells_what_became_of_its_cases() -> None:
    seen: list[Tally] = []
    tally = run(EXPRESSIONS, SEED, seconds=0.5, jobs=2, progress=seen.append)
    assert tally.found == {}
    assert tally.cases >= 2
    assert seen
