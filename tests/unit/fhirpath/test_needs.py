"""What a compiled expression tells of its needs: which elements of which resources it reads, and what it asks."""

from __future__ import annotations

import pytest

from cds_service.expressions.language import DataNeed, Scope
from cds_service.fhirpath import FhirPath, compile_fhirpath
from tests.unit.fhirpath.evaluating import SNOMED, URL, VALUE_SETS

SCOPE = Scope(
    {
        "o": ("Observation",),
        "c": ("Condition",),
        "both": ("Observation", "Condition"),
        "any": ("Resource",),
        "asOf": ("System.Date",),
        "gap": ("System.Quantity",),
        "code": ("CodeableConcept",),
    },
    VALUE_SETS,
    ("Bundle",),
)
LEVELS = f"{URL}levels"


def compiled(source: str) -> FhirPath:
    return compile_fhirpath(source, SCOPE)


def written(need: DataNeed) -> str:
    """Return a need as `Observation.code in levels`."""
    path = f"{need.type}.{need.path}" if need.path else need.type
    if need.value_set:
        return f"{path} in {need.value_set.removeprefix(URL)}"
    return f"{path} by date" if need.dated else f"{path} = {need.code}" if need.code else path


TEXTS_OF_BOTH = [f"{kind}{rest}" for kind in ("Condition", "Observation") for rest in ("", ".code", ".code.text")]
NEEDS: list[tuple[str, list[str]]] = [
    # nothing of the record
    ("1 + 1", []),
    ("%asOf - %gap", []),
    ("%code.coding.code = 'a'", []),
    # resources, and their elements on the way
    ("%o", ["Observation"]),
    ("%o.exists()", ["Observation"]),
    ("%o.code", ["Observation", "Observation.code"]),
    ("%o.code.coding", ["Observation", "Observation.code", "Observation.code.coding"]),
    ("%o.component.code.text", ["Observation", *(f"Observation.component{to}" for to in ("", ".code", ".code.text"))]),
    ("%o.value", ["Observation", "Observation.value"]),
    ("%o.value.ofType(Quantity).unit", ["Observation", "Observation.value", "Observation.value.unit"]),
    ("%o.where(code.exists()).status", ["Observation", "Observation.code", "Observation.status"]),
    ("%o.select(code | method)", ["Observation", "Observation.code", "Observation.method"]),
    ("%o.exists($this.status.exists())", ["Observation", "Observation.status"]),
    ("%o.all(issued.exists())", ["Observation", "Observation.issued"]),
    ("%o.first().code", ["Observation", "Observation.code"]),
    ("%o[0].code", ["Observation", "Observation.code"]),
    ("%o.skip(1).take(1).last().single().code", ["Observation", "Observation.code"]),
    ("%o.distinct().tail().code", ["Observation", "Observation.code"]),
    ("%o.trace('x').code", ["Observation", "Observation.code"]),
    ("%o.sort(issued).status", ["Observation", "Observation.issued", "Observation.status"]),
    ("%o.aggregate($this.code.count(), 0)", ["Observation", "Observation.code"]),
    ("iif(%o.exists(), %o.code, %c.code).text", TEXTS_OF_BOTH),
    ("coalesce(%o.method, %c.code)", ["Condition", "Condition.code", "Observation", "Observation.method"]),
    ("%o.defineVariable('x', code).select(%x.text)", ["Observation", "Observation.code", "Observation.code.text"]),
    ("%o.repeat(hasMember.resolve().ofType(Observation)).code", [
        "Observation", "Observation.code", "Observation.hasMember",
    ]),
    # of several types: each element where it is one
    ("%both", ["Condition", "Observation"]),
    ("%both.code", ["Condition", "Condition.code", "Observation", "Observation.code"]),
    ("%both.stage", ["Condition", "Condition.stage", "Observation"]),
    ("%both.ofType(Condition).stage", ["Condition", "Condition.stage", "Observation"]),
    ("(%o | %c).code", ["Condition", "Condition.code", "Observation", "Observation.code"]),
    ("%o.combine(%c).code.text", TEXTS_OF_BOTH),
    ("(%o.code | %c.evidence).detail", [
        "Condition", "Condition.evidence", "Condition.evidence.detail", "Observation", "Observation.code",
    ]),
    # types that are named on the way
    ("%any.ofType(Condition).code", ["Condition", "Condition.code"]),
    ("(%any.first() as Condition).code", ["Condition", "Condition.code"]),
    ("%any.first().as(Condition).code", ["Condition", "Condition.code"]),
    ("entry.resource.ofType(Condition).code", ["Bundle.entry", "Bundle.entry.resource", "Condition", "Condition.code"]),
    ("%o.derivedFrom.resolve().ofType(ImagingStudy).started", [
        "ImagingStudy", "ImagingStudy.started", "Observation", "Observation.derivedFrom",
    ]),
    # codes
    ("%o.status = 'final'", ["Observation", "Observation.status", "Observation.status = final"]),
    ("'final' = %o.status", ["Observation", "Observation.status", "Observation.status = final"]),
    ("%o.status ~ 'final'", ["Observation", "Observation.status", "Observation.status = final"]),
    ("%o.status != 'final'", ["Observation", "Observation.status"]),
    ("%o.status in ('final' | 'amended')", [
        "Observation", "Observation.status", "Observation.status = amended", "Observation.status = final",
    ]),
    ("('final' | 'amended') contains %o.status", [
        "Observation", "Observation.status", "Observation.status = amended", "Observation.status = final",
    ]),
    ("%o.status contains 'final'", ["Observation", "Observation.status", "Observation.status = final"]),
    ("%o.code.coding.exists(system = %sct and code = 'T1')", [
        "Observation", "Observation.code", "Observation.code.coding", "Observation.code.coding.code",
        "Observation.code.coding.code = T1", "Observation.code.coding.system",
        f"Observation.code.coding.system = {SNOMED}",
    ]),
    ("%both.code.coding.code = 'T1'", [
        f"{kind}{rest}"
        for kind in ("Condition", "Observation")
        for rest in ("", ".code", ".code.coding", ".code.coding.code", ".code.coding.code = T1")
    ]),
    # value sets
    (f"%o.code.memberOf('{LEVELS}')", ["Observation", "Observation.code", "Observation.code in levels"]),
    (f"%o.where(code.memberOf('{LEVELS}'))", ["Observation", "Observation.code", "Observation.code in levels"]),
    (f"%both.code.exists(memberOf('{LEVELS}'))", [
        "Condition", "Condition.code", "Condition.code in levels",
        "Observation", "Observation.code", "Observation.code in levels",
    ]),
    (f"%o.bodySite.coding.where(memberOf('{LEVELS}'))", [
        "Observation", "Observation.bodySite", "Observation.bodySite.coding", "Observation.bodySite.coding in levels",
    ]),
    # dates
    ("%o.effective >= @2025", ["Observation", "Observation.effective", "Observation.effective by date"]),
    ("@2025 <= %o.effective", ["Observation", "Observation.effective", "Observation.effective by date"]),
    ("%o.effective = %asOf", ["Observation", "Observation.effective", "Observation.effective by date"]),
    ("%o.where(effective > %asOf - %gap)", ["Observation", "Observation.effective", "Observation.effective by date"]),
    ("%o.effective < today()", ["Observation", "Observation.effective", "Observation.effective by date"]),
    ("%o.issued in (@2025-01-01T00:00:00Z | @2025-01-02T00:00:00Z)", [
        "Observation", "Observation.issued", "Observation.issued by date",
    ]),
    ("%o.effective.ofType(Period).start > %asOf", [
        "Observation", "Observation.effective", "Observation.effective.start", "Observation.effective.start by date",
    ]),
    ("%o.value.ofType(Quantity) > 5 'mg'", ["Observation", "Observation.value"]),
    ("%o.latest()", ["Observation", "Observation.effective"]),
    ("%o.clinicalDate()", ["Observation", "Observation.effective"]),
    ("%o.episodes(30 days)", ["Observation", "Observation.effective"]),
    ("%c.where(clinicalDate() > %asOf - 1 year)", [
        "Condition", "Condition.recordedDate", "Condition.recordedDate by date",
    ]),
    ("%both.latest()", ["Condition", "Condition.recordedDate", "Observation", "Observation.effective"]),
]  # fmt: skip


@pytest.mark.parametrize(("source", "needs"), NEEDS, ids=[source for source, _ in NEEDS])
def test_an_expression_tells_what_it_reads(source: str, needs: list[str]) -> None:
    assert sorted(map(written, compiled(source).needs)) == sorted(needs)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("1", []),
        (f"%o.code.memberOf('{URL}levels')", ["levels"]),
        (f"%o.where(code.memberOf('{URL}levels') or code.memberOf('{URL}tumours'))", ["levels", "tumours"]),
        (f"%o.exists(component.exists(code.memberOf('{URL}levels')))", ["levels"]),
        (f"iif(false, %o.code.memberOf('{URL}levels'), true)", ["levels"]),
        (f"{{}}.memberOf('{URL}levels')", ["levels"]),
        (f"'{URL}levels'", []),
    ],
)
def test_an_expression_tells_which_value_sets_it_asks(source: str, names: list[str]) -> None:
    assert compiled(source).value_sets == {f"{URL}{name}" for name in names}


def test_a_need_is_told_once_and_in_an_order_that_does_not_change() -> None:
    source = "%o.where(code.exists() and code.coding.exists()).code | %o.code"
    needs = compiled(source).needs
    assert len(needs) == len(set(needs))
    assert needs == compiled(source).needs


def test_a_value_set_that_need_not_be_loaded_is_told_all_the_same() -> None:
    lenient = Scope(SCOPE.variables, {}, ("Bundle",), strict=False)
    assert compile_fhirpath("%o.code.memberOf('http://x/y')", lenient).value_sets == {"http://x/y"}
