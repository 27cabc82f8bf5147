"""Extensions in our name: each exists, stands where it may, and holds what it must."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from cds_service.authoring.lint.finding import Finding
from cds_service.authoring.lint.resources import at
from cds_service.authoring.lint.subject import Subject
from cds_service.plan_definition.artifacts import Artifact
from cds_service.plan_definition.extensions import DEFINITIONS, OURS, Definition, Part
from cds_service.plan_definition.profile import CANONICAL_BASE, Extension

__all__ = ["check"]

_NESTED = re.compile(r"(\.action)(\.action)+")
_SOURCES = (".documentation", ".relatedArtifact")


def check(subject: Subject) -> Iterator[Finding]:
    """Yield what is wrong with extensions in our name, in any artifact."""
    for artifact in subject.all:
        kind = str(artifact.resource["resourceType"])
        if kind != "StructureDefinition":
            yield from _inside(subject, artifact, artifact.resource, kind, kind)


def _inside(subject: Subject, artifact: Artifact, value: Any, context: str, path: str) -> Iterator[Finding]:
    """Yield the findings inside an element; `context` is its path without positions."""
    if isinstance(value, list):
        for i, one in enumerate(value):
            yield from _inside(subject, artifact, one, context, f"{path}[{i}]")
    elif isinstance(value, Mapping):
        yield from _of_element(subject, artifact, value.get("extension"), context, path)
        for name, member in value.items():
            yield from _inside(subject, artifact, member, f"{context}.{name}", f"{path}.{name}")


def _of_element(subject: Subject, artifact: Artifact, extensions: Any, context: str, path: str) -> Iterator[Finding]:
    found = [one for one in extensions if isinstance(one, Mapping)] if isinstance(extensions, list) else []
    ours = [one for one in found if str(one.get("url")).startswith(OURS)]
    count = Counter(str(one["url"]) for one in ours)
    known = {str(url): url for url in DEFINITIONS}
    for one in ours:
        url = str(one["url"])
        name = url.removeprefix(OURS)
        place = f"{path}.extension({name})"
        if url not in known:
            close = get_close_matches(url, known, n=1)
            hint = f"; did you mean `{close[0].removeprefix(OURS)}`?" if close else ""
            yield at(artifact, "unknown-extension", f"there is no extension `{name}`{hint}", place)
            continue
        definition = DEFINITIONS[Extension(url)]
        if _context(context) not in definition.contexts:
            stands = " or ".join(f"`{one}`" for one in definition.contexts)
            yield at(artifact, "extension-misplaced", f"`{name}` stands on {stands}", place)
        elif not definition.many and count[url] > 1:
            count[url] = 0
            yield at(artifact, "extension-malformed", f"`{name}` is there more than once", place)
        elif definition.many or count[url] == 1:
            yield from (
                at(artifact, "extension-malformed", f"`{name}`: {problem}", place)
                for problem in _problems(subject, one, definition)
            )


def _context(path: str) -> str:
    path = _NESTED.sub(r"\1", path)
    return "RelatedArtifact" if path.endswith(_SOURCES) else path


def _problems(subject: Subject, extension: Mapping[str, Any], definition: Definition) -> Iterator[str]:
    if definition.types:
        yield from _value_problems(subject, extension, definition)
        return
    held = extension.get("extension")
    parts = [one for one in held if isinstance(one, Mapping)] if isinstance(held, list) else []
    count = Counter(str(one.get("url")) for one in parts)
    for name in count:
        if name not in definition.parts:
            known = ", ".join(f"`{one}`" for one in definition.parts)
            yield f"there is no part `{name}`; the parts are {known}"
    for name, part in definition.parts.items():
        if count[name] > 1:
            yield f"the part `{name}` is there more than once"
        elif part.required and not count[name]:
            yield f"the part `{name}` is missing"
    for one in parts:
        name = str(one.get("url"))
        if name in definition.parts:
            yield from (
                f"the part `{name}`: {problem}" for problem in _value_problems(subject, one, definition.parts[name])
            )


def _value_problems(subject: Subject, holder: Mapping[str, Any], held: Definition | Part) -> Iterator[str]:
    names = [name for name in holder if name.startswith("value")]
    allowed = {f"value{one[0].upper()}{one[1:]}" for one in held.types}
    if len(names) != 1 or names[0] not in allowed:
        yield f"holds {' or '.join(f'`{name}`' for name in sorted(allowed))}"
    elif held.values is not None and names[0] == "valueCode":
        value_set = subject.artifacts.value_sets.get(f"{CANONICAL_BASE}/ValueSet/{held.values}")
        if value_set is not None and not value_set.has(holder[names[0]]):
            yield f"`{holder[names[0]]}` is not in the value set `{held.values}`"
