from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from cds_service.fhir.temporal import Date
from cds_service.necessity.explain import explain, explain_not_covered
from cds_service.necessity.wording import printable
from cds_service.plan_definition.policies import Policies
from cds_service.services.evaluation import Evaluation, evaluate, exchange_of
from cds_service.wiring import load_policies
from tests.made_up import (
    OURS,
    PATIENT,
    PLAN,
    bundle,
    expression,
    finding,
    made_up_policies,
    order,
    write_policy,
)

HOSTILE = "\x1b[31mred\x1b[0m \x1b]0;title\x07 a\u202eb\u2066c\u200bd \x9b31m e\x00f\rg\nh\u2028i\x08\U000e0041"


def evaluated(
    *orders: dict[str, Any],
    chart: tuple[dict[str, Any], ...] = (finding(),),
    policies: Policies | None = None,
    production: bool = False,
) -> Evaluation:
    exchange = exchange_of("p1", bundle(*(orders or (order(),))), {"chart": bundle(PATIENT, *chart)})
    return evaluate(exchange, policies or made_up_policies(), received=Date((2026, 2, 1)), production=production)


def explained(*orders: dict[str, Any], colour: bool = False, **more: Any) -> list[str]:
    (one,) = evaluated(*orders, **more).determinations
    return list(explain(one, colour=colour))


def test_what_is_met_shows_its_evidence():
    assert explained() == [
        "MET: replace widget replacement",
        "  ordered at ServiceRequest/o1.code.coding[0]",
        "  DRAFT POLICY - NOT FOR CLINICAL USE",
        "  yes  The widget is broken",
        "       Observation/f1.value: broken, 2026-01-10, final",
        "  yes  The widget was looked at [supporting]",
        "       Observation/f1: broken, 2026-01-10, final",
        "  rests on:",
        "    - The widget is broken (Observation/f1.value)",
        "  policy https://example.org/fhir/PlanDefinition/widget|0.1.0: draft, no review",
        "    stage, not approved, never reviewed; as of 2026-01-15",
    ]


def test_what_is_not_met_asks_for_a_physician():
    lines = explained(chart=(finding("intact"),))
    assert lines[0] == "NOT MET (criteria not met on record): replace widget replacement"
    assert "  no   The widget is broken" in lines
    assert "  a physician must look at this" in lines


def test_what_is_unknown_says_why_and_what_to_supply():
    lines = explained(chart=())
    assert lines[0] == "INFORMATION MISSING: replace widget replacement"
    assert lines[3:6] == [
        "  ?    The widget is broken",
        "       unknown: nothing on record",
        "       to supply: State whether the widget is broken.",
    ]


def test_a_policy_that_may_not_decide_says_why():
    lines = explained(production=True)
    assert lines[0] == "NOT EVALUATED: replace widget replacement"
    assert lines[2:6] == [
        "  the policy is draft, not active (policy",
        "  https://example.org/fhir/PlanDefinition/widget|0.1.0, rule `active`). To put",
        "  it right: have it reviewed and approved, then set `status` to `active`.",
        "  policy https://example.org/fhir/PlanDefinition/widget|0.1.0: draft, no review",
    ]


def test_a_sandbox_says_why_an_active_policy_is_not_released(tmp_path: Path):
    lines = explained(policies=load_policies(write_policy(tmp_path, PLAN | {"status": "active"})))
    assert lines[2:4] == [
        "  POLICY NOT RELEASED - NOT FOR CLINICAL USE: the policy is not approved: it has",
        "  no review stage",
    ]


def test_an_order_given_twice_is_told():
    assert "  ordered more than once: ServiceRequest/o2" in explained(order(), order("o2"))


def test_colour_is_added_and_changes_no_word():
    coloured = explained(colour=True)
    assert coloured[0] == "\x1b[32mMET\x1b[0m: replace widget replacement"
    assert [printable(line) for line in coloured] == [printable(line) for line in explained()]


def with_actions(folder: Path, *actions: dict[str, Any]) -> Policies:
    plan = deepcopy(PLAN)
    plan["action"][0]["action"] += actions
    return load_policies(write_policy(folder, plan))


def action(name: str, role: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "title": f"The {name}", "code": [{"coding": [{"code": role}]}], **more}


def seen(text: str = "%findings.exists()") -> list[dict[str, Any]]:
    return [{"kind": "applicability", "expression": expression(text)}]


def test_a_group_shows_its_parts_below_and_its_role_once(tmp_path: Path):
    group = {"groupingBehavior": "logical-group", "selectionBehavior": "one-or-more"}
    parts = [action("first", "code-fit", condition=seen()), action("second", "code-fit", condition=seen())]
    lines = explained(policies=with_actions(tmp_path, action("fit", "code-fit", **group, action=parts)))
    first = lines.index("  yes  The fit [code-fit]")
    assert lines[first + 1 : first + 5] == [
        "    yes  The first",
        "         Observation/f1: broken, 2026-01-10, final",
        "    yes  The second",
        "         Observation/f1: broken, 2026-01-10, final",
    ]


def test_cautions_and_conditions_are_told_once_in_a_list_of_their_own(tmp_path: Path):
    told = {"textEquivalent": "Mind the gap."}
    caution = action("caution", "caution", condition=seen(), **told)
    condition = action("condition", "condition", condition=seen(), **told)
    state_text = [{"url": "state", "valueCode": "true"}, {"url": "text", "valueString": "Mind the gap."}]
    caution["extension"] = [{"url": f"{OURS}/state-text", "extension": state_text}]
    lines = explained(policies=with_actions(tmp_path, caution, condition))
    assert lines[-6:-2] == ["  conditions:", "    - Mind the gap.", "  cautions:", "    - Mind the gap."]
    assert "\n".join(lines).count("Mind the gap.") == 2


def test_what_a_policy_says_of_a_state_is_told(tmp_path: Path):
    state_text = [{"url": "state", "valueCode": "true"}, {"url": "text", "valueString": "It fits."}]
    fit = action(
        "fit", "code-fit", condition=seen(), extension=[{"url": f"{OURS}/state-text", "extension": state_text}]
    )
    lines = explained(policies=with_actions(tmp_path, fit))
    assert lines[lines.index("  yes  The fit [code-fit]") + 1] == "       It fits."


def test_nothing_is_coloured_unless_it_is_asked_for():
    assert "\x1b" not in "".join(explained())


def test_the_chart_cannot_steer_the_terminal():
    text = "\n".join(explained(order(HOSTILE), chart=(finding(HOSTILE), finding("broken", id=HOSTILE))))
    assert all(character.isprintable() or character == "\n" for character in text)


def test_a_long_value_is_cut_and_wrapped():
    lines = explained(chart=(finding("broken " * 200),))
    assert len(lines) < 25
    assert max(map(len, lines)) <= 80


def test_a_path_is_never_broken():
    name = "x" * 64
    assert any(f"Observation/{name}.value:" in line for line in explained(chart=(finding(id=name),)))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (HOSTILE, "red a b c d 31m e f g h i"),
        ("plain – “text”, ≥ 5 µg", "plain – “text”, ≥ 5 µg"),
        ("\ud800", ""),
        (5, "5"),
    ],
)
def test_what_a_reader_cannot_see_is_taken_out(text: object, shown: str):
    assert printable(text) == shown


def test_an_order_that_no_policy_covers_has_a_line():
    found = evaluated(order("o2", "paint"), order("o3", code={"text": "a widget"}))
    assert explain_not_covered(found.not_covered) == (
        "paint: not covered - no policy decides on this code",
        "ServiceRequest/o3: not covered - no code with its system, or a code as text only",
    )
