"""Lint: nothing in a sound policy, and in each broken one exactly what was broken."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import pytest

from cds_service.authoring.lint import RULES, Finding, as_json, as_text, breaches, lint
from cds_service.fhir.temporal import Date
from cds_service.necessity.lifecycle import refusal
from cds_service.plan_definition.artifacts import read_artifacts
from cds_service.plan_definition.compile import compile_plan
from cds_service.plan_definition.profile import CANONICAL_BASE, Extension
from tests.unit.authoring.breaches import BREACHES, active, later
from tests.unit.authoring.sound import GROUP, Files, marked, sound
from tests.unit.plan_definition.plans import BASE, criterion, says, variable

DAY = Date((2026, 1, 15))
AGAINST_A_RELEASE = {"version-not-raised"}


def test_nothing_is_found_in_a_sound_policy() -> None:
    assert lint(sound()) == ()


@pytest.mark.parametrize("breach", BREACHES)
def test_a_breach_is_told_by_its_rule_alone(breach: str) -> None:
    rule, change = BREACHES[breach]
    findings = lint(sound(change))
    assert {one.rule for one in findings} == {rule}


def test_every_rule_is_broken_once() -> None:
    assert {rule for rule, _ in BREACHES.values()} == RULES.keys() - AGAINST_A_RELEASE


def test_the_corpus_is_large() -> None:
    assert len(BREACHES) >= 60


# -- what a finding says ------------------------------------------------------------------------------------------


def found(change: Callable[[Files], object]) -> Finding:
    """Return the only finding after a change."""
    (finding,) = lint(sound(change))
    return finding


def test_a_finding_names_file_policy_criterion_element_and_what_to_do() -> None:
    finding = found(lambda files: files.drop("worn", Extension.REFUTATION))
    assert (finding.group, finding.place) == (GROUP, f"{GROUP}/widget.json")
    assert finding.canonical == f"{BASE}/PlanDefinition/widget|1.0.0"
    assert (finding.action, finding.severity) == ("worn", "error")
    assert finding.element == "PlanDefinition.action[0].action[2] (reasons).action[0] (worn)"
    assert finding.about.remedy == "add a refutation, or accept the finding with the reason"


@pytest.mark.parametrize(
    ("source", "at", "words"),
    [
        ("%findings.where(value.exists()", "", "is missing before `the end`"),
        ("%findings.bodysite.exists()", "bodysite", "did you mean `bodySite`?"),
        ("%finding.exists()", "%finding", "did you mean `findings`?"),
        ("%findings.where(true).newest().exists()", "newest", "there is no function `newest()`"),
        ("%findings.where(clinicalDate() < today()).exists()", "today", "`today()` reads the clock"),
        ("%findings.where(true).ofType(Condition).exists()", "ofType", "Observation is no Condition"),
    ],
)
def test_a_finding_in_an_expression_has_its_position(source: str, at: str, words: str) -> None:
    finding = found(lambda files: files.support("worn", source))
    assert finding.source == source
    assert finding.position == (source.index(at) if at else len(source))
    assert words in finding.problem


def test_all_faults_of_all_policies_are_told_in_one_run() -> None:
    def change(files: Files) -> None:
        files.more["notes.json"] = b"{"
        files.support("worn", "%finding.exists()")
        files.support("hot", "%findings.newest().exists()")
        files.criterion("broken")["code"] = []
        files.drop("forbidden", Extension.REFUTATION)
        files.other["action"][0]["trigger"] = []
        files.concept("gadgets")["display"] = "gadget"

    assert [(one.rule, one.action) for one in lint(sound(change))] == [
        ("trigger-malformed", None),
        ("file-unreadable", None),
        ("copied-description", None),
        ("unknown-role", "broken"),
        ("unknown-variable", "worn"),
        ("unknown-function", "hot"),
        ("no-refutation", "forbidden"),
    ]


def test_findings_stand_in_the_order_of_the_plan() -> None:
    def change(files: Files) -> None:
        for i in range(12):
            files.add(criterion(f"more{i}", "caution"))

    assert [one.action for one in lint(sound(change))] == [f"more{i}" for i in range(12)]


# -- rules that are easily wrong ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda files: files.support("worn", "%findings.where(value.exists() and status = 'final').exists()"),
        lambda files: files.support("worn", f"{says('worn', '8716-3')} and %findings.exists()"),
        lambda files: files.support("worn", "%findings.where(value.exists()).count() >= 2"),
        lambda files: files.support("worn", "%findings.value.ofType(string).where($this = 'worn').exists()"),
        lambda files: files.support("worn", "%findings.subject.where(resolve() is Patient).exists()"),
        lambda files: files.support("worn", "%resource.entry.resource.ofType(Condition).code.exists()"),
        lambda files: files.support("worn", "%draftOrders.ofType(ServiceRequest).where(id = 'x').exists()"),
        lambda files: files.support("worn", "%findings.where(issued >= issued).exists()"),
        lambda files: files.support("worn", "%findings.value.ofType(string).where(iif(true, 'a') = $this).exists()"),
        lambda files: files.support("worn", "defineVariable('x', %findings).select(%x.ofType(Observation)).exists()"),
        lambda files: files.support(
            "worn", "%findings.hasMember.where(resolve().ofType(Observation).exists()).exists()"
        ),
        lambda files: files.support("worn", "%findings.where(issued.toDate() >= %asOf - 3 days).exists()"),
        lambda files: files.criterion("note").update(textEquivalent="One in ten (10 %) breaks again."),
    ],
)
def test_what_is_right_is_not_told(change: Callable[[Files], object]) -> None:
    assert lint(sound(change)) == ()


def test_what_reads_the_order_set_alone_may_hold_there() -> None:
    """The order set is closed: what is not in it is not ordered."""

    def change(files: Files) -> None:
        files.plan["extension"].append(variable("left", "%orderedCode.where(code = '00001')"))
        files.refute("forbidden", "iif(%left.empty(), %order).exists()")
        files.support("forbidden", "%left.exists()")

    assert lint(sound(change)) == ()


def test_what_follows_a_reference_into_the_chart_reads_the_chart() -> None:
    findings = lint(
        sound(lambda files: files.refute("forbidden", "%order.where(reasonReference.resolve().empty()).exists()"))
    )
    assert [one.rule for one in findings] == ["true-on-empty-chart"]


def test_a_version_of_a_value_set_may_be_named() -> None:
    def change(files: Files) -> None:
        files.more["later.json"] = deepcopy(files.sets["left"]) | {"version": "2.0.0"}
        left = f"%orderedCode.where(memberOf('{BASE}/ValueSet/left|1.0.0'))"
        files.support("fits", f"{left}.exists()")
        files.refute("fits", f"iif({left}.empty(), %order).exists()")

    assert lint(sound(change)) == ()


@pytest.mark.parametrize("system", [f"{CANONICAL_BASE}/CodeSystem/finding", "https://example.org/whole"])
def test_codes_of_our_own_systems_need_no_mark(system: str) -> None:
    """What a code of ours means is what its code system says."""

    def change(files: Files) -> None:
        active(files)
        files.more["whole.json"] = {
            "resourceType": "CodeSystem",
            "url": "https://example.org/whole",
            "version": "1.0.0",
            "status": "draft",
            "content": "complete",
            "concept": [{"code": "gadget"}],
        }
        files.sets["gadgets"]["compose"]["include"].append({"system": system, "concept": [{"code": "gadget"}]})

    assert lint(sound(change)) == ()


def test_an_active_policy_at_fault_is_told_once() -> None:
    def change(files: Files) -> None:
        active(files)
        del files.sets["gadgets"]

    assert {one.rule for one in lint(sound(change))} == {"unknown-canonical"}


def test_a_draft_may_read_what_nobody_verified() -> None:
    assert lint(sound(lambda files: files.concept("gadgets")["extension"][0].update(valueCode="unverified"))) == ()


def test_an_approved_policy_is_sound() -> None:
    assert lint(sound(active)) == ()


def refused_in_production(change: Callable[[Files], object]) -> bool:
    held = read_artifacts(sound(change).artifacts)
    return refusal(compile_plan(held.find("PlanDefinition", f"{BASE}/PlanDefinition/gadget"), held), DAY) is not None


def test_lint_and_production_ask_the_same_of_an_active_policy() -> None:
    assert not refused_in_production(active)
    for breach, (rule, change) in BREACHES.items():
        if rule in ("approval-incomplete", "unverified-code"):
            assert refused_in_production(change), breach


@pytest.mark.parametrize("member", ["approvalDate", "lastReviewDate", "effectivePeriod", "reviewer", "extension"])
def test_each_part_of_an_approval_is_asked_for_by_both(member: str) -> None:
    def change(files: Files) -> None:
        active(files)
        del files.other[member]

    assert [one.rule for one in lint(sound(change))] == ["approval-incomplete"]
    assert refused_in_production(change)


def test_versions_that_follow_each_other_are_sound() -> None:
    def change(files: Files) -> None:
        files.other["effectivePeriod"] = {"start": "2026-01-01", "end": "2026-06-30"}
        later(files, effectivePeriod={"start": "2026-07-01"})

    assert lint(sound(change)) == ()


# -- against a release --------------------------------------------------------------------------------------------


def test_the_same_content_in_the_same_version_is_sound() -> None:
    assert lint(sound(), against=sound()) == ()


def test_other_content_needs_another_version() -> None:
    def change(files: Files) -> None:
        files.criterion("broken")["textEquivalent"] = "The widget is broken."

    (finding,) = lint(sound(change), against=sound())
    assert (finding.rule, finding.place) == ("version-not-raised", f"{GROUP}/widget.json")


def test_another_version_may_have_other_content() -> None:
    def change(files: Files) -> None:
        files.criterion("broken")["textEquivalent"] = "The widget is broken."
        files.plan["version"] = "1.1.0"

    assert lint(sound(change), against=sound()) == ()


def test_another_value_set_makes_another_policy() -> None:
    def change(files: Files) -> None:
        files.sets["structures"]["version"] = "1.1.0"
        files.sets["structures"]["compose"]["include"][0]["concept"].append(marked("61032001"))

    (finding,) = lint(sound(change), against=sound())
    assert (finding.rule, finding.place) == ("version-not-raised", f"{GROUP}/widget.json")
    assert finding.problem == "`1.0.0` was released with other value sets"


# -- accepted findings --------------------------------------------------------------------------------------------


def accepting(entry: str, change: Callable[[Files], object]) -> tuple[Finding, ...]:
    def both(files: Files) -> None:
        change(files)
        files.texts["lint.yaml"] = f"- {{{entry}, reason: known}}\n"

    return lint(sound(both))


def never_refuted(files: Files) -> None:
    files.drop("worn", Extension.REFUTATION)


@pytest.mark.parametrize(
    "entry",
    [
        "rule: no-refutation",
        "rule: no-refutation, policy: widget",
        "rule: no-refutation, criteria: [worn]",
        "rule: no-refutation, policy: widget, criteria: [worn]",
    ],
)
def test_an_accepted_finding_keeps_its_reason_and_is_no_breach(entry: str) -> None:
    (finding,) = findings = accepting(entry, never_refuted)
    assert finding.accepted == "known"
    assert not breaches(findings, strict=True)


@pytest.mark.parametrize(
    "entry",
    [
        "rule: no-prompt",
        "rule: no-refutation, policy: gadget",
        "rule: no-refutation, criteria: [hot]",
    ],
)
def test_an_acceptance_of_something_else_is_stale(entry: str) -> None:
    findings = accepting(entry, never_refuted)
    assert {one.rule for one in findings if one.accepted is None} == {"no-refutation", "stale-acceptance"}


def test_each_criterion_that_an_acceptance_names_must_be_found() -> None:
    findings = accepting("rule: no-refutation, criteria: [worn, hot]", never_refuted)
    assert {one.rule: one.problem for one in findings if one.accepted is None} == {
        "stale-acceptance": "nothing is found for `no-refutation` `hot`"
    }


def test_an_error_is_a_breach_and_a_warning_only_where_it_is_strict() -> None:
    warned = lint(sound(lambda files: files.plan["extension"].append(variable("dates", "%findings.effective"))))
    assert not breaches(warned)
    assert breaches(warned, strict=True)
    assert breaches(lint(sound(never_refuted)))


# -- reports ------------------------------------------------------------------------------------------------------


def test_the_text_says_what_where_and_what_to_do() -> None:
    lines = list(as_text(lint(sound(lambda files: files.support("worn", "%finding.exists()")))))
    assert lines == [
        f"{GROUP}/widget.json",
        "  error: unknown-variable, worn",
        "    there is no variable `%finding`; did you mean `findings`?",
        "    at character 0: ⟨here⟩%finding.exists()",
        "    at PlanDefinition.action[0].action[2] (reasons).action[0] (worn).condition[0]",
        "    → correct the name, or define it",
        "",
        "1 error and 0 warnings",
    ]


def test_a_long_expression_is_shown_around_the_position() -> None:
    text = f"{says('worn', '8716-3')} or %finding.exists() or {says('torn', '8716-3')}"
    lines = list(as_text(lint(sound(lambda files: files.support("worn", text)))))
    (shown,) = [line for line in lines if "character" in line]
    assert shown.endswith("…")
    assert ": …" in shown
    assert len(shown) < 120


def test_the_text_counts_what_is_accepted() -> None:
    assert list(as_text(accepting("rule: no-refutation", never_refuted))) == ["nothing found; 1 accepted"]


def test_the_json_has_every_member() -> None:
    report = as_json(lint(sound(lambda files: files.support("worn", "%finding.exists()"))))
    assert report["summary"] == {"errors": 1, "warnings": 0, "accepted": 0}
    (finding,) = report["findings"]
    assert finding == {
        "id": "unknown-variable",
        "severity": "error",
        "file": f"{GROUP}/widget.json",
        "canonical": f"{BASE}/PlanDefinition/widget|1.0.0",
        "element": "PlanDefinition.action[0].action[2] (reasons).action[0] (worn).condition[0]",
        "action": "worn",
        "expression": "%finding.exists()",
        "position": 0,
        "problem": "there is no variable `%finding`; did you mean `findings`?",
        "remedy": "correct the name, or define it",
        "accepted": None,
    }
