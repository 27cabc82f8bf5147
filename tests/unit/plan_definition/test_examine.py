"""All faults of all policies are found in one run; what is at fault does not make what reads it at fault, too."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest

from cds_service.errors import ContentError, ExpressionError
from cds_service.plan_definition.artifacts import Artifacts, examine_artifacts
from cds_service.plan_definition.compile import compile_plan, examine_plan
from cds_service.plan_definition.model import PlanDefinition
from tests.unit.plan_definition.plans import (
    BROKEN,
    URL,
    VALUE_SETS,
    Json,
    artifacts,
    criterion,
    group,
    parameter,
    plan,
    says,
    state_text,
    unknown_because,
    value_set,
    variable,
)


def examined(made: Json, held: Artifacts | None = None) -> tuple[PlanDefinition | None, tuple[ContentError, ...]]:
    held = held or artifacts(made)
    return examine_plan(held.find("PlanDefinition", URL), held)


def rules(made: Json) -> list[str]:
    return [fault.rule for fault in examined(made)[1]]


def test_a_sound_policy_is_whole() -> None:
    made, faults = examined(plan())
    assert faults == ()
    assert made is not None
    assert made.hash
    assert made.value_sets == {f"{VALUE_SETS[0]['url']}"}


def test_every_fault_is_told_with_its_place() -> None:
    made, faults = examined(
        plan(
            criterion("a", "requird", says("broken"), says("intact")),
            criterion("b", "required", "%findings.whre()", "%nothing.exists()"),
            group("c", 5, criterion("d", "alternative", "%findings.code", None), BROKEN),
            status=None,
            approvalDate="soon",
        )
    )
    assert made is not None
    assert made.hash == ""
    assert [(fault.rule, (fault.element or "").rpartition("action[0]")[2]) for fault in faults] == [
        ("unknown-role", " (a)"),
        ("expression", ".action[1] (b).condition[0]"),
        ("expression", ".action[1] (b).refutation"),
        ("not-boolean", " (d).condition[0]"),
        ("group-malformed", ".action[2] (c)"),
        ("element-missing", "PlanDefinition"),
        ("element-malformed", "PlanDefinition"),
    ]
    assert {fault.canonical for fault in faults} == {f"{URL}|1.0.0"}


def test_loading_fails_on_the_first_of_them() -> None:
    made = plan(criterion("b", "required", "%findings.whre()", "%nothing.exists()"))
    held = artifacts(made)
    with pytest.raises(ExpressionError, match="whre"):
        compile_plan(held.find("PlanDefinition", URL), held)


def test_what_reads_a_variable_at_fault_is_not_at_fault() -> None:
    readers = (
        criterion("a", "required", "%state.where(code.coding.exists()).latest().exists()", "%later.exists()"),
        criterion("b", "required", says("broken"), None, state_text("true", "x")),
    )
    extensions = [variable("state", "%findings.whre()"), variable("later", "%state.code.coding.display")]
    assert rules(plan(*readers, extension=extensions)) == ["expression"]


def test_what_reads_an_input_or_a_parameter_at_fault_is_not_at_fault() -> None:
    made = plan(
        criterion("a", "required", "%others.where(issued.toDate() > %asOf - %age).exists()"),
        extension=[parameter("age", "Duration", {"value": 3, "code": "fortnights"})],
    )
    made["action"][0]["input"].append({"id": "others", "type": "Observations"})
    assert rules(made) == ["input-malformed", "parameter-malformed"]


def test_a_criterion_at_fault_makes_no_fault_of_its_shape() -> None:
    assert rules(plan(criterion("a", "required", "%findings.whre()", None))) == ["expression"]


def test_a_reason_at_fault_leaves_the_others() -> None:
    because = (unknown_because("never", "%findings.exists()"), unknown_because("stale", "%findings.exists()"))
    made, faults = examined(plan(criterion("a", "required", says("broken"), None, *because)))
    assert [fault.rule for fault in faults] == ["unknown-reason"]
    assert made is not None
    assert [reason for reason, _ in made.criteria[0].unknown_because] == ["stale"]


@pytest.mark.parametrize("change", [{"action": []}, {"action": [{"input": []}]}])
def test_without_a_frame_there_is_no_policy(change: Json) -> None:
    made, faults = examined(plan(**change))
    assert made is None
    assert len(faults) == 1


# -- artifacts ------------------------------------------------------------------------------------------------


def files(*resources: Any) -> list[tuple[str, str, bytes]]:
    bodies = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in resources]
    return [("folder", f"{i}.json", body) for i, body in enumerate(bodies)]


def test_each_file_is_at_fault_by_itself() -> None:
    held, faults = examine_artifacts(files(b"{", [], {"resourceType": "ValueSet"}, plan(), plan(), *VALUE_SETS))
    assert [(place, fault.rule) for place, fault in faults] == [
        ("0.json", "file-unreadable"),
        ("1.json", "file-unreadable"),
        ("2.json", "artifact-unnamed"),
        ("4.json", "canonical-twice"),
    ]
    assert examined(plan(), held)[1] == ()


def test_what_reads_a_value_set_that_cannot_be_expanded_is_not_at_fault() -> None:
    whole: Json = deepcopy(value_set("widgets"))
    whole["compose"] = {"include": [{"system": "https://example.org/all"}]}
    held, faults = examine_artifacts(files(whole, plan()))
    assert [fault.rule for _, fault in faults] == ["value-set-not-expandable"]
    assert examined(plan(), held)[1] == ()
