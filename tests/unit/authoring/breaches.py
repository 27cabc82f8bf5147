"""Broken policies: each function breaks the sound one in one way, and names the rule that must tell it."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from cds_service.plan_definition.profile import CANONICAL_BASE, Extension
from tests.unit.authoring.sound import CPT, SNOMED, Files, gating, marked, source, value_set, widget
from tests.unit.plan_definition.plans import (
    BASE,
    criterion,
    determination_of,
    expression,
    parameter,
    prompt,
    says,
    state_text,
    suggest_when,
    unknown_because,
    variable,
)

__all__ = ["BREACHES", "active", "later"]

Change = Callable[[Files], object]

BREACHES: dict[str, tuple[str, Change]] = {}
"""What is done → the rule that it breaks, and how it is done."""


def breaks(rule: str) -> Callable[[Change], Change]:
    def keep(change: Change) -> Change:
        BREACHES[change.__name__.replace("_", " ")] = rule, change
        return change

    return keep


# -- files ----------------------------------------------------------------------------------------------------


@breaks("file-unreadable")
def a_file_that_is_no_json(files: Files) -> None:
    files.more["notes.json"] = b"{"


@breaks("file-unreadable")
def a_member_that_is_there_twice(files: Files) -> None:
    files.more["notes.json"] = b'{"resourceType": "Basic", "resourceType": "Basic"}'


@breaks("file-unreadable")
def a_file_that_holds_a_list(files: Files) -> None:
    files.more["notes.json"] = b"[]"


@breaks("artifact-unnamed")
def an_artifact_without_an_address(files: Files) -> None:
    files.more["patient.json"] = {"resourceType": "Patient", "id": "p"}


@breaks("canonical-twice")
def a_policy_that_is_there_twice(files: Files) -> None:
    files.more["again.json"] = widget()


@breaks("not-r4")
def an_element_that_fhir_does_not_have(files: Files) -> None:
    files.plan["necessity"] = True


@breaks("not-r4")
def a_status_missing_from_a_value_set(files: Files) -> None:
    del files.sets["left"]["status"]


@breaks("later-fhir-version")
def an_element_of_r4b(files: Files) -> None:
    files.plan["subjectCanonical"] = f"{BASE}/StructureDefinition/subject"


@breaks("later-fhir-version")
def an_element_of_r5_in_an_action(files: Files) -> None:
    files.criterion("broken")["linkId"] = "1"


@breaks("empty-text")
def a_description_that_says_nothing(files: Files) -> None:
    files.sets["left"]["description"] = ""


@breaks("value-set-not-expandable")
def a_value_set_that_is_a_whole_code_system(files: Files) -> None:
    del files.sets["structures"]["compose"]["include"][0]["concept"]


@breaks("value-set-not-expandable")
def a_value_set_by_exclusion(files: Files) -> None:
    files.sets["left"]["compose"]["exclude"] = [{"system": CPT, "concept": [{"code": "00002"}]}]


@breaks("value-set-not-expandable")
def an_expansion_that_is_not_whole(files: Files) -> None:
    (include,) = files.sets["findings"].pop("compose")["include"]
    contains = [{"system": include["system"], "code": "8716-3"}]
    files.sets["findings"]["expansion"] = {"timestamp": "2026-01-01", "total": 2, "contains": contains}


@breaks("unknown-value-set")
def two_versions_of_a_value_set_of_which_none_is_named(files: Files) -> None:
    files.more["later.json"] = deepcopy(files.sets["left"]) | {"version": "2.0.0"}


@breaks("no-page")
def a_folder_without_a_page(files: Files) -> None:
    del files.texts["policy.md"]


@breaks("no-cases")
def a_folder_without_cases(files: Files) -> None:
    del files.texts["cases.yaml"]


# -- extensions -----------------------------------------------------------------------------------------------


@breaks("unknown-extension")
def an_extension_with_a_slip_in_its_address(files: Files) -> None:
    files.plan["extension"].append(
        {"url": f"{CANONICAL_BASE}/StructureDefinition/review-stag", "valueCode": "submitted"}
    )


@breaks("extension-misplaced")
def a_review_stage_on_an_action(files: Files) -> None:
    files.criterion("broken")["extension"].append({"url": Extension.REVIEW_STAGE, "valueCode": "approved"})


@breaks("extension-malformed")
def a_parameter_with_an_unknown_part(files: Files) -> None:
    held = files.extension("", Extension.PARAMETER)["extension"]
    held.append({"url": "reason", "valueString": "judgement"})


@breaks("extension-malformed")
def a_name_of_the_order_that_is_a_code(files: Files) -> None:
    files.drop("", Extension.ORDER_NAME)
    files.plan["extension"].append({"url": Extension.ORDER_NAME, "valueCode": "widget"})


@breaks("extension-malformed")
def two_review_stages(files: Files) -> None:
    files.plan["extension"].append({"url": Extension.REVIEW_STAGE, "valueCode": "approved"})


@breaks("extension-malformed")
def a_prompt_without_its_text(files: Files) -> None:
    files.extension("worn", Extension.MISSING_PROMPT)["extension"] = [{"url": "item", "valueString": "worn"}]


@breaks("extension-malformed")
def a_part_that_is_there_twice(files: Files) -> None:
    held = files.extension("", Extension.PARAMETER)["extension"]
    held += [{"url": "basis", "valueString": "judgement"}] * 2


@breaks("extension-malformed")
def a_review_stage_that_does_not_exist(files: Files) -> None:
    files.extension("", Extension.REVIEW_STAGE)["valueCode"] = "reviewed"
    system = f"{CANONICAL_BASE}/CodeSystem/review-stage"
    stages = value_set("review-stage", system, {"code": "submitted"}) | {
        "url": f"{CANONICAL_BASE}/ValueSet/review-stage"
    }
    bound = {"strength": "required", "valueSet": stages["url"]}
    files.more["stages.json"] = stages
    files.more["definition.json"] = {
        "resourceType": "StructureDefinition",
        "url": f"{BASE}/StructureDefinition/stages",
        "version": "1.0.0",
        "name": "Stages",
        "status": "draft",
        "kind": "complex-type",
        "abstract": False,
        "type": "Extension",
        "differential": {"element": [{"id": "Extension.value[x]", "path": "Extension.value[x]", "binding": bound}]},
    }


# -- the frame ------------------------------------------------------------------------------------------------


@breaks("no-top-action")
def two_actions_at_the_top(files: Files) -> None:
    files.plan["action"].append({"title": "another"})


@breaks("no-ordered-codes")
def no_input_for_the_order(files: Files) -> None:
    files.policy["input"][0]["id"] = "orders"


@breaks("trigger-malformed")
def no_trigger(files: Files) -> None:
    del files.policy["trigger"]


@breaks("trigger-malformed")
def a_trigger_that_is_periodic(files: Files) -> None:
    files.policy["trigger"] = [{"type": "periodic"}]


@breaks("unknown-hook")
def a_hook_that_nobody_answers(files: Files) -> None:
    files.policy["trigger"].append({"type": "named-event", "name": "patient-view"})


@breaks("input-malformed")
def an_input_of_a_type_that_does_not_exist(files: Files) -> None:
    files.policy["input"].append({"id": "more", "type": "Observations"})


@breaks("input-malformed")
def a_code_filter_on_an_element_that_does_not_exist(files: Files) -> None:
    files.policy["input"][1]["codeFilter"][0]["path"] = "codes"


@breaks("input-not-supplied")
def an_input_that_no_client_can_search_for(files: Files) -> None:
    files.policy["input"].append({"id": "organizations", "type": "Organization"})
    files.refute("forbidden", f"{says('allowed', '8716-3')} or %organizations.exists()")


@breaks("parameter-malformed")
def a_duration_in_fortnights(files: Files) -> None:
    files.part("", Extension.PARAMETER, "value")["valueDuration"]["code"] = "fortnight"


@breaks("variable-malformed")
def a_variable_without_a_name(files: Files) -> None:
    files.plan["extension"].append({"url": Extension.VARIABLE, "valueExpression": expression("%findings")})


@breaks("element-missing")
def a_policy_without_a_title(files: Files) -> None:
    del files.plan["title"]


@breaks("element-missing")
def a_policy_without_a_status(files: Files) -> None:
    del files.plan["status"]


@breaks("element-missing")
def a_criterion_without_a_title(files: Files) -> None:
    del files.criterion("broken")["title"]


@breaks("element-malformed")
def an_approval_on_no_day(files: Files) -> None:
    files.plan["approvalDate"] = "soon"


@breaks("name-twice")
def two_criteria_of_one_name(files: Files) -> None:
    files.criterion("forbidden")["id"] = "broken"


@breaks("name-twice")
def a_variable_with_the_name_of_an_input(files: Files) -> None:
    files.plan["extension"].append(variable("findings", "%order"))


@breaks("name-twice")
def a_parameter_with_the_name_of_the_reference_date(files: Files) -> None:
    files.plan["extension"].append(parameter("asOf", "Integer", 1))


@breaks("nothing-decides")
def only_a_caution(files: Files) -> None:
    files.other["action"][0]["action"] = [criterion("note", "caution", documentation=[source()])]


@breaks("unsupported-feature")
def a_date_filter(files: Files) -> None:
    files.policy["input"][1]["dateFilter"] = [{"path": "effective", "valueDuration": {"value": 90, "code": "d"}}]


@breaks("unsupported-feature")
def an_expression_in_another_language(files: Files) -> None:
    files.criterion("worn")["condition"][0]["expression"]["language"] = "text/cql"


@breaks("unsupported-feature")
def two_conditions(files: Files) -> None:
    files.criterion("worn")["condition"] *= 2


@breaks("unknown-canonical")
def ordered_codes_that_are_not_there(files: Files) -> None:
    files.other["action"][0]["input"][0]["codeFilter"][0]["valueSet"] = f"{BASE}/ValueSet/gadget"
    files.sets.pop("gadgets")


@breaks("unknown-canonical")
def an_activity_that_is_not_there(files: Files) -> None:
    files.activity = None


@breaks("unknown-canonical")
def a_version_of_a_value_set_that_is_not_there(files: Files) -> None:
    files.policy["input"][0]["codeFilter"][0]["valueSet"] += "|2.0.0"


@breaks("policies-in-a-circle")
def policies_that_read_each_other(files: Files) -> None:
    files.add(
        criterion(
            "with-gadget",
            "required",
            None,
            None,
            prompt("State what the gadget lacks."),
            determination_of(codes="gadgets"),
            definitionCanonical=f"{BASE}/PlanDefinition/gadget",
            documentation=[source()],
        )
    )


# -- criteria -------------------------------------------------------------------------------------------------


@breaks("unknown-role")
def a_role_that_does_not_exist(files: Files) -> None:
    files.criterion("broken")["code"] = [{"coding": [{"code": "mandatory"}]}]


@breaks("unknown-role")
def no_role(files: Files) -> None:
    del files.criterion("broken")["code"]


@breaks("role-out-of-place")
def an_exclusion_among_alternatives(files: Files) -> None:
    files.criterion("hot")["code"] = [{"coding": [{"code": "exclusion"}]}]


@breaks("role-out-of-place")
def a_caution_among_alternatives(files: Files) -> None:
    files.criterion("hot")["code"] = [{"coding": [{"code": "caution"}]}]


@breaks("criterion-shape")
def a_criterion_that_decides_by_nothing(files: Files) -> None:
    files.add(criterion("empty", "required", documentation=[source()]))


@breaks("criterion-shape")
def a_group_with_an_expression_of_its_own(files: Files) -> None:
    files.support("reasons", "%findings.exists()")


@breaks("criterion-shape")
def a_group_of_none(files: Files) -> None:
    files.criterion("reasons")["action"] = []


@breaks("criterion-shape")
def a_refutation_alone(files: Files) -> None:
    del files.criterion("forbidden")["condition"]


@breaks("group-malformed")
def a_group_that_does_not_say_how(files: Files) -> None:
    del files.criterion("reasons")["selectionBehavior"]


@breaks("group-malformed")
def three_of_two(files: Files) -> None:
    files.criterion("reasons")["extension"] = [{"url": Extension.AT_LEAST, "valueInteger": 3}]


@breaks("group-of-one")
def a_group_of_one(files: Files) -> None:
    del files.criterion("reasons")["action"][1]


@breaks("unknown-reason")
def a_reason_that_does_not_exist(files: Files) -> None:
    files.part("broken", Extension.UNKNOWN_BECAUSE, "reason")["valueCode"] = "old"


@breaks("determination-malformed")
def a_node_that_the_other_policy_does_not_have(files: Files) -> None:
    held = files.other["action"][0]["action"][0]["extension"]
    next(one for one in held[1]["extension"] if one["url"] == "node")["valueId"] = "brokn"


@breaks("determination-never-made")
def a_determination_of_codes_that_the_other_policy_does_not_decide_on(files: Files) -> None:
    held = files.other["action"][0]["action"][0]["extension"]
    next(one for one in held[1]["extension"] if one["url"] == "codes")["valueCanonical"] = f"{BASE}/ValueSet/gadgets"


@breaks("state-text-malformed")
def a_text_for_no_state(files: Files) -> None:
    files.part("broken", Extension.STATE_TEXT, "state")["valueCode"] = "no"


@breaks("suggestion-malformed")
def a_suggestion_that_neither_creates_nor_removes(files: Files) -> None:
    files.criterion("inspect")["type"] = {"coding": [{"code": "update"}]}


@breaks("unreachable-action")
def a_suggestion_for_a_criterion_that_does_not_exist(files: Files) -> None:
    files.part("inspect", Extension.SUGGEST_WHEN, "criterion")["valueId"] = "brokn"


@breaks("unreachable-action")
def a_suggestion_for_nothing(files: Files) -> None:
    files.criterion("inspect")["extension"] = [suggest_when(state=("Code", "true"))]


@breaks("unreachable-action")
def a_suggestion_for_a_state_that_never_is(files: Files) -> None:
    files.criterion("inspect")["extension"] = [suggest_when(criterion=("Id", "note"), state=("Code", "false"))]


@breaks("unreachable-action")
def a_suggestion_for_an_outcome_that_does_not_exist(files: Files) -> None:
    files.criterion("inspect")["extension"] = [suggest_when(outcome=("Code", "perhaps"))]


@breaks("unreachable-action")
def a_criterion_inside_of_a_suggestion(files: Files) -> None:
    inside = gating("inside", "required", "%findings.exists()", says("none", "8716-3"))
    files.criterion("inspect")["action"] = [inside]


@breaks("unreachable-text")
def a_text_for_what_never_is(files: Files) -> None:
    files.criterion("note")["extension"] = [state_text("false", "it does not break again")]


@breaks("unreachable-text")
def a_reason_for_what_always_holds(files: Files) -> None:
    files.criterion("note")["extension"] = [unknown_because("stale", "%findings.exists()")]


@breaks("unreachable-text")
def a_reason_that_is_asked_twice(files: Files) -> None:
    again = unknown_because("stale", "%findings.where(clinicalDate() < %asOf - %maxAge).exists()")
    files.criterion("broken")["extension"].append(again)


@breaks("no-citation")
def a_criterion_without_a_source(files: Files) -> None:
    del files.criterion("forbidden")["documentation"]


@breaks("no-citation")
def a_group_and_its_parts_without_a_source(files: Files) -> None:
    del files.criterion("reasons")["documentation"]


@breaks("no-refutation")
def a_criterion_that_cannot_be_refuted(files: Files) -> None:
    files.drop("forbidden", Extension.REFUTATION)


@breaks("no-prompt")
def a_criterion_that_does_not_say_what_to_ask_for(files: Files) -> None:
    files.drop("forbidden", Extension.MISSING_PROMPT)


@breaks("no-prompt")
def a_determination_that_does_not_say_what_to_ask_for(files: Files) -> None:
    held = files.other["action"][0]["action"][0]
    held["extension"] = held["extension"][1:]


# -- expressions ----------------------------------------------------------------------------------------------


@breaks("expression-missing")
def a_condition_without_an_expression(files: Files) -> None:
    files.criterion("worn")["condition"] = [{"kind": "applicability"}]


@breaks("expression-syntax")
def a_parenthesis_that_is_not_closed(files: Files) -> None:
    files.support("worn", "%findings.where(value.exists()")


@breaks("expression-too-large")
def an_expression_of_endless_length(files: Files) -> None:
    files.support("worn", " or ".join(["%findings.exists()"] * 2000))


@breaks("unknown-variable")
def a_name_that_nothing_has(files: Files) -> None:
    files.support("worn", "%finding.exists()")


@breaks("unknown-variable")
def a_parameter_that_no_hook_supplies(files: Files) -> None:
    files.support("worn", "%findings.where(subject = %encounterId).exists()")


@breaks("unknown-function")
def a_function_that_does_not_exist(files: Files) -> None:
    files.support("worn", "%findings.newest().exists()")


@breaks("unknown-element")
def an_element_that_its_type_does_not_have(files: Files) -> None:
    files.support("worn", "%findings.bodysite.exists()")


@breaks("unknown-value-set")
def a_member_of_an_unknown_set(files: Files) -> None:
    files.support("worn", f"%findings.where(code.memberOf('{BASE}/ValueSet/nothing')).exists()")


@breaks("expression")
def a_code_on_a_number(files: Files) -> None:
    files.support("worn", "%findings.count().latest().exists()")


@breaks("not-boolean")
def a_criterion_that_gives_resources(files: Files) -> None:
    files.support("worn", "%findings")


@breaks("not-boolean")
def a_refutation_that_gives_a_text(files: Files) -> None:
    files.refute("worn", "%states.first()")


@breaks("reads-the-clock")
def a_window_from_today(files: Files) -> None:
    files.support("worn", "%findings.where(clinicalDate() >= today() - 90 days).exists()")


@breaks("reads-the-clock")
def a_variable_of_the_hour(files: Files) -> None:
    files.plan["extension"].append(variable("recent", "%findings.where(issued <= now())"))
    files.support("worn", "%recent.exists()")


@breaks("true-on-empty-chart")
def silence_that_refutes(files: Files) -> None:
    files.refute("forbidden", f"iif({says('forbidden', '8716-3')}.not(), %order).exists()")


@breaks("true-on-empty-chart")
def silence_that_supports(files: Files) -> None:
    files.support("worn", "%findings.all(status = 'final')")


@breaks("true-on-empty-chart")
def silence_behind_a_variable(files: Files) -> None:
    files.plan["extension"].append(variable("nothing", "iif(%findings.empty(), %order)"))
    files.refute("worn", "%nothing.exists()")


@breaks("fails-on-empty-chart")
def an_expression_that_needs_one_item(files: Files) -> None:
    files.support("worn", "%findings.exists() or ('a' | 'b').single() = 'a'")


@breaks("never-true")
def a_type_that_is_none_of_these(files: Files) -> None:
    files.support("worn", "%findings.ofType(Condition).exists()")


@breaks("never-true")
def an_operator_to_a_type_that_is_none_of_these(files: Files) -> None:
    files.support("worn", "(%findings.value as Condition).exists()")


@breaks("never-true")
def an_ordered_code_that_the_policy_does_not_decide_on(files: Files) -> None:
    files.support("fits", f"%orderedCode.where(memberOf('{BASE}/ValueSet/gadgets')).exists()")


@breaks("same-expression")
def a_refutation_that_says_the_same(files: Files) -> None:
    files.refute("worn", says("worn", "8716-3"))


@breaks("no-evidence")
def a_boolean_without_evidence(files: Files) -> None:
    files.support("worn", "%states.first() = 'worn'")


@breaks("evidence-without-element")
def evidence_that_is_a_number(files: Files) -> None:
    files.support("worn", "%findings.select(clinicalDate()).exists()")


# -- codes ----------------------------------------------------------------------------------------------------


@breaks("wrong-check-digit")
def a_snomed_code_with_a_slip(files: Files) -> None:
    files.concept("structures")["code"] = "22356006"


@breaks("wrong-check-digit")
def a_loinc_code_with_a_slip(files: Files) -> None:
    files.concept("findings", 1)["code"] = "24968-1"


@breaks("wrong-check-digit")
def a_code_with_a_slip_in_a_filter(files: Files) -> None:
    files.policy["input"][1]["codeFilter"][1] = {"path": "bodySite", "code": [{"system": SNOMED, "code": "22356006"}]}
    del files.sets["structures"]


@breaks("wrong-check-digit")
def a_code_with_a_slip_in_a_map(files: Files) -> None:
    target = [{"code": "22356006", "equivalence": "equivalent"}]
    made = {"resourceType": "ConceptMap", "url": f"{BASE}/ConceptMap/m", "version": "1.0.0", "status": "draft"}
    element = [{"code": "ilium", "target": target}]
    files.more["map.json"] = made | {"group": [{"source": f"{BASE}/own", "target": SNOMED, "element": element}]}


def active(files: Files) -> None:
    """Approve the gadget's policy, with all that an approval takes."""
    files.other |= {
        "status": "active",
        "experimental": False,
        "approvalDate": "2026-01-01",
        "lastReviewDate": "2026-01-01",
        "effectivePeriod": {"start": "2026-01-01"},
        "reviewer": [{"name": "A physician"}],
        "extension": [{"url": Extension.REVIEW_STAGE, "valueCode": "approved"}],
    }


@breaks("unverified-code")
def an_unverified_code_in_an_active_policy(files: Files) -> None:
    active(files)
    files.concept("gadgets")["extension"][0]["valueCode"] = "unverified"


@breaks("unmarked-code")
def a_code_without_a_mark_in_an_active_policy(files: Files) -> None:
    active(files)
    del files.concept("gadgets")["extension"]


@breaks("code-twice")
def a_code_that_is_listed_twice(files: Files) -> None:
    files.sets["structures"]["compose"]["include"][0]["concept"].append(marked("22356005"))


@breaks("copied-description")
def a_cpt_code_with_a_display(files: Files) -> None:
    files.concept("gadgets")["display"] = "gadget"


@breaks("copied-description")
def words_like_the_amas(files: Files) -> None:
    words = "gadget (List separately in addition to code for primary procedure)"
    files.concept("gadgets")["designation"][0]["value"] = words


@breaks("no-paraphrase")
def a_cpt_code_without_words(files: Files) -> None:
    del files.concept("gadgets")["designation"]


# -- texts ----------------------------------------------------------------------------------------------------


@breaks("text-too-long")
def a_title_that_no_summary_holds(files: Files) -> None:
    files.criterion("broken")["title"] = "broken " * 20


@breaks("text-too-long")
def a_reason_that_no_summary_holds(files: Files) -> None:
    files.part("broken", Extension.STATE_TEXT, "text")["valueString"] = "intact " * 20


@breaks("text-too-long")
def a_prompt_that_is_cut(files: Files) -> None:
    files.part("broken", Extension.MISSING_PROMPT, "text")["valueString"] = "State " * 120


@breaks("says-denied")
def a_text_that_denies(files: Files) -> None:
    files.part("broken", Extension.STATE_TEXT, "text")["valueString"] = "the widget is intact; denied"


@breaks("proprietary-wording")
def words_of_a_licensed_guideline(files: Files) -> None:
    words = "Replacement is indicated for 1 or more of the following."
    files.criterion("broken")["textEquivalent"] = words


@breaks("proprietary-wording")
def words_of_a_licensed_guideline_on_the_page(files: Files) -> None:
    files.texts["policy.md"] += "\nAs InterQual has it.\n"


@breaks("figure-without-population")
def a_figure_without_a_population(files: Files) -> None:
    files.criterion("note")["textEquivalent"] = "10 % of widgets break again."
    files.criterion("note")["documentation"][0]["extension"] = source()["extension"][:1]


@breaks("citation-unidentified")
def a_source_that_may_be_another(files: Files) -> None:
    files.plan["relatedArtifact"][0]["extension"] = source()["extension"][1:]


# -- what nothing reads ---------------------------------------------------------------------------------------


@breaks("unused-input")
def an_input_that_nothing_reads(files: Files) -> None:
    files.policy["input"].append({"id": "conditions", "type": "Condition"})


@breaks("unused-parameter")
def a_parameter_that_nothing_reads(files: Files) -> None:
    files.plan["extension"].append(parameter("count", "Integer", 1))


@breaks("unused-variable")
def a_variable_that_nothing_reads(files: Files) -> None:
    files.plan["extension"].append(variable("dates", "%findings.effective"))


@breaks("unused-value-set")
def a_value_set_that_nothing_reads(files: Files) -> None:
    files.sets["more"] = value_set("more", SNOMED, marked("22356005"))


# -- life cycle -----------------------------------------------------------------------------------------------


@breaks("approval-incomplete")
def an_active_policy_that_nobody_reviewed(files: Files) -> None:
    active(files)
    del files.other["reviewer"]


@breaks("approval-incomplete")
def an_active_policy_that_is_an_experiment(files: Files) -> None:
    active(files)
    files.other["experimental"] = True


@breaks("parameter-not-signed-off")
def a_parameter_that_nobody_signed_off(files: Files) -> None:
    active(files)
    files.other["extension"].append(parameter("least", "Integer", 1))
    asks = "%order.where(priority.exists()).exists() and %least > 0"
    files.other["action"][0]["action"].append(
        criterion("urgent", "required", asks, "%order.where(note.exists()).exists()", documentation=[source()])
    )


def later(files: Files, **more: Any) -> None:
    """Add a second version of the gadget's policy."""
    files.more["later.json"] = deepcopy(files.other) | {"version": "2.0.0"} | more


@breaks("periods-overlap")
def two_versions_without_an_end(files: Files) -> None:
    later(files)


@breaks("periods-overlap")
def two_versions_on_one_day(files: Files) -> None:
    files.other["effectivePeriod"] = {"start": "2026-01-01", "end": "2026-06-30"}
    later(files, effectivePeriod={"start": "2026-06-30"})


@breaks("element-malformed")
def a_period_that_ends_before_it_begins(files: Files) -> None:
    files.other["effectivePeriod"] = {"start": "2026-06-30", "end": "2026-01-01"}


# -- accepted findings ----------------------------------------------------------------------------------------


@breaks("acceptance-malformed")
def acceptances_that_are_no_list(files: Files) -> None:
    files.texts["lint.yaml"] = "rule: no-citation\n"


@breaks("acceptance-malformed")
def acceptances_that_are_no_yaml(files: Files) -> None:
    files.texts["lint.yaml"] = "- {rule: no-citation"


@breaks("acceptance-malformed")
def an_acceptance_that_is_a_word(files: Files) -> None:
    files.texts["lint.yaml"] = "- no-citation\n"


@breaks("acceptance-malformed")
def an_acceptance_with_an_unknown_member(files: Files) -> None:
    files.texts["lint.yaml"] = "- {rule: no-citation, criterion: broken, reason: none}\n"


@breaks("acceptance-malformed")
def an_acceptance_of_several_policies(files: Files) -> None:
    files.texts["lint.yaml"] = "- {rule: no-citation, policy: [widget, gadget], reason: none}\n"


@breaks("acceptance-malformed")
def an_acceptance_of_a_criterion_that_is_no_list(files: Files) -> None:
    files.texts["lint.yaml"] = "- {rule: no-citation, criteria: broken, reason: none}\n"


@breaks("acceptance-malformed")
def an_acceptance_without_a_reason(files: Files) -> None:
    files.texts["lint.yaml"] = "- rule: no-citation\n"


@breaks("acceptance-malformed")
def an_acceptance_of_a_rule_that_does_not_exist(files: Files) -> None:
    files.texts["lint.yaml"] = "- {rule: no-citations, reason: none}\n"


@breaks("acceptance-malformed")
def an_acceptance_of_an_acceptance(files: Files) -> None:
    files.texts["lint.yaml"] = "- {rule: stale-acceptance, reason: none}\n"


@breaks("stale-acceptance")
def an_acceptance_of_what_is_not_found(files: Files) -> None:
    files.texts["lint.yaml"] = "- {rule: no-citation, policy: widget, criteria: [broken], reason: none}\n"
