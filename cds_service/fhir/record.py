"""The record: one patient's resources as plain dicts, indexed once, never changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import sha256
from types import MappingProxyType

from cds_service.fhir.definitions import element
from cds_service.fhir.element import Resource
from cds_service.fhir.encoding import canonical
from cds_service.fhir.unread import Unread, Why
from cds_service.fhir.values import Code, codes_as_written, codes_of

__all__ = ["PatientRecord", "code_element"]

_CODE_ELEMENT = MappingProxyType(
    {
        "Device": "type",
        "DocumentReference": "type",
        "ImagingStudy": "procedureCode",
        "MedicationAdministration": "medication",
        "MedicationDispense": "medication",
        "MedicationRequest": "medication",
        "MedicationStatement": "medication",
        "QuestionnaireResponse": "questionnaire",
    }
)


_SUBJECTS = ("subject", "patient", "beneficiary", "for")
_WITHOUT_SUBJECT = {"Patient", "Practitioner", "PractitionerRole", "Organization", "Location", "Medication"}


def code_element(type_name: str) -> str:
    """Return the element that says what a resource is about: `code` for most types."""
    return _CODE_ELEMENT.get(type_name, "code")


class PatientRecord:
    """The resources that speak for one patient, in an order that does not depend on how they came in.

    Resources are sorted by type, id and content, and an exact copy counts once; so the same content gives the same
    answer, byte by byte. Whether a resource may be used at all (whose it is, its status) is decided later.
    """

    def __init__(
        self,
        patient_id: str,
        resources: Iterable[Resource],
        *,
        full_urls: Mapping[str, Resource] | None = None,
        server: str | None = None,
        unread: Iterable[Unread] = (),
    ) -> None:
        """Index `resources`; `server` is the base URL that absolute references may have."""
        self.patient_id = patient_id
        self.server = server.rstrip("/") if server else None
        self.unread = tuple(unread)
        self.resources = _in_order(resources)
        self._full_urls = dict(full_urls or {})
        by_type: dict[str, list[Resource]] = defaultdict(list)
        for resource in self.resources:
            by_type[str(resource["resourceType"])].append(resource)
        self._by_type = {kind: tuple(found) for kind, found in by_type.items()}
        self._codings: dict[str, _Codings] = {}
        self._contents: dict[int, tuple[Resource, Mapping[object, Resource]]] = {}
        self._not_coded: dict[tuple[str, frozenset[Code]], frozenset[int]] = {}

    def may_hold_more(self, types: Collection[str]) -> bool:
        """Return whether the patient may have resources of one of these types that were not read.

        What a client sent under a key of its own is taken as what there is, so that its silence is silence.
        """
        return any(one.may_hold(types) for one in self.unread if one.why is not Why.OWN_KEY)

    def of_type(self, type_name: str) -> tuple[Resource, ...]:
        """Return the resources of one type, in the record's order."""
        return self._by_type.get(type_name, ())

    def coded(self, type_name: str, codes: frozenset[Code]) -> tuple[Resource, ...]:
        """Return the resources of a type whose code element holds one of `codes`, in the record's order."""
        index = self._by_code.get(type_name, {})
        found = {id(one) for code, resources in index.items() if code in codes for one in resources}
        return tuple(one for one in self.of_type(type_name) if id(one) in found)

    def not_coded(self, key: str, codes: frozenset[Code]) -> frozenset[int]:
        """Return the resources, by their identity, of whose concept under a JSON key it is sure that no code is there.

        `codes` are as the chart writes them. A resource without that concept, or with one that cannot be read, is none.
        """
        found = self._not_coded.get((key, codes))
        if found is None:
            known = self._codings.get(key) or self._codings.setdefault(key, _codings_of(self.resources, key))
            held = (known.by_code[code] for code in known.by_code.keys() & codes)
            found = self._not_coded[key, codes] = known.readable.difference(*held)
        return found

    def get(self, type_name: str, resource_id: str) -> Resource | None:
        """Return the resource `Type/id`, or None."""
        return self._by_reference.get(f"{type_name}/{resource_id}")

    def resolve(self, reference: object, source: Resource | None = None) -> Resource | None:
        """Return what a reference (its text, or a Reference) points to inside this record, or None.

        Understood: `Type/id`, with a version or a base URL, a fullUrl, `#id` for what `source` contains and `#` for
        `source` itself; without one it is the resource of this record that the Reference stands in.
        Source: FHIR R4 2.3.0 (References), 2.3.0.2 (contained resources), 3.1 (Bundle, resolving references).
        """
        text = reference.get("reference") if isinstance(reference, Mapping) else reference
        if type(text) is not str or not text:
            return None
        if text.startswith("#"):
            source = source or self._sources.get(id(reference))
            if source is None or text == "#":
                return source
            return self._inside(source).get(text[1:])
        found = self._full_urls.get(text)
        if found is not None:
            return found
        local = text.partition("/_history/")[0]
        if "://" in local:
            base, _, tail = local.rpartition("/")
            base, _, kind = base.rpartition("/")
            if self.server is not None and base != self.server:
                return None
            local = f"{kind}/{tail}"
        return self._by_reference.get(local)

    def _inside(self, source: Resource) -> Mapping[object, Resource]:
        """Return what a resource contains, by id; of several of one id the first."""
        known = self._contents.get(id(source))
        if known is None:
            found: dict[object, Resource] = {}
            for _, one in _contained(source):
                if type(one.get("id")) is str:
                    found.setdefault(one["id"], one)
            known = self._contents[id(source)] = (source, found)  # held, so that no other has its identity
        return known[1]

    def container(self, resource: Resource) -> tuple[Resource, int] | None:
        """Return the resource that contains this one, and its position there; None for one that stands alone."""
        return self._containers.get(id(resource))

    def is_about_patient(self, reference: object) -> bool | None:
        """Return whether a subject is this record's patient; None when it names nobody that can be told.

        The same id at two servers is two patients: where it is not said which server is ours, neither is known to be.
        """
        text = reference.get("reference") if isinstance(reference, Mapping) else None
        if type(text) is not str or not text:
            return None
        if self.server is None and "://" in text and self._has_several_homes:
            return None
        local = text.partition("/_history/")[0]
        if self.server is not None and "://" in local and not local.startswith(f"{self.server}/"):
            return False
        target = self.resolve(text)
        if target is not None:
            return target.get("resourceType") == "Patient" and target.get("id") == self.patient_id
        if "://" in text or text.startswith(("urn:", "#")):
            base = text.partition("/_history/")[0].removesuffix(f"/Patient/{self.patient_id}")
            known = self.server is None or base == self.server
            return True if base != text and known else None if text.startswith(("urn:", "#")) else False
        return text.partition("/_history/")[0] == f"Patient/{self.patient_id}"

    def concerns_patient(self, resource: Resource) -> bool | None:
        """Return whether a resource is about this record's patient, or about no patient; None when it names nobody."""
        known = self._concerns
        return known[id(resource)] if id(resource) in known else self._is_concerned(resource)

    @cached_property
    def _concerns(self) -> Mapping[int, bool | None]:
        return {id(one): self._is_concerned(one) for one in self.resources}

    def _is_concerned(self, resource: Resource) -> bool | None:
        kind = str(resource["resourceType"])
        if kind == "Patient":
            return resource.get("id") == self.patient_id
        subject = _subject_of(kind)
        return True if subject is None else self.is_about_patient(resource.get(subject))

    @cached_property
    def as_bundle(self) -> Resource:
        """Return the record as a Bundle, for `%resource`."""
        return {
            "resourceType": "Bundle",
            "type": "collection",
            "entry": [{"resource": r} for r in self.resources],
        }

    @cached_property
    def _has_several_homes(self) -> bool:
        """Return whether the patient's id is named at more than one server."""
        subjects = (resource.get(name) for resource in self.resources for name in _SUBJECTS)
        named = (one.get("reference") for one in subjects if type(one) is dict)
        places = (one.partition("/_history/")[0] for one in (*named, *self._full_urls) if type(one) is str)
        mine = f"/Patient/{self.patient_id}"
        return len({one for one in places if "://" in one and one.endswith(mine)}) > 1

    @cached_property
    def _sources(self) -> Mapping[int, Resource]:
        """Return the resource that a Reference stands in, by the Reference's identity, where resources contain others.

        All of them are held by this record, so that no other object can have their identity.
        """
        found: dict[int, Resource] = {}
        for resource in {id(owner): owner for owner, _ in self._containers.values()}.values():
            waiting: list[object] = [resource]
            while waiting:
                one = waiting.pop()
                if isinstance(one, Mapping):
                    waiting += one.values()
                    if "reference" in one:
                        found[id(one)] = resource
                elif isinstance(one, list):
                    waiting += one
        return found

    @cached_property
    def _containers(self) -> Mapping[int, tuple[Resource, int]]:
        return {id(one): (owner, i) for owner in self.resources for i, one in _contained(owner)}

    @cached_property
    def _by_reference(self) -> Mapping[str, Resource]:
        found: dict[str, Resource] = {}
        for resource in self.resources:
            if resource.get("id"):
                found.setdefault(f"{resource['resourceType']}/{resource['id']}", resource)
        return found

    @cached_property
    def _by_code(self) -> Mapping[str, Mapping[Code, list[Resource]]]:
        found: dict[str, dict[Code, list[Resource]]] = defaultdict(lambda: defaultdict(list))
        for resource in self.resources:
            kind = str(resource["resourceType"])
            known = element(kind, code_element(kind))
            for key in known.keys if known else ():
                value = resource.get(key)
                for one in value if type(value) is list else (value,):
                    for code in codes_of(one):
                        found[kind][code].append(resource)
        return found


@cache
def _subject_of(kind: str) -> str | None:
    """Return the element that says whom a resource of a type is about; None for a type that is about nobody."""
    if kind in _WITHOUT_SUBJECT:
        return None
    return next((name for name in _SUBJECTS if element(kind, name) is not None), None)


@dataclass(frozen=True, slots=True)
class _Codings:
    """What stands under one JSON key: the resources with a concept that can be read, and those with each code."""

    readable: frozenset[int]
    by_code: Mapping[Code, set[int]]


def _codings_of(resources: Iterable[Resource], key: str) -> _Codings:
    readable: set[int] = set()
    by_code: dict[Code, set[int]] = defaultdict(set)
    for resource in resources:
        concept = resource.get(key)
        codes = codes_as_written(concept) if type(concept) is dict else None
        if codes is not None:
            readable.add(id(resource))
            for code in codes:
                by_code[code].add(id(resource))
    return _Codings(frozenset(readable), by_code)


def _contained(resource: Resource) -> Iterator[tuple[int, Resource]]:
    inside = resource.get("contained")
    for i, one in enumerate(inside if type(inside) is list else ()):
        if type(one) is dict:
            yield i, one


def _in_order(resources: Iterable[Resource]) -> tuple[Resource, ...]:
    groups: dict[tuple[str, str], list[Resource]] = defaultdict(list)
    for resource in resources:
        groups[str(resource.get("resourceType")), str(resource.get("id") or "")].append(resource)
    ordered: list[Resource] = []
    for key in sorted(groups):
        group = groups[key]
        if len(group) > 1:
            by_content = {sha256(canonical(one)).digest(): one for one in group}
            group = [by_content[digest] for digest in sorted(by_content)]
        ordered += group
    return tuple(ordered)
