"""What R4 says of its types: the table against the fixtures, against known facts, and against its generator."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from cds_service.fhir import definitions
from cds_service.fhir.definitions import (
    base_of,
    element,
    elements_of,
    is_a,
    is_primitive,
    is_resource,
    type_names,
)
from tests.charts import POLICIES, ROOT, fixture

# -- the fixtures -------------------------------------------------------------------------------------------------


def members(value: dict[str, Any], kind: str, place: str) -> Iterator[tuple[str, str, str, object]]:
    """Yield (place, type, key, value) of every member, down to the last."""
    kind = value.get("resourceType", kind)
    for key, member in value.items():
        if key == "resourceType":
            continue
        yield place, kind, key, member
        known = next((one for name in elements_of(kind) if (one := element(kind, name)) and key in one.keys), None)
        if known:
            inner = known.types[known.keys.index(key)]
            for i, one in enumerate(member if isinstance(member, list) else [member]):
                if isinstance(one, dict):
                    yield from members(one, inner, f"{place}.{key}[{i}]")


FILES = sorted((ROOT / "fixtures" / "patients").glob("*.json")) + sorted(POLICIES.rglob("*/*.json"))


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = fixture(str(path))  # an absolute path stays what it is
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_member_of_our_own_files_is_an_element_of_its_type(path: Path) -> None:
    for place, kind, key, value in members(read(path), "", path.stem):
        known = [one for name in elements_of(kind) if (one := element(kind, name)) and key in one.keys]
        assert len(known) == 1, f"{place}: {kind} has no {key}"
        assert known[0].many is isinstance(value, list), f"{place}.{key}"
        inner = known[0].types[known[0].keys.index(key)]
        for one in value if isinstance(value, list) else [value]:
            assert is_primitive(inner) is not isinstance(one, dict), f"{place}.{key}"


# -- facts of R4 --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "name", "types", "many"),
    [
        ("Condition", "code", ("CodeableConcept",), False),
        ("Condition", "bodySite", ("CodeableConcept",), True),
        ("Condition", "onset", ("Age", "dateTime", "Period", "Range", "string"), False),
        ("Condition", "evidence", ("Condition.evidence",), True),
        ("Condition.evidence", "detail", ("Reference",), True),
        ("Observation", "bodySite", ("CodeableConcept",), False),
        ("Observation", "effective", ("dateTime", "instant", "Period", "Timing"), False),
        ("Observation", "component", ("Observation.component",), True),
        ("Observation.component", "referenceRange", ("Observation.referenceRange",), True),
        ("ServiceRequest", "doNotPerform", ("boolean",), False),
        ("ServiceRequest", "authoredOn", ("dateTime",), False),
        ("DeviceRequest", "code", ("CodeableConcept", "Reference"), False),
        ("MedicationRequest", "medication", ("CodeableConcept", "Reference"), False),
        ("ImagingStudy", "modality", ("Coding",), True),
        ("ImagingStudy.series", "modality", ("Coding",), False),
        ("ImagingStudy.series", "bodySite", ("Coding",), False),
        ("DiagnosticReport", "imagingStudy", ("Reference",), True),
        ("Patient", "deceased", ("boolean", "dateTime"), False),
        ("Bundle.entry", "resource", ("Resource",), False),
        ("Quantity", "value", ("decimal",), False),
        ("Age", "value", ("decimal",), False),
        ("Procedure", "id", ("id",), False),
        ("Procedure", "contained", ("Resource",), True),
        ("Coding", "extension", ("Extension",), True),
        ("Questionnaire.item", "item", ("Questionnaire.item",), True),
    ],
)
def test_an_element_has_its_types_and_cardinality(kind: str, name: str, types: tuple[str, ...], many: bool) -> None:
    known = element(kind, name)
    assert known is not None
    assert (set(known.types), known.many, known.choice) == (set(types), many, len(types) > 1)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("Condition", "valueString"),
        ("Condition", "onsetDateTime"),
        ("Condition", "bodysite"),
        ("Procedure", "occurrence"),
        ("PlanDefinition", "subjectCanonical"),
        ("PlanDefinition.action", "subjectCanonical"),
        ("Money", "unit"),
        ("Nonsense", "code"),
        ("", ""),
    ],
)
def test_what_r4_does_not_have_is_none(kind: str, name: str) -> None:
    assert element(kind, name) is None


def test_a_choice_element_has_a_key_for_each_type() -> None:
    known = element("Observation", "value")
    assert known is not None
    keys = dict(zip(known.types, known.keys, strict=True))
    assert keys["Quantity"] == "valueQuantity"
    assert keys["dateTime"] == "valueDateTime"
    assert keys["boolean"] == "valueBoolean"


@pytest.mark.parametrize(
    ("kind", "ancestor", "holds"),
    [
        ("Condition", "DomainResource", True),
        ("Condition", "Resource", True),
        ("Bundle", "DomainResource", False),
        ("Condition", "Condition", True),
        ("Age", "Quantity", True),
        ("Money", "Quantity", False),
        ("code", "string", True),
        ("string", "code", False),
        ("canonical", "uri", True),
        ("positiveInt", "integer", True),
        ("Condition.evidence", "BackboneElement", True),
        ("Resource", "Condition", False),
        ("Nonsense", "Resource", False),
    ],
)
def test_types_specialise_each_other(kind: str, ancestor: str, holds: bool) -> None:
    assert is_a(kind, ancestor) is holds


def test_resources_are_told_from_data_types() -> None:
    assert [name for name in ("Patient", "Bundle", "Resource") if not is_resource(name)] == []
    others = ("HumanName", "code", "Condition.evidence", "Episode", "Rejected", "patient", "", "Element")
    assert [name for name in others if is_resource(name)] == []


def test_primitives_are_told_from_complex_types() -> None:
    assert all(is_primitive(name) for name in ("code", "date", "base64Binary", "xhtml", "boolean"))
    assert not any(is_primitive(name) for name in ("Coding", "nonsense", "Condition.evidence", ""))


def test_the_table_is_closed_every_type_that_it_names_is_in_it() -> None:
    for kind in type_names():
        assert base_of(kind) is None or base_of(kind) in type_names()
        for name in elements_of(kind):
            known = element(kind, name)
            assert known is not None
            assert set(known.types) <= type_names(), f"{kind}.{name}"


def test_every_type_has_element_or_resource_at_its_top() -> None:
    assert all(is_a(kind, "Element") is not is_a(kind, "Resource") for kind in type_names())


def kept() -> int:
    return sum(one.cache_info().currsize for one in vars(definitions).values() if hasattr(one, "cache_info"))


def test_names_from_a_chart_are_not_kept() -> None:
    """A name that R4 does not have may be a patient's; a cache of them would also grow without end."""
    is_resource("canary")
    before = kept()
    for i in range(100):
        assert not is_resource(f"canary-{i}")
        assert element(f"canary-{i}", "code") is None
    assert kept() == before


def test_the_generator_writes_the_table_that_is_committed(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("generate_r4_types", ROOT / "scripts" / "generate_r4_types.py")
    assert spec is not None
    assert spec.loader is not None
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    generator.OUT = tmp_path / "r4_types.json"
    generator.main()
    committed = files("cds_service.fhir").joinpath("r4_types.json").read_bytes()
    assert generator.OUT.read_bytes() == committed
