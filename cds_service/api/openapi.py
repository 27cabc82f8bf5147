"""What OpenAPI says of the bodies: what clients are to send and will be sent, taken from the message models."""

from __future__ import annotations

from functools import cache
from typing import Any, cast

from pydantic import BaseModel

from cds_service.api.errors import STATUSES
from cds_service.cds_hooks import CONTEXTS, Discovery, Feedback, Request, Response

__all__ = ["DISCOVERY", "FEEDBACK", "PAGE", "QUESTIONNAIRE", "READY", "service"]

_OUTCOME = {
    "type": "object",
    "required": ["resourceType", "issue"],
    "properties": {
        "resourceType": {"const": "OperationOutcome"},
        "issue": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["severity", "code"],
                "properties": {
                    "severity": {"type": "string"},
                    "code": {"type": "string"},
                    "details": {"type": "object", "properties": {"text": {"type": "string"}}},
                    "expression": {"type": "array", "items": {"type": "string"}},
                },
            },
        },
    },
}


def service(hook: str) -> dict[str, Any]:
    """Return the operation of a service for `hook`: the request it reads, its cards, its errors."""
    # a type only known at run time cannot stand between brackets for the type checker
    request = cast("type[BaseModel]", Request.__class_getitem__(CONTEXTS[hook]))
    return {
        "requestBody": {"required": True, "content": _json(_schema(request))},
        "responses": {"200": _response("The cards", _schema(Response)), **_errors(*STATUSES)},
    }


@cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})

    def inlined(value: Any) -> Any:
        if isinstance(value, list):
            return [inlined(one) for one in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            return inlined(definitions[value["$ref"].rpartition("/")[2]])
        return {key: inlined(one) for key, one in value.items()}

    found: dict[str, Any] = inlined(schema)
    return found


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _response(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": _json(schema)}


def _errors(*statuses: int) -> dict[str, Any]:
    return {str(status): _response("What is wrong, as an OperationOutcome", _OUTCOME) for status in statuses}


def _named(name: str) -> list[dict[str, Any]]:
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}}]


DISCOVERY: dict[str, Any] = {
    "responses": {"200": _response("The services on offer", _schema(Discovery)), **_errors(401, 500, 503)}
}
FEEDBACK: dict[str, Any] = {
    "requestBody": {"required": True, "content": _json(_schema(Feedback))},
    "responses": {"200": {"description": "The feedback is kept"}, **_errors(400, 401, 408, 413, 415, 429, 500, 503)},
}
PAGE: dict[str, Any] = {
    "parameters": _named("group"),
    "responses": {
        "200": {"description": "The policy in words", "content": {"text/plain": {"schema": {"type": "string"}}}},
        **_errors(404),
    },
}
QUESTIONNAIRE: dict[str, Any] = {
    "parameters": _named("name"),
    "responses": {
        "200": {"description": "A Questionnaire", "content": {"application/fhir+json": {"schema": {"type": "object"}}}},
        **_errors(404),
    },
}
READY: dict[str, Any] = {
    "responses": {
        "200": {"description": "Requests should be sent here"},
        "503": {"description": "They should not: what fails is named"},
    }
}
