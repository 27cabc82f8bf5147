"""Policies as a package: every command may be given one in place of the folder it was made from."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from cds_service.errors import ContentError
from cds_service.fhir.package import pack, unpack
from cds_service.plan_definition.package import PolicyFile, PolicyFiles, pack_policies, unpack_policies
from cds_service.policy_files import read_policy_files
from cds_service.settings import Settings
from cds_service.wiring import Application, load_policies
from tests.charts import POLICIES
from tests.made_up import GROUP, PAGE, write_policy

NAMED = {"name": "example.widgets", "version": "1.0.0"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_policy(tmp_path / "widgets")


@pytest.fixture
def packed(folder: Path, tmp_path: Path) -> Path:
    place = tmp_path / "widgets.tgz"
    place.write_bytes(pack_policies(read_policy_files(folder), **NAMED))
    return place


def resource(kind: str = "ValueSet", **more: Any) -> bytes:
    return json.dumps({"resourceType": kind, **more}).encode()


def held(*bodies: bytes, **more: Any) -> PolicyFiles:
    return PolicyFiles(tuple(PolicyFile("g", f"{i}.json", body) for i, body in enumerate(bodies)), **more)


def names(files: PolicyFiles) -> list[str]:
    return list(unpack(pack_policies(files, **NAMED)).files)


def test_a_package_decides_as_its_folder_does(folder: Path, packed: Path) -> None:
    mine, theirs = load_policies(packed), load_policies(folder)
    assert mine.revision == theirs.revision
    assert [plan.group for plan in mine.plans] == [GROUP]


def test_the_shipped_policies_survive_a_package(tmp_path: Path) -> None:
    place = tmp_path / "shipped.tgz"
    place.write_bytes(pack_policies(read_policy_files(POLICIES)))
    shipped, packed = load_policies(POLICIES), load_policies(place)
    assert packed.revision == shipped.revision
    assert {plan.reference: plan.group for plan in packed.plans} == {p.reference: p.group for p in shipped.plans}


def test_a_package_made_of_a_package_is_the_same(packed: Path) -> None:
    assert pack_policies(read_policy_files(packed)) == packed.read_bytes()


def test_the_pages_of_policies_come_from_a_package_too(packed: Path) -> None:
    application = Application(Settings(policies=packed), load_policies(packed))
    assert application.policy_pages == {GROUP: PAGE.encode()}


def test_texts_travel_and_hidden_files_do_not(folder: Path) -> None:
    (folder / GROUP / "cases.yaml").write_text("[]\n")
    (folder / GROUP / ".notes.md").write_text("mine")
    (folder / GROUP / "draft.docx").write_text("mine")
    (folder / "README.md").write_text("all")
    texts = unpack_policies(pack_policies(read_policy_files(folder), **NAMED)).texts
    assert [(one.group, one.place) for one in texts] == [
        (GROUP, "cases.yaml"),
        (GROUP, "policy.md"),
        ("widgets", "README.md"),
    ]


def test_a_resource_is_named_by_type_and_id() -> None:
    assert names(held(resource(id="a"))) == ["ValueSet-a.json"]


def test_two_versions_are_told_apart_by_their_version() -> None:
    both = held(resource(id="a", version="1.0.0"), resource(id="a", version="2.0.0"))
    assert names(both) == ["ValueSet-a-2.0.0.json", "ValueSet-a.json"]


def test_without_an_id_the_address_names_it() -> None:
    assert names(held(resource(url="https://example.org/ValueSet/x y"))) == ["ValueSet-x-y.json"]


@pytest.mark.parametrize(
    ("bodies", "reason"),
    [
        ((b"{",), "not valid JSON"),
        ((b"[]",), "no `resourceType`"),
        ((b"{}",), "no `resourceType`"),
        ((resource(id="a"),) * 3, "same type, id and version"),
    ],
)
def test_what_has_no_name_of_its_own_is_refused(bodies: tuple[bytes, ...], reason: str) -> None:
    with pytest.raises(ContentError, match=reason):
        pack_policies(held(*bodies), **NAMED)


def test_the_manifest_states_name_version_and_what_else_it_will() -> None:
    manifest = {"name": "example.widgets", "version": "2.0.0", "license": "CC0-1.0", "dependencies": {"a.b": "1.0.0"}}
    read = unpack_policies(pack_policies(held(resource(id="a"), manifest=manifest)))
    assert read.manifest == manifest | {"fhirVersions": ["4.0.1"], "type": "Conformance"}


def test_a_name_and_version_that_are_given_win() -> None:
    read = unpack_policies(pack_policies(held(manifest={"name": "a.b", "version": "1.0.0"}), version="1.1.0-rc.1"))
    assert read.manifest is not None
    assert (read.manifest["name"], read.manifest["version"]) == ("a.b", "1.1.0-rc.1")


@pytest.mark.parametrize(
    ("name", "version", "reason"),
    [
        (None, "1.0.0", "needs a `name`"),
        ("widgets", "1.0.0", "needs a `name`"),
        ("Example.Widgets", "1.0.0", "needs a `name`"),
        ("example.widgets", None, "needs a `version`"),
        ("example.widgets", "1.0", "needs a `version`"),
    ],
)
def test_a_package_without_a_proper_name_or_version_is_refused(
    name: str | None, version: str | None, reason: str
) -> None:
    with pytest.raises(ContentError, match=reason):
        pack_policies(held(), name=name, version=version)


@pytest.mark.parametrize("ours", [None, [], {"groups": []}, {"groups": {}}])
def test_policies_of_somebody_elses_package_are_one_group(ours: object) -> None:
    manifest = NAMED | ({"cds-service": ours} if ours is not None else {})
    read = unpack_policies(pack(manifest, {"ValueSet-a.json": resource(id="a"), "example/b.json": b"{}"}))
    assert [(one.group, one.place) for one in read.artifacts] == [("example.widgets", "ValueSet-a.json")]


@pytest.mark.parametrize(
    "body",
    [b"not JSON", b"[]", b'{"resourceType": "ValueSet", "url": "a", "url": "b"}'],
    ids=["text", "no object", "a member twice"],
)
def test_a_resource_that_is_no_json_object_is_refused(tmp_path: Path, body: bytes) -> None:
    place, stand_in = tmp_path / "broken.tgz", resource(id="a")
    whole = gzip.decompress(pack(NAMED, {"ValueSet-a.json": stand_in.ljust(100)}))
    place.write_bytes(gzip.compress(whole.replace(stand_in.ljust(100), body.ljust(100))))
    with pytest.raises(ContentError, match=r"ValueSet-a\.json: ") as refused:
        load_policies(place)
    assert refused.value.rule == "file-unreadable"


def test_a_text_outside_of_a_group_is_left_alone() -> None:
    assert unpack_policies(pack(NAMED, {"other/README.md": b"", "README.md": b""})).texts == ()


# -- folders --------------------------------------------------------------------------------------------------


def test_what_stands_in_the_folder_itself_belongs_to_it(folder: Path) -> None:
    files = read_policy_files(folder / GROUP)
    assert {one.group for one in (*files.artifacts, *files.texts)} == {GROUP}
    assert files.text(GROUP, "policy.md") == PAGE.encode()
    assert files.text(GROUP, "other.md") is None


def test_package_json_is_the_manifest_and_no_artifact(folder: Path) -> None:
    (folder / "package.json").write_text(json.dumps(NAMED))
    files = read_policy_files(folder)
    assert files.manifest == NAMED
    assert "package.json" not in {one.place for one in files.artifacts}


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_manifest_that_cannot_be_read_is_refused(folder: Path, text: str) -> None:
    (folder / "package.json").write_text(text)
    with pytest.raises(ContentError, match=r"package\.json: "):
        read_policy_files(folder)


def test_what_is_neither_folder_nor_package_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContentError, match="no folder and no package"):
        read_policy_files(tmp_path / "nothing")
    (tmp_path / "text.tgz").write_text("text")
    with pytest.raises(ContentError, match=r"text\.tgz: this is no package"):
        read_policy_files(tmp_path / "text.tgz")
