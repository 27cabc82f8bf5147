"""Small policies for tests, as PlanDefinitions. Nothing in them is medicine.

A widget (codes A, B) may be replaced when it is broken; a gadget (code C) goes with a widget at the same site.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

from cds_service.plan_definition.artifacts import Artifact, Artifacts
from cds_service.plan_definition.model import PlanDefinition
from cds_service.plan_definition.policies import Policies, compile_policies
from cds_service.plan_definition.profile import Extension

BASE = "https://example.org/fhir"
CODES = "https://example.org/codes"
URL = f"{BASE}/PlanDefinition/widget"

Json = dict[str, Any]


def expression(text: str, **more: Any) -> Json:
    return {"language": "text/fhirpath", "expression": text, **more}


def value_set(name: str, *codes: str, **more: Any) -> Json:
    return {
        "resourceType": "ValueSet",
        "url": f"{BASE}/ValueSet/{name}",
        "version": "1",
        "compose": {"include": [{"system": CODES, "concept": [{"code": code} for code in codes]}]},
        **more,
    }


def parts(url: str, **values: Any) -> Json:
    """Return a complex extension; a part is written as name=(value type, value)."""
    return {"url": url, "extension": [{"url": name, f"value{kind}": value} for name, (kind, value) in values.items()]}


def variable(name: str, text: str) -> Json:
    return {"url": Extension.VARIABLE, "valueExpression": expression(text, name=name)}


def parameter(name: str, kind: str, value: Any) -> Json:
    return parts(Extension.PARAMETER, name=("String", name), value=(kind, value))


def refutation(text: str) -> Json:
    return {"url": Extension.REFUTATION, "valueExpression": expression(text)}


def unknown_because(reason: str, text: str) -> Json:
    return parts(Extension.UNKNOWN_BECAUSE, reason=("Code", reason), expression=("Expression", expression(text)))


def prompt(text: str) -> Json:
    return parts(Extension.MISSING_PROMPT, text=("String", text))


def state_text(state: str, text: str | Json, **more: Any) -> Json:
    said = ("String", text) if isinstance(text, str) else ("Expression", text)
    return parts(Extension.STATE_TEXT, state=("Code", state), text=said, **more)


def determination_of(node: str = "clinical", codes: str = "widgets", same_site: str | None = None) -> Json:
    written = parts(Extension.DETERMINATION_OF, node=("Id", node), codes=("Canonical", f"{BASE}/ValueSet/{codes}"))
    if same_site:
        written["extension"].append({"url": "sameSite", "valueExpression": expression(same_site)})
    return written


def suggest_when(**values: Any) -> Json:
    return parts(Extension.SUGGEST_WHEN, **values)


def criterion(
    name: str,
    role: str = "required",
    support: str | None = None,
    refute: str | None = None,
    *extensions: Json,
    **more: Any,
) -> Json:
    """Return a criterion as a child action."""
    action: Json = {"id": name, "title": f"Title of {name}", "code": [{"coding": [{"code": role}]}]}
    if support:
        action["condition"] = [{"kind": "applicability", "expression": expression(support)}]
    written = [*([refutation(refute)] if refute else []), *extensions]
    return action | ({"extension": written} if written else {}) | more


def group(name: str, how: str | int, *children: Json, role: str = "group", **more: Any) -> Json:
    """Return a group of criteria: `all`, `one-or-more`, or at least a number."""
    action = criterion(name, role, None, None, action=[*children], **more)
    if isinstance(how, int):
        action["extension"] = [{"url": Extension.AT_LEAST, "valueInteger": how}, *action.get("extension", ())]
    else:
        action |= {"groupingBehavior": "logical-group", "selectionBehavior": how}
    return action


def says(value: str, code: str = "state") -> str:
    """Return the condition that a finding of that code says a word."""
    about = f"code.coding.exists(code = '{code}')"
    return f"%findings.where({about}).value.ofType(string).where($this = '{value}').exists()"


BROKEN = criterion("broken", "required", says("broken"), says("intact"), prompt("State whether the widget is broken."))


def plan(*criteria: Json, name: str = "widget", codes: str = "widgets", **more: Any) -> Json:
    """Return a PlanDefinition with these criteria, by default the one that asks whether the widget is broken."""
    return {
        "resourceType": "PlanDefinition",
        "url": f"{BASE}/PlanDefinition/{name}",
        "version": "1.0.0",
        "title": f"Replacing a {name}",
        "status": "draft",
        "action": [
            {
                "trigger": [{"type": "named-event", "name": "order-sign"}],
                "input": [
                    {
                        "id": "order",
                        "type": "ServiceRequest",
                        "codeFilter": [{"path": "code", "valueSet": f"{BASE}/ValueSet/{codes}"}],
                    },
                    {"id": "findings", "type": "Observation"},
                ],
                "action": deepcopy([*(criteria or (BROKEN,))]),
            }
        ],
        **more,
    }


VALUE_SETS = (value_set("widgets", "A", "B"), value_set("gadgets", "C"), value_set("reasons", "r1", "r2"))


def artifacts(*resources: Json, sets: Iterable[Json] = VALUE_SETS, group_name: str = "folder") -> Artifacts:
    held = Artifacts()
    for resource in (*sets, *resources):
        held.add(Artifact(resource, group_name, f"{group_name}/{resource.get('url', 'nameless')}.json"))
    return held


def compiled(*plans: Json, **more: Any) -> Policies:
    return compile_policies(artifacts(*(plans or (plan(),)), **more))


def compiled_plan(*plans: Json, **more: Any) -> PlanDefinition:
    """Return the first plan given, compiled with the others beside it."""
    return next(one for one in compiled(*plans, **more).plans if one.canonical == plans[0]["url"])


ACTIVITY: Json = {
    "resourceType": "ActivityDefinition",
    "url": f"{BASE}/ActivityDefinition/inspection",
    "version": "1",
    "status": "draft",
    "kind": "ServiceRequest",
    "intent": "order",
    "code": {"coding": [{"system": CODES, "code": "inspect"}]},
}


APPROVED: Json = {
    "status": "active",
    "experimental": False,
    "approvalDate": "2026-01-01",
    "lastReviewDate": "2026-01-01",
    "effectivePeriod": {"start": "2026-01-01"},
    "reviewer": [{"name": "Dr. R. Viewer"}],
    "extension": [{"url": Extension.REVIEW_STAGE, "valueCode": "approved"}],
}
"""What makes a plan one that production lets decide."""


def full_plan() -> Json:
    """Return a plan with every element that the profile has, once."""
    return plan(
        criterion(
            "scope", "scope", says("widget", "kind"), says("gadget", "kind"), state_text("false", "another kind")
        ),
        criterion(
            "broken",
            "required",
            "%states.where($this = 'broken').exists()",
            "%states.where($this = 'intact').exists()",
            unknown_because("stale", "%findings.where(clinicalDate() < %asOf - %maxAge).exists()"),
            unknown_because("preliminary", "%rejected.where(reason = 'preliminary').resource.exists()"),
            prompt("State whether the widget is broken."),
            state_text("true", expression("'it is ' & %states.first()")),
            state_text("unknown", "nobody looked", indicator=("Code", "critical")),
            {"url": Extension.HUMAN_REVIEW, "valueBoolean": True},
            textEquivalent="The widget does not work any more.",
            documentation=[{"type": "citation", "citation": "A book."}],
        ),
        group(
            "reasons",
            "one-or-more",
            criterion("worn", "alternative", says("worn")),
            criterion("hot", "alternative", says("hot")),
        ),
        group(
            "signs", 1, criterion("noise", "supporting", says("noise")), criterion("smell", "supporting", says("smell"))
        ),
        criterion("forbidden", "exclusion", says("forbidden"), says("allowed")),
        criterion("fits", "code-fit", says("fits"), says("misfits")),
        criterion("note", "caution"),
        criterion("later", "condition", "%findings.exists()"),
        criterion(
            "inspect",
            "supporting",
            None,
            None,
            suggest_when(criterion=("Id", "broken"), state=("Code", "unknown")),
            type={"coding": [{"code": "create"}]},
            definitionCanonical=f"{ACTIVITY['url']}|1",
        ),
        criterion(
            "drop",
            "supporting",
            None,
            None,
            suggest_when(outcome=("Code", "not-met")),
            type={"coding": [{"code": "remove"}]},
        ),
        extension=[
            parameter("maxAge", "Duration", {"value": 90, "code": "d", "system": "http://unitsofmeasure.org"}),
            parameter("count", "Integer", 1),
            variable("states", "%findings.where(code.coding.exists(code = 'state')).value.ofType(string)"),
            {"url": Extension.OVERRIDE_REASONS, "valueCanonical": f"{BASE}/ValueSet/reasons"},
            {"url": Extension.ORDER_NAME, "valueString": "widget replacement"},
            {"url": Extension.REVIEW_STAGE, "valueCode": "approved"},
        ],
        experimental=False,
        date="2026-01-01",
        approvalDate="2026-01-01",
        lastReviewDate="2026-01-02",
        effectivePeriod={"start": "2026-01-01", "end": "2026-12-31"},
        reviewer=[{"name": "Dr. R. Viewer"}],
        endorser=[{"name": "The Society of Widgets"}],
        relatedArtifact=[
            {
                "type": "citation",
                "citation": "A study.",
                "url": "https://example.org/study",
                "extension": [
                    {"url": Extension.CITATION_IDENTIFICATION, "valueCode": "confirmed"},
                    {"url": Extension.CITATION_POPULATION, "valueString": "widgets"},
                    {"url": Extension.CITATION_SAMPLE_SIZE, "valuePositiveInt": 7},
                    {"url": Extension.EVIDENCE_STRENGTH, "valueCodeableConcept": {"coding": [{"code": "strong"}]}},
                ],
            },
            {"type": "depends-on", "resource": "x"},
        ],
    )
