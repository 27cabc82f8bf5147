"""Codes: their check digits, their verification in an active policy, and the words that may stand with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from cds_service.authoring.lint.finding import Finding
from cds_service.authoring.lint.resources import at
from cds_service.authoring.lint.subject import Subject
from cds_service.errors import ContentError
from cds_service.fhir.check_digits import is_sound
from cds_service.fhir.values import CPT_SYSTEMS, codes_of
from cds_service.plan_definition.artifacts import Artifact
from cds_service.plan_definition.elements import Json
from cds_service.plan_definition.profile import CANONICAL_BASE, Extension

__all__ = ["check"]

_UNVERIFIED = "unverified"
_OUR_SYSTEMS = f"{CANONICAL_BASE}/CodeSystem/"
_SAME_SYSTEM = ("concept", "contains", "element")
"""Elements whose codes are of the system that their parent states."""


class _Coded(NamedTuple):
    system: str
    code: str
    holder: Json
    path: str


def check(subject: Subject) -> Iterator[Finding]:
    """Yield what is wrong with codes, wherever they stand."""
    for artifact in subject.all:
        kind = str(artifact.resource["resourceType"])
        coded = [*_coded(artifact.resource, kind)]
        yield from _digits(artifact, coded)
        if kind == "ValueSet":
            yield from _words(artifact, coded)
            yield from _twice(artifact, coded)
    yield from _verification(subject)


def _coded(value: Any, path: str, system: object = None, target: object = None) -> Iterator[_Coded]:
    """Yield every code inside an element: of Codings, of value sets, and of both sides of a map."""
    if isinstance(value, list):
        for i, one in enumerate(value):
            yield from _coded(one, f"{path}[{i}]", system, target)
    elif isinstance(value, Mapping):
        system = value.get("source" if path.startswith("ConceptMap.group") else "system", system)
        stated = value.get("target")
        target = stated if isinstance(stated, str) else target
        code = value.get("code")
        if isinstance(system, str) and isinstance(code, str):
            yield _Coded(system, code, value, path)
        for name, member in value.items():
            if name in _SAME_SYSTEM:
                yield from _coded(member, f"{path}.{name}", system, target)
            elif isinstance(member, Mapping | list):
                yield from _coded(member, f"{path}.{name}", target if name == "target" else None)


def _digits(artifact: Artifact, coded: list[_Coded]) -> Iterator[Finding]:
    for one in coded:
        if not is_sound(one.system, one.code):
            yield at(artifact, "wrong-check-digit", f"`{one.code}` of {one.system}", one.path)


def _words(artifact: Artifact, coded: list[_Coded]) -> Iterator[Finding]:
    for one in coded:
        if one.system not in CPT_SYSTEMS or ".exclude" in one.path:
            continue
        if "display" in one.holder:
            yield at(artifact, "copied-description", f"`{one.code}` has a `display`", f"{one.path}.display")
        elif not _paraphrased(one.holder):
            yield at(artifact, "no-paraphrase", f"`{one.code}` has no words of our own", one.path)


def _paraphrased(concept: Json) -> bool:
    designations = concept.get("designation")
    held = [one for one in designations if isinstance(one, Mapping)] if isinstance(designations, list) else []
    return any(code == "paraphrase" for one in held for _, code in codes_of(one.get("use")))


def _twice(artifact: Artifact, coded: list[_Coded]) -> Iterator[Finding]:
    listed = [one for one in coded if one.path.startswith("ValueSet.compose") and ".designation" not in one.path]
    count = Counter((one.system, one.code) for one in listed)
    for one in listed:
        if count[one.system, one.code] > 1:
            count[one.system, one.code] = 0
            yield at(artifact, "code-twice", f"`{one.code}`", one.path)


def _verification(subject: Subject) -> Iterator[Finding]:
    """An active policy reads verified codes only; a code of a code system of ours, or at hand, is what it is."""
    own = subject.artifacts.code_systems
    for policy in subject.policies:
        if policy.plan is None or policy.plan.status != "active":
            continue
        for name in sorted(policy.plan.value_sets):
            for one in _coded(_value_set(subject, name), "ValueSet"):
                if one.system in own or one.system.startswith(_OUR_SYSTEMS) or ".designation" in one.path:
                    continue
                mark = _mark(one.holder)
                if mark in (None, _UNVERIFIED):
                    rule = "unmarked-code" if mark is None else "unverified-code"
                    yield policy.finding(rule, f"`{one.code}` of {one.system} in `{name}`")


def _value_set(subject: Subject, canonical: str) -> Json:
    try:
        return subject.artifacts.find("ValueSet", canonical).resource
    except ContentError:
        return {}  # its fault is told


def _mark(concept: Json) -> str | None:
    held = concept.get("extension")
    for one in held if isinstance(held, list) else ():
        if isinstance(one, Mapping) and one.get("url") == Extension.CODE_VERIFICATION:
            return str(one.get("valueCode"))
    return None
