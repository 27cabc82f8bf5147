"""Where policies come from: a folder, or a FHIR package (`.tgz`) in its stead."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cds_service.errors import ContentError, MalformedRequest
from cds_service.fhir.encoding import decode
from cds_service.fhir.package import MAX_PACKED
from cds_service.plan_definition.package import PolicyFile, PolicyFiles, is_kept, unpack_policies

__all__ = ["fixtures_in", "read_policy_files"]

_MANIFEST = "package.json"


def read_policy_files(place: Path) -> PolicyFiles:
    """Return all files of the policies in a folder or package. Raises ContentError for what is neither.

    In a folder each resource belongs to the folder below it in which it stands, else to the folder itself.
    """
    try:
        if place.is_file():
            return _of_package(place)
        if place.is_dir():
            return PolicyFiles(tuple(_artifacts(place)), tuple(_texts(place)), _manifest(place / _MANIFEST))
    except OSError as error:
        raise ContentError(f"`{error.filename or place}` cannot be read: {error.strerror}") from None
    raise ContentError(f"there is no folder and no package of policies at `{place}`")


def fixtures_in(folder: Path) -> Callable[[str], Any]:
    """Return what reads the fixtures of cases: a path below `folder` → its JSON, fresh. It raises ContentError."""

    def read(path: str) -> Any:
        try:
            return decode((folder / path).read_bytes())
        except OSError as error:
            raise ContentError(f"the fixture `{path}` cannot be read: {error.strerror}") from None
        except MalformedRequest as error:
            raise ContentError(f"the fixture `{path}`: {error}") from None

    return read


def _of_package(place: Path) -> PolicyFiles:
    with place.open("rb") as file:
        body = file.read(MAX_PACKED + 1)
    try:
        return unpack_policies(body)
    except ContentError as error:
        raise error.located(canonical=str(place)) from None


def _artifacts(folder: Path) -> Iterator[PolicyFile]:
    for path in sorted(folder.rglob("*.json")):
        if path != folder / _MANIFEST:
            group, _ = _belongs(path, folder)
            yield PolicyFile(group, path.relative_to(folder).as_posix(), path.read_bytes())


def _texts(folder: Path) -> Iterator[PolicyFile]:
    for path in sorted(folder.rglob("*")):
        group, inside = _belongs(path, folder)
        if path.suffix != ".json" and path.is_file() and is_kept(path.relative_to(folder).as_posix()):
            yield PolicyFile(group, inside, path.read_bytes())


def _belongs(path: Path, folder: Path) -> tuple[str, str]:
    """Return the group of a file, and its path inside the group."""
    steps = path.relative_to(folder).parts
    if len(steps) > 1:
        return steps[0], "/".join(steps[1:])
    return folder.resolve().name, steps[0]


def _manifest(place: Path) -> Mapping[str, Any] | None:
    if not place.is_file():
        return None
    try:
        manifest = decode(place.read_bytes())
    except MalformedRequest as error:
        raise ContentError(f"{_MANIFEST}: {error}") from None
    if type(manifest) is not dict:
        raise ContentError(f"{_MANIFEST}: a JSON object is needed")
    return manifest
