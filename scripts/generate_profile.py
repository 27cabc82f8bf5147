"""Write plan_definitions/profile/: our extensions and our profile of PlanDefinition as FHIR, and their value sets.

    .venv/bin/python scripts/generate_profile.py

Made from cds_service/plan_definition/extensions.py and the code systems in plan_definitions/. What stands in folders
inside plan_definitions/profile/ is written by hand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cds_service.plan_definition.extensions import DEFINITIONS, OURS, Definition, Part
from cds_service.plan_definition.profile import CANONICAL_BASE, Extension

Json = dict[str, Any]

POLICIES = Path(__file__).parents[1] / "plan_definitions"
OUT = POLICIES / "profile"
FHIR = "http://hl7.org/fhir/StructureDefinition"
FRAME = {"status": "draft", "experimental": True, "date": "2026-01-05", "publisher": "cds-service"}
VERSION = "0.1.0"
INDICATORS = "http://cds-hooks.hl7.org/CodeSystem/indicator"


def main() -> None:
    made = pages()
    for path, text in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    print(f"{len(made)} resources -> {OUT.name}/")


def pages() -> dict[Path, str]:
    """Return what is written where."""
    made = {
        OUT: [policy()],
        OUT / "extensions": list(map(extension, DEFINITIONS.items())),
        OUT / "value_sets": list(value_sets()),
    }
    return {
        folder / f"{one['id']}.json": json.dumps(one, indent=2, ensure_ascii=False) + "\n"
        for folder, resources in made.items()
        for one in resources
    }


def frame(kind: str, name: str, title: str, about: str) -> Json:
    return {
        "resourceType": kind,
        "id": name,
        "url": f"{CANONICAL_BASE}/{kind}/{name}",
        "version": VERSION,
        "name": "".join(word.title() for word in name.split("-")),
        "title": title,
        **FRAME,
        "description": about,
    }


# -- extensions -----------------------------------------------------------------------------------------------


def extension(defined: tuple[Extension, Definition]) -> Json:
    url, about = defined
    return {
        **frame("StructureDefinition", url.removeprefix(OURS), about.title, about.about),
        "fhirVersion": "4.0.1",
        "kind": "complex-type",
        "abstract": False,
        "context": [{"type": "element", "expression": where} for where in about.contexts],
        "type": "Extension",
        "baseDefinition": f"{FHIR}/Extension",
        "derivation": "constraint",
        "differential": {"element": list(extension_elements(url, about))},
    }


def extension_elements(url: Extension, about: Definition) -> Iterator[Json]:
    most = "*" if about.many else "1"
    yield element("Extension", 0, most, short=about.title, definition=about.about)
    if not about.parts:
        yield element("Extension.extension", 0, "0")
    for name, part in about.parts.items():
        own = f"Extension.extension:{name}"
        yield element(own, int(part.required), "1", sliceName=name, short=part.about)
        yield element(f"{own}.extension", 0, "0")
        yield element(f"{own}.url", 1, "1", fixedUri=name)
        yield value(f"{own}.value[x]", part)
    yield element("Extension.url", 1, "1", fixedUri=str(url))
    yield value("Extension.value[x]", about) if about.types else element("Extension.value[x]", 0, "0")


def value(name: str, held: Definition | Part) -> Json:
    bound = {"strength": "required", "valueSet": value_set_url(held.values)} if held.values else None
    more = {"type": [{"code": one} for one in held.types]} | ({"binding": bound} if bound else {})
    return element(name, 1, "1", **more)


def element(name: str, least: int | None = None, most: str | None = None, **more: Any) -> Json:
    """Return an ElementDefinition; its path is its id without the names of slices."""
    path = ".".join(step.partition(":")[0] for step in name.split("."))
    counts: Json = ({} if least is None else {"min": least}) | ({} if most is None else {"max": most})
    early = {key: more.pop(key) for key in ("sliceName", "slicing", "short", "definition") if key in more}
    return {"id": name, "path": path, **early, **counts, **more}


# -- the policy -----------------------------------------------------------------------------------------------

CRITERIA = "action.repeat(action)"
INVARIANTS: Mapping[str, tuple[str, str]] = {
    "nec-1": (
        "Each criterion has an id of its own.",
        f"{CRITERIA}.all(id.exists()) and {CRITERIA}.id.isDistinct()",
    ),
    "nec-2": (
        "A criterion has one role; a suggestion has none.",
        (
            f"{CRITERIA}.all(extension('{Extension.SUGGEST_WHEN}').exists() xor "
            f"code.coding.where(system = '{CANONICAL_BASE}/CodeSystem/criterion-role').count() = 1)"
        ),
    ),
    "nec-3": (
        "An input `order` names the ordered codes by a value set.",
        "action.input.where(id = 'order').codeFilter.valueSet.exists()",
    ),
    "nec-4": (
        "A refutation stands beside the condition that it refutes.",
        f"{CRITERIA}.where(extension('{Extension.REFUTATION}').exists()).all(condition.exists())",
    ),
    "nec-5": (
        "A group is all-of, any-of or at-least.",
        (
            f"{CRITERIA}.where(action.exists()).all((groupingBehavior = 'logical-group' and "
            f"(selectionBehavior = 'all' or selectionBehavior = 'one-or-more')) or "
            f"extension('{Extension.AT_LEAST}').exists())"
        ),
    ),
    "nec-6": (
        "A criterion is a group, or has expressions, or reads the determination of another policy.",
        (
            f"{CRITERIA}.all(iif(action.exists(), 1, 0) + iif(condition.exists(), 1, 0) + "
            f"iif(extension('{Extension.DETERMINATION_OF}').exists(), 1, 0) <= 1)"
        ),
    ),
    "nec-7": ("Expressions are FHIRPath.", f"{CRITERIA}.condition.expression.all(language = 'text/fhirpath')"),
    "nec-8": (
        "An active policy is approved: by whom, when, and for how long.",
        (
            "status = 'active' implies (experimental = false and approvalDate.exists() and lastReviewDate.exists() and "
            "effectivePeriod.exists() and (reviewer.exists() or endorser.exists()) and "
            f"extension('{Extension.REVIEW_STAGE}').value.ofType(code) = 'approved')"
        ),
    ),
}
ON_THE_PLAN = {
    "orderName": (Extension.ORDER_NAME, "1"),
    "reviewStage": (Extension.REVIEW_STAGE, "1"),
    "overrideReasons": (Extension.OVERRIDE_REASONS, "1"),
    "parameter": (Extension.PARAMETER, "*"),
    "variable": (Extension.VARIABLE, "*"),
}
ON_A_CRITERION = {
    "refutation": (Extension.REFUTATION, "1"),
    "unknownBecause": (Extension.UNKNOWN_BECAUSE, "*"),
    "missingPrompt": (Extension.MISSING_PROMPT, "1"),
    "atLeast": (Extension.AT_LEAST, "1"),
    "determinationOf": (Extension.DETERMINATION_OF, "1"),
    "stateText": (Extension.STATE_TEXT, "*"),
    "humanReview": (Extension.HUMAN_REVIEW, "1"),
    "suggestWhen": (Extension.SUGGEST_WHEN, "1"),
    "variable": (Extension.VARIABLE, "*"),
}


def policy() -> Json:
    about = "A policy of medical necessity: for which ordered codes, by which criteria, on which sources."
    return {
        **frame("StructureDefinition", "necessity-plan-definition", "Necessity PlanDefinition", about),
        "fhirVersion": "4.0.1",
        "kind": "resource",
        "abstract": False,
        "type": "PlanDefinition",
        "baseDefinition": f"{FHIR}/PlanDefinition",
        "derivation": "constraint",
        "differential": {"element": list(policy_elements())},
    }


def policy_elements() -> Iterator[Json]:
    constraints = [
        {"key": key, "severity": "error", "human": human, "expression": expression}
        for key, (human, expression) in INVARIANTS.items()
    ]
    top, criterion = "PlanDefinition.action", "PlanDefinition.action.action"
    yield element("PlanDefinition", constraint=constraints)
    yield from slices("PlanDefinition", ON_THE_PLAN)
    for name in ("url", "version", "title"):
        yield element(f"PlanDefinition.{name}", 1, "1")
    yield element(top, 1, "1", short="The policy; what is inside it are the criteria")
    yield element(f"{top}.trigger", 1, "*")
    yield element(f"{top}.trigger.type", patternCode="named-event")
    yield element(f"{top}.trigger.name", 1, "1", short="The hook")
    yield element(f"{top}.condition", 0, "0")
    yield element(f"{top}.input", 1, "*", short="What expressions may read, each as `%id`")
    yield element(f"{top}.input.id", 1, "1")
    for name in ("profile", "subject[x]", "dateFilter", "limit", "sort"):
        yield element(f"{top}.input.{name}", 0, "0")
    yield element(criterion, 1, "*", short="A criterion, a group of criteria, or a suggestion")
    yield element(f"{criterion}.id", 1, "1")
    yield from slices(criterion, ON_A_CRITERION)
    yield element(f"{criterion}.title", 1, "1")
    role = {"strength": "required", "valueSet": value_set_url("criterion-role")}
    yield element(f"{criterion}.code", 0, "1", short="The role", binding=role)
    yield element(f"{criterion}.documentation", short="The sources of the criterion")
    yield element(f"{criterion}.condition", 0, "1", short="What shows that the criterion holds")
    yield element(f"{criterion}.condition.kind", patternCode="applicability")
    yield element(f"{criterion}.condition.expression", 1, "1")


def slices(owner: str, held: Mapping[str, tuple[Extension, str]]) -> Iterator[Json]:
    by_url = {"discriminator": [{"type": "value", "path": "url"}], "ordered": False, "rules": "open"}
    yield element(f"{owner}.extension", slicing=by_url)
    for name, (url, most) in held.items():
        profile = [{"code": "Extension", "profile": [str(url)]}]
        yield element(f"{owner}.extension:{name}", 0, most, sliceName=name, type=profile)


# -- value sets -----------------------------------------------------------------------------------------------


def value_set_url(name: str) -> str:
    return f"{CANONICAL_BASE}/ValueSet/{name}"


def value_sets() -> Iterator[Json]:
    """Yield a value set of all codes of each of our code systems that something names, where there is none yet."""
    written = {path.stem for path in POLICIES.glob("*/value_sets/*.json") if path.parent != OUT / "value_sets"}
    for path in sorted(POLICIES.glob("*/code_systems/*.json")):
        system = json.loads(path.read_text(encoding="utf-8"))
        if system["id"] in named() - written:
            concepts = [{"code": one["code"], "display": one["display"]} for one in system["concept"]]
            yield whole(system["id"], system["title"], system["url"], concepts)
    urgencies = [{"code": code, "display": code.title()} for code in ("info", "warning", "critical")]
    yield whole("card-indicator", "How urgent a card is", INDICATORS, urgencies)


def named() -> set[str]:
    """Return the value sets that definitions bind, and the one that the map of findings starts from."""
    held = [*DEFINITIONS.values(), *(part for one in DEFINITIONS.values() for part in one.parts.values())]
    return {one.values for one in held if one.values is not None} | {"criterion-role", "necessity-finding"}


def whole(name: str, title: str, system: str, concepts: list[Json]) -> Json:
    about = f"All codes of {system}."
    return {**frame("ValueSet", name, title, about), "compose": {"include": [{"system": system, "concept": concepts}]}}


if __name__ == "__main__":
    main()
