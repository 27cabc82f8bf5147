"""The words for what is settled and what is not."""

from __future__ import annotations

from typing import Any

from cds_service.necessity.outlook import outlook
from tests.unit.necessity.judging import determine, finding, judge, order
from tests.unit.plan_definition.plans import (
    BROKEN,
    compiled,
    criterion,
    determination_of,
    group,
    plan,
    prompt,
    says,
    state_text,
)


def told(made: dict[str, Any], *chart: dict[str, Any], **more: Any) -> list[str]:
    return [" " * one.indent + one.text for one in outlook(determine(made, *chart, **more))]


def indication(name: str) -> dict[str, Any]:
    return criterion(name, "alternative", says(name), says(f"not {name}"), prompt(f"Ask for {name}."))


def test_a_missing_fact_is_named_with_what_to_ask_for() -> None:
    assert told(plan()) == [
        "what would settle it:",
        "  met, if:",
        "    - Title of broken: yes. State whether the widget is broken.",
        "  not met, if:",
        "    - Title of broken: no",
    ]


def test_facts_any_one_of_which_is_enough_stand_in_one_list() -> None:
    lines = told(plan(group("why", "one-or-more", *map(indication, "abcdefgh"))))
    assert lines[1:3] == ["  met, if one of these:", "    - Title of a: yes. Ask for a."]
    assert lines[7:11] == [
        "    - Title of f: yes. Ask for f.",
        "  or in 2 other ways",
        "  not met, if all of these:",
        "    - Title of a: no",
    ]
    assert "    - Title of h: no. Ask for h." in lines


def test_sets_of_facts_are_told_one_by_one_and_the_rest_counted() -> None:
    lines = told(plan(group("why", 2, *map(indication, "abcd"))))
    assert [line for line in lines if not line.startswith("    ")] == [
        "what would settle it:",
        "  met, if both of these:",
        "  or if both of these:",
        "  or if both of these:",
        "  or in 3 other ways",
        "  not met, if all of these:",
        "  or if all of these:",
        "  or if all of these:",
        "  or in 1 other way",
    ]


def test_what_is_met_says_what_it_rests_on_and_what_would_still_change_it() -> None:
    made = plan(
        BROKEN, group("why", 1, *map(indication, "ab")), criterion("kit", "code-conflict", says("kit"), says("single"))
    )
    chart = (finding("broken"), finding("a", name="f2"), finding("b", name="f3"))
    assert told(made, *chart) == [
        "rests on:",
        "  - Title of broken (Observation/f1.value)",
        "and on one of these:",
        "  - Title of a (Observation/f2.value)",
        "  - Title of b (Observation/f3.value)",
        "what would still change it:",
        "  not met, if:",
        "    - Title of kit: yes",
    ]


def test_what_nothing_shows_is_taken_as_no() -> None:
    lines = told(plan(BROKEN, criterion("kit", "code-conflict", says("kit"), None, prompt("Ask."))))
    assert lines[2:4] == [
        "    - Title of broken: yes. State whether the widget is broken.",
        "    - Title of kit: no (taken as no while nothing shows it)",
    ]


def test_what_is_not_met_cannot_be_met_by_what_is_missing() -> None:
    made = plan(BROKEN, group("why", 1, *map(indication, "ab")))
    assert told(made, finding("intact")) == [
        "rests on:",
        "  - Title of broken: no (Observation/f1.value)",
        "nothing that is missing would make it met",
    ]


def test_what_cannot_be_ruled_out_keeps_it_from_being_met() -> None:
    made = plan(BROKEN, criterion("glued", "exclusion", says("glued")))
    assert told(made, finding("broken"))[:2] == [
        "what would settle it:",
        "  nothing that is missing would make it met",
    ]


def test_several_ways_without_anything_decisive() -> None:
    made = plan(group("why", 1, *map(indication, "abcde")))
    chart = [finding(letter, name=letter) for letter in "abcde"]
    assert told(made, *chart) == [
        "rests on one of these:",
        "  - Title of a (Observation/a.value)",
        "  - Title of b (Observation/b.value)",
        "  - Title of c (Observation/c.value)",
        "  - or 2 others",
    ]


def test_what_all_ways_share_is_told_once() -> None:
    made = plan(BROKEN, group("why", 1, *map(indication, "ab"), group("both", 2, *map(indication, "cd"))))
    lines = told(made)
    assert lines[1:11] == [
        "  met, if:",
        "    - Title of broken: yes. State whether the widget is broken.",
        "  and besides this:",
        "    - Title of a: yes. Ask for a.",
        "  or this:",
        "    - Title of b: yes. Ask for b.",
        "  or both of these:",
        "    - Title of c: yes. Ask for c.",
        "    - Title of d: yes. Ask for d.",
        "  not met, if:",
    ]


def test_facts_of_which_one_is_enough_besides_what_all_ways_share() -> None:
    lines = told(plan(BROKEN, group("why", 1, *map(indication, "ab"))))
    assert lines[3:6] == [
        "  and besides one of these:",
        "    - Title of a: yes. Ask for a.",
        "    - Title of b: yes. Ask for b.",
    ]


def test_much_evidence_is_named_by_its_first_places() -> None:
    chart = [finding("broken", name=name) for name in ("f1", "f2", "f3", "f4", "f5")]
    assert told(plan(), *chart) == [
        "rests on:",
        "  - Title of broken (Observation/f1.value, Observation/f2.value, Observation/f3.value, 2 more)",
    ]


def test_what_was_not_evaluated_has_no_outlook() -> None:
    assert told(plan(), production=True) == []


def test_a_criterion_that_reads_another_order_names_its_code() -> None:
    gadget = plan(
        criterion("need", "required", None, None, determination_of(), definitionCanonical=plan()["url"]),
        name="gadget",
        codes="gadgets",
    )
    found = judge(compiled(plan(), gadget), order("A"), order("C", "o2")).determinations
    lines = [one.text for one in outlook(found[1])]
    assert lines[2] == "- Title of need: yes (decided with A)"


def test_the_words_of_a_state_are_not_repeated() -> None:
    worded = criterion("broken", "required", says("broken"), says("intact"), state_text("true", "it is broken"))
    assert told(plan(worded), finding("broken")) == ["rests on:", "  - Title of broken (Observation/f1.value)"]
