"""An answer with its evidence is the answer: on sound charts and on charts spoiled in every way."""

from __future__ import annotations

import copy
from random import Random
from typing import Any

import pytest

from cds_service.errors import EvaluationError, LimitExceeded
from cds_service.expressions.language import Environment, Scope
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.temporal import Date
from cds_service.fhirpath import FhirPath, compile_fhirpath
from tests.unit.fhirpath.evaluating import SNOMED, URL, VALUE_SETS, coded, condition, observation

SOUND: list[dict[str, Any]] = [
    observation("q", code=coded("L1"), valueQuantity={"value": 5, "unit": "mg", "code": "mg"}),
    observation("c", code=coded("T1"), valueCodeableConcept=coded("yes"), effectiveDateTime="2025-11-20"),
    observation("s", valueString="text", effectivePeriod={"start": "2025-11-01"}, hasMember=[{"reference": "#x"}]),
    observation("p", component=[{"code": coded("L1"), "valueInteger": 3}, {"code": coded("L2"), "valueBoolean": True}]),
    condition("a", code=coded("T1"), recordedDate="2024-02-01", bodySite=[coded("L1"), coded("L2")]),
    condition("b", code={"text": "in words"}, contained=[observation("x", valueInteger=1)]),
]
SPOILS: list[Any] = [
    "",
    "5 mg",
    "20.11.2025",
    {},
    [],
    ["x"],
    [None],
    [{}],
    {"x": 1},
    5,
    -1,
    True,
    None,
    [[{"code": "L1"}]],
]
EXPRESSIONS = [
    "%o.exists(value > 3 'mg')",
    "%o.exists(value > 3)",
    "%o.value.unit.exists()",
    "%o.where(value is Quantity).value.exists()",
    "%o.value.ofType(Quantity).exists($this >= 5 'mg')",
    "%o.value.coding.exists(code = 'yes')",
    "%o.component.value.exists()",
    "%o.component.where(code.coding.code = 'L1').value.ofType(integer).exists($this = 3)",
    f"%o.exists(code.memberOf('{URL}levels')) or %c.exists(code.memberOf('{URL}tumours'))",
    f"%o.where(code.memberOf('{URL}levels')).code.exists() and %c.code.exists()",
    "%o.exists(effective > @2025)",
    "%o.effective.exists() and %c.recordedDate.exists()",
    "%c.exists(recordedDate > @2020)",
    "%c.exists(recordedDate > @2020) and %o.exists(status = 'final')",
    "%c.contained.ofType(Observation).exists()",
    "%c.contained.exists()",
    "%c.where(bodySite.coding.exists(code = 'L2')).exists()",
    "%c.bodySite.coding.count() > 1",
    "%o.all(status = 'final')",
    "%c.all(recordedDate < @2030)",
    "%o.exists() or %c.single().exists()",
    "(%o.value | %c.code).exists()",
    "(%o | %c).where(code.coding.exists(system = '" + SNOMED + "')).exists()",
    "%o.latest().exists() or %c.exists()",
    "%o.hasMember.resolve().exists() or %c.code.text.exists()",
    "%o.value.where($this is string).exists()",
    "%c.code.text.where(matches('words')).exists()",
    "%o.status.distinct().count() = 1",
    "%c.recordedDate.intersect(@2024-02-01).exists()",
    "%v.exists() and %o.exists()",
    "%w.where($this = 'mg').exists()",
]
DEFINED = {"v": "%o.value.unit", "w": "%o.value.ofType(Quantity).unit"}


def compiled() -> tuple[list[FhirPath], dict[str, FhirPath]]:
    scope = Scope({"o": ("Observation",), "c": ("Condition",)}, VALUE_SETS)
    defined = {name: compile_fhirpath(source, scope) for name, source in DEFINED.items()}
    scope = Scope({**scope.variables, **{name: one.types for name, one in defined.items()}}, VALUE_SETS)
    return [compile_fhirpath(source, scope) for source in EXPRESSIONS], defined


def spoiled(chance: Random, resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the chart with one to three elements replaced by what should not be there."""
    chart = copy.deepcopy(resources)
    for _ in range(chance.randint(0, 3)):
        holder: Any = chance.choice(chart)
        while True:
            key = chance.choice([one for one in holder if one not in ("resourceType", "id")] or ["id"])
            inner = holder.get(key)
            inner = chance.choice(inner) if isinstance(inner, list) and inner else inner
            if not isinstance(inner, dict) or not inner or chance.random() < 0.4:
                break
            holder = inner
        if key != "id":
            holder[key] = copy.deepcopy(chance.choice(SPOILS))
    return chart


def told(one: FhirPath, chart: list[dict[str, Any]], defined: dict[str, FhirPath], *, evidence: bool) -> object:
    given = {"o": chart[:4], "c": chart[4:]}
    environment = Environment(PatientRecord("p", chart), Date((2026, 1, 15)), values=given, defined=defined)
    try:
        return one.answer(environment)[0] if evidence else one.truth(environment)
    except LimitExceeded:
        raise
    except EvaluationError:
        return "no answer"


@pytest.mark.parametrize("seed", range(8))
def test_the_answer_with_evidence_is_the_answer(seed: int) -> None:
    expressions, defined = compiled()
    chance = Random(seed)  # noqa: S311 - a test's own dice
    differ = []
    for _ in range(60):
        chart = spoiled(chance, SOUND)
        for one in expressions:
            truth, answer = (told(one, chart, defined, evidence=evidence) for evidence in (False, True))
            if truth != answer:
                differ.append(f"{one.source}: {truth} but {answer}: {chart}")
    assert differ == []


def test_many_conditions_joined_cost_no_more_than_each_once() -> None:
    chart = [observation(f"o{i}") for i in range(1000)]
    one = compile_fhirpath(" and ".join(["%o.exists(status = 'final')"] * 60), Scope({"o": ("Observation",)}))
    environment = Environment(PatientRecord("p", chart), Date((2026, 1, 15)), values={"o": chart}, defined={})
    assert one.answer(environment)[0] is True
