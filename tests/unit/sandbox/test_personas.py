"""Every persona shows what it says it shows; the table of them in the documentation is the table in the code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from cds_service.fhir.encoding import encode
from cds_service.sandbox.order_sign import order_sign
from cds_service.sandbox.personas import Persona, described, personas
from cds_service.testing import SandboxClient

TABLE = Path(__file__).parents[3] / "docs" / "reference" / "personas.md"
MANY = list(personas().values())


@pytest.fixture(scope="module")
def clients() -> Iterator[Mapping[str, SandboxClient]]:
    with (
        SandboxClient() as open_to_drafts,
        SandboxClient(mode="production", authentication="off", fhir_fetch=False) as production,
    ):
        yield {"provider": open_to_drafts, "production": production}


@pytest.mark.parametrize("persona", MANY, ids=lambda one: one.id)
def test_a_persona_has_its_outcome(persona: Persona, clients: Mapping[str, SandboxClient]) -> None:
    answer = clients[persona.role].send(order_sign(persona))
    found = {one["order"]["code"]: one["outcome"] for one in answer.determinations}
    assert found == {code: outcome for code, outcome in persona.expected.items() if outcome is not None}


def test_a_persona_is_the_only_one_with_its_resources() -> None:
    labels = [f"{one['resourceType']}/{one['id']}" for persona in MANY for one in persona.chart]
    assert len(labels) == len(set(labels))
    for persona in MANY:
        assert encode(list(persona.chart)).count(b"Patient/") == encode(list(persona.chart)).count(
            f'"Patient/{persona.id}"'.encode()
        )


def test_every_outcome_has_a_persona() -> None:
    outcomes = {outcome for persona in MANY for outcome in persona.expected.values()}
    assert outcomes == {"met", "not-met", "information-missing", "not-applicable", "not-evaluated", None}
    assert len(MANY) >= 14


def test_the_table_in_the_documentation_is_fresh() -> None:
    assert "\n".join(described(MANY)) in TABLE.read_text(encoding="utf-8")


def test_a_code_that_a_persona_does_not_order_can_be_signed() -> None:
    request = order_sign(personas()["spine-seed"], ["63303"])
    [entry] = request["context"]["draftOrders"]["entry"]
    assert entry["resource"]["code"]["coding"][0]["code"] == "63303"
    assert entry["resource"]["subject"] == {"reference": "Patient/spine-seed"}
