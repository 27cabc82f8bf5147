"""FHIR packages (`.tgz`): bytes → files, and files → bytes. Nothing is unpacked to disk.

A package comes from anywhere, so all of it is bounded and everything that is no plain file is refused.

Source: FHIR R5 2.1.24 (Packages); FHIR's NPM Package Specification.
"""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from cds_service.errors import MalformedRequest, PackageError
from cds_service.fhir.encoding import decode, encode, refuse_duplicate_keys

__all__ = [
    "KEPT_SUFFIXES",
    "MAX_FILE",
    "MAX_FILES",
    "MAX_PACKED",
    "MAX_RATIO",
    "MAX_UNPACKED",
    "Package",
    "pack",
    "unpack",
]

MAX_PACKED = 50_000_000
"""The most bytes that a package may have as it is."""
MAX_UNPACKED = 200_000_000
"""The most bytes that it may unpack to."""
MAX_RATIO = 200
"""How many times as large it may become by that, beyond the first megabyte. Policies become 10 to 25 times as large."""
MAX_FILE = 20_000_000
"""The most bytes that one of its files may have."""
MAX_FILES = 20_000
"""The most entries, folders included."""
KEPT_SUFFIXES = (".cql", ".json", ".md", ".toml", ".txt", ".yaml", ".yml")
"""What a package of policies may hold: resources, and texts beside them."""

_ROOT = "package/"
_MANIFEST, _INDEX = "package.json", ".index.json"
_INDEXED = ("resourceType", "id", "url", "version", "kind", "type")
_LONGEST_PATH = 240
_CHUNK = 1_000_000
_BROKEN = (tarfile.TarError, zlib.error, EOFError, OSError, ValueError, LookupError, OverflowError)
"""What a damaged archive can make of tarfile and zlib."""


@dataclass(frozen=True, slots=True)
class Package:
    """A package's manifest, and its files by their path inside `package/`, manifest and index left out."""

    manifest: Mapping[str, Any]
    files: Mapping[str, bytes]


def unpack(body: bytes) -> Package:
    """Return what a package holds. Raises PackageError for whatever is not a sound and modest FHIR R4 package."""
    if len(body) > MAX_PACKED:
        raise PackageError(f"the package has more than {MAX_PACKED:,} bytes", fault="size")
    files: dict[str, bytes] = {}
    for path, content in _members(_inflated(body)):
        if path in files:
            raise PackageError("the package holds this file twice", element=path, fault="twice")
        files[path] = content
    manifests = [path for path in files if path.rpartition("/")[2] == _MANIFEST]
    if manifests != [_MANIFEST]:
        many = f"{len(manifests)} of them" if manifests else "none"
        raise PackageError(f"a package has one `package/package.json`; there is {many}", fault="manifest")
    manifest = _manifest(files.pop(_MANIFEST))
    return Package(manifest, {path: files[path] for path in sorted(files) if path.rpartition("/")[2] != _INDEX})


def pack(manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> bytes:
    """Return a package with these files, and an index of its resources: the same bytes for the same content.

    Raises PackageError for one that `unpack` would refuse.
    """
    whole = {
        _MANIFEST: _written(manifest),
        _INDEX: _written({"index-version": 1, "files": list(_index(files))}),
        **{path: files[path] for path in sorted(files)},
    }
    archive = BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path, content in whole.items():
            member = tarfile.TarInfo(_ROOT + path)
            member.size, member.mode = len(content), 0o644
            tar.addfile(member, BytesIO(content))
    packed = BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as stream:
        stream.write(archive.getvalue())
    body = packed.getvalue()
    unpack(body)
    return body


# -- reading --------------------------------------------------------------------------------------------------


def _inflated(body: bytes) -> bytes:
    unpacked = bytearray()
    try:
        with gzip.GzipFile(fileobj=BytesIO(body)) as stream:
            while chunk := stream.read(_CHUNK):
                unpacked += chunk
                if len(unpacked) > MAX_UNPACKED:
                    raise PackageError(f"the package unpacks to more than {MAX_UNPACKED:,} bytes", fault="size")
                if len(unpacked) > max(_CHUNK, MAX_RATIO * len(body)):
                    raise PackageError(f"the package unpacks to more than {MAX_RATIO} times its size", fault="ratio")
    except _BROKEN:
        raise PackageError("this is no package: not a gzip file, or cut short", fault="damaged") from None
    return bytes(unpacked)


def _members(archive: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield (path, content) of the files of a tar archive."""
    count = 0
    try:
        with tarfile.open(fileobj=BytesIO(archive), mode="r:") as tar:
            for member in tar:
                count += 1
                if count > MAX_FILES:
                    raise PackageError(f"the package has more than {MAX_FILES:,} entries", fault="size")
                path = _path(member)
                if path is not None:
                    held = tar.extractfile(member)
                    yield path, held.read(MAX_FILE) if held else b""
    except _BROKEN:
        raise PackageError("this is no package: not a tar archive, or a damaged one", fault="damaged") from None


def _path(member: tarfile.TarInfo) -> str | None:
    """Return the path of a file inside `package/`; None for a folder."""
    name = member.name.removeprefix("./")
    shown = name.encode("ascii", "backslashreplace").decode()[:_LONGEST_PATH]
    if not (member.isfile() or member.isdir()) or member.issparse():
        raise PackageError("a package holds plain files, no links, devices or the like", element=shown, fault="link")
    if not _is_plain(name, folder=member.isdir()):
        reason = "a path in a package is plain: no `..`, no `\\`, not from the root"
        raise PackageError(reason, element=shown, fault="path")
    if member.isdir():
        return None
    if not name.startswith(_ROOT):
        raise PackageError("all files of a package stand below `package/`", element=shown, fault="outside")
    if not name.endswith(KEPT_SUFFIXES):
        kept = ", ".join(f"`{suffix}`" for suffix in KEPT_SUFFIXES)
        raise PackageError(f"a package of policies holds {kept} only", element=shown, fault="type")
    if member.size > MAX_FILE:
        raise PackageError(f"a file has more than {MAX_FILE:,} bytes", element=shown, fault="size")
    return name.removeprefix(_ROOT)


def _is_plain(name: str, *, folder: bool) -> bool:
    if folder and name == ".":  # the folder that was packed
        return True
    steps = name.split("/")
    return (
        name.isprintable()
        and len(name) <= _LONGEST_PATH
        and "\\" not in name
        and not any(step in ("", ".", "..") for step in steps)
    )


def _manifest(body: bytes) -> Mapping[str, Any]:
    try:
        manifest = decode(body)
        refuse_duplicate_keys(body)
    except MalformedRequest as error:
        raise PackageError(str(error), element=_ROOT + _MANIFEST, fault="manifest") from None
    if type(manifest) is not dict:
        raise PackageError("a JSON object is needed", element=_ROOT + _MANIFEST, fault="manifest")
    for name in ("name", "version"):
        if type(manifest.get(name)) is not str or not manifest[name]:
            raise PackageError(f"`{name}` is missing", element=_ROOT + _MANIFEST, fault="manifest")
    versions = manifest.get("fhirVersions", manifest.get("fhir-version-list", ["4.0.1"]))
    if type(versions) is not list or not any(str(one).startswith("4.0") for one in versions):
        raise PackageError("the package is not for FHIR R4 (4.0.1)", element=_ROOT + _MANIFEST, fault="manifest")
    return manifest


# -- writing --------------------------------------------------------------------------------------------------


def _index(files: Mapping[str, bytes]) -> Iterator[Mapping[str, Any]]:
    """Yield the entries of `.index.json`: what a reader needs to find a resource without opening all of them."""
    for path in sorted(files):
        resource = decode(files[path]) if path.endswith(".json") and "/" not in path else None
        if isinstance(resource, dict) and "resourceType" in resource:
            yield {"filename": path} | {
                name: resource[name] for name in _INDEXED if isinstance(resource.get(name), str)
            }


def _written(value: object) -> bytes:
    return encode(value) + b"\n"
