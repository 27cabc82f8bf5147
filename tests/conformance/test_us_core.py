"""Three versions of US Core: the same facts, whatever form a server gives them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cds_service.fhir.encoding import encode
from cds_service.fhir.validate import validate
from cds_service.services import SERVICES
from cds_service.services.evaluation import Evaluation
from cds_service.settings import Settings
from cds_service.wiring import Application
from tests.charts import RECEIVED, fixture, shipped
from tests.conformance.us_core import VERSIONS, as_of

SEEDS = ("seed-1", "seed-2", "follow-up-spine")


def evaluated(request: Any) -> Evaluation:
    application = Application(Settings(fhir_fetch=False), shipped(), clock=lambda: RECEIVED)
    service = SERVICES["necessity-order-sign"]
    return application.evaluate(application.read(application.parse(service, encode(request))))


def told(evaluation: Evaluation) -> list[Any]:
    """Return every outcome, with each criterion's state and the paths it rests on."""
    return [
        [
            one.order.code,
            one.outcome,
            [[r.criterion.id, r.state, r.reason, [e.path for e in r.evidence]] for r in one.results],
        ]
        for one in evaluation.determinations
    ]


@pytest.mark.requirement("conf-2")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_chart_of_each_version_is_understood_alike(seed: str, version: str) -> None:
    request = fixture(f"cds_hooks/{seed}-order-sign.json")
    assert told(evaluated(as_of(version, request))) == told(evaluated(request)) != []


@pytest.mark.parametrize("version", VERSIONS)
def test_the_forms_are_sound_fhir(version: str) -> None:
    request = as_of(version, json.loads(json.dumps(fixture("cds_hooks/seed-1-order-sign.json"), default=float)))
    for value in (request["context"]["draftOrders"], *request["prefetch"].values()):
        assert list(validate(value)) == []
