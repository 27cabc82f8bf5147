"""A plain service for the same hook, as FastAPI, pydantic and fhir.resources suggest it: what others are compared with.

It verifies the token, validates every resource, asks as many criteria of each ordered code as our policies do, and
answers with a card for each. It does less with them: a criterion is met where a resource of its type has one of its
codes; there is no refutation, no unknown, no evidence but the first hit, and nothing is kept.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import jwt
import uvicorn
from fastapi import Depends, FastAPI, Header, HTTPException
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.patient import Patient
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from cds_service.plan_definition.artifacts import Artifacts
from cds_service.plan_definition.policies import Policies
from cds_service.wiring import read_policies
from tests.charts import POLICIES


class Message(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)


class Context(Message):
    user_id: str | None = None
    patient_id: str
    draft_orders: Bundle


class HookRequest(Message):
    hook: str
    hook_instance: str
    context: Context
    prefetch: dict[str, dict[str, Any]] = {}


class Source(BaseModel):
    label: str = "plain"


class Card(BaseModel):
    summary: str
    detail: str
    indicator: str
    source: Source = Source()


class Cards(BaseModel):
    cards: list[Card]


@dataclass(frozen=True)
class Criterion:
    """A type of resource, and the codes of which one makes it met."""

    name: str
    type: str
    codes: frozenset[tuple[str | None, str]]


@cache
def criteria_of(code: tuple[str, str]) -> list[Criterion]:
    """Return as many criteria as the policies ask of an ordered code: their types, and their value sets in turn."""
    policies, artifacts = content()
    sets = [one.codes for one in artifacts.value_sets.values()]
    return [
        Criterion(criterion.title, plan.inputs[i % len(plan.inputs)].type, sets[i % len(sets)])
        for plan in policies.for_code(code)
        for i, criterion in enumerate(plan.walk())
    ]


@cache
def content() -> tuple[Policies, Artifacts]:
    return read_policies(POLICIES)


def codes_of(resource: Any) -> Iterator[tuple[str | None, str]]:
    concept = getattr(resource, "code", None) or getattr(resource, "procedureCode", None)
    for one in concept if isinstance(concept, list) else [concept] if concept else []:
        for coding in one.coding or ():
            yield coding.system, coding.code


def evidence(criterion: Criterion, resources: list[Any]) -> str | None:
    for one in resources:
        if one.get_resource_type() == criterion.type and any(code in criterion.codes for code in codes_of(one)):
            return f"{criterion.type}/{one.id}"
    return None


app = FastAPI()
key = jwt.PyJWK.from_json(Path(sys.argv[1]).read_text(encoding="utf-8"))
audience = "http://127.0.0.1/cds-services/necessity-order-sign"


def authenticated(authorization: Annotated[str, Header()] = "") -> None:
    try:
        jwt.decode(authorization.removeprefix("Bearer "), key, algorithms=["ES384"], audience=audience)
    except jwt.InvalidTokenError:
        raise HTTPException(401) from None


@app.post("/cds-services/necessity-order-sign", dependencies=[Depends(authenticated)])
def order_sign(request: HookRequest) -> Cards:
    """Answer with a card for each ordered code."""
    resources: list[Any] = []
    for value in request.prefetch.values():
        if value.get("resourceType") == "Bundle":
            bundle = Bundle.model_validate(value)
            resources += [entry.resource for entry in bundle.entry or () if entry.resource]
        else:
            resources.append(Patient.model_validate(value))
    cards = []
    for entry in request.context.draft_orders.entry or ():
        for coded in codes_of(entry.resource):
            asked = criteria_of((str(coded[0]), coded[1]))
            found = {one.name: evidence(one, resources) for one in asked}
            met = all(found.values())
            detail = "\n".join(f"- {name}: {path or 'missing'}" for name, path in found.items())
            cards.append(
                Card(
                    summary=f"{coded[1]}: {'criteria met' if met else 'information missing'}",
                    detail=detail,
                    indicator="info" if met else "warning",
                )
            )
    return Cards(cards=cards)


if __name__ == "__main__":
    content()
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False)).run(sockets=[listener])
