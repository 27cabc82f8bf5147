"""A small policy set in which lint finds nothing, as files, to be broken one way at a time. No medicine.

A widget (CPT-coded, so that descriptions matter) may be replaced when it is broken and worn or hot, unless somebody
forbade it, and if the code fits its side. A gadget goes with a widget.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from cds_service.plan_definition.package import PolicyFile, PolicyFiles
from cds_service.plan_definition.profile import Extension
from tests.unit.plan_definition.plans import (
    ACTIVITY,
    BASE,
    Json,
    criterion,
    determination_of,
    expression,
    group,
    parameter,
    parts,
    prompt,
    says,
    state_text,
    suggest_when,
    unknown_because,
    variable,
)

__all__ = ["GROUP", "Files", "sound"]

GROUP = "widgets"
CPT = "http://www.ama-assn.org/go/cpt"
SNOMED, LOINC = "http://snomed.info/sct", "http://loinc.org"
SIDE = "%orderedCode.where(memberOf('https://example.org/fhir/ValueSet/left'))"


def source(**more: Any) -> Json:
    """Return a source with all that a reader must know to weigh it."""
    return {
        "type": "citation",
        "citation": "A study of widgets.",
        "extension": [
            {"url": Extension.CITATION_IDENTIFICATION, "valueCode": "confirmed"},
            {"url": Extension.CITATION_POPULATION, "valueString": "widgets"},
            {"url": Extension.CITATION_SAMPLE_SIZE, "valuePositiveInt": 7},
        ],
        **more,
    }


def gating(name: str, role: str, support: str, refute: str, *extensions: Json, **more: Any) -> Json:
    return criterion(name, role, support, refute, prompt(f"State whether {name}."), *extensions, **more)


def value_set(name: str, system: str, *concepts: Json) -> Json:
    return {
        "resourceType": "ValueSet",
        "id": name,
        "url": f"{BASE}/ValueSet/{name}",
        "version": "1.0.0",
        "status": "draft",
        "compose": {"include": [{"system": system, "concept": [*concepts]}]},
    }


def marked(code: str, *, words: str | None = None, mark: str = "read-in-standard") -> Json:
    """Return a code with the mark of its verification, and words of our own."""
    made: Json = {"extension": [{"url": Extension.CODE_VERIFICATION, "valueCode": mark}], "code": code}
    if words:
        made["designation"] = [{"use": {"code": "paraphrase"}, "value": words}]
    return made


def policy(name: str, *criteria: Json, codes: str, **more: Any) -> Json:
    return {
        "resourceType": "PlanDefinition",
        "id": name,
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
                    {
                        "id": "findings",
                        "type": "Observation",
                        "codeFilter": [{"path": "code", "valueSet": f"{BASE}/ValueSet/findings"}],
                    },
                ],
                "action": [*criteria],
            }
        ],
        **more,
    }


def widget() -> Json:
    cited = {"documentation": [source()]}
    return policy(
        "widget",
        gating("scope", "scope", says("widget", "8716-3"), says("gadget", "8716-3"), **cited),
        gating(
            "broken",
            "required",
            "%states.where($this = 'broken').exists()",
            "%states.where($this = 'intact').exists()",
            unknown_because("stale", "%findings.where(clinicalDate() < %asOf - %maxAge).exists()"),
            state_text("false", "the widget is intact"),
            textEquivalent="The widget does not work any more.",
            **cited,
        ),
        group(
            "reasons",
            "one-or-more",
            gating("worn", "alternative", says("worn", "8716-3"), says("new", "8716-3")),
            gating("hot", "alternative", says("hot", "8716-3"), says("cold", "8716-3")),
            **cited,
        ),
        gating("forbidden", "exclusion", says("forbidden", "8716-3"), says("allowed", "8716-3"), **cited),
        criterion("fits", "code-fit", f"{SIDE}.exists()", f"iif({SIDE}.empty(), %order).exists()", **cited),
        criterion("note", "caution", textEquivalent="One in ten widgets breaks again.", **cited),
        criterion(
            "inspect",
            "supporting",
            None,
            None,
            suggest_when(criterion=("Id", "broken"), state=("Code", "unknown")),
            type={"coding": [{"code": "create"}]},
            definitionCanonical=f"{ACTIVITY['url']}|1",
        ),
        codes="widgets",
        extension=[
            parameter("maxAge", "Duration", {"value": 90, "code": "d", "system": "http://unitsofmeasure.org"}),
            variable("states", "%findings.value.ofType(string)"),
            {"url": Extension.ORDER_NAME, "valueString": "widget"},
            {"url": Extension.REVIEW_STAGE, "valueCode": "submitted"},
        ],
        experimental=True,
        relatedArtifact=[source()],
    )


def gadget() -> Json:
    reads = criterion(
        "with-widget",
        "required",
        None,
        None,
        prompt("State what the widget lacks."),
        determination_of(codes="widgets", same_site="bodySite"),
        definitionCanonical=f"{BASE}/PlanDefinition/widget",
        documentation=[source()],
    )
    made = policy("gadget", reads, codes="gadgets", relatedArtifact=[source()])
    del made["action"][0]["input"][1]
    return made


class Files:
    """The files of the policy set, free to be changed."""

    def __init__(self) -> None:
        self.plan = widget()
        self.other = gadget()
        self.sets = {
            name: value_set(name, system, *concepts)
            for name, system, concepts in (
                ("widgets", CPT, [marked("00001", words="left widget"), marked("00002", words="right widget")]),
                ("left", CPT, [marked("00001", words="left widget")]),
                ("gadgets", CPT, [marked("00003", words="gadget")]),
                ("findings", LOINC, [marked("8716-3"), marked("24968-0")]),
                ("structures", SNOMED, [marked("22356005")]),
            )
        }
        self.plan["action"][0]["input"][1]["codeFilter"].append(
            {"path": "bodySite", "valueSet": f"{BASE}/ValueSet/structures"}
        )
        self.activity = deepcopy(ACTIVITY)
        self.more: dict[str, Any] = {}
        """Further resources, or bytes, by file name."""
        self.texts: dict[str, str] = {"policy.md": "# Widgets\n", "cases.yaml": "[]\n"}

    @property
    def policy(self) -> Json:
        """Return the plan's top action."""
        return self.plan["action"][0]  # type: ignore[no-any-return]

    def criterion(self, name: str) -> Json:
        """Return an action of the plan at any depth."""

        def inside(action: Json) -> Json | None:
            for one in action.get("action", ()):
                found = one if one.get("id") == name else inside(one)
                if found:
                    return found  # type: ignore[no-any-return]
            return None

        found = inside(self.policy)
        assert found is not None, name
        return found

    def extension(self, name: str, url: Extension) -> Json:
        """Return the first extension of that address of a criterion; of the plan for an empty name."""
        holder = self.criterion(name) if name else self.plan
        return next(one for one in holder["extension"] if one["url"] == url)  # type: ignore[no-any-return]

    def part(self, name: str, url: Extension, part: str) -> Json:
        """Return a part of that extension."""
        inside = self.extension(name, url)["extension"]
        return next(one for one in inside if one["url"] == part)  # type: ignore[no-any-return]

    def drop(self, name: str, url: Extension) -> None:
        """Take the extensions of that address from a criterion, from the plan for an empty name."""
        holder = self.criterion(name) if name else self.plan
        holder["extension"] = [one for one in holder["extension"] if one["url"] != url]

    def support(self, name: str, text: str) -> None:
        """Write the support of a criterion anew."""
        self.criterion(name)["condition"] = [{"kind": "applicability", "expression": expression(text)}]

    def refute(self, name: str, text: str) -> None:
        """Write the refutation of a criterion anew."""
        self.extension(name, Extension.REFUTATION)["valueExpression"] = expression(text)

    def add(self, action: Json) -> None:
        """Add a criterion at the top."""
        self.policy["action"].append(action)

    def concept(self, name: str, position: int = 0) -> Json:
        """Return a code of a value set."""
        return self.sets[name]["compose"]["include"][0]["concept"][position]  # type: ignore[no-any-return]

    def files(self) -> PolicyFiles:
        """Return them as a folder holds them."""
        held: dict[str, Any] = {"widget.json": self.plan, "gadget.json": self.other, "activity.json": self.activity}
        held |= {f"value_sets/{name}.json": made for name, made in self.sets.items()} | self.more
        return PolicyFiles(
            tuple(
                PolicyFile(GROUP, f"{GROUP}/{name}", one if isinstance(one, bytes) else json.dumps(one).encode())
                for name, one in held.items()
                if one is not None
            ),
            tuple(PolicyFile(GROUP, name, text.encode()) for name, text in self.texts.items()),
        )


def sound(change: Callable[[Files], object] | None = None) -> PolicyFiles:
    """Return the sound policies, after a change."""
    made = Files()
    if change is not None:
        change(made)
    return made.files()


__all__ += ["gating", "marked", "parts", "source", "value_set"]
