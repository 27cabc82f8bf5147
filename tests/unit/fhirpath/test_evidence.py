"""What a true answer rests on: for each construct, the very elements, under the paths where they stand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from cds_service.expressions.language import Environment, Scope
from cds_service.fhir.element import locate
from cds_service.fhir.record import PatientRecord
from cds_service.fhirpath import compile_fhirpath
from cds_service.fhirpath.items import raw
from tests.unit.fhirpath.evaluating import (
    AS_OF,
    SNOMED,
    URL,
    VALUE_SETS,
    Asked,
    coded,
    condition,
    evidence,
    observation,
    truth,
)

O1 = observation(
    "o1",
    code=coded("T1", "L1"),
    bodySite=coded("L1"),
    valueCodeableConcept=coded("yes"),
    effectiveDateTime="2025-11-20",
    component=[{"code": coded("a"), "valueInteger": 5}, {"code": coded("b"), "valueInteger": 5}],
    derivedFrom=[{"reference": "ImagingStudy/mri"}],
    extension=[{"url": "u", "valueCoding": {"code": "x"}}, {"url": "v"}, {"url": "u", "valueString": "y"}],
)
O2 = observation(
    "o2",
    code=coded("T2"),
    valueQuantity={"value": Decimal(5), "unit": "mm"},
    effectiveDateTime="2025-11-21",
)
C1 = condition(
    "c1",
    code=coded("T1"),
    bodySite=[coded("L1"), coded("L2")],
    evidence=[{"detail": [{"reference": "ImagingStudy/mri"}]}],
    recordedDate="2025-10-01",
)
MRI = {"resourceType": "ImagingStudy", "id": "mri", "started": "2025-10-01", "series": [{"bodySite": {"code": "L1"}}]}
CHART = [O1, O2, C1, MRI]
GIVEN: dict[str, Any] = {"observations": [O1, O2], "conditions": [C1], "none": ()}

PATHS: list[tuple[str, list[str]]] = [
    # whole resources and elements
    ("%observations.exists()", ["Observation/o1", "Observation/o2"]),
    ("%conditions.code.exists()", ["Condition/c1.code"]),
    ("%conditions.code.coding.exists()", ["Condition/c1.code.coding[0]"]),
    ("%conditions.code.coding.code.exists()", ["Condition/c1.code.coding[0].code"]),
    (
        "%conditions.bodySite.coding.exists()",
        ["Condition/c1.bodySite[0].coding[0]", "Condition/c1.bodySite[1].coding[0]"],
    ),
    ("entry.resource.ofType(Condition).code.exists()", ["Condition/c1.code"]),
    ("%resource.entry.resource.ofType(ImagingStudy).series.bodySite.exists()", ["ImagingStudy/mri.series[0].bodySite"]),
    # choice elements are named as FHIRPath names them
    ("%observations.value.exists()", ["Observation/o1.value", "Observation/o2.value"]),
    ("%observations.value.ofType(Quantity).exists()", ["Observation/o2.value"]),
    ("%observations.value.ofType(Quantity).value.exists()", ["Observation/o2.value.value"]),
    ("%observations.value.ofType(CodeableConcept).coding.exists()", ["Observation/o1.value.coding[0]"]),
    ("%observations.value.coding.exists()", ["Observation/o1.value.coding[0]"]),
    (
        "%observations.component.value.ofType(integer).exists()",
        ["Observation/o1.component[0].value", "Observation/o1.component[1].value"],
    ),
    ("(%observations.skip(1).value as Quantity).exists()", ["Observation/o2.value"]),
    ("%observations.value.where($this is Quantity).exists()", ["Observation/o2.value"]),
    ("%observations.effective.exists()", ["Observation/o1.effective", "Observation/o2.effective"]),
    # filters
    ("%observations.exists(value.ofType(Quantity) > 4 'mm')", ["Observation/o2"]),
    (f"%observations.where(code.memberOf('{URL}levels')).code.exists()", ["Observation/o1.code"]),
    (f"%observations.code.coding.where(memberOf('{URL}levels')).exists()", ["Observation/o1.code.coding[1]"]),
    ("%observations.where($index = 1).exists()", ["Observation/o2"]),
    ("%observations.code.coding.where($index = 1).exists()", ["Observation/o1.code.coding[1]"]),
    # positions, where equal values stand beside each other
    ("%observations.component.value.ofType(integer).first().exists()", ["Observation/o1.component[0].value"]),
    ("%observations.component.value.ofType(integer).last().exists()", ["Observation/o1.component[1].value"]),
    ("%observations.component.value.ofType(integer).tail().exists()", ["Observation/o1.component[1].value"]),
    ("%observations.component.value.ofType(integer).skip(1).exists()", ["Observation/o1.component[1].value"]),
    ("%observations.component.value.ofType(integer).take(1).exists()", ["Observation/o1.component[0].value"]),
    ("%observations.component.value.ofType(integer)[1].exists()", ["Observation/o1.component[1].value"]),
    ("%observations.component.value.ofType(integer).where($index = 1).exists()", ["Observation/o1.component[1].value"]),
    ("%observations.component.value.last().exists()", ["Observation/o1.component[1].value"]),
    ("%observations.component.value.ofType(integer).distinct().exists()", ["Observation/o1.component[0].value"]),
    ("%observations.status.last().exists()", ["Observation/o2.status"]),
    # projections
    (
        "%observations.select(code.coding.first()).exists()",
        ["Observation/o1.code.coding[0]", "Observation/o2.code.coding[0]"],
    ),
    ("%observations.select(id).exists()", ["Observation/o1.id", "Observation/o2.id"]),
    # extensions
    ("%observations.extension('u').exists()", ["Observation/o1.extension[0]", "Observation/o1.extension[2]"]),
    ("%observations.extension('u').value.ofType(Coding).exists()", ["Observation/o1.extension[0].value"]),
    ("%observations.extension('u').value.ofType(string).exists()", ["Observation/o1.extension[2].value"]),
    # references: the elements of what they point to
    ("%observations.derivedFrom.exists()", ["Observation/o1.derivedFrom[0]"]),
    ("%observations.derivedFrom.resolve().exists()", ["ImagingStudy/mri"]),
    ("%observations.derivedFrom.resolve().ofType(ImagingStudy).started.exists()", ["ImagingStudy/mri.started"]),
    ("%conditions.evidence.detail.resolve().ofType(ImagingStudy).exists()", ["ImagingStudy/mri"]),
    ("%observations.where(derivedFrom.resolve().exists()).code.exists()", ["Observation/o1.code"]),
    # unions
    (
        "(%observations | %conditions).code.exists()",
        ["Observation/o1.code", "Observation/o2.code", "Condition/c1.code"],
    ),
    ("%observations.combine(%conditions).exists()", ["Observation/o1", "Observation/o2", "Condition/c1"]),
    (
        "(%conditions | %observations).bodySite.exists()",
        ["Condition/c1.bodySite[0]", "Condition/c1.bodySite[1]", "Observation/o1.bodySite"],
    ),
    (
        "(%observations.value.ofType(CodeableConcept) | %conditions.code).exists()",
        ["Observation/o1.value", "Condition/c1.code"],
    ),
    (
        "(%observations.value.ofType(CodeableConcept) | %conditions.code).coding.exists()",
        ["Observation/o1.value.coding[0]", "Condition/c1.code.coding[0]"],
    ),
    (
        "(%observations.value.ofType(Quantity) | %conditions.code).exists()",
        ["Observation/o2.value", "Condition/c1.code"],
    ),
    ("(%observations.value.ofType(Quantity) | %conditions).exists()", ["Observation/o2.value", "Condition/c1"]),
    (
        "(%observations.value.ofType(Quantity) | %conditions.code.coding.code).exists()",
        ["Observation/o2.value", "Condition/c1.code.coding[0].code"],
    ),
    ("(%observations.value.ofType(Quantity) | %conditions).code.exists()", ["Condition/c1.code"]),
    ("(%observations.value.ofType(Quantity) | %conditions).ofType(Condition).exists()", ["Condition/c1"]),
    ("%conditions.ofType(Condition).exists()", ["Condition/c1"]),
    ("%observations.exclude(%observations.where(id = 'o1')).exists()", ["Observation/o2"]),
    ("(%observations.status | %conditions.code | %observations.status).skip(1).exists()", ["Condition/c1.code"]),
    (
        "(%observations.status | %observations.status).single().exists()",
        ["Observation/o1.status", "Observation/o2.status"] * 2,
    ),
    ("%observations.intersect(%observations.where(id = 'o1')).exists()", ["Observation/o1"]),
    # one of two
    ("iif(%none.empty(), %conditions).code.exists()", ["Condition/c1.code"]),
    ("iif(%none.exists(), %conditions, %observations).code.exists()", ["Observation/o1.code", "Observation/o2.code"]),
    ("%conditions.iif(code.exists(), bodySite).exists()", ["Condition/c1.bodySite[0]", "Condition/c1.bodySite[1]"]),
    (
        "iif(%conditions.exists(), %conditions.code | %observations.value.ofType(Quantity)).exists()",
        ["Condition/c1.code", "Observation/o2.value"],
    ),
    # resources in time
    ("%observations.latest().exists()", ["Observation/o2"]),
    ("%observations.latest().value.exists()", ["Observation/o2.value"]),
    ("%observations.episodes(1 month).item.exists()", ["Observation/o1", "Observation/o2"]),
    ("%observations.episodes(1 day).last().item.exists()", ["Observation/o2"]),
    (
        "%observations.episodes(1 day).item.ofType(Observation).code.exists()",
        ["Observation/o1.code", "Observation/o2.code"],
    ),
    # and, or: the sides that hold
    (
        "%conditions.code.exists() and %observations.value.exists()",
        ["Condition/c1.code", "Observation/o1.value", "Observation/o2.value"],
    ),
    ("%conditions.code.exists() or %none.code.exists()", ["Condition/c1.code"]),
    ("%none.code.exists() or %conditions.code.exists()", ["Condition/c1.code"]),
    ("%none.latest().exists() or %observations.skip(1).exists()", ["Observation/o2"]),
    ("%conditions.code.exists() and %none.empty()", ["Condition/c1.code"]),
    ("%conditions.code.exists() or %observations.all(bodySite.exists())", ["Condition/c1.code"]),
    ("(%conditions.code.exists() and %none.exists()) or %observations.skip(1).exists()", ["Observation/o2"]),
    ("%conditions.all(code.exists())", ["Condition/c1"]),
    # what was counted
    ("%observations.count() = 2", ["Observation/o1", "Observation/o2"]),
    ("1 <= %conditions.count()", ["Condition/c1"]),
    ("%conditions.bodySite.count() > 1", ["Condition/c1.bodySite[0]", "Condition/c1.bodySite[1]"]),
    # what is computed stands nowhere
    ("%observations.clinicalDate().exists()", ["", ""]),
    ("(1 | 2).exists()", ["", ""]),
]


@pytest.mark.parametrize(("source", "paths"), PATHS, ids=[source for source, _ in PATHS])
def test_the_evidence_is_named(source: str, paths: list[str]) -> None:
    assert evidence(source, *CHART, **GIVEN) == paths


@pytest.mark.parametrize(("source", "paths"), PATHS, ids=[source for source, _ in PATHS])
def test_each_path_leads_to_the_element_that_counted(source: str, paths: list[str]) -> None:
    asked = Asked(source, *CHART, **GIVEN)
    named = {f"{one['resourceType']}/{one['id']}": one for one in CHART}
    for place in asked.expression.evidence(asked.environment):
        owner, _, rest = str(place).partition(".")
        if rest:
            ((container, key),) = locate(named[owner], str(place))
            assert container[key] is place.value
        elif owner:
            assert named[owner] is place.value


WITHOUT = [
    "%none.empty()",
    "%observations.exists().not()",
    "%observations.exists() xor false",
    "true",
    "%conditions.code.coding.code = 'T1'",
    "iif(true, %observations.exists())",
]


@pytest.mark.parametrize("source", WITHOUT)
def test_a_form_that_cannot_name_evidence_says_so(source: str) -> None:
    asked = Asked(source, *CHART, **GIVEN)
    assert not asked.expression.has_evidence
    assert asked.evidence() == []


@pytest.mark.parametrize("source", [source for source, _ in PATHS])
def test_a_form_that_can_name_evidence_says_so(source: str) -> None:
    assert Asked(source, *CHART, **GIVEN).expression.has_evidence


def test_evidence_goes_through_variables_to_the_elements() -> None:
    known = {"observations": ("Observation",)}
    first = compile_fhirpath("%observations.where(code.coding.exists(code = 'T1'))", Scope(known, VALUE_SETS))
    then = compile_fhirpath("%tumour.value.ofType(CodeableConcept)", Scope({"tumour": first.types}, VALUE_SETS))
    last = compile_fhirpath("%value.coding.exists()", Scope({"value": then.types}, VALUE_SETS))
    record = PatientRecord("p1", CHART)
    defined = {"tumour": first, "value": then}
    environment = Environment(record, AS_OF, values={"observations": [O1, O2]}, defined=defined)
    assert last.truth(environment) is True
    assert [str(place) for place in last.evidence(environment)] == ["Observation/o1.value.coding[0]"]


def test_a_variable_of_several_types_keeps_its_places() -> None:
    either = compile_fhirpath("%o.value.ofType(Quantity) | %o.code", Scope({"o": ("Observation",)}))
    last = compile_fhirpath("%either.exists()", Scope({"either": either.types}))
    environment = Environment(PatientRecord("p1", CHART), AS_OF, values={"o": [O2]}, defined={"either": either})
    assert [str(place) for place in last.evidence(environment)] == ["Observation/o2.value", "Observation/o2.code"]


def test_a_contained_resource_is_named_inside_its_owner() -> None:
    owner = condition("c", contained=[{"resourceType": "Observation", "id": "in", "valueString": "x"}])
    source = "%c.contained.ofType(Observation).value.exists()"
    assert evidence(source, owner, c=[owner]) == ["Condition/c.contained[0].value"]


def test_a_refused_resource_is_named_by_itself() -> None:
    refused = {"reason": "preliminary", "resource": O1}
    source = "%rejected.where(reason = 'preliminary').resource.ofType(Observation).code.exists()"
    asked = Asked(source, O1, types={"rejected": ("Rejected",)}, rejected=[refused])
    assert asked.truth() is True
    assert asked.evidence() == ["Observation/o1.code"]


def test_another_type_of_a_choice_does_not_stand_in_the_way() -> None:
    text, concept = observation("a", valueString="x"), observation("b", valueCodeableConcept=coded("yes"))
    assert evidence("%o.value.coding.exists()", o=[text, concept]) == ["Observation/b.value.coding[0]"]


def test_null_members_do_not_shift_the_places_of_the_others() -> None:
    holes = condition("c", bodySite=[None, coded("L1"), None, coded("L2")])
    assert evidence("%c.bodySite.exists()", holes, c=[holes]) == ["Condition/c.bodySite[1]", "Condition/c.bodySite[3]"]
    assert evidence("%c.bodySite[1].exists()", holes, c=[holes]) == ["Condition/c.bodySite[3]"]


def test_one_object_where_a_list_belongs_is_named_without_a_position() -> None:
    single = condition("c", bodySite=coded("L1"))
    assert evidence("%c.bodySite.coding.exists()", single, c=[single]) == ["Condition/c.bodySite.coding[0]"]


def test_a_list_where_one_object_belongs_is_named_with_positions() -> None:
    several = condition("c", code=[coded("T1"), coded("T2")])
    assert evidence("%c.code.exists()", several, c=[several]) == ["Condition/c.code[0]", "Condition/c.code[1]"]


def test_the_order_that_is_looked_at_is_named_when_it_is_the_focus() -> None:
    order = {"resourceType": "ServiceRequest", "id": "s", "bodySite": [coded("L1")]}
    asked = Asked(f"bodySite.coding.where(system = '{SNOMED}').exists()", focus=order)
    assert asked.truth() is True
    assert asked.evidence() == ["ServiceRequest/s.bodySite[0].coding[0]"]


def test_the_located_items_are_the_items() -> None:
    for source, _ in PATHS:
        inner = source.removesuffix(".exists()")
        if inner == source or " and " in inner or " or " in inner:
            continue
        asked = Asked(inner, *CHART, **GIVEN)
        located = [raw(item) for item, _ in asked.expression.located(asked.environment)]
        assert located == asked.items(), inner


REFUSED: list[tuple[str, list[tuple[str, str]]]] = [
    ("%observations.exists(status = 'draft')", [("o1", "status = 'draft'"), ("o2", "status = 'draft'")]),
    ("%observations.where(code.exists() and value is Period).exists()", [("o1", "value is Period")] * 1),
    (
        "%observations.where(bodySite.exists()).where(value is Period).exists()",
        [("o2", "bodySite.exists()"), ("o1", "value is Period")],
    ),
    (
        "%observations.where(value is CodeableConcept).component.exists(code.coding.code = 'c')",
        [("o2", "value is CodeableConcept"), ("o1.component[0]", "code.coding.code = 'c'")],
    ),
    ("%none.exists(status = 'draft')", []),
    ("%observations.all(value is Quantity)", [("o1", "value is Quantity")]),
    (
        "%observations.exists(status = 'draft') and %conditions.exists(code.empty())",
        [("o1", "status = 'draft'"), ("o2", "status = 'draft'"), ("Condition/c1", "code.empty()")],
    ),
]


@pytest.mark.parametrize(("source", "expected"), REFUSED, ids=[source for source, _ in REFUSED])
def test_what_was_looked_at_in_vain_is_told_with_the_first_condition_that_failed(
    source: str, expected: list[tuple[str, str]]
) -> None:
    asked = Asked(source, *CHART, **GIVEN)
    told = [(str(one.location), one.condition) for one in asked.expression.refusals(asked.environment)]
    named = [(path if "/" in path else f"Observation/{path}", condition) for path, condition in expected]
    assert asked.truth() is False
    assert told[: len(named)] == named


def test_what_cannot_be_told_of_a_candidate_is_told_apart_from_no() -> None:
    dangling = observation("x", derivedFrom=[{"reference": "ImagingStudy/gone"}])
    asked = Asked("%o.exists(derivedFrom.resolve().exists())", dangling, o=[dangling, O2])
    assert [(str(one.location), one.unknown) for one in asked.expression.refusals(asked.environment)] == [
        ("Observation/x", True),
        ("Observation/o2", False),
    ]


def test_few_of_many_refusals_are_told() -> None:
    many = [observation(f"o{i}") for i in range(50)]
    asked = Asked("%o.exists(status = 'draft')", *many, o=many)
    assert len(asked.expression.refusals(asked.environment)) == 5


def test_a_false_answer_names_no_side() -> None:
    assert Asked("%none.code.exists() or %none.exists()", **GIVEN).evidence() == []
    assert truth("%none.code.exists() or %none.exists()", **GIVEN) is False
