"""What each function answers, as FHIRPath 2.0, the trial-use functions of 3.0.0 and FHIR R4 2.9.1.5 say it.

Every function of the engine has cases here. The patient is made up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.errors import CdsServiceError, ContentError, EvaluationError, ExpressionError, LimitExceeded
from cds_service.expressions.language import Environment, Missing, Scope, Types
from cds_service.fhir.code_system import read_code_system
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.temporal import Date, DateTime, Time, parse_date, parse_date_time, parse_time
from cds_service.fhir.values import Quantity
from cds_service.fhirpath import FhirPath, compile_fhirpath
from cds_service.fhirpath.functions import FUNCTIONS
from cds_service.fhirpath.items import raw
from tests.unit.fhirpath.evaluating import AS_OF, SNOMED, URL, VALUE_SETS, coded, condition, observation, types_of

T, F, NONE = [True], [False], list[Any]()
UCUM = "http://unitsofmeasure.org"
NOW = DateTime((2026, 1, 15, 10, 30, 5), "250", 60)


def day(text: str) -> Date:
    found = parse_date(text)
    assert found is not None
    return found


def moment(text: str) -> DateTime:
    found = parse_date_time(text)
    assert found is not None
    return found


def clock(text: str) -> Time:
    found = parse_time(text)
    assert found is not None
    return found


def amount(text: str) -> Quantity:
    value, _, unit = text.partition(" ")
    return Quantity(Decimal(value), unit or "1")


def d(text: str) -> Decimal:
    return Decimal(text)


# -- the chart ----------------------------------------------------------------------------------------------------

DIV = '<div xmlns="http://www.w3.org/1999/xhtml">made up</div>'
PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "text": {"status": "generated", "div": DIV},
    "contained": [{"resourceType": "Organization", "id": "ward"}, {"resourceType": "Organization", "id": "org"}],
    "extension": [
        {"url": "a", "valueInteger": 1},
        {"url": "b", "extension": [{"url": "c", "valueBoolean": True}]},
        {"url": "a", "valueInteger": 2},
    ],
    "active": True,
    "name": [
        {
            "use": "official",
            "family": "Made",
            "given": ["Up", "Often"],
            "_given": [None, {"id": "g2", "extension": [{"url": "nick", "valueString": "Oft"}]}],
        },
        {"use": "usual", "given": ["Mo"], "_family": {"extension": [{"url": "absent", "valueCode": "unknown"}]}},
    ],
    "birthDate": "1974-12-25",
    "_birthDate": {"id": "b1", "extension": [{"url": "time", "valueDateTime": "1974-12-25T14:35:45-05:00"}]},
    "_gender": {"extension": [{"url": "absent", "valueCode": "asked"}]},
    "multipleBirthInteger": 2,
    "managingOrganization": {"reference": "#org"},
    "generalPractitioner": [{"reference": "Practitioner/dr"}, {"reference": "#gone"}, {"reference": "Practitioner/no"}],
    "link": [{"other": {"reference": "#"}, "type": "seealso"}],
}
DOCTOR = {"resourceType": "Practitioner", "id": "dr", "name": [{"family": "Doe"}]}
ITEM = {"linkId": "same", "text": "twice"}
FORM = {
    "resourceType": "Questionnaire",
    "id": "q",
    "status": "draft",
    "item": [
        {"linkId": "1", "item": [{"linkId": "1.1"}, {"linkId": "1.2", "item": [dict(ITEM)]}]},
        {"linkId": "2", "item": [dict(ITEM)]},
    ],
}
WEIGHT = observation(
    "w",
    code={"coding": [{"system": SNOMED, "code": "L1"}, {"system": SNOMED, "code": "x"}]},
    effectiveDateTime="2025-11-20T10:00:00+01:00",
    issued="2025-11-20T10:30:00.125Z",
    valueQuantity={"value": d("1.50"), "unit": "g", "system": UCUM, "code": "g"},
)
GROWTH = condition(
    "c",
    code=coded("osteosarcoma"),
    recordedDate="2025-10",
    onsetAge={"value": 50, "system": UCUM, "code": "a"},
    modifierExtension=[{"url": "m1", "valueBoolean": True}, {"url": "m2", "valueBoolean": True}],
)
GROWTHS = read_code_system(
    {
        "url": SNOMED,
        "content": "complete",
        "concept": [
            {
                "code": "growth",
                "concept": [{"code": "sarcoma", "concept": [{"code": "osteosarcoma"}]}, {"code": "cyst"}],
            }
        ],
    }
)
RECORD = (PATIENT, DOCTOR, FORM, WEIGHT, GROWTH)
CHART: dict[str, Sequence[Any]] = {
    "p": [PATIENT],
    "q": [FORM],
    "o": [WEIGHT],
    "c": [GROWTH],
    "any": [PATIENT, WEIGHT, GROWTH],
    "none": [],
    "nobody": [],
    "sarcoma": [{"system": SNOMED, "code": "sarcoma"}],
    "mole": [{"system": SNOMED, "code": "mole"}],
    "elsewhere": [{"system": "http://example.org/other", "code": "sarcoma"}],
}
TYPES: dict[str, Types] = {name: types_of(items) for name, items in CHART.items()} | {
    "any": ("Resource",),
    "none": ("Observation",),
    "nobody": ("Patient",),
    "sarcoma": ("Coding",),
    "mole": ("Coding",),
    "elsewhere": ("Coding",),
}
SCOPE = Scope(TYPES, VALUE_SETS, ("Bundle",), {SNOMED: GROWTHS})


def ready(source: str, *, now: DateTime | None = None, **more: Sequence[Any]) -> tuple[FhirPath, Environment]:
    types = {name: types_of(items) for name, items in more.items()}
    scope = Scope({**TYPES, **types}, VALUE_SETS, ("Bundle",), {SNOMED: GROWTHS})
    environment = Environment(PatientRecord("p1", RECORD), AS_OF, values={**CHART, **more}, defined={}, now=now)
    return compile_fhirpath(source, scope), environment


def ask(source: str, **more: Any) -> list[Any]:
    expression, environment = ready(source, **more)
    return [raw(one) for one in expression.items(environment)]


# -- what is answered ---------------------------------------------------------------------------------------------

Cases = Mapping[str, list[tuple[str, list[Any]]]]

EXISTENCE: Cases = {
    "exists": [
        ("%p.exists()", T),
        ("%none.exists()", F),
        ("{}.exists()", F),
        ("false.exists()", T),
        ("%p.name.exists(use = 'usual')", T),
        ("%p.name.exists(use = 'old')", F),
        ("%p.name.exists({})", F),
        ("(1 | 2).exists($index = 1)", T),
        ("%none.exists(true)", F),
    ],
    "empty": [("{}.empty()", T), ("%none.empty()", T), ("1.empty()", F), ("false.empty()", F), ("(1 | 2).empty()", F)],
    "not": [
        ("true.not()", F),
        ("false.not()", T),
        ("{}.not()", NONE),
        ("'false'.not()", F),  # one item that is no boolean is true
        ("0.not()", F),
        ("%p.active.not()", F),
        ("%nobody.active.not()", NONE),
    ],
    "all": [
        ("(1 | 2).all($this > 0)", T),
        ("(1 | 2).all($this > 1)", F),
        ("{}.all(false)", T),
        ("%none.all(status = 'final')", T),
        ("(1 | 2).all({})", F),
        ("(5 | 6).all($index < 2)", T),
    ],
    "allTrue": [
        ("true.combine(true).allTrue()", T),
        ("(true | false).allTrue()", F),
        ("{}.allTrue()", T),
        ("(1 | 2).select($this > 0).allTrue()", T),
        ("%p.active.allTrue()", T),
    ],
    "anyTrue": [("(true | false).anyTrue()", T), ("false.anyTrue()", F), ("{}.anyTrue()", F)],
    "allFalse": [("false.combine(false).allFalse()", T), ("(true | false).allFalse()", F), ("{}.allFalse()", T)],
    "anyFalse": [("(true | false).anyFalse()", T), ("true.anyFalse()", F), ("{}.anyFalse()", F)],
    "subsetOf": [
        ("1.subsetOf(1 | 2)", T),
        ("(1 | 3).subsetOf(1 | 2)", F),
        ("1.combine(1).subsetOf(1)", T),
        ("{}.subsetOf({})", T),
        ("{}.subsetOf(1)", T),
        ("1.subsetOf({})", F),
        ("1.0.subsetOf(1)", T),
        ("(1 'm').subsetOf(100 'cm')", T),
        ("@2012.subsetOf(@2012-01)", F),
        ("%p.name.first().subsetOf(%p.name)", T),
        ("%p.name.subsetOf(%p.name.first())", F),
    ],
    "supersetOf": [
        ("(1 | 2).supersetOf(1)", T),
        ("(1 | 2).supersetOf(1 | 3)", F),
        ("{}.supersetOf({})", T),
        ("(1 | 2).supersetOf({})", T),
        ("{}.supersetOf(1)", F),
        ("%p.name.supersetOf(%p.name.last())", T),
    ],
    "count": [
        ("{}.count()", [0]),
        ("1.combine(1).count()", [2]),
        ("%p.name.given.count()", [3]),
        ("%none.count()", [0]),
    ],
    "distinct": [
        ("1.combine(2).combine(1.0).distinct()", [1, 2]),
        ("{}.distinct()", NONE),
        ("'a'.combine('A').distinct()", ["a", "A"]),
        ("@2012.combine(@2012-01).distinct().count()", [2]),
        ("@2012-01-01T10:00:00Z.combine(@2012-01-01T11:00:00.0+01:00).distinct().count()", [1]),
        ("(1 'm').combine(100 'cm').distinct().count()", [1]),
        ("%q.item.item.item.combine(%q.item[1].item).distinct().linkId", ["same"]),
    ],
    "isDistinct": [
        ("(1 | 2).isDistinct()", T),
        ("1.combine(1).isDistinct()", F),
        ("{}.isDistinct()", T),
        ("(1 'm').combine(100 'cm').isDistinct()", F),
    ],
}

FILTERING: Cases = {
    "where": [
        ("(1 | 2 | 3).where($this > 1)", [2, 3]),
        ("%none.where(true)", NONE),
        ("(1 | 2).where({})", NONE),
        ("(1 | 2).where(false)", NONE),
        ("(5 | 6).where($index = 1)", [6]),
        ("%p.name.where(use = 'usual').given", ["Mo"]),
        ("(1 | 2).where('x')", [1, 2]),
        ("(1 | 2).where((3 | 4).where($this > 3).exists())", [1, 2]),
        ("(1 | 2 | 3).where($this > 1 and $index < 2)", [2]),
    ],
    "select": [
        ("(1 | 2).select($this + 1)", [2, 3]),
        ("(1 | 2).select($this | 9)", [1, 9, 2, 9]),
        ("(1 | 2).select({})", NONE),
        ("{}.select(1)", NONE),
        ("(5 | 6).select($index)", [0, 1]),
        ("%p.name.select(given.first() & ' ' & family)", ["Up Made", "Mo "]),
        ("(1 | 2).select((3 | 4).select($this))", [3, 4, 3, 4]),
    ],
    "repeat": [
        ("1.repeat(iif($this < 4, $this + 1))", [2, 3, 4]),
        ("1.repeat(3 - $this)", [2, 1]),  # 1 → 2 → 1 → …
        ("1.repeat($this)", [1]),
        ("(1 | 2).repeat('x')", ["x"]),
        ("{}.repeat($this)", NONE),
        ("1.repeat({})", NONE),
        ("%q.repeat(item).linkId", ["1", "2", "1.1", "1.2", "same"]),  # equal items once
        ("%none.repeat(component)", NONE),
    ],
    "ofType": [
        ("(1 | 'a' | 2).ofType(Integer)", [1, 2]),
        ("(1 | 'a').ofType(System.String)", ["a"]),
        ("(1 | 1.5).ofType(Decimal)", [d("1.5")]),
        ("{}.ofType(Integer)", NONE),
        ("%any.ofType(Patient).id", ["p1"]),
        ("%any.ofType(FHIR.Patient).id", ["p1"]),
        ("%any.ofType(DomainResource).count()", [3]),
        ("%any.ofType(Practitioner)", NONE),
        ("%o.value.ofType(Quantity).unit", ["g"]),
        ("%o.value.ofType(string)", NONE),
        ("%c.onset.ofType(Age).value", [50]),
        ("%c.onset.ofType(Quantity).value", [50]),  # an Age is a Quantity
        ("%p.name.use.ofType(code)", ["official", "usual"]),
        ("%p.name.use.ofType(string)", NONE),  # FHIR: all primitive types stand for themselves
        ("%p.children().ofType(HumanName).family.count()", [1]),  # the other has an extension and no value
    ],
    "is": [
        ("1.is(Integer)", T),
        ("1.is(System.Integer)", T),
        ("1.is(Decimal)", F),
        ("1.0.is(Decimal)", T),
        ("'a'.is(String)", T),
        ("true.is(Boolean)", T),
        ("@2025.is(Date)", T),
        ("@2025T.is(DateTime)", T),
        ("@T10.is(Time)", T),
        ("(5 'mg').is(System.Quantity)", T),
        ("{}.is(Integer)", NONE),
        ("%p.is(Patient)", T),
        ("%p.is(FHIR.Patient)", T),
        ("%p is Patient", T),
        ("%p.is(DomainResource)", T),
        ("%p.is(Resource)", T),
        ("%p.is(Observation)", F),
        ("%p.is(System.Patient)", F),
        ("%p.active.is(boolean)", T),
        ("%p.active.is(Boolean)", F),
        ("%p.active.is(System.Boolean)", F),
        ("%p.active.getValue().is(System.Boolean)", T),
        ("%p.name.first().use is code", T),
        ("%p.name.first().use is string", T),
        ("%p.name.first().use is id", F),
        ("%c.onset is Age", T),
        ("%c.onset is Quantity", T),
        ("%o.value is Quantity", T),
        ("%o.value is Age", F),
        ("%o.value is Period", F),
        ("%p.multipleBirth is integer", T),
        ("%p.multipleBirth is positiveInt", F),
    ],
    "as": [
        ("1.as(Integer)", [1]),
        ("1.as(String)", NONE),
        ("{}.as(Integer)", NONE),
        ("(%o.value as Quantity).unit", ["g"]),
        ("(%o.value as Period).start", NONE),
        ("%c.onset.as(Quantity).value", [50]),
        ("%any.first().as(Patient).id", ["p1"]),
        ("%any.first().as(Observation).id", NONE),
        ("%p.name.first().use.as(code)", ["official"]),
        ("%p.name.first().use.as(id)", NONE),
        ("%p.name.first().family.as(string)", ["Made"]),
        ("%p.name.first().family.as(System.String)", ["Made"]),  # FHIR R4 2.9.1.2: both are valid
        ("%p.name.first().use as String", ["official"]),
        ("%p.active.as(System.Boolean)", T),
        ("%p.active.as(System.String)", NONE),
        ("%p.birthDate.as(System.Date)", [day("1974-12-25")]),
        ("%o.effective.as(System.DateTime)", [moment("2025-11-20T10:00:00+01:00")]),
        ("%p.multipleBirth.as(System.Integer)", [2]),
        ("%o.value.as(System.Quantity)", [amount("1.50 g")]),
        ("%p.name.first().as(System.String)", NONE),
    ],
}

SUBSETTING: Cases = {
    "single": [("1.single()", [1]), ("{}.single()", NONE), ("%none.single()", NONE), ("(1 | 2).take(1).single()", [1])],
    "first": [("(1 | 2).first()", [1]), ("{}.first()", NONE), ("%p.name.first().use", ["official"])],
    "last": [("(1 | 2).last()", [2]), ("{}.last()", NONE), ("%p.name.last().use", ["usual"])],
    "tail": [("(1 | 2 | 3).tail()", [2, 3]), ("1.tail()", NONE), ("{}.tail()", NONE)],
    "skip": [
        ("(1 | 2 | 3).skip(1)", [2, 3]),
        ("(1 | 2 | 3).skip(0)", [1, 2, 3]),
        ("(1 | 2 | 3).skip(-1)", [1, 2, 3]),
        ("(1 | 2 | 3).skip(3)", NONE),
        ("(1 | 2 | 3).skip(9)", NONE),
        ("{}.skip(1)", NONE),
        ("(1 | 2).skip({})", NONE),
    ],
    "take": [
        ("(1 | 2 | 3).take(2)", [1, 2]),
        ("(1 | 2 | 3).take(9)", [1, 2, 3]),
        ("(1 | 2 | 3).take(0)", NONE),
        ("(1 | 2 | 3).take(-1)", NONE),
        ("{}.take(1)", NONE),
        ("(1 | 2).take({})", NONE),
        ("%p.name.take(%p.multipleBirth).count()", [2]),
    ],
    "intersect": [
        ("(1 | 2 | 3).intersect(2 | 4)", [2]),
        ("1.combine(1).intersect(1.0)", [1]),
        ("(1 | 2).intersect({})", NONE),
        ("{}.intersect(1)", NONE),
        ("(1 'm' | 2 's').intersect(100 'cm')", [amount("1 m")]),
        ("%p.name.intersect(%p.name.last()).use", ["usual"]),
    ],
    "exclude": [
        ("(1 | 2 | 3).exclude(2)", [1, 3]),
        ("1.combine(1).combine(2).exclude(2)", [1, 1]),
        ("(1 | 2).exclude({})", [1, 2]),
        ("{}.exclude(1)", NONE),
        ("(1 | 2).exclude(1.0 | 3)", [2]),
        ("%p.name.exclude(%p.name.last()).use", ["official"]),
    ],
}

COMBINING: Cases = {
    "union": [
        ("1.union(1 | 2)", [1, 2]),
        ("1.combine(1).union({})", [1]),
        ("{}.union(1)", [1]),
        ("{}.union({})", NONE),
        ("%p.name.select(use.union(given)).count()", [5]),
    ],
    "combine": [
        ("1.combine(1)", [1, 1]),
        ("{}.combine(1)", [1]),
        ("1.combine({})", [1]),
        ("{}.combine({})", NONE),
        ("%p.name.given.combine(%p.name.family)", ["Up", "Often", "Mo", "Made"]),
        ("(1 | 2).combine('a')", [1, 2, "a"]),
    ],
    "iif": [
        ("iif(true, 1, 2)", [1]),
        ("iif(false, 1, 2)", [2]),
        ("iif({}, 1, 2)", [2]),
        ("iif(false, 1)", NONE),
        ("iif({}, 1)", NONE),
        ("iif(true, (1 | 2), 3)", [1, 2]),
        ("iif(true, {}, 3)", NONE),
        ("iif(true, 1, 1 + 'a')", [1]),  # what is not chosen is not evaluated
        ("iif(false, 1 + 'a', 2)", [2]),
        ("iif(true, 1, (1 | 2).single())", [1]),
        ("{}.iif(true, 1, 2)", [1]),
        ("5.iif($this > 3, 'big', 'small')", ["big"]),
        ("5.iif(true, $this, 0)", [5]),
        ("%p.birthDate.iif(exists(), toString(), 'unknown')", ["1974-12-25"]),
        ("(1 | 2).select(iif($this > 1, 'b', 'a'))", ["a", "b"]),
    ],
    "coalesce": [
        ("coalesce({}, 1, 2)", [1]),
        ("coalesce({}, {})", NONE),
        ("coalesce(1)", [1]),
        ("coalesce({}, (1 | 2), 3)", [1, 2]),
        ("coalesce(1, 1 + 'a')", [1]),
        ("coalesce(false, true)", F),
        ("%p.name.select(coalesce(family, 'none'))", ["Made", "none"]),
        ("coalesce({}, %p.name.text, %p.name.family)", ["Made"]),
    ],
    "aggregate": [
        ("(1 | 2 | 3).aggregate($this + $total, 0)", [6]),
        ("(1 | 2 | 3).aggregate($this + $total, 10)", [16]),
        ("(3 | 1 | 2).aggregate(iif($total.empty(), $this, iif($this < $total, $this, $total)))", [1]),
        ("(1 | 2).aggregate($this + $total)", NONE),  # nothing plus one is nothing
        ("{}.aggregate($this + $total, 5)", [5]),
        ("{}.aggregate($this)", NONE),
        ("(5 | 6 | 7).aggregate($total + $index, 0)", [3]),
        ("(1 | 2).aggregate($total | $this, {})", [1, 2]),
        ("(1 | 2).aggregate($total + (10 | 20).aggregate($total + $this, 0), 0)", [60]),
        ("(1 | 2).select((10).aggregate($this + $total, $this))", [11, 12]),
        ("('a' | 'b').aggregate($total + $this, '')", ["ab"]),
        ("(true | true).aggregate($total and $this, true)", T),
    ],
}

# what → (what it converts to): for to…() and convertsTo…()
CONVERTED: Mapping[str, list[tuple[str, list[Any]]]] = {
    "Boolean": [
        *((f"'{text}'", T) for text in ("true", "t", "yes", "y", "1", "1.0", "TRUE", "T", "Yes", "Y")),
        *((f"'{text}'", F) for text in ("false", "f", "no", "n", "0", "0.0", "False", "F", "NO", "N")),
        *((f"'{text}'", NONE) for text in ("", "2", "truee", " true", "1.00", "on", "-1", "1.", "ja")),
        ("true", T),
        ("false", F),
        ("1", T),
        ("0", F),
        ("2", NONE),
        ("(-1)", NONE),
        ("1.0", T),
        ("1.000", T),
        ("0.0", F),
        ("0.5", NONE),
        ("@2025", NONE),
        ("(1 'mg')", NONE),
        ("%p.active", T),
        ("%p.name.first()", NONE),
    ],
    "Integer": [
        ("1", [1]),
        ("(-1)", [-1]),
        ("'1'", [1]),
        ("'+1'", [1]),
        ("'-1'", [-1]),
        ("'007'", [7]),
        ("'0'", [0]),
        ("'2147483647'", [2147483647]),
        ("'-2147483648'", [-2147483648]),
        ("'2147483648'", NONE),
        ("'-2147483649'", NONE),
        (f"'{'9' * 100}'", NONE),
        (f"'{'0' * 100}5'", [5]),
        *((f"'{text}'", NONE) for text in ("", "1.0", "1.", " 1", "1 ", "+", "--1", "1e3", "one", "true", "٣", "1_0")),
        ("1.0", NONE),
        ("true", [1]),
        ("false", [0]),
        ("@2025", NONE),
        ("(1 'mg')", NONE),
        ("%p.multipleBirth", [2]),
    ],
    "Long": [
        ("1", [1]),
        ("'2147483648'", [2147483648]),
        ("'9223372036854775807'", [9223372036854775807]),
        ("'-9223372036854775808'", [-9223372036854775808]),
        ("'9223372036854775808'", NONE),
        ("'1.0'", NONE),
        ("1.0", NONE),
        ("true", [1]),
        ("'a'", NONE),
    ],
    "Decimal": [
        ("1", [d("1")]),
        ("1.50", [d("1.50")]),
        ("'1'", [d("1")]),
        ("'1.50'", [d("1.50")]),
        ("'+1.5'", [d("1.5")]),
        ("'-0.1'", [d("-0.1")]),
        (f"'{'0' * 100}.5'", [d("0.5")]),
        (f"'{'9' * 100}'", NONE),
        *((f"'{text}'", NONE) for text in ("", "1.", ".5", "1e3", "1,5", " 1", "1.a", "NaN", "Infinity", "-")),
        ("true", [d("1")]),
        ("false", [d("0")]),
        ("@2025", NONE),
        ("(1 'mg')", NONE),
        ("%o.value.value", [d("1.50")]),
    ],
    "String": [
        ("'a'", ["a"]),
        ("''", [""]),
        ("1", ["1"]),
        ("(-1)", ["-1"]),
        ("1.50", ["1.50"]),
        ("0.0000001", ["0.0000001"]),
        ("true", ["true"]),
        ("false", ["false"]),
        ("@2025", ["2025"]),
        ("@2025-11-20", ["2025-11-20"]),
        ("@2025-11-20T10:30", ["2025-11-20T10:30"]),
        ("@2025-11-20T10:30:00.500+01:00", ["2025-11-20T10:30:00.500+01:00"]),
        ("@T10:30", ["10:30"]),
        ("@T10:30:00.000", ["10:30:00.000"]),
        ("(5.0 'mg/dL')", ["5.0 'mg/dL'"]),
        ("(4 days)", ["4 days"]),
        ("(1 week)", ["1 week"]),
        ("(1 'wk')", ["1 'wk'"]),
        ("%p.birthDate", ["1974-12-25"]),
        ("%o.effective", ["2025-11-20T10:00:00+01:00"]),
        ("%p.active", ["true"]),
        ("%o.status", ["final"]),
        ("%p.name.first()", NONE),
        ("%p", NONE),
    ],
    "Date": [
        ("@2025-11-20", [day("2025-11-20")]),
        ("@2025-11", [day("2025-11")]),
        ("@2025-11-20T10:30:00Z", [day("2025-11-20")]),
        ("@2024-01-15T23:30:00-05:00", [day("2024-01-15")]),  # the day as it is stated
        ("@2025T", [day("2025")]),
        ("'2025'", [day("2025")]),
        ("'2025-11'", [day("2025-11")]),
        ("'2025-11-20'", [day("2025-11-20")]),
        ("'2024-02-29'", [day("2024-02-29")]),
        *((f"'{text}'", NONE) for text in ("", "2025-02-29", "2025-13", "20251120", "2025-1-1", "20.11.2025", "25")),
        ("'2025-11-20T10:30'", NONE),
        ("1", NONE),
        ("2025", NONE),
        ("@T10:30", NONE),
        ("%p.birthDate", [day("1974-12-25")]),
        ("%o.effective", [day("2025-11-20")]),
        ("%o.issued", [day("2025-11-20")]),
        ("%c.recordedDate", [day("2025-10")]),
    ],
    "DateTime": [
        ("@2025-11-20T10:30:00Z", [moment("2025-11-20T10:30:00Z")]),
        ("@2025-11-20", [moment("2025-11-20T")]),
        ("@2025", [moment("2025T")]),
        ("'2025'", [moment("2025")]),
        ("'2025-11-20'", [moment("2025-11-20")]),
        ("'2025-11-20T10:30'", [moment("2025-11-20T10:30")]),
        ("'2025-11-20T10:30:00.123+01:00'", [moment("2025-11-20T10:30:00.123+01:00")]),
        *((f"'{text}'", NONE) for text in ("", "T10:30", "2025-11-20T25:00", "2025-11-20 10:30", "soon", "10:30")),
        ("1", NONE),
        ("@T10:30", NONE),
        ("%p.birthDate", [moment("1974-12-25")]),
        ("%o.effective", [moment("2025-11-20T10:00:00+01:00")]),
    ],
    "Time": [
        ("@T10:30", [clock("10:30")]),
        ("'10'", [clock("10")]),
        ("'10:30'", [clock("10:30")]),
        ("'10:30:05.5'", [clock("10:30:05.5")]),
        *((f"'{text}'", NONE) for text in ("", "24:00", "10:60", "T10:30", "10:30Z", "10:30+01:00", "1030", "1:30")),
        ("@2025-11-20T10:30", NONE),
        ("1030", NONE),
    ],
    "Quantity": [
        ("1", [amount("1")]),
        ("1.5", [amount("1.5")]),
        ("true", [amount("1")]),
        ("false", [amount("0")]),
        ("(5 'mg')", [amount("5 mg")]),
        ("(4 days)", [amount("4 day")]),
        ("'5'", [amount("5")]),
        ("'+5.0'", [amount("5.0")]),
        (r"'5 \'mg\''", [amount("5 mg")]),
        (r"'5\'mg\''", [amount("5 mg")]),
        (r"'-5.0  \'mg/dL\''", [amount("-5.0 mg/dL")]),
        ("'4 days'", [amount("4 day")]),
        ("'1 day'", [amount("1 day")]),
        ("'1day'", [amount("1 day")]),
        ("'1.5 weeks'", [amount("1.5 week")]),
        *((f"'{text}'", NONE) for text in ("", "mg", "5 mg", "4 s", "4 dayss", "4 Days", "1 / 2", "1e3", "5.")),
        (r"'5 \'\''", NONE),
        ("'true'", NONE),
        ("@2025", NONE),
        ("%o.value", [amount("1.50 g")]),
        ("%c.onset", [amount("50 year")]),
        ("%p.name.first()", NONE),
    ],
}
IN_UNITS: list[tuple[str, list[Any]]] = [
    ("(1.5 'g').toQuantity('mg')", [amount("1500 mg")]),
    ("(52 'cm').toQuantity('m')", [amount("0.52 m")]),
    ("(1 'g').toQuantity('m')", NONE),
    ("(1 'g').toQuantity('smoots')", NONE),
    ("(1 'smoots').toQuantity('g')", NONE),
    ("(1 'smoots').toQuantity('smoots')", [amount("1 smoots")]),
    ("(37 'Cel').toQuantity('[degF]')", [amount("98.6 [degF]")]),
    (r"'1 \'g\''.toQuantity('mg')", [amount("1000 mg")]),
    ("(1 year).toQuantity('month')", [amount("12 month")]),
    ("(1 year).toQuantity('months')", [amount("12 month")]),
    ("(1 year).toQuantity('days')", [amount("365 day")]),
    ("(1 month).toQuantity('days')", [amount("30 day")]),
    ("(1 year).toQuantity('a')", [amount("1 a")]),
    ("(182.5 days).toQuantity('a')", [amount("0.5 a")]),
    ("(1 'a').toQuantity('d')", [amount("365.25 d")]),
    ("(1 'wk').toQuantity('d')", [amount("7 d")]),
    ("(7 days).toQuantity('wk')", [amount("1 wk")]),
    ("1.toQuantity({})", NONE),
    ("{}.toQuantity('mg')", NONE),
    ("5.toQuantity('1')", [amount("5")]),
    ("'a'.toQuantity('mg')", NONE),
    ("%o.value.toQuantity('mg')", [amount("1500 mg")]),
]


def conversions() -> Iterator[tuple[str, list[tuple[str, list[Any]]]]]:
    for name, cases in CONVERTED.items():
        yield f"to{name}", [("{}" + f".to{name}()", NONE), *((f"{one}.to{name}()", made) for one, made in cases)]
        asked = [(f"{one}.convertsTo{name}()", [bool(made)]) for one, made in cases]
        yield f"convertsTo{name}", [("{}" + f".convertsTo{name}()", NONE), *asked]


CONVERSION: Cases = dict(conversions())
CONVERSION["toQuantity"].extend(IN_UNITS)
CONVERSION["convertsToQuantity"].extend(
    (source.replace(".to", ".convertsTo"), [] if source.startswith("{}") else [bool(made)]) for source, made in IN_UNITS
)

STRINGS: Cases = {
    "indexOf": [
        ("'abcdefg'.indexOf('bc')", [1]),
        ("'abcabc'.indexOf('c')", [2]),
        ("'abc'.indexOf('x')", [-1]),
        ("'abc'.indexOf('A')", [-1]),
        ("'abc'.indexOf('abcd')", [-1]),
        ("'abc'.indexOf('')", [0]),
        ("''.indexOf('')", [0]),
        ("''.indexOf('a')", [-1]),
        (r"'a\uD83D\uDD25b'.indexOf('b')", [2]),
        ("{}.indexOf('a')", NONE),
        ("'a'.indexOf({})", NONE),
        ("%o.status.indexOf('n')", [2]),
    ],
    "lastIndexOf": [
        ("'abcabc'.lastIndexOf('bc')", [4]),
        ("'abc'.lastIndexOf('x')", [-1]),
        ("'abc'.lastIndexOf('')", [3]),  # 3.0.0: the length of the text
        ("''.lastIndexOf('')", [0]),
        ("{}.lastIndexOf('a')", NONE),
        ("'a'.lastIndexOf({})", NONE),
    ],
    "substring": [
        ("'abcdefg'.substring(3)", ["defg"]),
        ("'abcdefg'.substring(0)", ["abcdefg"]),
        ("'abcdefg'.substring(1, 2)", ["bc"]),
        ("'abcdefg'.substring(6, 2)", ["g"]),
        ("'abcdefg'.substring(7, 1)", NONE),
        ("'abcdefg'.substring(7)", NONE),
        ("'abcdefg'.substring(-1, 1)", NONE),
        ("'abcdefg'.substring(-1, -1)", NONE),
        ("'abcdefg'.substring(3, 0)", [""]),
        ("'abcdefg'.substring(3, -1)", [""]),
        ("'abcdefg'.substring(3, 99)", ["defg"]),
        ("''.substring(0)", NONE),
        ("'abc'.substring({})", NONE),
        ("'abc'.substring({}, 1)", NONE),
        ("'abcdefg'.substring(3, {})", ["defg"]),  # as if there were no length
        ("{}.substring(0)", NONE),
        ("'ä中b'.substring(1, 1)", ["中"]),
    ],
    "startsWith": [
        ("'abc'.startsWith('ab')", T),
        ("'abc'.startsWith('b')", F),
        ("'abc'.startsWith('A')", F),
        ("'abc'.startsWith('')", T),
        ("''.startsWith('')", T),
        ("''.startsWith('a')", F),
        ("{}.startsWith('')", NONE),
        ("'abc'.startsWith({})", NONE),
        ("%p.name.first().family.startsWith('Ma')", T),
    ],
    "endsWith": [
        ("'abc'.endsWith('bc')", T),
        ("'abc'.endsWith('b')", F),
        ("'abc'.endsWith('')", T),
        ("{}.endsWith('c')", NONE),
        ("'abc'.endsWith({})", NONE),
    ],
    "contains": [
        ("'abc'.contains('b')", T),
        ("'abc'.contains('d')", F),
        ("'abc'.contains('B')", F),
        ("'abc'.contains('')", T),
        ("'a.c'.contains('.')", T),
        ("'abc'.contains('.')", F),
        ("{}.contains('b')", NONE),
        ("'abc'.contains({})", NONE),
    ],
    "upper": [("'aBc1'.upper()", ["ABC1"]), ("'ä'.upper()", ["Ä"]), ("''.upper()", [""]), ("{}.upper()", NONE)],
    "lower": [("'aBC1'.lower()", ["abc1"]), ("'Ä'.lower()", ["ä"]), ("''.lower()", [""]), ("{}.lower()", NONE)],
    "replace": [
        ("'abcabc'.replace('bc', 'x')", ["axax"]),
        ("'abc'.replace('b', '')", ["ac"]),
        ("'abc'.replace('x', 'y')", ["abc"]),
        ("'abc'.replace('', 'x')", ["xaxbxcx"]),
        ("''.replace('', 'x')", ["x"]),
        ("'a.c'.replace('.', '$1')", ["a$1c"]),
        ("{}.replace('a', 'b')", NONE),
        ("'a'.replace({}, 'b')", NONE),
        ("'a'.replace('a', {})", NONE),
    ],
    "matches": [
        ("'Library'.matches('brar')", T),
        ("'Library'.matches('library')", F),
        ("'Library'.matches('^Library$')", T),
        ("'My Library'.matches('^Library$')", F),
        ("'N8000123123'.matches('^N[0-9]{8}$')", F),
        ("'N8000123123'.matches('N[0-9]{8}')", T),
        (r"'a\nb'.matches('a.b')", T),  # a point is any character
        (r"'a\nb'.matches('^b')", F),  # one line
        (r"'a.b'.matches('a\\.b')", T),
        (r"'axb'.matches('a\\.b')", F),
        (r"'12'.matches('^\\d+$')", T),
        ("'ä'.matches('^.$')", T),
        ("'abc'.matches('')", T),
        ("'abc'.matches('(?i)ABC')", T),
        ("{}.matches('a')", NONE),
        ("'a'.matches({})", NONE),
    ],
    "matchesFull": [
        ("'Library'.matchesFull('Lib')", F),
        ("'Library'.matchesFull('Lib.*')", T),
        ("'N8000123123'.matchesFull('N[0-9]{8}')", F),
        ("'N8000123123'.matchesFull('N[0-9]{10}')", T),
        ("'ab'.matchesFull('a|ab')", T),
        ("''.matchesFull('')", T),
        ("{}.matchesFull('a')", NONE),
        ("'a'.matchesFull({})", NONE),
    ],
    "replaceMatches": [
        ("'a1b22'.replaceMatches('[0-9]+', '#')", ["a#b#"]),
        ("'abc'.replaceMatches('x', 'y')", ["abc"]),
        ("'abc'.replaceMatches('b', '')", ["ac"]),
        ("'ab'.replaceMatches('(a)(b)', '$2$1')", ["ba"]),
        ("'ab'.replaceMatches('b', '[$0]')", ["a[b]"]),
        (r"'2025-11'.replaceMatches('(?P<year>\\d+)-(?P<month>\\d+)', '${month}/${year}')", ["11/2025"]),
        (r"'a'.replaceMatches('a', '\\')", ["\\"]),
        ("'aaabaa'.replaceMatches('aa', '<aa>')", ["<aa>ab<aa>"]),
        ("{}.replaceMatches('a', 'b')", NONE),
        ("'a'.replaceMatches({}, 'b')", NONE),
        ("'a'.replaceMatches('a', {})", NONE),
    ],
    "length": [
        ("'abc'.length()", [3]),
        ("''.length()", [0]),
        (r"'e\u0301'.length()", [2]),
        (r"'\uD83D\uDD25'.length()", [1]),
        ("{}.length()", NONE),
        ("%o.status.length()", [5]),
    ],
    "toChars": [
        ("'abc'.toChars()", ["a", "b", "c"]),
        (r"'a\uD83D\uDD25'.toChars().count()", [2]),
        ("''.toChars()", NONE),
        ("{}.toChars()", NONE),
    ],
    "trim": [
        ("' a b '.trim()", ["a b"]),
        (r"'\t\r\n a\n'.trim()", ["a"]),
        ("'   '.trim()", [""]),
        (r"'\u00a0a\u2003'.trim()", ["\u00a0a\u2003"]),  # only the blanks of FHIRPath
        (r"'\fa'.trim()", ["\fa"]),
        ("{}.trim()", NONE),
    ],
    "split": [
        ("'a,b,,c'.split(',')", ["a", "b", "", "c"]),
        ("'abc'.split(',')", ["abc"]),
        ("''.split(',')", [""]),
        ("'a.b|c'.split('.')", ["a", "b|c"]),  # no regular expression
        ("'a|b'.split('|')", ["a", "b"]),
        ("'a[x]b[x]c'.split('[x]')", ["a", "b", "c"]),
        ("',a,'.split(',')", ["", "a", ""]),
        ("{}.split(',')", NONE),
        ("'a'.split({})", NONE),
    ],
    "join": [
        ("('a' | 'b').join(', ')", ["a, b"]),
        ("('a' | 'b').join()", ["ab"]),
        ("'a'.combine('a').join('')", ["aa"]),
        ("'a'.join(',')", ["a"]),
        ("{}.join(',')", NONE),
        ("%none.status.join(',')", NONE),
        ("%p.name.given.join(' ')", ["Up Often Mo"]),
    ],
    "encode": [
        ("'test'.encode('hex')", ["74657374"]),
        ("'ü'.encode('hex')", ["c3bc"]),
        ("'test'.encode('base64')", ["dGVzdA=="]),
        ("'???'.encode('base64')", ["Pz8/"]),
        ("'???'.encode('urlbase64')", ["Pz8_"]),
        ("''.encode('hex')", [""]),
        ("{}.encode('hex')", NONE),
        ("'a'.encode({})", NONE),
    ],
    "decode": [
        ("'74657374'.decode('hex')", ["test"]),
        ("'C3BC'.decode('hex')", ["ü"]),
        ("'dGVzdA=='.decode('base64')", ["test"]),
        ("'Pz8/'.decode('base64')", ["???"]),
        ("'Pz8_'.decode('urlbase64')", ["???"]),
        ("'ff'.decode('hex')", NONE),  # no UTF-8
        ("'/w=='.decode('base64')", NONE),
        ("''.decode('hex')", [""]),
        ("{}.decode('hex')", NONE),
        ("'a'.decode({})", NONE),
    ],
    "escape": [
        ("'\"1<2\" & \\'x\\''.escape('html')", ["&quot;1&lt;2&quot; &amp; &#39;x&#39;"]),
        (r"'\"a\\b\n'.escape('json')", ['\\"a\\\\b\\n']),
        ("'plain'.escape('html')", ["plain"]),
        ("'ä'.escape('json')", ["ä"]),
        ("{}.escape('html')", NONE),
        ("'a'.escape({})", NONE),
    ],
    "unescape": [
        ("'&quot;1&lt;2&quot; &amp; &#39;x&#39;'.unescape('html')", ["\"1<2\" & 'x'"]),
        (r"'\\\"a\\\\b\\n\\u00e4'.unescape('json')", ['"a\\b\nä']),
        (r"'\\ud83d\\ude00'.unescape('json')", ["\U0001f600"]),
        ("'plain'.unescape('json')", ["plain"]),
        ("{}.unescape('html')", NONE),
        ("'a'.unescape({})", NONE),
    ],
}

E = d("2.718281828459045235360287471")
MATH: Cases = {
    "abs": [
        ("(-5).abs()", [5]),
        ("5.abs()", [5]),
        ("(-5.50).abs()", [d("5.50")]),
        ("(-5.5 'mg').abs()", [amount("5.5 mg")]),
        ("{}.abs()", NONE),
        ("%p.multipleBirth.abs()", [2]),
    ],
    "ceiling": [
        ("1.ceiling()", [1]),
        ("1.1.ceiling()", [2]),
        ("(-1.1).ceiling()", [-1]),
        ("(-0.5).ceiling()", [0]),
        ("(1.1 'mg').ceiling()", [amount("2 mg")]),
        ("{}.ceiling()", NONE),
    ],
    "floor": [
        ("1.floor()", [1]),
        ("2.9.floor()", [2]),
        ("(-2.1).floor()", [-3]),
        ("(2.9 'mg').floor()", [amount("2 mg")]),
        ("{}.floor()", NONE),
    ],
    "truncate": [
        ("101.truncate()", [101]),
        ("1.99.truncate()", [1]),
        ("(-1.99).truncate()", [-1]),
        ("(1.99 'mg').truncate()", [amount("1 mg")]),
        ("{}.truncate()", NONE),
    ],
    "round": [
        ("1.round()", [d("1")]),
        ("3.14159.round(3)", [d("3.142")]),
        ("0.5.round()", [d("1")]),
        ("1.5.round()", [d("2")]),
        ("2.5.round()", [d("3")]),
        ("(-0.5).round()", [d("-1")]),  # 3.0.0: a half goes away from zero
        ("(-1.5).round()", [d("-2")]),
        ("2.345.round(2)", [d("2.35")]),
        ("1.2.round(5)", [d("1.20000")]),
        ("12345678901234567890.5.round(8)", [d("12345678901234567890.50000000")]),
        ("(3.14159 'mg').round(1)", [amount("3.1 mg")]),
        ("{}.round()", NONE),
        ("1.5.round({})", NONE),
    ],
    "sqrt": [
        ("81.sqrt()", [d("9")]),
        ("2.25.sqrt()", [d("1.5")]),
        ("0.sqrt()", [d("0")]),
        ("(-1).sqrt()", NONE),
        ("{}.sqrt()", NONE),
    ],
    "exp": [("0.exp()", [d("1")]), ("1.exp()", [E]), ("(-0.0).exp()", [d("1")]), ("{}.exp()", NONE)],
    "ln": [
        ("1.ln()", [d("0")]),
        ("1.0.ln()", [d("0")]),
        ("1.exp().ln().round(20) = 1", T),
        ("0.ln()", NONE),
        ("(-1).ln()", NONE),
        ("{}.ln()", NONE),
    ],
    "log": [
        ("8.log(2)", [d("3")]),
        ("1000.0.log(10.0)", [d("3")]),
        ("1.log(10)", [d("0")]),
        ("0.5.log(2)", [d("-1")]),
        ("10.log(1)", NONE),
        ("{}.log(2)", NONE),
        ("16.log({})", NONE),
    ],
    "power": [
        ("2.power(3)", [8]),
        ("2.5.power(2)", [d("6.25")]),
        ("2.power(3.0) = 8", T),
        ("2.power(-1) = 0.5", T),
        ("4.power(0.5) = 2", T),
        ("(-2).power(3)", [-8]),
        ("(-1).power(0.5)", NONE),
        ("0.power(0)", [1]),
        ("0.0.power(0) = 1", T),
        ("0.power(-1)", NONE),
        ("1.power(1000000)", [1]),
        ("{}.power(2)", NONE),
        ("2.power({})", NONE),
    ],
}

NAVIGATION: Cases = {
    "children": [
        ("%p.name.first().children().ofType(string).count()", [3]),
        ("%p.name.last().children().count()", [3]),  # `family` has an extension instead of a value
        ("%p.birthDate.children().ofType(Extension).url", ["time"]),
        ("%p.birthDate.children().ofType(id)", NONE),
        ("%p.birthDate.children().ofType(string)", ["b1"]),
        ("%p.gender.children().ofType(Extension).value", ["asked"]),
        ("%p.active.children()", NONE),
        ("%o.value.children().count()", [4]),
        ("1.children()", NONE),
        ("{}.children()", NONE),
        ("%none.children()", NONE),
        ("%p.children().ofType(Organization).id", ["ward", "org"]),
        ("%q.item.children().ofType(Questionnaire.item).linkId", ["1.1", "1.2", "same"]),
    ],
    "descendants": [
        ("%q.descendants().ofType(Questionnaire.item).count()", [6]),
        ("%p.descendants().ofType(Extension).url.count()", [8]),
        ("%p.birthDate.descendants().ofType(dateTime)", ["1974-12-25T14:35:45-05:00"]),
        ("%o.code.descendants().ofType(code)", ["L1", "x"]),
        ("%p.active.descendants()", NONE),
        ("1.descendants()", NONE),
        ("{}.descendants()", NONE),
    ],
}

NAME = {"namespace": "FHIR", "name": "HumanName"}
UTILITY: Cases = {
    "today": [("today()", [AS_OF]), ("today() = today()", T), ("(1 | 2).select(today()).count()", [2])],
    "now": [("now()", [DateTime(AS_OF.parts)]), ("now() = now()", T), ("now() = today()", T)],
    "timeOfDay": [("timeOfDay()", NONE)],
    "trace": [
        ("(1 | 2).trace('x')", [1, 2]),
        ("{}.trace('x')", NONE),
        ("(1 | 2).trace('x', $this + 1)", [1, 2]),
        ("%p.name.trace('x', given).count()", [2]),
        ("%p.active.trace('x') and true", T),
    ],
    "defineVariable": [
        ("1.defineVariable('a').select(%a + 1)", [2]),
        ("1.defineVariable('a', $this + 1).select(%a)", [2]),
        ("1.defineVariable('a', 5)", [1]),
        ("(1 | 2).defineVariable('a').select(%a.count())", [2, 2]),
        ("{}.defineVariable('a').select(%a)", NONE),
        ("1.defineVariable('a', {}).select(%a.empty())", T),
        ("1.defineVariable('a', 2).defineVariable('b', %a + 1).select(%b)", [3]),
        ("(1 | 2).select(defineVariable('a').select(%a * 10))", [10, 20]),
        ("(1 | 2).where(defineVariable('a', 1).exists(%a = $this))", [1]),
        ("(1 | 2).select(defineVariable('a', 1)) | (3).select(defineVariable('a', 2).select(%a))", [1, 2]),
        ("%p.name.defineVariable('n').first().select(%n.count())", [2]),
        ("%p.name.select(defineVariable('n').given.select(%n.use & ':' & $this))", [
            "official:Up", "official:Often", "usual:Mo",
        ]),
        ("1.defineVariable('a', (1 | 2)).select(%a.where($this > 1))", [2]),
    ],
    "sort": [
        ("(3 | 1 | 2).sort()", [1, 2, 3]),
        ("('c' | 'A' | 'b').sort()", ["A", "b", "c"]),
        ("(3 | 1 | 2).sort($this)", [1, 2, 3]),
        ("(3 | 1 | 2).sort(-$this)", [3, 2, 1]),
        ("('a' | 'c' | 'b').sort(-$this)", ["c", "b", "a"]),
        ("(1.5 | 1 | 2).sort()", [1, d("1.5"), 2]),
        ("(@2025 | @2024-05 | @2023-01-01).sort()", [day("2023-01-01"), day("2024-05"), day("2025")]),
        ("(1 'm' | 2 'cm').sort()", [amount("2 cm"), amount("1 m")]),
        ("('bb' | 'a' | 'c').sort(length(), $this)", ["a", "c", "bb"]),
        ("('bb' | 'a' | 'c').sort(-length(), -$this)", ["bb", "c", "a"]),
        ("('b' | 'a').sort(1)", ["b", "a"]),  # what is alike stays as it was
        ("{}.sort()", NONE),
        ("1.sort()", [1]),
        ("%p.name.sort(use).given.first()", ["Up"]),
        ("%p.name.sort(-use).given.first()", ["Mo"]),
        ("%p.name.sort(family).use", ["usual", "official"]),  # nothing comes first
        ("%q.item.sort(-linkId).linkId", ["2", "1"]),
    ],
    "type": [
        ("1.type()", [{"namespace": "System", "name": "Integer"}]),
        ("(1 | 'a').type().name", ["Integer", "String"]),
        ("1.5.type().name", ["Decimal"]),
        ("true.type().name", ["Boolean"]),
        ("@2025.type().name", ["Date"]),
        ("@2025T.type().name", ["DateTime"]),
        ("@T10.type().name", ["Time"]),
        ("(5 'mg').type()", [{"namespace": "System", "name": "Quantity"}]),
        ("{}.type()", NONE),
        ("%p.type()", [{"namespace": "FHIR", "name": "Patient"}]),
        ("%p.name.type()", [NAME, NAME]),
        ("%p.active.type().name", ["boolean"]),
        ("%p.active.type().namespace", ["FHIR"]),
        ("%p.active.getValue().type().namespace", ["System"]),
        ("%any.type().name", ["Patient", "Observation", "Condition"]),
        ("%c.onset.type().name", ["Age"]),
    ],
    "lowBoundary": [
        ("1.587.lowBoundary()", [d("1.58650000")]),
        ("1.587.lowBoundary(6)", [d("1.586500")]),
        ("1.587.lowBoundary(2)", [d("1.58")]),
        ("1.587.lowBoundary(0)", [d("1")]),
        ("(-1.587).lowBoundary()", [d("-1.58750000")]),
        ("(-1.587).lowBoundary(2)", [d("-1.59")]),
        ("1.lowBoundary()", [d("0.50000000")]),
        ("1.587.lowBoundary(39)", NONE),
        ("1.587.lowBoundary(-1)", NONE),
        ("(1.5 'cm').lowBoundary(2)", [amount("1.45 cm")]),
        ("@2014.lowBoundary(6)", [day("2014-01")]),
        ("@2014.lowBoundary()", [day("2014-01-01")]),
        ("@2014-05-06.lowBoundary(4)", [day("2014")]),
        ("@2014.lowBoundary(5)", NONE),
        ("@2014-01-01T08.lowBoundary(17)", [moment("2014-01-01T08:00:00.000+14:00")]),
        ("@2014-01-01T08:05+08:00.lowBoundary()", [moment("2014-01-01T08:05:00.000+08:00")]),
        ("@2014-02T.lowBoundary(8)", [moment("2014-02-01")]),
        ("@T10:30.lowBoundary(9)", [clock("10:30:00.000")]),
        ("@T10:30.lowBoundary()", [clock("10:30:00.000")]),
        ("@T10:30.lowBoundary(2)", [clock("10")]),
        ("1.5.lowBoundary({})", NONE),
        ("{}.lowBoundary()", NONE),
        ("%p.birthDate.lowBoundary(6)", [day("1974-12")]),
        ("%c.recordedDate.lowBoundary(8)", [moment("2025-10-01")]),
    ],
    "highBoundary": [
        ("1.587.highBoundary()", [d("1.58750000")]),
        ("1.587.highBoundary(6)", [d("1.587500")]),
        ("1.587.highBoundary(2)", [d("1.59")]),
        ("1.587.highBoundary(0)", [d("2")]),
        ("(-1.587).highBoundary()", [d("-1.58650000")]),
        ("(-1.587).highBoundary(2)", [d("-1.58")]),
        ("1.highBoundary()", [d("1.50000000")]),
        ("1.587.highBoundary(39)", NONE),
        ("(1.5 'cm').highBoundary(2)", [amount("1.55 cm")]),
        ("@2014.highBoundary(6)", [day("2014-12")]),
        ("@2014-02.highBoundary()", [day("2014-02-28")]),
        ("@2024-02.highBoundary()", [day("2024-02-29")]),
        ("@2014-01-01T08.highBoundary(17)", [moment("2014-01-01T08:59:59.999-12:00")]),
        ("@2014-01-01T08:05-05:00.highBoundary()", [moment("2014-01-01T08:05:59.999-05:00")]),
        ("@2014-04T.highBoundary(8)", [moment("2014-04-30")]),
        ("@T10:30.highBoundary(9)", [clock("10:30:59.999")]),
        ("@T10.highBoundary(4)", [clock("10:59")]),
        ("1.5.highBoundary({})", NONE),
        ("{}.highBoundary()", NONE),
        ("%c.recordedDate.highBoundary(8)", [moment("2025-10-31")]),
    ],
    "precision": [
        ("1.58700.precision()", [5]),
        ("1.5.precision()", [1]),
        ("100.precision()", [0]),
        ("@2014.precision()", [4]),
        ("@2014-01.precision()", [6]),
        ("@2014-01-05.precision()", [8]),
        ("@2014-01-05T.precision()", [8]),
        ("@2014-01-05T10.precision()", [10]),
        ("@2014-01-05T10:30.precision()", [12]),
        ("@2014-01-05T10:30:00.precision()", [14]),
        ("@2014-01-05T10:30:00.000.precision()", [17]),
        ("@T10.precision()", [2]),
        ("@T10:30.precision()", [4]),
        ("@T10:30:00.precision()", [6]),
        ("@T10:30:00.000.precision()", [9]),
        ("{}.precision()", NONE),
        ("%p.birthDate.precision()", [8]),
        ("%c.recordedDate.precision()", [6]),
        ("%o.value.value.precision()", [2]),
    ],
    "comparable": [
        ("(1 'mg').comparable(2 'mg')", T),
        ("(1 'cm').comparable(1 '[in_i]')", T),
        ("(1 'cm').comparable(1 's')", F),
        ("(1 'cm').comparable(1 'smoots')", F),
        ("(1 'smoots').comparable(2 'smoots')", T),
        ("(1 year).comparable(1 'a')", F),
        ("(1 year).comparable(1 month)", T),
        ("(1 day).comparable(1 'd')", T),
        ("(2 '1').comparable(3)", T),
        ("1.comparable(2)", T),
        ("1.comparable(2 'mg')", F),
        ("'a'.comparable(1 'mg')", NONE),
        ("(1 'mg').comparable('a')", NONE),
        ("(1 'mg' | 2 'mg').comparable(1 'mg')", NONE),
        ("(1 'mg').comparable({})", NONE),
        ("{}.comparable(1 'mg')", NONE),
        ("%o.value.comparable(1 'kg')", T),
    ],
}  # fmt: skip

FHIR: Cases = {
    "extension": [
        ("%p.extension('a').value.ofType(integer)", [1, 2]),
        ("%p.extension('x')", NONE),
        ("%p.extension('b').extension('c').value.ofType(boolean)", T),
        ("%p.extension({})", NONE),
        ("%nobody.extension('a')", NONE),
        ("{}.extension('a')", NONE),
        ("%p.birthDate.extension('time').value.ofType(dateTime)", ["1974-12-25T14:35:45-05:00"]),
        ("%p.gender.extension('absent').value.ofType(code)", ["asked"]),
        ("%p.name.given.extension('nick').value.ofType(string)", ["Oft"]),
        ("%p.name.family.extension('absent').exists()", T),
        ("%p.active.extension('a')", NONE),
        ("%p.name.given.where(extension('nick').exists())", ["Often"]),
    ],
    "hasValue": [
        ("%p.birthDate.hasValue()", T),
        ("%p.gender.hasValue()", F),
        ("%p.name.select(family.hasValue())", [True, False]),
        ("%p.name.first().hasValue()", F),
        ("%p.hasValue()", F),
        ("%p.name.given.hasValue()", F),
        ("%nobody.birthDate.hasValue()", F),
    ],
    "getValue": [
        ("%p.birthDate.getValue()", [day("1974-12-25")]),
        ("%o.effective.getValue()", [moment("2025-11-20T10:00:00+01:00")]),
        ("%p.active.getValue()", T),
        ("%o.status.getValue()", ["final"]),
        ("%p.gender.getValue()", NONE),
        ("%p.name.first().getValue()", NONE),
        ("%p.name.given.getValue()", NONE),
        ("%nobody.birthDate.getValue()", NONE),
    ],
    "resolve": [
        ("%p.generalPractitioner.first().resolve().ofType(Practitioner).name.family", ["Doe"]),
        ("%p.generalPractitioner.first().reference.resolve().ofType(Practitioner).id", ["dr"]),
        ("'Practitioner/dr'.resolve().ofType(Practitioner).id", ["dr"]),
        ("%p.managingOrganization.resolve().ofType(Organization).id", ["org"]),
        ("%p.link.other.resolve().ofType(Patient).id", ["p1"]),
        ("%p.managingOrganization.resolve() is Organization", T),
        ("%p.managingOrganization.resolve() is Patient", F),
        ("%nobody.managingOrganization.resolve()", NONE),
        ("{}.resolve()", NONE),
    ],
    "memberOf": [
        (f"%o.code.memberOf('{URL}levels')", T),
        (f"%o.code.memberOf('{URL}tumours')", F),
        (f"%o.code.coding.select(memberOf('{URL}levels'))", [True, False]),
        (f"%o.code.coding.code.select(memberOf('{URL}levels'))", [True, False]),
        (f"'L1'.memberOf('{URL}levels')", T),
        (f"%none.code.memberOf('{URL}levels')", NONE),
        (f"{{}}.memberOf('{URL}levels')", NONE),
    ],
    "subsumes": [
        ("%sarcoma.subsumes(%c.code.coding)", T),
        ("%sarcoma.subsumes(%c.code)", T),
        ("%sarcoma.subsumes(%sarcoma)", T),
        ("%c.code.coding.subsumes(%sarcoma)", F),
        ("%sarcoma.subsumes({})", NONE),
        ("{}.subsumes(%sarcoma)", NONE),
        ("%none.code.subsumes(%sarcoma)", NONE),
        ("%sarcoma.subsumes(%elsewhere)", F),
        ("%mole.subsumes(%mole)", T),
    ],
    "subsumedBy": [
        ("%c.code.coding.subsumedBy(%sarcoma)", T),
        ("%c.code.subsumedBy(%sarcoma)", T),
        ("%sarcoma.subsumedBy(%sarcoma)", T),
        ("%sarcoma.subsumedBy(%c.code)", F),
        ("%sarcoma.subsumedBy({})", NONE),
        ("{}.subsumedBy(%sarcoma)", NONE),
    ],
    "conformsTo": [
        ("%p.conformsTo('http://hl7.org/fhir/StructureDefinition/Patient')", T),
        ("%p.conformsTo('http://hl7.org/fhir/StructureDefinition/DomainResource')", T),
        ("%p.conformsTo('http://hl7.org/fhir/StructureDefinition/Observation')", F),
        ("%o.value.conformsTo('http://hl7.org/fhir/StructureDefinition/Quantity')", T),
        ("%none.conformsTo('http://hl7.org/fhir/StructureDefinition/Patient')", NONE),
        ("%p.conformsTo({})", NONE),
    ],
    "checkModifiers": [
        ("%c.checkModifiers('m1', 'm2').id", ["c"]),
        ("%c.checkModifiers('m2', 'm1', 'm3').id", ["c"]),
        ("%o.checkModifiers('m1').id", ["w"]),
        ("%none.checkModifiers('m1')", NONE),
        ("{}.checkModifiers('m1')", NONE),
    ],
    "htmlChecks": [
        ("%p.text.div.htmlChecks()", T),
        ("'<div><p>a<br/>b</p><b>c</b></div>'.htmlChecks()", T),
        ("'<div><script>x</script></div>'.htmlChecks()", F),
        ("'<div><form></form></div>'.htmlChecks()", F),
        ("'<div><iframe></iframe></div>'.htmlChecks()", F),
        ("'<div onclick=\"x\">a</div>'.htmlChecks()", F),
        ("'<div><a href=\"javascript:x\">a</a></div>'.htmlChecks()", F),
        ("'<div><p>a</div>'.htmlChecks()", F),
        ("'<div>'.htmlChecks()", F),
        ("'<p>a</p>'.htmlChecks()", F),
        ("'a'.htmlChecks()", F),
        ("{}.htmlChecks()", NONE),
        ("%nobody.text.div.htmlChecks()", NONE),
    ],
}

OWN: Cases = {
    "latest": [("%o.latest().id", ["w"]), ("%none.latest()", NONE)],
    "clinicalDate": [("%o.clinicalDate()", [day("2025-11-20")]), ("%none.clinicalDate()", NONE)],
    "episodes": [("%o.episodes(1 day).item.ofType(Observation).id", ["w"]), ("%none.episodes(1 day)", NONE)],
}

CHAPTERS = (
    EXISTENCE, FILTERING, SUBSETTING, COMBINING, CONVERSION, STRINGS, MATH, NAVIGATION, UTILITY, FHIR, OWN,
)  # fmt: skip
CASES = [(name, *case) for chapter in CHAPTERS for name, cases in chapter.items() for case in cases]


def test_no_function_is_without_cases() -> None:
    assert {name for name, _, _ in CASES} == set(FUNCTIONS)


@pytest.mark.parametrize(("name", "source", "expected"), CASES, ids=[source for _, source, _ in CASES])
def test_a_function_answers(name: str, source: str, expected: list[Any]) -> None:
    found = ask(source)
    assert found == expected
    assert [type(one) for one in found] == [type(one) for one in expected]
    assert f"{name}(" in source or f" {name} " in source


@pytest.mark.parametrize(("name", "source", "expected"), CASES, ids=[source for _, source, _ in CASES])
def test_the_items_are_the_same_when_their_places_are_asked_for(name: str, source: str, expected: list[Any]) -> None:
    expression, environment = ready(source)
    assert [raw(item) for item, _ in expression.located(environment)] == expected


# -- faults -------------------------------------------------------------------------------------------------------

FAULTS: Mapping[str, list[str]] = {
    "exists": ["%p.name.where(given.count() > 1).exists(given)"],
    "not": ["(true | false).not()"],
    "all": ["%p.name.all(given)"],
    "allTrue": ["(true | 1).allTrue()", "'true'.allTrue()"],
    "anyTrue": ["(false | 'x').anyTrue()"],
    "allFalse": ["1.allFalse()"],
    "anyFalse": ["%p.name.anyFalse()"],
    "where": ["(1 | 2).where(1 | 2)"],
    "ofType": ["1.ofType(Nonsense)", "1.ofType('Integer')", "1.ofType(System.Patient)"],
    "is": ["(1 | 2).is(Integer)", "1.is(Nonsense)", "1 is Nonsense", "(1 | 2) is Integer"],
    "as": ["(1 | 2).as(Integer)", "1.as(Nonsense)", "(1 | 2) as Integer"],
    "single": ["(1 | 2).single()", "%p.name.single()"],
    "skip": ["(1 | 2).skip('a')", "(1 | 2).skip(1.5)", "(1 | 2).skip(1 | 2)", "(1 | 2).skip(true)"],
    "take": ["(1 | 2).take('a')", "(1 | 2).take(1 | 2)"],
    "iif": ["(1 | 2).iif(true, 1, 2)", "iif((true | false), 1, 2)", "iif('x', 1, 2)"],
    "aggregate": ["(1 | 2).aggregate($this + 'a', 0)"],
    **{
        f"{prefix}{name}": [f"(1 | 2).{prefix}{name}()", f"%p.name.given.{prefix}{name}()"]
        for prefix in ("to", "convertsTo")
        for name in CONVERTED
    },
    "toQuantity": ["(1 'g' | 2 'g').toQuantity()", "(1 'g').toQuantity(5)", "(1 'g').toQuantity('g' | 'mg')"],
    **{
        name: [
            f"%p.name.given.{name}({arguments})",
            f"5.{name}({arguments})",
            f"%p.name.first().{name}({arguments})",
            *([f"'a'.{name}({arguments.replace(first, wrong, 1)})" for wrong in ("true", "5.5", "('a' | 'b')")]),
        ]
        for name, arguments, first in (
            ("indexOf", "'a'", "'a'"),
            ("lastIndexOf", "'a'", "'a'"),
            ("startsWith", "'a'", "'a'"),
            ("endsWith", "'a'", "'a'"),
            ("contains", "'a'", "'a'"),
            ("substring", "0", "0"),
            ("replace", "'a', 'b'", "'a'"),
            ("matches", "'a'", "'a'"),
            ("matchesFull", "'a'", "'a'"),
            ("replaceMatches", "'a', 'b'", "'a'"),
            ("split", "'a'", "'a'"),
            ("encode", "'hex'", "'hex'"),
            ("decode", "'hex'", "'hex'"),
            ("escape", "'html'", "'html'"),
            ("unescape", "'html'", "'html'"),
        )
    },
    **{name: [f"%p.name.given.{name}()", f"5.{name}()"] for name in ("upper", "lower", "length", "toChars", "trim")},
    "join": ["('a' | 'b').join('x' | 'y')", "('a' | 'b').join(5)", "%p.name.join(',')"],
    **{
        name: [f"(1 | 2).{name}()", f"'1'.{name}()", f"true.{name}()", f"%p.name.first().{name}()"]
        for name in ("abs", "ceiling", "floor", "truncate", "round", "sqrt", "exp", "ln")
    },
    "log": ["(1 | 2).log(2)", "'1'.log(2)", "1.log('a')", "0.log(2)", "(-1).log(2)", "2.log(0)", "2.log(-2)"],
    "power": ["(1 | 2).power(2)", "'1'.power(2)", "2.power('a')", "2.power(true)"],
    "trace": ["1.trace('x').single().trace('y' | 'z', 1 + 'a').skip('a')"],
    "defineVariable": [
        "1.defineVariable('a').defineVariable('a')",  # there is one of that name
        "1.defineVariable('p')",
        "1.defineVariable('context')",
        "1.defineVariable('a').select(defineVariable('a'))",
        "(1.defineVariable('a') | %a)",  # not to be seen from the other side
        "1.defineVariable('a') + %a",
        "(1 | 2).where(defineVariable('a').exists()).select(%a)",  # nor outside the argument
        "1.select(defineVariable('a')).select(%a)",
        "%a.defineVariable('a')",
        "1.defineVariable({})",
        "1.defineVariable('a' & 'b')",
    ],
    "sort": [
        "(1 | 'a').sort()",
        "(true | false).sort()",
        "%p.name.sort()",
        "%p.name.sort(given)",
        "(1 | 2).sort(iif($this = 1, 1, 'a'))",
    ],
    "lowBoundary": ["(1.5 | 2.5).lowBoundary()", "1.5.lowBoundary('a')", "1.5.lowBoundary(1 | 2)", "'a'.lowBoundary()"],
    "highBoundary": ["(1.5 | 2.5).highBoundary()", "1.5.highBoundary('a')", "'a'.highBoundary()"],
    "precision": ["(1.5 | 2.5).precision()"],
    "extension": ["%p.extension('a' | 'b')"],
    "memberOf": [
        f"%o.code.coding.memberOf('{URL}levels')",
        f"%o.code.memberOf('{URL}nothing')",
        "%o.code.memberOf(%o.status)",
        "%o.code.memberOf({})",
    ],
    "subsumes": ["%o.code.coding.subsumes(%sarcoma)"],
    "subsumedBy": ["%o.code.coding.subsumedBy(%sarcoma)"],
    "conformsTo": [
        "%p.name.conformsTo('http://hl7.org/fhir/StructureDefinition/HumanName')",
        "%p.conformsTo('http://example.org/profile')",
        "%p.conformsTo('http://hl7.org/fhir/StructureDefinition/Nonsense')",
        "%p.conformsTo('Patient')",
    ],
    "checkModifiers": ["%c.checkModifiers('m1')", "%c.checkModifiers('x')"],
    "htmlChecks": ["('<div/>' | '<div></div>').htmlChecks()"],
}
FAULTY = [(name, source) for name, sources in FAULTS.items() for source in sources]
FAULTY += [("decode", f"'zz'.decode('{form}')") for form in ("hex", "rot13")]
FAULTY += [("decode", f"'a+b/'.decode('{form}')") for form in ("urlbase64",)]
FAULTY += [
    ("decode", "'a$b='.decode('base64')"),
    ("decode", "'YQ'.decode('base64')"),
    ("decode", "'abc'.decode('hex')"),
]
FAULTY += [("encode", "'a'.encode('rot13')"), ("escape", "'a'.escape('xml')"), ("unescape", "'a'.unescape('xml')")]
FAULTY += [("matches", "'a'.matches('[')"), ("matchesFull", "'a'.matchesFull('(')")]
FAULTY += [("replaceMatches", "'a'.replaceMatches('a', '$1')"), ("replaceMatches", "'a'.replaceMatches('*', 'b')")]
FAULTY += [("substring", "'abc'.substring(0, 'a')"), ("replace", "'a'.replace('a', 5)")]
FAULTY += [("round", "1.5.round(-1)"), ("round", "1.5.round('a')"), ("round", "1.5.round(0.5)")]
FAULTY += [(name, f"(4 'cm2').{name}()") for name in ("sqrt", "exp", "ln")]
FAULTY += [("log", "(4 'cm').log(2)"), ("power", "(4 'cm').power(2)")]


@pytest.mark.parametrize(("name", "source"), FAULTY, ids=[source for _, source in FAULTY])
def test_what_a_function_cannot_take_is_a_fault(name: str, source: str) -> None:
    with pytest.raises((EvaluationError, ExpressionError)):
        ask(source)


@pytest.mark.parametrize(
    "source",
    [
        "%p.generalPractitioner.resolve()",
        "%p.generalPractitioner[1].resolve()",  # not contained
        "%p.generalPractitioner[2].resolve()",
        "%p.managingOrganization.reference.resolve()",  # text alone does not say whose `#org` it is
        "'Patient/p2'.resolve()",
        "%mole.subsumes(%sarcoma)",  # no code of the system
        "%sarcoma.subsumes(%mole)",
        "'sarcoma'.subsumes(%sarcoma)",  # of which system?
        "%o.code.subsumedBy(%sarcoma)",
        "%c.latest()",
        "%c.episodes(1 day)",
    ],
)
def test_what_this_record_cannot_tell_is_missing(source: str) -> None:
    with pytest.raises(Missing):
        ask(source)


@pytest.mark.parametrize(
    "source",
    [
        "1.repeat($this + 1)",
        "'a'.repeat($this & 'a')",
        "10.power(40)",
        "2.power(1000000000)",
        "10.0.power(100)",
        "1000.exp()",
        "1000000.exp()",
    ],
)
def test_what_never_ends_or_grows_beyond_bounds_ends(source: str) -> None:
    with pytest.raises(LimitExceeded):
        ask(source)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("(5 | 6)[0]", [5]),
        ("(5 | 6)[1]", [6]),
        ("(5 | 6)[2]", NONE),
        ("(5 | 6)[-1]", NONE),
        ("(5 | 6)[{}]", NONE),
        ("{}[0]", NONE),
        ("%p.name[1].given[0]", ["Mo"]),
        ("(5 | 6)[%p.multipleBirth - 1]", [6]),
        ("(5 | 6 | 7)[%p.multipleBirth]", [7]),
    ],
)
def test_an_index_counts_from_zero(source: str, expected: list[Any]) -> None:
    assert ask(source) == expected


@pytest.mark.parametrize("source", ["(5 | 6)['0']", "(5 | 6)[0.0]", "(5 | 6)[true]", "(5 | 6)[0 | 1]"])
def test_an_index_is_one_whole_number(source: str) -> None:
    with pytest.raises(EvaluationError):
        ask(source)


def test_groups_are_named_as_the_specification_names_them() -> None:
    source = r"'2025-11'.replaceMatches('(?<year>\\d+)-(?<month>\\d+)', '${month}/${year}')"
    assert ask(source) == ["11/2025"]


# -- what is special of some --------------------------------------------------------------------------------------


def test_the_clock_is_what_the_evaluation_is_given() -> None:
    assert ask("now()", now=NOW) == [NOW]
    assert ask("timeOfDay()", now=NOW) == [clock("10:30:05.250")]
    assert ask("today()", now=NOW) == [AS_OF]
    assert ask("now().toDate() = today() and timeOfDay() = timeOfDay()", now=NOW) == T


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("(1 | 2).trace('x')", [("x", [1, 2])]),
        ("(1 | 2).trace('x', $this + 1)", [("x", [2, 3])]),
        ("%p.name.trace('names', given).where(use = 'usual').trace('usual', use)", [
            ("names", ["Up", "Often", "Mo"]), ("usual", ["usual"]),
        ]),
        ("{}.trace('x')", [("x", [])]),
        ("(1 | 2).select($this.trace('each'))", [("each", [1]), ("each", [2])]),
    ],
)  # fmt: skip
def test_a_developer_who_asks_for_a_trace_sees_it(source: str, seen: list[Any]) -> None:
    expression, environment = ready(source)
    environment.traces = []
    expression.items(environment)
    assert environment.traces == seen


def test_nothing_is_traced_unless_somebody_asks() -> None:
    expression, environment = ready("(1 | 2).trace('x')")
    expression.items(environment)
    assert environment.traces is None


@pytest.mark.parametrize(
    ("source", "ids"),
    [
        ("%p.birthDate.id", ["b1"]),
        ("%p.name.given.id", ["g2"]),
        ("%p.name.given[1].id", ["g2"]),
        ("%p.name.given[0].id", NONE),
        ("%p.active.id", NONE),
        ("%p.name.where(given.id = 'g2').use", ["official"]),
        ("%p.birthDate.extension.url", ["time"]),
        ("%p.name.given.count()", [3]),
    ],
)
def test_a_primitive_element_has_an_id_and_extensions(source: str, ids: list[Any]) -> None:
    assert ask(source) == ids


@pytest.mark.parametrize(
    ("source", "places"),
    [
        ("%p.managingOrganization.resolve()", ["Patient/p1.contained[1]"]),
        ("%p.managingOrganization.resolve().ofType(Organization).id", ["Patient/p1.contained[1].id"]),
        ("%p.generalPractitioner.first().resolve()", ["Practitioner/dr"]),
        ("%p.link.other.resolve()", ["Patient/p1"]),
        ("%p.contained.ofType(Organization)", ["Patient/p1.contained[0]", "Patient/p1.contained[1]"]),
        ("%p.birthDate.extension('time')", ["Patient/p1.birthDate.extension[0]"]),
        ("%p.extension('a').value", ["Patient/p1.extension[0].value", "Patient/p1.extension[2].value"]),
        ("%q.repeat(item).where(linkId = '1.2')", ["Questionnaire/q.item[0].item[1]"]),
        ("%o.code.children()", ["Observation/w.code.coding[0]", "Observation/w.code.coding[1]"]),
        ("%o.code.descendants().ofType(code)", [f"Observation/w.code.coding[{i}].code" for i in range(2)]),
        ("coalesce(%none.code, %o.code)", ["Observation/w.code"]),
        ("iif(true, %o.code)", ["Observation/w.code"]),
        ("%p.name.sort(-use).use", ["Patient/p1.name[1].use", "Patient/p1.name[0].use"]),
        ("%p.name.defineVariable('n').select(%n.use.last())", ["Patient/p1.name[1].use"] * 2),
        ("%o.value.as(System.Quantity)", ["Observation/w.value"]),
        ("%p.name.first().family.toChars().first()", [""]),
    ],
)
def test_items_keep_their_place(source: str, places: list[str]) -> None:
    expression, environment = ready(source)
    assert [str(place or "") for _, place in expression.located(environment)] == places


def test_what_was_found_in_a_contained_resource_is_evidence() -> None:
    expression, environment = ready("%p.managingOrganization.resolve().ofType(Organization).exists()")
    assert [str(place) for place in expression.evidence(environment)] == ["Patient/p1.contained[1]"]


def test_a_position_in_a_collection_without_an_order_is_refused_where_that_is_asked_for() -> None:
    careful = Scope(TYPES, VALUE_SETS, ("Bundle",), ordered_only=True)
    for source in (
        "%p.children().skip(1)",
        "(%p | %p).first()",
        "%p.descendants()[0]",
        "(%p.name | %p.name).tail()",
        "(%p | %p).name.given[0]",
        "(%p | %p).select(name).last()",
        "iif(true, %p.children(), %p).first()",
    ):
        with pytest.raises(ContentError, match="no meaning in a collection without an order"):
            compile_fhirpath(source, careful)
    compile_fhirpath("(%p.name | %p.name).sort(use).first()", careful)


# -- elements of a type that is known only as it comes ------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "expected", "places"),
    [
        ("%p.generalPractitioner.first().resolve().name.family", ["Doe"], ["Practitioner/dr.name[0].family"]),
        ("%p.managingOrganization.resolve().id", ["org"], ["Patient/p1.contained[1].id"]),
        ("%p.contained.id", ["ward", "org"], ["Patient/p1.contained[0].id", "Patient/p1.contained[1].id"]),
        ("%any.code.coding.code.first()", ["L1"], ["Observation/w.code.coding[0].code"]),
        ("%any.onset.value", [50], ["Condition/c.onset.value"]),
        ("%any.status", ["final"], ["Observation/w.status"]),
        ("%any.value.unit", ["g"], ["Observation/w.value.unit"]),
        ("%any.first().birthDate > @1973", T, [""]),
        ("%any.where(recordedDate.exists()).id", ["c"], ["Condition/c.id"]),
        ("%any.birthDate.extension.url", ["time"], ["Patient/p1.birthDate.extension[0].url"]),
        ("%p.children().where(use = 'usual').given", ["Mo"], ["Patient/p1.name[1].given[0]"]),
        (
            "%q.descendants().where(linkId = '1.2').item.text",
            ["twice"],
            ["Questionnaire/q.item[0].item[1].item[0].text"],
        ),
        ("%none.hasMember.resolve().status", NONE, NONE),
    ],
)
def test_an_element_is_looked_up_by_the_type_of_each_item(source: str, expected: list[Any], places: list[str]) -> None:
    _, environment = ready("1")
    expression = compile_fhirpath(source, Scope(TYPES, VALUE_SETS, ("Bundle",), strict=False))
    assert [raw(one) for one in expression.items(environment)] == expected
    found = expression.located(environment)
    assert [raw(item) for item, _ in found] == expected
    assert [str(place or "") for _, place in found] == places


@pytest.mark.parametrize(
    "source", ["%any.nonsense", "%p.children().nonsense", "%p.managingOrganization.resolve().nonsens"]
)
def test_an_element_that_no_type_has_is_a_fault_all_the_same(source: str) -> None:
    with pytest.raises(ExpressionError, match="no type has an element"):
        compile_fhirpath(source, Scope(TYPES, VALUE_SETS, ("Bundle",), strict=False))


# -- whatever comes -----------------------------------------------------------------------------------------------

ODD = [
    "{}", "true", "0", "-1", "1.5", "''", "'a'", r"'\u0000'", "@2025", "@0001-01-01", "@9999-12-31T23:59:59.999+14:00",
    "@T23:59:59.999", "5 'mg'", "5 'smoots'", "1 year", "(1 | 'a')", "%p", "%p.name", "%o.value", "%huge", "%tiny",
    "%odd.value", "%odd.code", "%odd.effective",
]  # fmt: skip
HOSTILE: dict[str, list[Any]] = {
    "huge": [Decimal("1E+999999")],
    "tiny": [Decimal("-1E-999999")],
    "odd": [
        {
            "resourceType": "Observation",
            "id": 5,
            "valueQuantity": {"value": Decimal("1E+999999"), "code": ["mg"], "system": {}},
            "code": {"coding": "x"},
            "effectiveDateTime": {"a": 1},
        }
    ],
}


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_no_function_fails_in_a_way_of_its_own(name: str) -> None:
    function = FUNCTIONS[name]
    counts = range(function.fewest, min(function.most, 2) + 1)
    for base, count in product(ODD, counts):
        for arguments in product(ODD[::3], repeat=count) if count < 2 else [(one, one) for one in ODD]:
            source = f"({base}).{name}({', '.join(arguments)})"
            try:
                expression, environment = ready(source, **HOSTILE)
                expression.items(environment)
                expression.located(environment)
                expression.truth(environment)
            except CdsServiceError:
                continue


TEXT = st.text(st.characters(codec="utf-8"), max_size=20)


@given(TEXT, st.sampled_from(["hex", "base64", "urlbase64"]))
def test_what_is_encoded_is_decoded_to_the_same(text: str, form: str) -> None:
    assert ask(f"%text.encode('{form}').decode('{form}')", text=[text]) == [text]


@given(TEXT.filter(lambda text: "\r" not in text), st.sampled_from(["html", "json"]))
def test_what_is_escaped_is_unescaped_to_the_same(text: str, target: str) -> None:
    assert ask(f"%text.escape('{target}').unescape('{target}')", text=[text]) == [text]


@given(TEXT, st.text(max_size=3).filter(bool))
def test_what_is_split_is_joined_to_the_same(text: str, separator: str) -> None:
    assert ask("%text.split(%by).join(%by)", text=[text], by=[separator]) == [text]


@given(st.lists(st.integers(-99, 99) | st.decimals(-99, 99, places=2)))
def test_what_is_sorted_is_in_order_and_as_much_as_before(numbers: list[Any]) -> None:
    found = ask("%n.sort()", n=numbers)
    assert found == sorted(numbers)
    assert ask("%n.sort(-$this)", n=numbers) == sorted(numbers, reverse=True)


@given(st.decimals(-(10**6), 10**6, places=4), st.integers(0, 8))
def test_a_number_lies_within_its_bounds(number: Decimal, digits: int) -> None:
    low, high = ask(f"%n.lowBoundary({digits})", n=[number]), ask(f"%n.highBoundary({digits})", n=[number])
    step = Decimal(1).scaleb(-digits)
    assert low[0] - step < number < high[0] + step
    assert low[0] <= high[0]


@given(st.integers(-(10**9), 10**9), st.integers(1, 10**6))
def test_division_without_remainder_and_remainder_make_the_number(number: int, divisor: int) -> None:
    assert ask("(%n div %d) * %d + (%n mod %d)", n=[number], d=[divisor]) == [number]
