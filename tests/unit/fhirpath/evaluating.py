"""Expressions for tests: compiled against what they are given, evaluated, with their places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cds_service.expressions.language import Environment, Scope, Types
from cds_service.expressions.logic import Truth
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.temporal import Date
from cds_service.fhir.value_set import ValueSet, read_value_set
from cds_service.fhirpath import FhirPath, compile_fhirpath
from cds_service.fhirpath.items import raw, system_type

AS_OF = Date((2026, 1, 15))
SNOMED = "http://snomed.info/sct"
URL = "https://example.org/fhir/ValueSet/"


def value_set(name: str, *codes: str) -> ValueSet:
    concept = [{"code": code} for code in codes]
    return read_value_set({"url": URL + name, "compose": {"include": [{"system": SNOMED, "concept": concept}]}})


VALUE_SETS = {one.canonical: one for one in (value_set("levels", "L1", "L2"), value_set("tumours", "T1"))}


def types_of(items: Sequence[Any]) -> Types:
    named = [
        str(one["resourceType"]) if isinstance(one, Mapping) and "resourceType" in one else system_type(one)
        for one in items
    ]
    return tuple(dict.fromkeys(named)) or ("Observation",)


class Asked:
    """An expression made ready to be asked, over resources, variables, and at a focus of its own."""

    def __init__(
        self,
        source: str,
        *resources: Mapping[str, Any],
        focus: Mapping[str, Any] | None = None,
        types: Mapping[str, Types] | None = None,
        **variables: Sequence[Any],
    ) -> None:
        context: Types = (str(focus["resourceType"]),) if focus else ("Bundle",)
        known = {name: types_of(items) for name, items in variables.items()} | dict(types or {})
        self.expression: FhirPath = compile_fhirpath(source, Scope(known, VALUE_SETS, context))
        record = PatientRecord("p1", resources)
        self.environment = Environment(record, AS_OF, values=variables, defined={})
        if focus:
            self.environment.focus = focus

    def items(self) -> list[Any]:
        return [raw(one) for one in self.expression.items(self.environment)]

    def truth(self) -> Truth:
        return self.expression.truth(self.environment)

    def evidence(self) -> list[str]:
        return [str(place) for place in self.expression.evidence(self.environment)]

    def located(self) -> list[str]:
        """Return the place of each item, an empty text for what is computed."""
        return [str(place or "") for _, place in self.expression.located(self.environment)]


def items(source: str, *resources: Mapping[str, Any], **more: Any) -> list[Any]:
    return Asked(source, *resources, **more).items()


def truth(source: str, *resources: Mapping[str, Any], **more: Any) -> Truth:
    return Asked(source, *resources, **more).truth()


def evidence(source: str, *resources: Mapping[str, Any], **more: Any) -> list[str]:
    """Return the evidence, after checking that the expression is true: only then it is evidence of anything."""
    asked = Asked(source, *resources, **more)
    assert asked.truth() is True
    return asked.evidence()


def coded(*codes: str) -> dict[str, Any]:
    return {"coding": [{"system": SNOMED, "code": code} for code in codes]}


def observation(name: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": name, "status": "final", **more}


def condition(name: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Condition", "id": name, **more}
