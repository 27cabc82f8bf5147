"""The extension `parameter`: a number or code that a reviewer may set."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from cds_service.errors import ContentError, UnsupportedFeature
from cds_service.fhir.values import Quantity
from cds_service.plan_definition.elements import Json, extensions_of, part_of
from cds_service.plan_definition.model import Parameter

__all__ = ["read_parameter"]

_PLACE = "PlanDefinition.extension"
_CALENDAR = {"a": "year", "mo": "month", "wk": "week", "d": "day", "h": "hour", "min": "minute", "s": "second"}
_PLAIN: Mapping[str, tuple[str, type]] = {
    "Integer": ("System.Integer", int),
    "Code": ("System.String", str),
    "String": ("System.String", str),
    "Boolean": ("System.Boolean", bool),
}


def read_parameter(written: Json) -> Parameter:
    """Return the parameter that an extension states. Raises ContentError."""
    name = part_of(written, "name", "valueString") or part_of(written, "name", "valueId")
    value = _written_value(written)
    if name is None or value is None:
        raise _malformed("a parameter needs a `name` and a `value`")
    read, kind = _value(*value)
    basis, signed_off = part_of(written, "basis", "valueString"), part_of(written, "signOff", "valueDate")
    return Parameter(name, read, kind, basis, bool(signed_off))


def _written_value(extension: Json) -> tuple[str, Any] | None:
    for part in extensions_of(extension, "value"):
        for key, value in part.items():
            if key.startswith("value"):
                return key.removeprefix("value"), value
    return None


def _value(kind: str, value: Any) -> tuple[Any, str]:
    if kind in ("Duration", "Quantity") and isinstance(value, Mapping):
        code = str(value.get("code") or value.get("unit") or "1")
        if kind == "Duration" and code not in _CALENDAR:
            known = ", ".join(f"`{one}`" for one in _CALENDAR)
            raise _malformed(f"a duration's `code` is one of {known}")
        unit = _CALENDAR.get(code, code) if kind == "Duration" else code
        return Quantity(_number(value.get("value")), unit), "System.Quantity"
    if kind in _PLAIN:
        name, json_type = _PLAIN[kind]
        if type(value) is not json_type:
            raise _malformed(f"a parameter's `value{kind}` is not of its type")
        return value, name
    if kind == "Decimal":
        return _number(value), "System.Decimal"
    raise UnsupportedFeature(f"a parameter of the type `{kind}` is not carried out", element=_PLACE)


def _number(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise _malformed("a parameter's value is no number")
    return Decimal(value)


def _malformed(reason: str) -> ContentError:
    return ContentError(reason, element=_PLACE, rule="parameter-malformed")
