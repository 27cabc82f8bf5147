"""Our profile as FHIR: every extension we read is defined, and the shipped policies follow the profile."""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from typing import Any

import pytest

from cds_service.expressions.language import Environment, Scope
from cds_service.fhir.definitions import elements_of
from cds_service.fhir.encoding import decode
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.temporal import Date
from cds_service.fhirpath import compile_fhirpath
from cds_service.plan_definition.extensions import DEFINITIONS, OURS
from cds_service.plan_definition.profile import CANONICAL_BASE, Extension, Reason, Role
from tests.charts import POLICIES

Json = dict[str, Any]


@cache
def artifacts() -> dict[str, Json]:
    """Return all that is shipped, by canonical."""
    found = [decode(path.read_bytes()) for path in sorted(POLICIES.rglob("*/*.json"))]
    return {str(one["url"]): one for one in found if isinstance(one, dict)}


def shipped(kind: str) -> list[Json]:
    return [one for one in artifacts().values() if one["resourceType"] == kind]


PROFILE = artifacts()[f"{OURS}necessity-plan-definition"]
ELEMENTS = {one["id"]: one for one in PROFILE["differential"]["element"]}
INVARIANTS = {one["key"]: one["expression"] for one in ELEMENTS["PlanDefinition"]["constraint"]}


def uses(value: object, path: str) -> Iterator[tuple[str, Json]]:
    """Yield (path, extension) of each of our extensions in an artifact."""
    if isinstance(value, dict):
        for key, member in value.items():
            for one in member if isinstance(member, list) else [member]:
                if key == "extension" and isinstance(one, dict) and str(one.get("url")).startswith(OURS):
                    yield path, one
                yield from uses(one, f"{path}.{key}")


def place(path: str) -> str:
    """Return the context of a path as a StructureDefinition names it."""
    path = re.sub(r"(\.action)+", ".action", path)
    return "RelatedArtifact" if path.endswith((".documentation", ".relatedArtifact")) else path


# -- definitions ----------------------------------------------------------------------------------------------


def test_every_extension_of_ours_is_defined() -> None:
    assert {str(one) for one in Extension if one.startswith(OURS)} == {str(one) for one in DEFINITIONS}


@pytest.mark.parametrize("url", DEFINITIONS, ids=lambda url: url.rpartition("/")[2])
def test_every_extension_has_its_structure_definition(url: Extension) -> None:
    made = artifacts()[str(url)]
    elements = {one["id"]: one for one in made["differential"]["element"]}
    assert (made["type"], made["derivation"], made["fhirVersion"]) == ("Extension", "constraint", "4.0.1")
    assert [one["expression"] for one in made["context"]] == [*DEFINITIONS[url].contexts]
    assert elements["Extension.url"]["fixedUri"] == str(url)
    types = tuple(one["code"] for one in elements["Extension.value[x]"].get("type", ()))
    assert types == DEFINITIONS[url].types
    names = {name.partition(":")[2] for name in elements if name.count(".") == 1 and ":" in name}
    assert names == set(DEFINITIONS[url].parts)


@pytest.mark.parametrize("resource", artifacts().values(), ids=lambda one: one["id"])
def test_extensions_stand_where_they_are_defined_to_stand(resource: Json) -> None:
    for path, extension in uses(resource, resource["resourceType"]):
        assert place(path) in DEFINITIONS[Extension(extension["url"])].contexts


def test_each_binding_names_a_value_set_that_is_shipped() -> None:
    bound = {
        one["binding"]["valueSet"]
        for made in shipped("StructureDefinition")
        for one in made["differential"]["element"]
        if "binding" in one
    }
    assert bound
    assert bound <= artifacts().keys()


def codes(canonical: str) -> set[str]:
    (include,) = artifacts()[canonical]["compose"]["include"]
    return {one["code"] for one in include["concept"]}


def test_roles_and_reasons_are_those_of_their_code_systems() -> None:
    assert codes(f"{CANONICAL_BASE}/ValueSet/criterion-role") == set(Role)
    assert codes(f"{CANONICAL_BASE}/ValueSet/unknown-reason") == set(Reason)


@pytest.mark.parametrize("made", shipped("StructureDefinition"), ids=lambda one: one["id"])
def test_elements_of_a_definition_are_in_their_order_and_named_once(made: Json) -> None:
    names = [one["id"] for one in made["differential"]["element"]]
    assert len(names) == len(set(names))
    assert all("." not in name or name.rpartition(".")[0] in {*names, made["type"]} for name in names)
    for one in made["differential"]["element"]:
        assert one["path"] == ".".join(step.partition(":")[0] for step in one["id"].split("."))


# -- the policy -----------------------------------------------------------------------------------------------


def holds(key: str, plan: Json) -> bool | None:
    compiled = compile_fhirpath(INVARIANTS[key], Scope(context=("PlanDefinition",)))
    environment = Environment(PatientRecord("", [plan]), Date((2026, 1, 1)), values={}, defined={})
    environment.focus = plan
    return compiled.truth(environment)


@pytest.mark.parametrize("key", INVARIANTS)
@pytest.mark.parametrize("plan", shipped("PlanDefinition"), ids=lambda one: one["id"])
def test_shipped_policies_hold_the_invariants(plan: Json, key: str) -> None:
    assert holds(key, plan) is True


def first(plan: Json) -> Json:
    found: Json = plan["action"][0]["action"][0]
    return found


BREACHES = {
    "nec-1": lambda plan: first(plan).pop("id"),
    "nec-2": lambda plan: first(plan).pop("code"),
    "nec-3": lambda plan: plan["action"][0].pop("input"),
    "nec-4": lambda plan: first(plan).pop("condition"),
    "nec-5": lambda plan: next(one for one in plan["action"][0]["action"] if "action" in one).pop("groupingBehavior"),
    "nec-6": lambda plan: first(plan).update(
        action=[{"id": "inside", "code": first(plan)["code"]}],
        groupingBehavior="logical-group",
        selectionBehavior="all",
    ),
    "nec-7": lambda plan: first(plan)["condition"][0]["expression"].update(language="text/cql"),
    "nec-8": lambda plan: plan.update(status="active"),
}


@pytest.mark.parametrize("key", INVARIANTS)
def test_each_invariant_can_be_broken(key: str) -> None:
    plan = deepcopy(artifacts()[f"{CANONICAL_BASE}/PlanDefinition/pelvic-radical-resection"])
    assert first(plan)["extension"][0]["url"] == Extension.REFUTATION
    BREACHES[key](plan)
    assert [one for one in INVARIANTS if holds(one, plan) is not True] == [key]


def test_shipped_policies_hold_the_counts_of_the_profile() -> None:
    for plan in shipped("PlanDefinition"):
        for one in ELEMENTS.values():
            if ":" not in one["id"] and "." in one["id"]:
                counts = [*occurrences(plan, one["path"].split(".")[1:])]
                assert all(one.get("min", 0) <= count for count in counts), one["id"]
                most = one.get("max", "*")
                assert most == "*" or all(count <= int(most) for count in counts), one["id"]


def occurrences(holder: Json, steps: list[str]) -> Iterator[int]:
    name, *rest = steps
    found = [value for key, value in holder.items() if key == name or key.startswith(name.partition("[x]")[0] + "[x]")]
    items = [one for value in found for one in (value if isinstance(value, list) else [value])]
    if not rest:
        yield len(items)
    for item in items if rest else ():
        yield from occurrences(item, rest)


# -- the map --------------------------------------------------------------------------------------------------


def test_the_map_of_findings_names_verified_codes_only() -> None:
    (made,) = shipped("ConceptMap")
    own = {one["code"] for one in artifacts()[f"{CANONICAL_BASE}/CodeSystem/necessity-finding"]["concept"]}
    for group in made["group"]:
        for mapped in group["element"]:
            assert mapped["code"] in own
            for target in mapped["target"]:
                (mark,) = target["extension"]
                assert mark["valueCode"] in ("read-in-standard", "read-elsewhere")


def test_the_map_says_of_a_code_what_the_value_sets_say_of_it() -> None:
    marks = {
        (include["system"], concept["code"]): extension["valueCode"]
        for made in shipped("ValueSet")
        for include in made["compose"]["include"]
        for concept in include["concept"]
        for extension in concept.get("extension", ())
    }
    (made,) = shipped("ConceptMap")
    for group in made["group"]:
        for mapped in group["element"]:
            for target in mapped["target"]:
                assert marks[group["target"], target["code"]] == target["extension"][0]["valueCode"]


def test_elements_that_the_profile_constrains_are_elements_of_r4() -> None:
    names = {one["path"].rpartition(".")[2] for one in ELEMENTS.values()} - {"PlanDefinition"}
    known = {
        *elements_of("PlanDefinition"),
        *elements_of("PlanDefinition.action"),
        *elements_of("DataRequirement"),
        *elements_of("TriggerDefinition"),
        *elements_of("PlanDefinition.action.condition"),
    }
    assert {name.removesuffix("[x]") for name in names} <= known
