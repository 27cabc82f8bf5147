"""The file of trusted clients: TOML → clients, with everything that is wrong told at once."""

from __future__ import annotations

import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import ErrorDetails

from cds_service.errors import ConfigurationError, MalformedRequest
from cds_service.fhir.encoding import decode
from cds_service.security.addresses import check_address
from cds_service.security.clients import TrustedClient
from cds_service.security.key_sets import Algorithm, KeyForm, KeySet, UnusableKey, read_keys
from cds_service.security.tokens import LONGEST_NAME

__all__ = ["load_clients", "read_clients"]


def load_clients(path: Path, *, sandbox: bool = False) -> tuple[TrustedClient, ...]:
    """Return the clients of a file; a `keys_file` is looked for beside it. Raises ConfigurationError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(str(path), ("cannot be read; name a TOML file in UTF-8",)) from None
    return read_clients(text, place=str(path), folder=path.parent, sandbox=sandbox)


def read_clients(
    text: str, *, place: str = "clients", folder: Path | None = None, sandbox: bool = False
) -> tuple[TrustedClient, ...]:
    """Return the clients of a TOML text, one for each table `clients.NAME`.

    In a sandbox keys may be fetched by `http` from this machine, or come as a bare array, and FHIR servers may be
    `http`. Raises ConfigurationError that names each table and key that is wrong.
    """
    try:
        file = _File.model_validate(tomllib.loads(text), context=_Context(folder or Path(), sandbox))
    except tomllib.TOMLDecodeError as error:
        faults = [f"the text is not TOML: {error}"]
    except ValidationError as error:
        faults = [_told(fault) for fault in error.errors(include_url=False)]
    else:
        return tuple(table.client(name) for name, table in file.clients.items())
    raise ConfigurationError(place, tuple(faults))


@dataclass(frozen=True, slots=True)
class _Context:
    folder: Path
    sandbox: bool


def _address_of_keys(url: str, info: ValidationInfo[_Context]) -> str:
    check_address(url, http="loopback" if info.context.sandbox else "never")
    return url


def _address_of_server(url: str, info: ValidationInfo[_Context]) -> str:
    check_address(url, http="anywhere" if info.context.sandbox else "never")
    if "?" in url:
        raise ValueError("must be a base URL, without a query")
    return url


def _form_for_all(form: KeyForm, info: ValidationInfo[_Context]) -> KeyForm:
    if form != "jwks" and not info.context.sandbox:
        raise ValueError("is for sandboxes only; have the client publish a JSON Web Key Set")
    return form


def _pinned(document: object) -> KeySet:
    """Return the keys of a JSON Web Key Set; here, unlike in what a client publishes, each must be usable."""
    keys = read_keys(document)
    for number, key in enumerate(keys, start=1):
        if isinstance(key, UnusableKey):
            raise ValueError(f"has a key, number {number}, that {key}")
    if not keys:
        raise ValueError("must hold at least one key")
    return KeySet(tuple(key for key in keys if not isinstance(key, UnusableKey)))


def _pinned_here(keys: object) -> KeySet:
    return _pinned({"keys": keys})


def _pinned_in_file(name: object, info: ValidationInfo[_Context]) -> KeySet:
    if not isinstance(name, str):
        raise ValueError("must be the name of a file")
    try:
        return _pinned(decode((info.context.folder / name).read_bytes()))
    except OSError:
        raise ValueError("cannot be read; it is looked for beside this file") from None
    except MalformedRequest as error:
        raise ValueError(f"is {error.reason}") from None


_Text = Annotated[str, Field(min_length=1)]
_Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    iss: _Text
    jku: list[Annotated[str, AfterValidator(_address_of_keys)]] = []
    keys: Annotated[InstanceOf[KeySet], BeforeValidator(_pinned_here)] | None = None
    keys_file: Annotated[InstanceOf[KeySet], BeforeValidator(_pinned_in_file)] | None = None
    key_form: Annotated[KeyForm, AfterValidator(_form_for_all)] = "jwks"
    algorithms: Annotated[list[Algorithm], Field(min_length=1)] = ["ES384", "RS384"]
    tenants: list[_Name] = []
    fhir_servers: list[Annotated[str, AfterValidator(_address_of_server)]] = []
    max_token_lifetime_seconds: Annotated[int, Field(ge=1, le=86_400)] = 300
    leeway_seconds: Annotated[int, Field(ge=0, le=60)] = 60
    single_use: bool = True

    @model_validator(mode="after")
    def _keys_come_from_one_place(self) -> Self:
        if self.keys is not None and self.keys_file is not None:
            raise ValueError("pins keys twice; give `keys` or `keys_file`")
        if self.keys is None and self.keys_file is None and not self.jku:
            raise ValueError("has no keys; give `jku`, `keys` or `keys_file`")
        return self

    def client(self, name: str) -> TrustedClient:
        """Return the client that this table describes."""
        return TrustedClient(
            name=name,
            iss=self.iss,
            jku=tuple(self.jku),
            pinned=self.keys or self.keys_file,
            key_form=self.key_form,
            algorithms=tuple(self.algorithms),
            tenants=tuple(self.tenants),
            fhir_servers=tuple(self.fhir_servers),
            max_token_lifetime_seconds=self.max_token_lifetime_seconds,
            leeway_seconds=self.leeway_seconds,
            single_use=self.single_use,
        )


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    clients: Annotated[dict[_Name, _Table], Field(min_length=1)]

    @model_validator(mode="after")
    def _issuers_differ(self) -> Self:
        iss, count = Counter(table.iss for table in self.clients.values()).most_common(1)[0]
        if count > 1:
            raise ValueError(f"has two clients of the issuer `{iss}`; a token could not tell them apart")
        return self


_WORDS: Final = {
    "bool_type": "must be true or false",
    "dict_type": "must be a table",
    "extra_forbidden": "is not known here",
    "int_type": "must be a whole number",
    "literal_error": "must be {expected}",
    "list_type": "must be a list",
    "missing": "is missing",
    "model_type": "must be a table",
    "string_type": "must be a text",
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
    "string_too_long": "must have {max_length} characters or fewer",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
    "value_error": "{error}",
}


def _told(fault: ErrorDetails) -> str:
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in fault["loc"])
    path = "".join(steps).removeprefix(".")
    words = _WORDS.get(fault["type"], "is not valid").format_map(fault.get("ctx", {}))
    return f"`{path}` {words}" if path else f"the file {words}"
