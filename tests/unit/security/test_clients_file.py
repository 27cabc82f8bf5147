"""The operator's file of clients: what it may say, and what is told when it is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cds_service.errors import ConfigurationError
from cds_service.security import TrustedClient, jwks, load_clients, read_clients
from cds_service.security.key_sets import KeySet
from tests.unit.security.world import key

LEAST = """
[clients.general-hospital]
iss = "https://ehr.example"
jku = ["https://ehr.example/jwks.json"]
"""
WHOLE = """
[clients.general-hospital]
iss = "https://ehr.example"
jku = ["https://ehr.example/jwks.json"]
keys_file = "general-hospital.json"
algorithms = ["ES384", "RS256"]
tenants = ["north", "south"]
fhir_servers = ["https://fhir.ehr.example/r4"]
max_token_lifetime_seconds = 3600
leeway_seconds = 30
single_use = false
"""


def fault(text: str, **where: Any) -> str:
    with pytest.raises(ConfigurationError) as error:
        read_clients(text, **where)
    assert error.value.__context__ is None
    return str(error.value)


def with_line(line: str) -> str:
    name = line.partition(" ")[0]
    kept = [other for other in LEAST.splitlines() if not other.startswith(f"{name} ")]
    return "\n".join((*kept, line))


def as_toml(jwk: dict[str, Any]) -> str:
    return "{" + ", ".join(f"{name} = {json.dumps(value)}" for name, value in jwk.items()) + "}"


@pytest.mark.requirement("J5")
def test_what_is_not_said_is_strict() -> None:
    assert read_clients(LEAST) == (
        TrustedClient(
            name="general-hospital",
            iss="https://ehr.example",
            jku=("https://ehr.example/jwks.json",),
            pinned=None,
            key_form="jwks",
            algorithms=("ES384", "RS384"),
            tenants=(),
            fhir_servers=(),
            max_token_lifetime_seconds=300,
            leeway_seconds=60,
            single_use=True,
        ),
    )


def test_everything_may_be_said(tmp_path: Path) -> None:
    (tmp_path / "general-hospital.json").write_text(json.dumps(jwks(key())), encoding="utf-8")
    (tmp_path / "clients.toml").write_text(WHOLE, encoding="utf-8")
    (read,) = load_clients(tmp_path / "clients.toml")
    assert [one.kid for one in (read.pinned or KeySet()).keys] == ["first"]
    assert (read.algorithms, read.tenants, read.single_use) == (("ES384", "RS256"), ("north", "south"), False)
    assert (read.max_token_lifetime_seconds, read.leeway_seconds) == (3600, 30)
    assert read.fhir_servers == ("https://fhir.ehr.example/r4",)


def test_keys_may_stand_in_the_file_itself() -> None:
    (read,) = read_clients(with_line(f"keys = [{as_toml(key().jwk())}, {as_toml(key('RS384', 'rsa').jwk())}]"))
    assert [one.kid for one in (read.pinned or KeySet()).keys] == ["first", "rsa"]


def test_several_clients_come_in_their_order() -> None:
    second = LEAST.replace("general-hospital", "clinic").replace("ehr.example", "clinic.example")
    assert [one.name for one in read_clients(LEAST + second)] == ["general-hospital", "clinic"]


SECRET = as_toml({"kty": "oct", "k": "canary", "kid": "x"})


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('iss = ""', "`clients.general-hospital.iss` must not be empty"),
        ("iss = 1", "`clients.general-hospital.iss` must be a text"),
        ("jku = []", "`clients.general-hospital` has no keys; give `jku`, `keys` or `keys_file`"),
        ('jku = "https://ehr.example/jwks.json"', "`clients.general-hospital.jku` must be a list"),
        ('jku = ["ehr.example/jwks.json"]', "`clients.general-hospital.jku[0]` must start with https://"),
        ('jku = ["https:///jwks.json"]', "`clients.general-hospital.jku[0]` must name a host"),
        ('jku = ["https://ehr.example:x/"]', "`clients.general-hospital.jku[0]` must name a host, and a port only as"),
        ('jku = ["https://[ehr/"]', "`clients.general-hospital.jku[0]` must name a host"),
        ('jku = ["https://a@ehr.example/"]', "`clients.general-hospital.jku[0]` must have no user"),
        ('jku = ["https://ehr.example/#a"]', "`clients.general-hospital.jku[0]` must have no user, password or fragm"),
        ('jku = ["https://ehr.example/ü"]', "`clients.general-hospital.jku[0]` must start with https://, in ASCII"),
        ('jku = ["http://ehr.example/"]', "`clients.general-hospital.jku[0]` must start with https://; http:// is for"),
        ('jku = ["http://127.0.0.1/"]', "`clients.general-hospital.jku[0]` must start with https://; http:// is for"),
        ('fhir_servers = ["http://ehr.example"]', "`clients.general-hospital.fhir_servers[0]` must start with https:"),
        ('fhir_servers = ["https://ehr.example?x"]', "`clients.general-hospital.fhir_servers[0]` must be a base URL"),
        ('algorithms = ["none"]', "`clients.general-hospital.algorithms[0]` must be 'ES256', 'ES384'"),
        ('algorithms = ["ES384", "HS256"]', "`clients.general-hospital.algorithms[1]` must be 'ES256', 'ES384'"),
        ("algorithms = []", "`clients.general-hospital.algorithms` must not be empty"),
        ('tenants = [""]', "`clients.general-hospital.tenants[0]` must not be empty"),
        (f'tenants = ["{"t" * 257}"]', "`clients.general-hospital.tenants[0]` must have 256 characters or fewer"),
        ("max_token_lifetime_seconds = 0", "`clients.general-hospital.max_token_lifetime_seconds` must be 1 or more"),
        ("max_token_lifetime_seconds = 86401", "seconds` must be 86400 or less"),
        ("max_token_lifetime_seconds = 1.5", "`clients.general-hospital.max_token_lifetime_seconds` must be a whole"),
        ("leeway_seconds = 61", "`clients.general-hospital.leeway_seconds` must be 60 or less"),
        ("leeway_seconds = true", "`clients.general-hospital.leeway_seconds` must be a whole number"),
        ('single_use = "no"', "`clients.general-hospital.single_use` must be true or false"),
        ("keys = []", "`clients.general-hospital.keys` must hold at least one key"),
        ("keys = {}", "`clients.general-hospital.keys` is not a JSON Web Key Set"),
        (f"keys = [{SECRET}]", "`clients.general-hospital.keys` has a key, number 1, that holds a secret; publish its"),
        ("keys_file = 1", "`clients.general-hospital.keys_file` must be the name of a file"),
        ('keys_file = "not-there.json"', "`clients.general-hospital.keys_file` cannot be read; it is looked for besid"),
        ('key_form = "array"', "`clients.general-hospital.key_form` is for sandboxes only"),
        ('key_form = "pem"', "`clients.general-hospital.key_form` must be 'jwks' or 'array'"),
        ('jwks = "x"', "`clients.general-hospital.jwks` is not known here"),
    ],
)
def test_what_is_wrong_is_told_with_its_table_and_key(line: str, told: str) -> None:
    text = fault(with_line(line))
    assert told in text
    assert "canary" not in text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "clients: `clients` is missing"),
        ("[clients]", "clients: `clients` must not be empty"),
        ("clients = 1", "clients: `clients` must be a table"),
        ("[clients]\nx = 1", "clients: `clients.x` must be a table"),
        ("[client.x]\niss = 1\n" + LEAST, "clients: `client` is not known here"),
        ("[clients.x]", "clients: `clients.x.iss` is missing"),
        ("[clients.x", "clients: the text is not TOML: "),
        (
            LEAST + LEAST.replace("general-hospital", "b"),
            "clients: the file has two clients of the issuer `https://ehr.exam",
        ),
        (LEAST + 'keys = [{kty = "EC"}]\nkeys_file = "x"', "`clients.general-hospital.keys` has a key, number 1"),
    ],
)
def test_a_file_that_is_wrong_as_a_whole_is_told(text: str, told: str) -> None:
    assert told in fault(text)


def test_all_that_is_wrong_is_told_at_once() -> None:
    text = fault("[clients.a]\niss = 1\nother = 1\n[clients.b]\n")
    assert [name for name in ("a.iss", "a.other", "b.iss") if f"`clients.{name}` " not in text] == []


def test_keys_are_pinned_in_one_place(tmp_path: Path) -> None:
    (tmp_path / "general-hospital.json").write_text(json.dumps(jwks(key())), encoding="utf-8")
    text = WHOLE + f"keys = [{as_toml(key().jwk())}]"
    assert "`clients.general-hospital` pins keys twice" in fault(text, folder=tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"[]", b'{"keys":[]}', b'{"keys":{}}', b'{"keys":[{"kty":"oct"}]}']
)
def test_a_file_of_keys_holds_keys(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "general-hospital.json").write_bytes(content)
    assert "`clients.general-hospital.keys_file` " in fault(WHOLE, folder=tmp_path)


@pytest.mark.parametrize("content", [None, b"\xff"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    place = tmp_path / "clients.toml"
    if content is not None:
        place.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"clients\.toml: cannot be read"):
        load_clients(place)


@pytest.mark.parametrize(
    "line",
    [
        'jku = ["http://127.0.0.1:8080/jwks.json"]',
        'jku = ["http://localhost/jwks.json"]',
        'jku = ["http://[::1]/jwks.json"]',
        'fhir_servers = ["http://hapi:8080/fhir"]',
        'key_form = "array"',
    ],
)
def test_a_sandbox_may_do_more(line: str) -> None:
    assert len(read_clients(with_line(line), sandbox=True)) == 1
    assert "`clients.general-hospital." in fault(with_line(line))


@pytest.mark.parametrize("url", ["http://ehr.example/", "http://127.0.0.1.example/", "http://10.0.0.1/"])
def test_not_even_a_sandbox_fetches_keys_by_http_from_elsewhere(url: str) -> None:
    assert "`clients.general-hospital.jku[0]` must start with https" in fault(
        with_line(f'jku = ["{url}"]'), sandbox=True
    )
