"""Every artifact as FHIR: valid R4, no text that is empty, each folder with its page and its cases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cds_service.authoring.lint.finding import Finding
from cds_service.authoring.lint.subject import Subject
from cds_service.fhir.validate import validate
from cds_service.plan_definition.artifacts import Artifact

__all__ = ["at", "check"]

_LATER: Mapping[str, frozenset[str]] = {
    "PlanDefinition": frozenset(
        {"subjectCanonical", "versionAlgorithmString", "versionAlgorithmCoding", "copyrightLabel", "asNeededBoolean",
         "asNeededCodeableConcept"}
    ),
    "PlanDefinition.action": frozenset(
        {"linkId", "subjectCanonical", "applicability", "location", "timingRelativeTime"}
    ),
    "ActivityDefinition": frozenset(
        {"subjectCanonical", "versionAlgorithmString", "versionAlgorithmCoding", "copyrightLabel", "asNeededBoolean",
         "asNeededCodeableConcept"}
    ),
    "ValueSet": frozenset({"versionAlgorithmString", "versionAlgorithmCoding", "copyrightLabel", "approvalDate",
                           "lastReviewDate", "effectivePeriod", "topic", "author", "editor", "reviewer", "endorser",
                           "relatedArtifact", "scope"}),
    "CodeSystem": frozenset({"versionAlgorithmString", "versionAlgorithmCoding", "copyrightLabel", "approvalDate",
                             "lastReviewDate", "effectivePeriod", "topic", "author", "editor", "reviewer", "endorser",
                             "relatedArtifact"}),
}  # fmt: skip
"""Elements that R4B or R5 added to the artifacts of a policy, by type. Source: FHIR R5, "R4 Diff" of each page."""


def check(subject: Subject) -> Iterator[Finding]:
    """Yield artifacts that are no valid R4, and folders without their texts."""
    for artifact in subject.all:
        yield from _invalid(artifact)
        yield from _empty(artifact)
    yield from _texts(subject)


def at(artifact: Artifact, rule: str, problem: str, element: str | None = None) -> Finding:
    """Return a finding in an artifact."""
    url, version = artifact.resource.get("url"), artifact.resource.get("version")
    canonical = f"{url}|{version}" if version else str(url)
    return Finding(rule, problem, artifact.group, artifact.place, canonical, element)


def _invalid(artifact: Artifact) -> Iterator[Finding]:
    for issue in validate(artifact.resource):
        owner, _, name = issue.path.rpartition(".")
        later = name in _LATER.get(_type_of(owner), ())
        yield at(artifact, "later-fhir-version" if later else "not-r4", issue.reason, issue.path)


def _type_of(path: str) -> str:
    """Return the type of an element's path, for the few types that matter here."""
    steps = [step.partition("[")[0] for step in path.split(".")]
    return steps[0] if len(steps) == 1 else "PlanDefinition.action" if set(steps[1:]) == {"action"} else path


def _empty(artifact: Artifact) -> Iterator[Finding]:
    for path, text in texts_of(artifact.resource, str(artifact.resource["resourceType"])):
        if not text.strip():
            yield at(artifact, "empty-text", "the text is empty", path)


def texts_of(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield (path, text) of every text inside an element."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for name, member in value.items():
            yield from texts_of(member, f"{path}.{name}")
    elif isinstance(value, list):
        for i, member in enumerate(value):
            yield from texts_of(member, f"{path}[{i}]")


def _texts(subject: Subject) -> Iterator[Finding]:
    seen: set[str] = set()
    for policy in subject.policies:
        group = policy.artifact.group
        if group in seen:
            continue
        seen.add(group)
        for name, rule in (("policy.md", "no-page"), ("cases.yaml", "no-cases")):
            if subject.files.text(group, name) is None:
                yield Finding(rule, f"there is no `{name}` in `{group}`", group, f"{group}/{name}")
