"""Policies as a FHIR package: resources with flat names, their folders kept in the manifest, texts in `other/`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from cds_service.errors import ContentError, MalformedRequest
from cds_service.fhir.encoding import decode
from cds_service.fhir.package import KEPT_SUFFIXES, pack, unpack

__all__ = ["PolicyFile", "PolicyFiles", "is_kept", "pack_policies", "unpack_policies"]

_OURS, _GROUPS = "cds-service", "groups"
"""Where a manifest keeps which folder each resource stands in: a card speaks for one folder."""
_OTHER = "other/"
_DEFAULTS: Mapping[str, Any] = {
    "type": "Conformance",
    "fhirVersions": ["4.0.1"],
    "dependencies": {"hl7.fhir.r4.core": "4.0.1"},
}
_NAME = re.compile(r"[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)+")
_VERSION = re.compile(r"\d+\.\d+\.\d+(-[A-Za-z0-9.-]+)?")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9.-]+")


class PolicyFile(NamedTuple):
    """A file of a policy set: the group (folder) it belongs to, its place for messages, and its content."""

    group: str
    place: str
    body: bytes


@dataclass(frozen=True, slots=True)
class PolicyFiles:
    """All that a folder or package of policies holds."""

    artifacts: tuple[PolicyFile, ...]
    """FHIR resources, as JSON."""
    texts: tuple[PolicyFile, ...] = ()
    """What stands beside them (`policy.md`, `cases.yaml`); the place is the path inside the group."""
    manifest: Mapping[str, Any] | None = None
    """What `package.json` says."""

    def text(self, group: str, name: str) -> bytes | None:
        """Return a text of a group, None where it has none of that name."""
        return next((one.body for one in self.texts if (one.group, one.place) == (group, name)), None)


def pack_policies(files: PolicyFiles, *, name: str | None = None, version: str | None = None) -> bytes:
    """Return a FHIR package (`.tgz`) of these policies. Raises ContentError for a name or version that is none.

    `name` and `version` win over the ones that `package.json` states; one of the two must state them.
    """
    stated: Mapping[str, Any] = files.manifest or {}
    manifest = {
        "name": _stated(name, stated, "name", _NAME, "lower-case words joined by dots, as in `example.policies`"),
        "version": _stated(version, stated, "version", _VERSION, "three numbers joined by dots, as in `1.0.0`"),
        **{key: value for key, value in stated.items() if key not in ("name", "version", _OURS)},
    }
    held: dict[str, bytes] = {}
    groups: dict[str, str] = {}
    for one in files.artifacts:
        path = _flat_name(one, held)
        held[path], groups[path] = one.body, one.group
    held |= {f"{_OTHER}{one.group}/{one.place}": one.body for one in files.texts}
    ours = {_OURS: {_GROUPS: dict(sorted(groups.items()))}}
    return pack({**_DEFAULTS, **manifest, **ours}, held)


def unpack_policies(body: bytes) -> PolicyFiles:
    """Return the policies that a package holds. Raises ContentError as `unpack` does."""
    package = unpack(body)
    ours = package.manifest.get(_OURS)
    groups = ours.get(_GROUPS) if isinstance(ours, Mapping) else None
    known = groups if isinstance(groups, Mapping) else {}
    artifacts, texts = [], []
    for path, content in package.files.items():
        if path.startswith(_OTHER):
            group, _, place = path.removeprefix(_OTHER).partition("/")
            if place:
                texts.append(PolicyFile(group, place, content))
        elif "/" not in path and path.endswith(".json"):
            group = str(known.get(path, package.manifest["name"]))
            artifacts.append(PolicyFile(group, path, content))
    manifest = {name: value for name, value in package.manifest.items() if name != _OURS}
    return PolicyFiles(tuple(artifacts), tuple(texts), manifest)


def _stated(given: str | None, stated: Mapping[str, Any], name: str, form: re.Pattern[str], words: str) -> str:
    value = given or stated.get(name)
    if type(value) is not str or not form.fullmatch(value):
        raise ContentError(f"a package needs a `{name}`: {words}; give --{name}, or state it in `package.json`")
    return value


def _flat_name(file: PolicyFile, taken: Mapping[str, bytes]) -> str:
    """Return the name of a resource's file: its type and id, its version too where that is not enough."""
    try:
        resource = decode(file.body)
    except MalformedRequest as error:
        raise ContentError(f"{file.place}: {error}") from None
    if not isinstance(resource, Mapping) or type(resource.get("resourceType")) is not str:
        raise ContentError(f"{file.place}: there is no `resourceType`")
    own = resource.get("id") or str(resource.get("url", "")).rpartition("/")[2]
    short = f"{resource['resourceType']}-{own}"
    for name in (short, f"{short}-{resource.get('version')}"):
        path = f"{_NOT_IN_NAMES.sub('-', name)}.json"
        if path not in taken:
            return path
    raise ContentError(f"{file.place}: another file has the same type, id and version")


def is_kept(name: str) -> bool:
    """Return whether a file beside the resources travels with them: a text, not hidden."""
    return name.endswith(KEPT_SUFFIXES) and not any(step.startswith(".") for step in name.split("/"))
