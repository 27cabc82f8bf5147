"""The settings: each with its value, where it comes from and what it means; and what is wrong with them, in words."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

from cds_service.cli.failure import Exit, Failure
from cds_service.cli.files import tell, write_json, write_lines

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from cds_service.settings import Settings

__all__ = ["Setting", "read_settings", "settings", "settings_of", "unknown_names"]

Format: TypeAlias = Literal["text", "json"]
_MASK = "***"
_PASSWORD = re.compile(
    r"(?<=//)([^/@\s]*?):[^/\s]*@|(?<=[?&])(\w*(?:password|sslkey|passfile)\w*)=[^&\s]*", re.IGNORECASE
)
_REMEDIES = {
    "bool_parsing": "write `true` or `false`",
    "int_parsing": "write a whole number",
    "float_parsing": "write a number",
    "greater_than": "write a number greater than {gt}",
    "greater_than_equal": "write a number that is at least {ge}",
    "less_than_equal": "write a number that is at most {le}",
    "literal_error": "write {expected}",
    "enum": "write {expected}",
}
_A_LIST = 'a list is written as JSON, such as `["first", "second"]`'


def settings(
    output: Annotated[Format, typer.Option("--format", help="How they are shown.")] = "text",
) -> None:
    """Show every setting: its value, where it comes from, and what it means. Secrets are masked.

    \b
    Exit codes: 2 a setting that cannot be used
    """
    read = read_settings({})
    rows = list(settings_of(read))
    if output == "json":
        import msgspec

        write_json(msgspec.json.encode([asdict(one) for one in rows]), pretty=True)
        return
    write_lines(line for one in rows for line in _lines(one))


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting: the variable that sets it, what it is now and unless set, and who set it."""

    name: str
    value: Any
    default: Any
    source: Literal["default", "environment", "secrets", "option"]
    meaning: str


def read_settings(given: Mapping[str, Any]) -> Settings:
    """Return the settings: `given` first, then the environment, then the secrets. Raises Failure, naming all faults.

    A variable that looks like a setting and is none is told of on stderr: it may be a name with a slip.
    """
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from cds_service.settings import SECRETS_DIR, Settings

    folder = os.environ.get(SECRETS_DIR)
    if folder is not None and not Path(folder).is_dir():
        raise Failure(Exit.USAGE, f"{SECRETS_DIR}: is no folder; name the folder with the files of the secrets")
    for name in unknown_names():
        tell(f"{name} is no setting and is ignored; `cds-service settings` lists them")
    try:
        return Settings(**given)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        raise Failure(Exit.USAGE, "; ".join(map(_fault, found))) from None
    except SettingsError as error:
        named = re.search(r'field "(\w+)"', str(error))
        raise Failure(Exit.USAGE, f"CDS_{named[1].upper() if named else '*'}: {_A_LIST}") from None


def unknown_names() -> tuple[str, ...]:
    """Return the variables of the environment that begin as settings do and are none."""
    from cds_service.settings import SECRETS_DIR, Settings

    known = {SECRETS_DIR, *(f"CDS_{name}".upper() for name in Settings.model_fields)}
    return tuple(sorted(name for name in os.environ if name.upper().startswith("CDS_") and name.upper() not in known))


def settings_of(read: Settings) -> Iterator[Setting]:
    """Yield every setting, in the order in which they are declared, secrets masked."""
    fields = type(read).model_fields
    in_environment = {name.upper() for name in os.environ}
    in_secrets = _names_of_secrets()
    for name, field in fields.items():
        variable = f"CDS_{name}".upper()
        source: Literal["default", "environment", "secrets", "option"] = "default"
        if name in read.model_fields_set:
            source = "environment" if variable in in_environment else "secrets" if variable in in_secrets else "option"
        default = _shown(field.get_default(call_default_factory=True))
        yield Setting(
            variable, _shown(getattr(read, name)), default, source, " ".join((field.description or "").split())
        )


def _names_of_secrets() -> set[str]:
    from cds_service.settings import SECRETS_DIR

    folder = os.environ.get(SECRETS_DIR)
    return {one.name.upper() for one in Path(folder).iterdir()} if folder else set()


def _shown(value: object) -> Any:
    """Return a value as JSON has it, without what is secret in it."""
    from pydantic import SecretStr

    match value:
        case SecretStr():
            return _MASK if value.get_secret_value() else ""
        case tuple():
            return [_shown(one) for one in value]
        case str():
            return _PASSWORD.sub(
                lambda found: f"{found[1]}:{_MASK}@" if found[2] is None else f"{found[2]}={_MASK}", value
            )
        case Path():
            return str(value)
    return value


def _lines(one: Setting) -> Iterator[str]:
    import json

    yield f"{one.name} = {json.dumps(one.value, ensure_ascii=False)}  ({one.source})"
    yield f"    {one.meaning}"


def _fault(error: ErrorDetails) -> str:
    """Return what is wrong with a setting and what to do; never the value."""
    name = f"CDS_{error['loc'][0]}".upper() if error["loc"] else "settings"
    place = "".join(f"[{one}]" for one in error["loc"][1:])
    remedy = _REMEDIES.get(error["type"])
    if remedy is None:
        cause = error.get("ctx", {}).get("error")
        return f"{name}{place}: {cause if error['type'] == 'value_error' and cause else error['msg'].lower()}"
    with suppress(KeyError):
        remedy = remedy.format(**error.get("ctx", {}))
    return f"{name}{place}: {remedy.replace(chr(39), '`')}"
