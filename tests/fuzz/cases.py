"""What is tried: an expression over a chart, both made anew from two numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from random import Random
from typing import Any

from cds_service.expressions.language import Environment, Expression, Scope, Types
from cds_service.fhir.code_system import CodeSystem
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.temporal import Date, DateTime
from cds_service.fhir.values import Quantity
from cds_service.fhirpath import compile_fhirpath
from tests.differential.generated import expressions
from tests.fuzz.charts import sound, spoiled
from tests.fuzz.grammar import Grammar
from tests.fuzz.mutations import corpus, mutated
from tests.unit.fhirpath.evaluating import SNOMED, VALUE_SETS

__all__ = ["Case", "make"]

_RESOURCES: Types = (
    *("Observation", "Condition", "Procedure", "ServiceRequest", "DiagnosticReport", "ImagingStudy", "Patient"),
    *("MedicationAdministration", "MedicationRequest", "DocumentReference", "Encounter", "Coverage", "Device"),
)
_TYPES: Mapping[str, Types] = {
    "all": _RESOURCES,
    "o": ("Observation",),
    "c": ("Condition",),
    "asOf": ("System.Date",),
    "word": ("System.String",),
    "number": ("System.Decimal",),
    "amount": ("System.Quantity",),
}
_TODAY = Date((2026, 1, 15))
_GIVEN: Mapping[str, Sequence[Any]] = {
    "asOf": (_TODAY,),
    "word": ("final",),
    "number": (Decimal("2.5"),),
    "amount": (Quantity(Decimal(90), "day"),),
}
_DEFINED = {"values": "%o.value", "codings": "%all.code.coding"}
_CODE_SYSTEMS = {SNOMED: CodeSystem(SNOMED, {"T1": frozenset(), "L1": frozenset({"T1"}), "L2": frozenset({"L1"})})}
_NOW = DateTime((2026, 1, 15, 12, 30, 15), "250", 0)


@dataclass(frozen=True, slots=True)
class Case:
    """An expression, the chart it is asked of, and what is known of it when it is compiled."""

    source: str
    chart: list[dict[str, Any]] = field(default_factory=list)
    context: str = "Bundle"
    """The type that the expression starts from: `Bundle` for the whole chart, else the first resource."""
    strict: bool = True

    def compiled(self) -> Expression:
        """Return the expression. Raises ExpressionError."""
        types = {**_TYPES, **{name: one.types for name, one in _defined().items()}}
        return compile_fhirpath(self.source, Scope(types, VALUE_SETS, (self.context,), _CODE_SYSTEMS, self.strict))

    def environment(self) -> Environment:
        """Return an environment in which nothing is worked out yet."""
        record = PatientRecord("p1", self.chart)
        values = {name: [one for kind in types for one in record.of_type(kind)] for name, types in _TYPES.items()}
        environment = Environment(record, _TODAY, values={**values, **_GIVEN}, defined=_defined(), now=_NOW)
        environment.traces = []
        if self.context != "Bundle":
            environment.focus = self.chart[0] if self.chart else {"resourceType": self.context}
        return environment


@cache
def _defined() -> Mapping[str, Expression]:
    return {name: compile_fhirpath(source, Scope(_TYPES)) for name, source in _DEFINED.items()}


def make(seed: int, number: int) -> Case:
    """Return the case of that number in the run that starts from `seed`."""
    chance = Random(f"{seed}/{number}")  # noqa: S311 - a test's own dice
    chart = sound(chance)
    first, whole = chart[0], chance.random() < 0.2
    kind = first["resourceType"]
    prefix = f"entry.resource.ofType({kind})." if whole else ""
    grammar = Grammar(chance, kind, first, prefix=prefix)
    strict = chance.random() < 0.5
    context = "Bundle" if whole else kind if strict or chance.random() < 0.7 else "Resource"
    return Case(_source(chance, grammar, first), spoiled(chance, chart), context, strict)


def _source(chance: Random, grammar: Grammar, first: dict[str, Any]) -> str:
    policies, hostile = corpus()
    seen = chance.random()
    if seen < 0.55:
        return grammar.expression(chance.randint(1, 4))
    if seen < 0.65 and grammar.held:
        return next(expressions(chance, first))
    if seen < 0.7:
        return chance.choice(policies)
    one, other = (
        chance.choice(hostile) if chance.random() < 0.08 else
        chance.choice(policies) if chance.random() < 0.5 else
        grammar.expression(chance.randint(1, 3))
        for _ in range(2)
    )  # fmt: skip
    return mutated(chance, one, other)
