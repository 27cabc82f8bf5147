"""What every CDS Hooks message has in common: how it is read, kept and written.

- Frozen; the standard's camelCase on the wire, snake_case in Python.
- A member this package does not know is kept and written again: receivers
  ignore what they do not know, and nothing here may lose it.
- Embedded FHIR is the caller's own object: not copied, not looked into.
- Whatever is wrong is a `ProtocolError`, on reading and on construction alike.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator
from functools import partial
from typing import Annotated, Any, Final, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, InstanceOf, SecretStr, ValidationError
from pydantic.alias_generators import to_camel

from cds_service.cds_hooks.errors import ProtocolError

__all__ = ["IdText", "JsonObject", "MaybeObject", "Message", "Text", "Unneeded", "first_repeat", "to_json_object"]

T = TypeVar("T")

JsonObject = InstanceOf[dict[str, Any]]
"""A JSON object kept as the very object that was given, its members unread."""

Text = Annotated[str, Field(min_length=1)]
"""A string that is not empty: `""` is prohibited. Source: CDS Hooks 2.0.1, Use of JSON."""


def _id_text(value: object) -> object:
    return str(value) if type(value) is int else value


IdText = Annotated[str, BeforeValidator(_id_text)]
"""An id that nothing is decided by. A number is read as its digits: some clients send the key of a table of theirs."""

EMPTY: Final[tuple[object, ...]] = (None, "", [], {})
"""What no optional member may be. Source: CDS Hooks 2.0.1, Use of JSON."""

MaybeObject = Annotated[JsonObject | None, BeforeValidator(lambda value: None if value in EMPTY else value)]
"""An object, or nothing in any of the ways in which clients write nothing."""

Unneeded = Annotated[str | None, BeforeValidator(lambda value: value if isinstance(value, str) else None)]
"""A text that nothing rests on: of another type it is no reason to refuse a request."""


class Message(BaseModel):
    """A JSON object of the protocol, or a part of one.

    An optional member that is absent is `None`, an optional array `()`; nothing
    else is ever filled in.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="allow",
        alias_generator=to_camel,
        hide_input_in_errors=True,
    )

    def __init__(self, /, **members: Any) -> None:
        """Build a message from its members by Python name; raises `ProtocolError` where one is wrong."""
        fields = type(self).model_fields
        by_alias = {(name in fields and fields[name].alias) or name: value for name, value in members.items()}
        _checked(partial(super().__init__, **by_alias))

    # Without this mark pydantic calls `__init__` for nested messages that are read, too,
    # and an unknown member that looks like a Python name (`patient_id`) would pass for ours.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @classmethod
    def read(cls, value: object) -> Self:
        """Return the message that a decoded JSON value holds.

        Members go by their name in the standard only. Raises `ProtocolError` at
        the first member that is missing or wrong.
        """
        return _checked(partial(cls.model_validate, value))

    def __repr_args__(self) -> Iterator[tuple[None, str]]:
        """Yield the names of the members, no values: a repr ends up in logs."""
        return ((None, name) for name in type(self).model_fields if name in self.model_fields_set)


def to_json_object(message: Message) -> dict[str, Any]:
    """Return the message as a JSON object under the standard's member names.

    Members come in the standard's order, unknown ones last and as they came.
    An optional member without value is left out, never null or empty; a required
    array may be empty (`cards`, `services`). A secret is never written: "the
    access token MUST be treated as a transient value".

    Source: CDS Hooks 2.0.1, Use of JSON; Passing the Access Token.
    """
    members: dict[str, Any] = {}
    for name, field in type(message).model_fields.items():
        value = _to_json(getattr(message, name))
        if field.is_required() or value not in EMPTY:
            members[field.alias or name] = value
    return members | (message.model_extra or {})


def first_repeat(keys: Iterable[Hashable]) -> int | None:
    """Return the position of the first key that was there before; None if all differ."""
    seen: set[Hashable] = set()
    for position, key in enumerate(keys):
        if key in seen:
            return position
        seen.add(key)
    return None


def _to_json(value: object) -> object:
    match value:
        case Message():
            return to_json_object(value)
        case tuple():
            return [_to_json(item) for item in value]
        case SecretStr():
            return None
        case _:
            return value


def _checked(validate: Callable[[], T]) -> T:
    try:
        return validate()
    except ValidationError as error:
        fault = _protocol_error(error)
    # Raised outside the handler, so that pydantic's error, which holds the input,
    # does not travel along as its context.
    raise fault


def _protocol_error(error: ValidationError) -> ProtocolError:
    first = error.errors(include_url=False, include_input=False)[0]
    details = first.get("ctx", {})
    match details.get("error"):
        case ProtocolError(path=inner, reason=reason):
            return ProtocolError(_path(*first["loc"], inner), reason)
        case _:
            reason = REASONS.get(first["type"], "is not valid").format_map(details)
            return ProtocolError(_path(*first["loc"]), reason)


def _path(*steps: str | int) -> str:
    """`("cards", 0, "summary")` is written `cards[0].summary`."""
    dotted = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps if step != "")
    return dotted.removeprefix(".")


REASONS: Final = {
    "bool_type": "must be true or false",
    "dict_type": "must be an object",
    "int_type": "must be an integer",
    "is_instance_of": "must be an object",
    "literal_error": "must be {expected}",
    "mapping_type": "must be an object",
    "missing": "is required",
    "model_type": "must be an object",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must not be empty",
    "string_type": "must be a string",
    "too_short": "must not be empty",
    "tuple_type": "must be an array",
}
"""pydantic's error types in plain words; those that quote the input are not used."""
