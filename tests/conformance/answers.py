"""What the service sends, for tests to check as a whole: discovery, and answers to every request that we have."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cds_service.authoring.cases import Case, set_up
from cds_service.fhir.encoding import encode
from cds_service.fhir.temporal import Date
from cds_service.plan_definition.policies import Policies, in_order
from cds_service.services import SERVICES
from cds_service.settings import Settings
from cds_service.wiring import Application, load_policies
from tests.charts import ROOT, cases_in_turn, fixture, shipped
from tests.made_up import bundle
from tests.replay.clients import write_policies
from tests.replay.corpus import CORPUS

__all__ = ["BASE", "LABEL", "answer", "application", "as_payer", "as_provider", "discoveries", "requests"]

Json = dict[str, Any]
PAYER = "http://hl7.org/fhir/sid/us-npi|1234567893"
LABEL = "Example Health Plan"
BASE = "https://cds.example.org"


@cache
def application(*, payer: bool = False) -> Application:
    """Return the service with the shipped policies, and those that the corpus is about."""
    with TemporaryDirectory() as folder:
        widgets = load_policies(write_policies(Path(folder)))
    policies = Policies(in_order({plan.reference: plan for plan in (*shipped().plans, *widgets.plans)}))
    identifiers = (PAYER,) if payer else ()
    settings = Settings(payer_identifiers=identifiers, organization=LABEL, public_base_url=BASE)
    return Application(settings, policies, clock=lambda: Date((2026, 1, 15)))


def requests() -> Mapping[str, Json]:
    """Return the hook requests that come with the service."""
    return {place.stem: fixture(f"cds_hooks/{place.name}") for place in (ROOT / "fixtures" / "cds_hooks").iterdir()}


@cache
def discoveries() -> tuple[Json, ...]:
    """Return what discovery answers for a provider and for a payer."""
    return tuple(json.loads(application(payer=payer).discovery) for payer in (False, True))


@cache
def as_provider() -> Mapping[str, Json]:
    """Return the answers to the corpus, and to every case of the shipped policies in one of its shapes."""
    replayed = {one.name: answer(one.body, one.hook) for one in CORPUS if one.status == 200}
    return replayed | {f"{case.id} {shape}": answer(encode(_signed(case, shape))) for case, shape in cases_in_turn()}


@cache
def as_payer() -> Mapping[str, Json]:
    """Return a payer's answers to the requests that come with the service, in each version of CRD."""
    return {
        f"{name} in CRD {version}": answer(encode(_insured(message, version)), payer=True)
        for name, message in requests().items()
        for version in ("2.0", "2.2")
    }


def answer(body: bytes, hook: str = "order-sign", *, payer: bool = False) -> Json:
    """Return what the service of a hook answers."""
    answered: Json = json.loads(application(payer=payer).answer(SERVICES[f"necessity-{hook}"], body))
    return answered


def _signed(case: Case, shape: str) -> Json:
    chart = set_up(case, shape, fixture)
    context = {"userId": "Practitioner/d1", "patientId": chart.patient_id, "draftOrders": bundle(*chart.drafts)}
    return {"hook": "order-sign", "context": context, "prefetch": {"chart": bundle(*chart.resources)}}


def _insured(message: Json, version: str) -> Json:
    """Return a request with the patient's Coverage, and the version of CRD that the client asks for."""
    system, _, value = PAYER.partition("|")
    coverage = {
        "resourceType": "Coverage",
        "id": "cov1",
        "status": "active",
        "beneficiary": {"reference": f"Patient/{message['context']['patientId']}"},
        "payor": [{"reference": "Organization/payer"}],
    }
    payer = {"resourceType": "Organization", "id": "payer", "identifier": [{"system": system, "value": value}]}
    return {
        **message,
        "prefetch": {**message["prefetch"], "coverage": bundle(coverage, payer)},
        "extension": {"davinci-crd.requestedVersion": version},
    }
