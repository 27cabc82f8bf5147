"""Where each type of order says what is ordered: the elements with its codes, and those that refer to what has them.

Source: FHIR R4, each request's page; Da Vinci CRD 2.2.1, order profiles and ext-billing-options.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import cast

from cds_service.fhir.definitions import element
from cds_service.fhir.element import Location, Resource
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.values import same_system

__all__ = ["BILLING_OPTIONS", "CODE_PATHS", "OrderedCode", "code_references", "ordered_codes"]

CODE_PATHS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "ServiceRequest": ("code",),
        "DeviceRequest": ("code",),
        "MedicationRequest": ("medication",),
        "NutritionOrder": ("oralDiet.type", "supplement.type", "enteralFormula.baseFormulaType"),
        "VisionPrescription": ("lensSpecification.product",),
        "CommunicationRequest": ("payload.extension", "payload.content.extension", "category"),
        "Appointment": ("basedOn", "serviceType"),
        # what an order refers to in place of a code
        "Device": ("type",),
        "DeviceDefinition": ("type",),
        "Medication": ("code",),
    }
)
"""The elements with the ordered codes: a concept, a reference to what has one, or an extension with one."""

BILLING_OPTIONS = "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-billing-options"
"""CRD's extension on what is ordered: the codes that will be billed for an order named otherwise."""
PAYLOAD_CONTENT = "http://hl7.org/fhir/5.0/StructureDefinition/extension-CommunicationRequest.payload.content"
"""R5's coded content of a communication, in R4; the end of the address is written in several ways."""

_MOST_HOPS = 2
"""An Appointment is based on a MedicationRequest, which refers to a Medication."""
_CODE = re.compile(r"\S+(\s\S+)*")


@dataclass(frozen=True, slots=True, eq=False)
class OrderedCode:
    """One code of what is ordered, where it stands, and the request that it stands in or that refers to it."""

    system: str
    code: str
    at: Location
    request: Resource

    @property
    def coding(self) -> Resource:
        """Return the coding as it is written."""
        return cast("Resource", self.at.value)

    @property
    def path(self) -> str:
        """Return where it stands. An order without an id is named by its content, which takes time: ask once."""
        return str(self.at)


def ordered_codes(request: Resource, record: PatientRecord) -> Iterator[OrderedCode]:
    """Yield what an order orders, billing options first, references followed as far as the record holds their target.

    A code has to be written as FHIR writes codes. Without its system, which is then empty, it is no policy's. The same
    code is one, however often it stands there.
    """
    seen: set[tuple[str, str, int]] = set()
    for one in _codes(Location(request), request, _Walk(record, set()), _MOST_HOPS):
        key = (one.system, one.code, id(one.request))
        if key not in seen:
            seen.add(key)
            yield one


def code_references(request: Resource) -> Iterator[str]:
    """Yield the references in an order to what has its codes; those to contained resources are none."""
    for path in CODE_PATHS.get(str(request.get("resourceType")), ()):
        for place in _elements(Location(request), str(request["resourceType"]), path.split(".")):
            reference = place.value.get("reference")
            if type(reference) is str and reference and not reference.startswith("#"):
                yield reference


@dataclass(frozen=True, slots=True)
class _Walk:
    """What the codes of one order are looked for in, and what was followed there already."""

    record: PatientRecord
    followed: set[int]


def _codes(at: Location, request: Resource, walk: _Walk, hops: int) -> Iterator[OrderedCode]:
    kind = str(at.value.get("resourceType"))
    yield from _billed(at, request)
    for path in CODE_PATHS.get(kind, ()):
        for place in _elements(at, kind, path.split(".")):
            if path.endswith("extension"):
                yield from _communicated(place, request)
            elif "reference" in place.value:
                yield from _referred(place, at, request, walk, hops)
            else:
                yield from _of_concept(place, request)


def _referred(place: Location, at: Location, request: Resource, walk: _Walk, hops: int) -> Iterator[OrderedCode]:
    target = walk.record.resolve(place.value, at.owner)
    if target is None or not hops or id(target) in walk.followed:
        return
    walk.followed.add(id(target))
    stands = Location(target)
    inside = walk.record.container(target)
    if inside is not None:
        stands = Location(inside[0]).child(target, "contained", inside[1])
    yield from _codes(stands, target if place.name == "basedOn" else request, walk, hops - 1)


def _of_concept(at: Location, request: Resource) -> Iterator[OrderedCode]:
    yield from _billed(at, request)
    for coding in _members(at, "coding"):
        yield from _of_coding(coding, request)


def _of_coding(at: Location, request: Resource) -> Iterator[OrderedCode]:
    system, code = at.value.get("system"), at.value.get("code")
    if type(code) is str and _CODE.fullmatch(code):
        named = system if type(system) is str else ""
        yield OrderedCode(same_system(named) or "", code, at, request)


def _billed(at: Location, request: Resource) -> Iterator[OrderedCode]:
    """Yield the codes of the billing options: a concept, or codings, in the extension or in parts of it."""
    for option in _members(at, "extension"):
        if option.value.get("url") == BILLING_OPTIONS:
            for part in (option, *_members(option, "extension")):
                yield from _of_value(part, request)


def _communicated(extension: Location, request: Resource) -> Iterator[OrderedCode]:
    if str(extension.value.get("url")).startswith(PAYLOAD_CONTENT):
        yield from _of_value(extension, request)


def _of_value(extension: Location, request: Resource) -> Iterator[OrderedCode]:
    for key, read in (("valueCodeableConcept", _of_concept), ("valueCoding", _of_coding)):
        value = extension.value.get(key)
        if type(value) is dict:
            yield from read(extension.child(value, "value"), request)


def _elements(at: Location, kind: str, names: Sequence[str]) -> Iterator[Location]:
    """Yield the objects that a path of names leads to from an element of a type, in whatever number they stand."""
    if not names:
        yield at
        return
    known = element(kind, names[0])
    types = dict(zip(known.keys, known.types, strict=True)) if known else {}
    for key, found in ({names[0]: ""} | types).items():  # some clients leave the type out of a choice's key
        for json_key in (key, f"_{key}"):  # beside a primitive value stand its extensions
            for place in _members(at, names[0], json_key):
                yield from _elements(place, found, names[1:])


def _members(at: Location, name: str, key: str | None = None) -> Iterator[Location]:
    """Yield the objects that an element holds under a name: one, or those in a list."""
    held = at.value.get(key or name)
    many = type(held) is list
    for i, one in enumerate(held if many else (held,)):
        if type(one) is dict:
            yield at.child(one, name, i if many else None)
