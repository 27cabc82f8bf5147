"""What a `cases.yaml` may say, and how it is read. One definition: the reader and the JSON Schema for editors.

The format in words: docs/reference/cases.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, Literal, TypeAlias

import yaml
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, WithJsonSchema
from pydantic_core import ErrorDetails

from cds_service.errors import ContentError
from cds_service.fhir.temporal import Date, parse_date
from cds_service.necessity.model import Kind, Outcome
from cds_service.plan_definition.profile import Reason

__all__ = ["Case", "Copy", "Expectation", "case_schema", "faults", "parse_yaml", "read_cases"]


def _day(written: object) -> Date:
    """YAML knows days of its own; as a text or as such, it must be a whole day."""
    day = written if isinstance(written, Date) else parse_date(str(written))
    if day is None or not day.full:
        raise ValueError("a day is needed, such as 2026-01-15")
    return day


def _state(written: object) -> object:
    return str(written).lower() if isinstance(written, bool) else written


_Day: TypeAlias = Annotated[Any, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
_State: TypeAlias = Annotated[
    str,
    BeforeValidator(_state),
    Field(pattern=f"^(true|false|unknown|unknown/({'|'.join(Reason)}))$"),
    WithJsonSchema({"enum": [True, False, "unknown", *(f"unknown/{reason}" for reason in Reason)]}),
]
_Place: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z*?]+/[^.]+(\..+)?$")]
"""`Type/id` or `Type/id.element`, with `*` and `?` as in file names."""
_Note: TypeAlias = Annotated[str, Field(pattern=r"^(no )?\S+$")]


def _resource(written: Mapping[str, Any]) -> Mapping[str, Any]:
    if type(written.get("resourceType")) is not str:
        raise ValueError("a resource needs a `resourceType`")
    return written


_Resource: TypeAlias = Annotated[
    Mapping[str, Any],
    AfterValidator(_resource),
    WithJsonSchema(
        {"type": "object", "required": ["resourceType"], "properties": {"resourceType": {"type": "string"}}}
    ),
]
_NOTHING_ELSE = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class Expectation:
    """What must be determined for one ordered code; nothing at all: that there is no determination."""

    __pydantic_config__ = _NOTHING_ELSE

    outcome: Annotated[Outcome | None, Field(description="What is determined.")] = None
    kind: Annotated[Kind | None, Field(description="Why it is not met: clinically, or by its code.")] = None
    review: Annotated[bool | None, Field(strict=True, description="Whether a physician must look.")] = None
    criteria: Annotated[Mapping[str, _State], Field(description="Criterion to state.")] = field(default_factory=dict)
    evidence: Annotated[
        tuple[str, ...], Field(description="Resources or elements that must be named as evidence.")
    ] = ()
    conditions: Annotated[
        tuple[_Note, ...], Field(description="Ids of conditions; `no X` for one that must not be there.")
    ] = ()
    cautions: Annotated[
        tuple[_Note, ...], Field(description="Ids of cautions; `no X` for one that must not be there.")
    ] = ()
    duplicates: Annotated[int | None, Field(strict=True, ge=0, description="How many more orders say the same.")] = None


@dataclass(frozen=True, slots=True)
class Copy:
    """More of what a chart holds: the same once more, otherwise dated or with another value."""

    __pydantic_config__ = _NOTHING_ELSE

    of: Annotated[_Place, Field(description="What is copied, as in `remove`.")]
    id: Annotated[
        str, Field(min_length=1, description="What the copy's id ends in: `residual` with `old` is `residual-old`.")
    ]
    set: Annotated[Mapping[str, Any], Field(description="Element of the copy to value.")] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Case:
    """One case, as its file states it."""

    __pydantic_config__ = _NOTHING_ELSE

    id: Annotated[str, Field(min_length=1, description="A short name, once in the file.")]
    title: Annotated[str, Field(description="One line that a clinician reads.")]
    base: Annotated[str, Field(min_length=1, description="The chart and the orders that the case starts from.")]
    orders: Annotated[tuple[str, ...], Field(description="The codes that are signed, in quotes.")]
    expect: Annotated[
        Mapping[str, Expectation],
        Field(description="Ordered code to what must be determined for it."),
    ]
    shapes: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...],
        Field(min_length=1, description="The shapes of evidence that the case is run in."),
    ] = ("a", "b", "mixed")
    remove: Annotated[tuple[_Place, ...], Field(description="Resources or elements to take away.")] = ()
    set: Annotated[Mapping[_Place, Any], Field(description="Element to value.")] = field(default_factory=dict)
    copy: Annotated[tuple[Copy, ...], Field(description="Resources to put in once more, changed.")] = ()
    add: Annotated[tuple[_Resource, ...], Field(description="Resources to put in.")] = ()
    parameters: Annotated[Mapping[str, Any], Field(description="Parameters of the policies to set otherwise.")] = field(
        default_factory=dict
    )
    as_of: Annotated[_Day | None, Field(description="Another reference date than the orders'.")] = None
    mode: Annotated[Literal["sandbox", "production"], Field(description="In `production` drafts may not decide.")] = (
        "sandbox"
    )
    note: Annotated[str | None, Field(description="A remark for the reader.")] = None

    @property
    def production(self) -> bool:
        """Return whether only approved policies may decide."""
        return self.mode == "production"


_CASES: TypeAlias = list[Case]


@cache
def _reader() -> TypeAdapter[_CASES]:
    return TypeAdapter(_CASES)


def read_cases(documents: object, *, place: str) -> tuple[Case, ...]:
    """Return the cases of one file. Raises ContentError that names the file, the case and the member that is wrong."""
    try:
        cases = _reader().validate_python(documents)
    except ValidationError as error:
        raise ContentError(f"{place}: {'; '.join(faults(error, documents))}") from None
    twice = [name for name, count in Counter(one.id for one in cases).items() if count > 1]
    if twice:
        raise ContentError(f"{place}: the id `{twice[0]}` is used twice")
    return tuple(cases)


def parse_yaml(text: str, *, place: str) -> object:
    """Return what a YAML text says. Raises ContentError, also for a member that stands in a mapping twice."""
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ContentError(f"{place}{line}: {error.problem}") from None


def case_schema() -> dict[str, Any]:
    """Return the JSON Schema of a file of cases, for editors."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Cases of necessity policies",
        "description": "A chart, a change to it, the orders, and what must be determined.",
        **_plain(_reader().json_schema()),
    }


def _plain(schema: Any) -> Any:
    """Return a schema without the titles that only repeat names, and closed where names must follow a pattern."""
    if isinstance(schema, list):
        return [_plain(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "patternProperties" in schema:
        schema = {**schema, "additionalProperties": False}
    return {
        name: {key: _plain(one) for key, one in value.items()} if name in ("properties", "$defs") else _plain(value)
        for name, value in schema.items()
        if name != "title"
    }


def faults(error: ValidationError, document: object) -> list[str]:
    """Return what is wrong with a document, each fault with the case, if it is in one, and the member."""
    told = (_fault(one, document) for one in error.errors(include_url=False, include_context=False))
    return list(dict.fromkeys(told))


def _fault(error: ErrorDetails, document: object) -> str:
    path: list[Any] = list(error["loc"])
    name = ""
    if path and isinstance(path[0], int) and isinstance(document, list):
        position = path.pop(0)
        case = document[position]
        name = str(case.get("id", f"case {position}")) if isinstance(case, Mapping) else f"case {position}"
    member = ".".join(str(step) for step in path)
    if not member:
        return f"{name or 'the file'} {_words(error)}"
    return f"{name}{': ' if name else ''}`{member}` {_words(error)}"


def _words(error: ErrorDetails) -> str:
    match error["type"]:
        case "extra_forbidden" | "unexpected_keyword_argument":
            return "is no member there"
        case "missing":
            return "is missing"
        case "string_type":
            return "must be a text; write codes in quotes"
        case "dataclass_type" | "mapping_type" | "dict_type":
            return "must have members"
        case "tuple_type" | "list_type":
            return "must be a list"
        case "string_pattern_mismatch":
            return f"is `{error['input']}`, which is not written as it must be"
        case _:
            return f"is wrong: {error['msg'].removeprefix('Value error, ').lower()}"


class _Loader(yaml.SafeLoader):
    """YAML that says everything once; what `<<` merges may be said again."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return a mapping."""
        said: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in said:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"`{key.value}` stands here twice", key.start_mark
                    )
                said.add(key.value)
        return dict(super().construct_mapping(node, deep))
