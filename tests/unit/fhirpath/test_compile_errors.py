"""Whatever can be known to be wrong with an expression is said when it is compiled, with its place and a way out."""

from __future__ import annotations

import time

import pytest

from cds_service.errors import ExpressionError
from cds_service.expressions.language import Scope
from cds_service.fhirpath import FhirPath, compile_fhirpath
from cds_service.fhirpath.functions import FUNCTIONS
from tests.unit.fhirpath.evaluating import URL, VALUE_SETS

SCOPE = Scope(
    {
        "observations": ("Observation",),
        "conditions": ("Condition",),
        "both": ("Observation", "Condition"),
        "gap": ("System.Quantity",),
        "asOf": ("System.Date",),
    },
    VALUE_SETS,
    ("Bundle",),
)


def compiled(source: str) -> FhirPath:
    return compile_fhirpath(source, SCOPE)


FAULTS: list[tuple[str, str, str]] = [  # expression, what is marked, what is said
    # elements
    ("%observations.cod", "cod", "`Observation` has no element `cod`; did you mean `code`?"),
    ("%observations.code.coding.sistem", "sistem", "`Coding` has no element `sistem`; did you mean `system`?"),
    ("%observations.valueString", "valueString", "`Observation` has no element `valueString`"),
    ("%observations.value.ofType(Quantity).uni", "uni", "`Quantity` has no element `uni`; did you mean `unit`?"),
    ("%both.stag", "stag", "`Observation or Condition` has no element `stag`; did you mean `stage`?"),
    ("%observations.where(statu = 'final')", "statu", "did you mean `status`?"),
    ("%conditions.bodySite.exists(codin.exists())", "codin", "did you mean `coding`?"),
    ("%observations.select(code | methd)", "methd", "did you mean `method`?"),
    ("entry.resource.code", "code", "a resource of any type has no `code`; name its type first"),
    ("%observations.subject.resolve().name", "name", "a resource of any type has no `name`"),
    ("entri", "entri", "`Bundle` has no element `entri`; did you mean `entry`?"),
    ("Patient.name", "Patient", "`Bundle` has no element `Patient`"),
    ("%gap.value", "value", "`System.Quantity` has no element `value`"),
    ("%asOf.year", "year", "`System.Date` has no element `year`"),
    ("'text'.code", "code", "`System.String` has no element `code`"),
    # variables
    ("%observation.code", "%observation", "there is no variable `%observation`; did you mean `observations`?"),
    ("%nothing", "%nothing", "there is no variable `%nothing`"),
    ("%observations.where(code in %condition.code)", "%condition", "did you mean `conditions`?"),
    # functions
    ("%observations.exist()", "exist", "there is no function `exist()`; did you mean `exists`?"),
    ("%observations.latests()", "latests", "there is no function `latests()`; did you mean `latest`?"),
    ("zzz()", "zzz", "there is no function `zzz()`"),
    ("%observations.where(code.membrOf('x'))", "membrOf", "did you mean `memberOf`?"),
    # arguments
    ("%observations.where()", "where", "`where()` takes 1 arguments, not 0"),
    ("%observations.where(true, true)", "where", "`where()` takes 1 arguments, not 2"),
    ("%observations.first(1)", "first", "`first()` takes 0 arguments, not 1"),
    ("%observations.exists(true, true)", "exists", "`exists()` takes 0 to 1 arguments, not 2"),
    ("iif(true)", "iif", "`iif()` takes 2 to 3 arguments, not 1"),
    ("%observations.episodes()", "episodes", "`episodes()` takes 1 arguments, not 0"),
    # types
    ("%observations.ofType(Observatio)", "ofType", "there is no type `Observatio`; did you mean `Observation`?"),
    ("entry.resource.ofType('Observation')", "ofType", "`ofType()` takes the name of a type"),
    ("entry.resource.ofType(%gap)", "ofType", "`ofType()` takes the name of a type"),
    ("entry.resource.ofType(System.Observation)", "ofType", "there is no type `System.Observation`"),
    ("entry.resource.ofType(US.Observation)", "ofType", "there is no type `US.Observation`"),
    ("%observations.value is Quantiti", "is", "there is no type `Quantiti`; did you mean `Quantity`?"),
    ("%observations.value as Strin", "as", "there is no type `Strin`"),
    ("%observations.value.is(Boolea)", "is", "there is no type `Boolea`"),
    # value sets
    (f"%observations.code.memberOf('{URL}level')", f"'{URL}level'", f"no value set `{URL}level` is loaded"),
    ("%observations.code.memberOf('')", "''", "no value set `` is loaded"),
    ("%observations.code.memberOf(%gap)", "%gap", "`memberOf()` takes the value set's canonical as a literal"),
    ("%observations.code.memberOf(5)", "5", "`memberOf()` takes the value set's canonical as a literal"),
    # what our own functions need
    ("%observations.code.latest()", "latest", "`latest()` orders resources by their date; these are CodeableConcept"),
    ("%asOf.latest()", "latest", "these are System.Date"),
    ("%observations.code.clinicalDate()", "clinicalDate", "`clinicalDate()` orders resources by their date"),
    ("%observations.code.episodes(%gap)", "episodes", "`episodes()` orders resources by their date"),
    ("@2025-11-20 + 5", "+", "a date is moved by a duration: write `7 days`, not `7`"),
    ("-%observations.exists()", "-", "`-` does not take a boolean"),
    ("%observations.code.startsWith('x')", "startsWith", "`startsWith()` takes text; these are CodeableConcept"),
    ("iif('yes', 1, 2)", "'yes'", "the criterion of `iif()` is a boolean"),
    ("%observations.defineVariable('gap')", "'gap'", "there already is a variable `%gap`"),
    ("%observations.defineVariable(%gap)", "%gap", "`defineVariable()` takes a name as a literal"),
    ("(%observations.defineVariable('x') | %x)", "%x", "there is no variable `%x`"),
    ("$total", "$total", "`$total` has no meaning outside `aggregate()`"),
]


@pytest.mark.parametrize(("source", "marked", "words"), FAULTS, ids=[source for source, _, _ in FAULTS])
def test_a_fault_is_told_with_its_place_and_the_nearest_name(source: str, marked: str, words: str) -> None:
    with pytest.raises(ExpressionError) as fault:
        compiled(source)
    assert words in fault.value.reason
    assert source[fault.value.position :].startswith(marked)
    assert f"⟨here⟩{marked[:20]}" in str(fault.value)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_function_checks_how_many_arguments_it_gets(name: str) -> None:
    most = FUNCTIONS[name].most
    arguments = ", ".join(["true"] * (most + 1))
    with pytest.raises(ExpressionError, match=rf"`{name}\(\)` takes .* arguments, not {most + 1}"):
        compiled(f"%observations.{name}({arguments})")


@pytest.mark.parametrize(
    "source",
    [
        "%observations.code",
        "Bundle.entry.resource.ofType(Observation).code",
        "entry.resource.ofType(FHIR.Observation)",
        "%observations.value is System.Boolean",
        "%observations.value.ofType(Quantity).value",
        "%both.code",
        "%both.bodySite.coding",
        "%both.verificationStatus",
        "{}.anything.at.all",
        f"%observations.code.memberOf('{URL}levels')",
        "%ucum | %sct | %loinc",
        "%resource.entry | %context.entry | %rootResource.entry",
        "%observations.component.code.coding.exists(system = %sct)",
    ],
)
def test_what_can_be_known_to_be_right_compiles(source: str) -> None:
    assert compiled(source).source == source


def test_an_expression_tells_what_it_reads() -> None:
    told = compiled(f"%observations.where(code.memberOf('{URL}levels') and clinicalDate() >= %asOf - %gap).exists()")
    assert told.reads == {"observations", "asOf", "gap"}
    assert told.value_sets == {f"{URL}levels"}
    assert told.is_boolean
    assert told.has_evidence


@pytest.mark.parametrize(
    ("source", "types"),
    [
        ("%observations.code", ("CodeableConcept",)),
        ("%observations.value.ofType(Quantity)", ("Quantity",)),
        ("%observations.value.ofType(Quantity).value", ("decimal",)),
        ("%both.code", ("CodeableConcept",)),
        ("%observations.status | %asOf", ("code", "System.Date")),
        ("%observations.count()", ("System.Integer",)),
        ("%observations.exists()", ("System.Boolean",)),
        ("%asOf - 90 days", ("System.Date",)),
        ("%observations.effective.toDate() - 90 days", ("System.Date",)),
        ("1 + 1.0", ("System.Decimal",)),
        ("1 / 2", ("System.Decimal",)),
        ("'a' & 1", ("System.String",)),
        ("iif(true, %observations, %conditions)", ("Observation", "Condition")),
        ("%observations.episodes(%gap).item.ofType(Observation)", ("Observation",)),
    ],
)
def test_an_expression_knows_the_types_of_its_items(source: str, types: tuple[str, ...]) -> None:
    assert compiled(source).types == types


@pytest.mark.parametrize(
    "source",
    [
        "%observations" + ".extension('u')" * 1200,
        " or ".join(["%observations.exists()"] * 650),
        " + ".join(["1"] * 5000),
        "%observations" + ".where(true)" * 1600,
    ],
    ids=["steps", "alternatives", "sums", "filters"],
)
def test_a_chain_too_long_to_carry_out_is_refused_not_a_crash(source: str) -> None:
    with pytest.raises(ExpressionError, match="too long to be carried out") as refusal:
        compiled(source)
    assert len(str(refusal.value)) < 300


def test_compiling_takes_time_in_proportion_to_the_text() -> None:
    started = time.perf_counter()
    compiled("%observations" + ".contained.ofType(Observation)" * 25)
    assert time.perf_counter() - started < 2
