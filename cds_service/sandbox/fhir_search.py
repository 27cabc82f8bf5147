"""Searches as EHR simulators and CDS services make them: a subset of R4's, in memory.

Source: FHIR R4 3.1.1 (search), 3.1.1.4.5 (dates), 3.1.1.4.10 (tokens), 3.1.1.4.12 (references).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias
from urllib.parse import urlencode

from cds_service.sandbox.fhir_store import FhirStore

__all__ = ["Parameters", "search", "search_parameters"]

Parameters: TypeAlias = Sequence[tuple[str, str]]
Resource: TypeAlias = dict[str, Any]

_PATIENT = ("subject", "patient", "beneficiary", "for")
_REFERENCES: Mapping[str, tuple[str, ...]] = {
    "patient": _PATIENT,
    "subject": _PATIENT,
    "beneficiary": _PATIENT,
    "encounter": ("encounter",),
    "requester": ("requester",),
    "payor": ("payor",),
}
_TOKENS: Mapping[str, tuple[str, ...]] = {
    "_id": ("id",),
    "code": ("code", "medicationCodeableConcept", "procedureCode", "type"),
    "category": ("category",),
    "status": ("status",),
    "clinical-status": ("clinicalStatus",),
    "verification-status": ("verificationStatus",),
    "identifier": ("identifier",),
    "gender": ("gender",),
    "modality": ("modality",),
    "intent": ("intent",),
}
_DATES: Mapping[str, tuple[str, ...]] = {
    "date": ("effectiveDateTime", "performedDateTime", "effectivePeriod", "performedPeriod", "recordedDate"),
    "authored": ("authoredOn",),
    "started": ("started",),
    "issued": ("issued",),
    "birthdate": ("birthDate",),
    "onset-date": ("onsetDateTime",),
    "recorded-date": ("recordedDate",),
}
_TEXTS: Mapping[str, tuple[str, ...]] = {"name": ("name",), "family": ("name",), "given": ("name",)}
_KINDS = (("reference", _REFERENCES), ("token", _TOKENS), ("date", _DATES), ("string", _TEXTS))
_MOST = 1000


def search(store: FhirStore, kind: str, parameters: Parameters, *, base: str) -> Resource:
    """Return the searchset Bundle of a search, a page of it; parameters that are not known do not narrow it."""
    found = [one for one in store.all(kind) if all(_fits(one, name, text) for name, text in parameters)]
    given = dict(parameters)
    for field in reversed(given.get("_sort", "").split(",")):
        if field:
            found.sort(key=partial(_sort_key, field.lstrip("-")), reverse=field.startswith("-"))
    bundle: Resource = {"resourceType": "Bundle", "type": "searchset", "total": len(found)}
    if given.get("_summary") == "count":
        return bundle
    first, count = _number(given.get("_offset"), 0), _number(given.get("_count"), _MOST)
    page = found[first : first + count]
    bundle["link"] = [{"relation": "self", "url": _url(base, kind, parameters)}]
    if first + count < len(found) and count:
        others = [one for one in parameters if one[0] != "_offset"]
        following = _url(base, kind, [*others, ("_offset", str(first + count))])
        bundle["link"].append({"relation": "next", "url": following})
    included = _included(store, page, [text for name, text in parameters if name.startswith("_include")])
    bundle["entry"] = [*_entries(page, "match", base), *_entries(included, "include", base)]
    return bundle


def search_parameters(resources: Iterable[Resource]) -> Mapping[str, list[dict[str, str]]]:
    """Return by type what its resources can be searched by, as a CapabilityStatement says it."""
    held: dict[str, set[str]] = {}
    for one in resources:
        held.setdefault(one["resourceType"], set()).update(one)
    return {
        of: [
            {"name": name, "type": kind}
            for kind, table in _KINDS
            for name, elements in table.items()
            if not names.isdisjoint(elements)
        ]
        for of, names in sorted(held.items())
    }


def _entries(resources: Iterable[Resource], mode: str, base: str) -> Iterator[Resource]:
    for one in resources:
        url = f"{base}/{one['resourceType']}/{one['id']}"
        yield {"fullUrl": url, "resource": one, "search": {"mode": mode}}


def _url(base: str, kind: str, parameters: Parameters) -> str:
    return f"{base}/{kind}?{urlencode(parameters)}" if parameters else f"{base}/{kind}"


def _number(text: str | None, default: int) -> int:
    return min(int(text), _MOST) if text and text.isascii() and text.isdecimal() else default


def _fits(resource: Resource, parameter: str, text: str) -> bool:
    name, _, modifier = parameter.partition(":")
    tests: tuple[tuple[Mapping[str, tuple[str, ...]], Callable[[Any, str], bool]], ...] = (
        (_REFERENCES, _refers),
        (_TOKENS, _has_token),
        (_DATES, _is_dated),
        (_TEXTS, _has_text),
    )
    for table, test in tests:
        if name in table:
            values = [one for element in table[name] for one in _each(resource.get(element))]
            fits = any(test(value, wanted) for wanted in text.split(",") for value in values)
            return fits is not (modifier == "not")
    return True


def _each(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else () if value is None else (value,)


def _refers(value: Any, wanted: str) -> bool:
    reference = value.get("reference") if isinstance(value, dict) else None
    return isinstance(reference, str) and f"/{reference}".endswith(f"/{wanted}")


def _has_token(value: Any, wanted: str) -> bool:
    system, bar, code = wanted.rpartition("|")
    return any((not bar or of == system) and (not code or found == code) for of, found in _codes(value))


def _codes(value: Any) -> Iterator[tuple[str | None, str | None]]:
    if isinstance(value, str):
        yield None, value
    elif isinstance(value, dict):
        yield value.get("system"), value.get("code", value.get("value"))
        for one in _each(value.get("coding")):
            yield from _codes(one)


def _has_text(value: Any, wanted: str) -> bool:
    parts = [value.get("family"), value.get("text"), *_each(value.get("given"))] if isinstance(value, dict) else []
    return any(isinstance(one, str) and one.lower().startswith(wanted.lower()) for one in parts)


def _is_dated(value: Any, wanted: str) -> bool:
    """Compare as far as both are precise: enough for days and years, which is what is asked here."""
    text = value.get("start") if isinstance(value, dict) else value
    prefix, day = (wanted[:2], wanted[2:]) if wanted[:2].isalpha() else ("eq", wanted)
    if not isinstance(text, str) or prefix not in ("eq", "ne", "lt", "le", "gt", "ge"):
        return False
    length = min(len(text), len(day))
    mine, theirs = text[:length], day[:length]
    order = (mine > theirs) - (mine < theirs)
    return {
        "eq": order == 0, "ne": order != 0, "lt": order < 0, "le": order <= 0, "gt": order > 0, "ge": order >= 0
    }[prefix]  # fmt: skip


def _sort_key(name: str, resource: Resource) -> str:
    elements = {"_id": ("id",), "_lastUpdated": ("meta",), **_DATES, **_TOKENS, **_TEXTS}.get(name, ())
    return next((str(resource[element]) for element in elements if element in resource), "")


def _included(store: FhirStore, page: Sequence[Resource], wanted: Sequence[str]) -> list[Resource]:
    """Return what the page refers to by the elements that `Type:parameter[:Target]` names; all of them for `*`."""
    held = {_label(one) for one in page}
    found: dict[str, Resource] = {}
    for one in page:
        for reference in _references(one, wanted):
            kind, _, name = reference.rpartition("/")
            target = store.read(kind.rpartition("/")[2], name)
            if target is not None and _label(target) not in held:
                found[_label(target)] = target
    return list(found.values())


def _references(resource: Resource, wanted: Sequence[str]) -> Iterator[str]:
    for text in wanted:
        kind, _, rest = text.partition(":")
        parameter, _, target = rest.partition(":")
        if kind not in (resource["resourceType"], "*"):
            continue
        elements = tuple(resource) if parameter in ("", "*") else (*_REFERENCES.get(parameter, ()), parameter)
        for value in (one for element in elements for one in _each(resource.get(element))):
            reference = value.get("reference") if isinstance(value, dict) else None
            if isinstance(reference, str) and reference.startswith(target):
                yield reference


def _label(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"
