"""FHIR packages: what comes out is what went in, and what could do harm does not come in."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.errors import PackageError
from cds_service.fhir import package
from cds_service.fhir.package import pack, unpack

MANIFEST = {"name": "example.policies", "version": "1.0.0", "fhirVersions": ["4.0.1"]}
RESOURCE = b'{"resourceType": "ValueSet", "id": "a", "url": "https://example.org/a", "version": "1", "kind": 7}'
FILES = {"ValueSet-a.json": RESOURCE, "other/widgets/policy.md": b"# Widgets\n"}


def tarred(*members: tuple[str, bytes] | tarfile.TarInfo, manifest: object = MANIFEST) -> bytes:
    """Return a package as somebody else's tool might write it."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        written = () if manifest is None else (("package/package.json", json.dumps(manifest).encode()),)
        for member in (*written, *members):
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member, io.BytesIO(b"\0" * member.size))
            else:
                held = tarfile.TarInfo(member[0])
                held.size = len(member[1])
                tar.addfile(held, io.BytesIO(member[1]))
    return archive.getvalue()


def entry(name: str, kind: bytes, **more: object) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type = kind
    for key, value in more.items():
        setattr(made, key, value)
    return made


def refusal(body: bytes) -> str:
    """Return the fault's name and the message."""
    with pytest.raises(PackageError) as refused:
        unpack(body)
    return f"{refused.value.fault}: {refused.value}"


def test_what_was_packed_is_unpacked() -> None:
    read = unpack(pack(MANIFEST, FILES))
    assert read.manifest == MANIFEST
    assert read.files == FILES


def test_the_same_content_gives_the_same_bytes() -> None:
    assert pack(MANIFEST, FILES) == pack(dict(MANIFEST), dict(reversed(FILES.items())))


def test_nothing_of_the_machine_or_the_time_is_written() -> None:
    with tarfile.open(fileobj=io.BytesIO(pack(MANIFEST, FILES))) as tar:
        about = {(one.mtime, one.uid, one.gid, one.uname, one.gname, one.mode) for one in tar}
    assert about == {(0, 0, 0, "", "", 0o644)}


def test_the_index_names_the_resources() -> None:
    with tarfile.open(fileobj=io.BytesIO(pack(MANIFEST, FILES))) as tar:
        held = tar.extractfile("package/.index.json")
        assert held is not None
        index = json.load(held)
    about = {"filename": "ValueSet-a.json", "resourceType": "ValueSet", "id": "a", "url": "https://example.org/a"}
    assert index == {"index-version": 1, "files": [about | {"version": "1"}]}


def test_folders_and_a_leading_dot_are_no_fault() -> None:
    read = unpack(tarred(entry("package/", tarfile.DIRTYPE), ("./package/a.json", b"{}")))
    assert list(read.files) == ["a.json"]


def test_the_folder_that_was_packed_is_no_fault() -> None:
    assert list(unpack(tarred(entry("./", tarfile.DIRTYPE), ("./package/a.json", b"{}"))).files) == ["a.json"]


@pytest.mark.parametrize(
    "name",
    [
        "../escaped.json",
        "/package/a.json",
        "package/../../a.json",
        "package//a.json",
        "package/./a.json",
        "package/a\\b.json",
        "package/a\nb.json",
        "package/" + "a" * 300 + ".json",
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(name: str) -> None:
    assert refusal(tarred((name, b"{}"))).startswith("path: ")


@pytest.mark.parametrize("name", ["..", "/etc", "package/../..", "package\\a"])
def test_a_folder_that_lies_elsewhere_is_refused(name: str) -> None:
    assert refusal(tarred(entry(name, tarfile.DIRTYPE))).startswith("path: ")


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE],
    ids=["symbolic link", "hard link", "character device", "block device", "pipe"],
)
def test_what_is_no_file_is_refused(kind: bytes) -> None:
    assert refusal(tarred(entry("package/a.json", kind, linkname="/etc/passwd"))).startswith("link: ")


def test_a_sparse_file_is_refused() -> None:
    sparse = entry("package/a.json", tarfile.REGTYPE, pax_headers={"GNU.sparse.map": "0,1", "GNU.sparse.size": "9"})
    assert refusal(tarred(sparse)).startswith("link: ")


@pytest.mark.parametrize("name", ["package/run.sh", "package/other/widgets/a.exe", "package/json"])
def test_a_file_that_a_package_has_no_use_for_is_refused(name: str) -> None:
    assert refusal(tarred((name, b""))).startswith("type: ")


def test_a_file_outside_of_the_package_folder_is_refused() -> None:
    assert refusal(tarred(("elsewhere/a.json", b"{}"))).startswith("outside: ")


def test_a_file_that_is_there_twice_is_refused() -> None:
    assert "twice: " in refusal(tarred(("package/a.json", b"{}"), ("package/a.json", b"[]")))


@pytest.mark.parametrize(
    "body",
    [
        tarred(manifest=None),
        tarred(("package/other/package.json", b"{}")),
    ],
    ids=["none", "two"],
)
def test_one_manifest_is_needed(body: bytes) -> None:
    assert refusal(body).startswith("manifest: a package has one `package/package.json`")


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        ([], "object"),
        ({"version": "1"}, "`name` is missing"),
        ({"name": "a.b"}, "`version` is missing"),
        ({"name": "a.b", "version": ""}, "`version` is missing"),
        (MANIFEST | {"fhirVersions": ["5.0.0"]}, "not for FHIR R4"),
        (MANIFEST | {"fhirVersions": "4.0.1"}, "not for FHIR R4"),
    ],
)
def test_a_manifest_that_does_not_say_what_it_must_is_refused(manifest: object, reason: str) -> None:
    assert refusal(tarred(manifest=manifest)).startswith("manifest: ")
    assert reason in refusal(tarred(manifest=manifest))


def test_a_manifest_that_is_no_json_is_refused() -> None:
    assert "not valid JSON" in refusal(tarred(("package/package.json", b"{"), manifest=None))


@pytest.mark.parametrize(
    ("limit", "value", "reason"),
    [
        ("MAX_PACKED", 10, "more than 10 bytes"),
        ("MAX_UNPACKED", 2000, "unpacks to more than 2,000 bytes"),
        ("MAX_FILES", 1, "more than 1 entries"),
        ("MAX_FILE", 100, "more than 100 bytes"),
    ],
)
def test_size_is_bounded(monkeypatch: pytest.MonkeyPatch, limit: str, value: int, reason: str) -> None:
    body = tarred(("package/a.json", b" " * 5000))
    monkeypatch.setattr(package, limit, value)
    told = refusal(body)
    assert told.startswith("size: ")
    assert reason in told


def test_a_bomb_is_not_unpacked() -> None:
    """11 MB of nothing are 11 kB packed; what a policy says does not repeat itself a thousand times."""
    bomb = gzip.compress(bytes(11_000_000))
    assert len(bomb) < 20_000
    assert refusal(bomb).startswith("ratio: ")


def test_a_small_package_may_repeat_itself() -> None:
    assert unpack(tarred(("package/a.md", b" " * 900_000))).files["a.md"] == b" " * 900_000


def test_what_could_not_be_read_again_is_not_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "MAX_FILES", 2)
    with pytest.raises(PackageError):
        pack(MANIFEST, FILES)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not a package",
        gzip.compress(b"not a tar archive"),
        pack(MANIFEST, FILES)[:-40],
        gzip.compress(b""),
    ],
    ids=["nothing", "text", "packed text", "cut short", "packed nothing"],
)
def test_what_is_no_package_is_refused(body: bytes) -> None:
    assert refusal(body).startswith(("damaged: ", "manifest: "))


SOUND = gzip.decompress(pack(MANIFEST, FILES))


@given(st.lists(st.tuples(st.integers(0, len(SOUND) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_damaged_archive_is_read_or_refused_but_never_breaks_anything(damage: list[tuple[int, int]]) -> None:
    body = bytearray(SOUND)
    for at, value in damage:
        body[at] = value
    _read_or_refused(unpack, gzip.compress(bytes(body), 1))


@given(st.binary(max_size=2000))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    _read_or_refused(unpack, gzip.compress(body, 1))


def _read_or_refused(read: Callable[[bytes], object], body: bytes) -> None:
    try:
        read(body)
    except PackageError:
        return
