"""The artifacts that policies are made of, by canonical: PlanDefinitions, value sets, code systems, activities."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cds_service.errors import ArtifactNotFound, ContentError, MalformedRequest
from cds_service.fhir.code_system import CodeSystem, read_code_system
from cds_service.fhir.element import Resource
from cds_service.fhir.encoding import decode, refuse_duplicate_keys
from cds_service.fhir.value_set import ValueSet, read_value_set

__all__ = ["Artifact", "Artifacts", "examine_artifacts", "read_artifacts"]


@dataclass(frozen=True, slots=True)
class Artifact:
    """A resource and the folder it came from."""

    resource: Resource
    group: str
    place: str


@dataclass(slots=True)
class Artifacts:
    """A registry from canonical (with its version or without) to artifact."""

    _by_type: dict[str, dict[str, list[Artifact]]] = field(default_factory=dict)
    _value_sets: dict[str, ValueSet] = field(default_factory=dict)
    _code_systems: dict[str, CodeSystem] = field(default_factory=dict)

    def add(self, artifact: Artifact) -> None:
        """Take an artifact in, once. Raises ContentError for another one of the same canonical and version.

        The same value set may stand beside each version of a policy: what is equal is one artifact.
        """
        resource = artifact.resource
        kind, url = resource.get("resourceType"), resource.get("url")
        if type(kind) is not str or type(url) is not str:
            reason = "a policy artifact needs `resourceType` and `url`"
            raise ContentError(f"{artifact.place}: {reason}", rule="artifact-unnamed")
        same = self._by_type.setdefault(kind, {}).setdefault(url, [])
        twin = next((one for one in same if one.resource.get("version") == resource.get("version")), None)
        if twin is not None:
            if kind != "PlanDefinition" and twin.resource == resource:
                return
            reason = "this canonical and version is loaded already"
            raise ContentError(f"{artifact.place}: {reason}", url, rule="canonical-twice")
        same.append(artifact)
        if kind == "ValueSet":
            self._add_value_set(url, resource.get("version"), alone=len(same) == 1)
        if kind == "CodeSystem" and resource.get("content") == "complete":
            self._code_systems[url] = read_code_system(resource)

    def _add_value_set(self, url: str, version: object, *, alone: bool) -> None:
        """Keep a value set under its address and version, and under the address alone if no other version is there."""
        expanded = read_value_set(self._by_type["ValueSet"][url][-1].resource)
        self._value_sets[f"{url}|{version}"] = expanded
        if alone:
            self._value_sets[url] = expanded
        else:
            self._value_sets.pop(url, None)

    def stand_in(self, url: str) -> None:
        """Let a value set of this address be known, without any code."""
        nothing = ValueSet(url, None, frozenset(), {})
        same = self._by_type.get("ValueSet", {}).get(url, [])
        for one in same:
            self._value_sets.setdefault(f"{url}|{one.resource.get('version')}", nothing)
        if len(same) == 1:
            self._value_sets.setdefault(url, nothing)

    def replaced(self, resource: Resource) -> Artifacts:
        """Return these artifacts with `resource` in the place of the one of its type, canonical and version."""
        others = Artifacts(
            {kind: {url: list(same) for url, same in by_url.items()} for kind, by_url in self._by_type.items()},
            dict(self._value_sets),
            dict(self._code_systems),
        )
        kind, url = str(resource["resourceType"]), str(resource["url"])
        same = others._by_type[kind][url]
        found = next(one for one in same if one.resource.get("version") == resource.get("version"))
        same.remove(found)
        others.add(Artifact(resource, found.group, found.place))
        return others

    def __iter__(self) -> Iterator[Artifact]:
        """Yield every artifact, sorted by type, canonical and version."""
        for kind in sorted(self._by_type):
            yield from self.all(kind)

    def all(self, kind: str) -> list[Artifact]:
        """Return the artifacts of a type, sorted by canonical and version."""
        found = [one for same in self._by_type.get(kind, {}).values() for one in same]
        return sorted(found, key=lambda one: (str(one.resource["url"]), str(one.resource.get("version"))))

    def find(self, kind: str, canonical: str) -> Artifact:
        """Return the artifact of `url` or `url|version`. Raises ArtifactNotFound with the versions there are.

        An address alone means the only version there is.
        """
        found = self.versions(kind, canonical)
        if len(found) > 1:
            raise self._not_found(kind, canonical, f"which {kind} `{canonical}` is meant: name the version")
        return found[0]

    def versions(self, kind: str, canonical: str) -> list[Artifact]:
        """Return all versions of `url`, or the one of `url|version`; one at least. Raises ArtifactNotFound."""
        url, _, version = canonical.partition("|")
        same = self._by_type.get(kind, {}).get(url, [])
        found = [one for one in same if not version or one.resource.get("version") == version]
        if not found:
            raise self._not_found(kind, canonical, f"no {kind} `{canonical}`")
        return found

    def _not_found(self, kind: str, canonical: str, reason: str) -> ArtifactNotFound:
        same = self._by_type.get(kind, {}).get(canonical.partition("|")[0], [])
        known = ", ".join(f"`{one.resource.get('version')}`" for one in same)
        return ArtifactNotFound(reason + (f"; known versions: {known}" if known else ""))

    def value_set(self, canonical: str) -> ValueSet:
        """Return an expanded value set. Raises ArtifactNotFound, also for an address of which there are versions."""
        found = self._value_sets.get(canonical)
        if found is not None:
            return found
        if len(self._by_type.get("ValueSet", {}).get(canonical, ())) > 1:
            raise self._not_found("ValueSet", canonical, f"which ValueSet `{canonical}` is meant: name the version")
        raise ArtifactNotFound(f"no ValueSet `{canonical}`; put it beside the policy that reads it")

    @property
    def value_sets(self) -> Mapping[str, ValueSet]:
        """Return all value sets by `url|version`, and by url where there is one version of it."""
        return self._value_sets

    @property
    def code_systems(self) -> Mapping[str, CodeSystem]:
        """Return the code systems that are loaded whole, by canonical."""
        return self._code_systems


def read_artifacts(files: Iterable[tuple[str, str, bytes]]) -> Artifacts:
    """Return the artifacts in `files`, each given as (folder, place, bytes). Raises ContentError."""
    artifacts = Artifacts()
    for group, place, body in files:
        artifacts.add(Artifact(_resource(body, place), group, place))
    return artifacts


def examine_artifacts(
    files: Iterable[tuple[str, str, bytes]],
) -> tuple[Artifacts, tuple[tuple[str, ContentError], ...]]:
    """Return the artifacts that can be read, and every fault with the place of its file.

    A value set that cannot be expanded is there without a code, so that what reads it is not at fault, too.
    """
    artifacts = Artifacts()
    faults: list[tuple[str, ContentError]] = []
    for group, place, body in files:
        try:
            artifacts.add(Artifact(_resource(body, place), group, place))
        except ContentError as error:
            faults.append((place, error))
            if error.rule == "value-set-not-expandable" and error.canonical:
                artifacts.stand_in(error.canonical)
    return artifacts, tuple(faults)


def _resource(body: bytes, place: str) -> dict[str, Any]:
    try:
        resource = decode(body)
        refuse_duplicate_keys(body)
    except MalformedRequest as error:
        raise ContentError(f"{place}: {error}", rule="file-unreadable") from None
    if type(resource) is not dict:
        raise ContentError(f"{place}: a JSON object is needed", rule="file-unreadable")
    return resource
