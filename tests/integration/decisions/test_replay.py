"""Decisions replayed: every one comes out byte for byte, and what is not as it was is told."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cds_service.fhir.encoding import encode
from cds_service.fhir.temporal import Date
from cds_service.replay import Replayer, Verdict
from cds_service.security import Client
from cds_service.services import SERVICES
from cds_service.settings import Settings
from cds_service.store.model import Contents, Decision
from cds_service.store.sql import SqlStore
from cds_service.store.store import Filters
from cds_service.wiring import Application
from tests.charts import ROOT
from tests.faults.ehr_stub import EhrStub
from tests.integration.decisions.corpus import ask, ask_all, asked, policies, verdicts
from tests.made_up import PATIENT, finding, made_up_policies, order, request

UNREADABLE = "cannot the request was no JSON object; only its length is kept"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    place = f"sqlite:///{tmp_path_factory.mktemp('decisions') / 'all.db'}"
    ask_all(place)
    return place


def test_every_decision_of_the_corpus_is_replayed_byte_for_byte(database: str) -> None:
    counted = verdicts(database)
    assert counted.keys() <= {"identical", UNREADABLE, "cannot it was refused for its authorization, which is not kept"}
    assert counted["identical"] > 200


@pytest.mark.parametrize("seed", [0, 1, 4242])
def test_another_process_replays_the_same_bytes_whatever_its_hash_seed(database: str, seed: int) -> None:
    environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
    command = [sys.executable, "-m", "tests.integration.decisions.corpus", database, str(seed)]
    ended = subprocess.run(command, capture_output=True, cwd=ROOT, env=environment, timeout=300, check=False)
    assert ended.returncode == 0, ended.stderr.decode()
    counted = json.loads(ended.stdout)
    assert counted.pop("identical") > 200
    assert counted.keys() <= verdicts(database).keys()


def decided(tmp_path: Path) -> Decision:
    """Return one decision as it is read back."""
    place = f"sqlite:///{tmp_path / 'one.db'}"
    ask(place, asked()[:1])
    with SqlStore(place) as store:
        (kept,) = store.each(Filters())
    return kept.decision


def with_response(decision: Decision, change: Callable[[Any], None]) -> Decision:
    assert decision.contents is not None
    response = json.loads(decision.contents.response)
    change(response)
    return replace(decision, contents=replace(decision.contents, response=encode(response)))


def test_a_response_that_was_changed_is_told_by_its_place_and_not_by_its_values(tmp_path: Path) -> None:
    changed = with_response(decided(tmp_path), lambda response: response["cards"][1].update(summary="cleared"))
    replayed = Replayer.of([policies()]).replay(changed)
    assert (replayed.verdict, replayed.detail) == (Verdict.DIFFERS, "$.cards[1].summary")


def test_a_card_that_was_added_is_told(tmp_path: Path) -> None:
    changed = with_response(decided(tmp_path), lambda response: response["cards"].append({}))
    replayed = Replayer.of([policies()]).replay(changed)
    count = len(json.loads(changed.contents.response)["cards"]) if changed.contents else 0
    assert replayed.detail == f"$.cards[{count - 1}]"


def test_policies_that_are_not_as_they_were_are_not_at_hand(tmp_path: Path) -> None:
    decision = decided(tmp_path)
    replayed = Replayer.of([made_up_policies()]).replay(decision)
    assert replayed.verdict is Verdict.CANNOT
    assert replayed.detail == f"policies not at hand: revision {decision.policy_revision[:12]}"
    assert Replayer.of([made_up_policies(), policies()]).replay(decision).verdict is Verdict.IDENTICAL


def test_a_decision_of_another_release_is_recomputed_only_if_asked_to(tmp_path: Path) -> None:
    other = replace(decided(tmp_path), engine="0.0.1")
    replayed = Replayer.of([policies()]).replay(other)
    assert replayed.verdict is Verdict.CANNOT
    assert replayed.detail.startswith("decided by release 0.0.1")
    assert Replayer.of([policies()], any_engine=True).replay(other).verdict is Verdict.IDENTICAL


@pytest.mark.parametrize("circumstances", [b"", b"{}", b'{"day":"yesterday","settings":{}}'])
def test_without_its_circumstances_a_decision_cannot_be_replayed(tmp_path: Path, circumstances: bytes) -> None:
    decision = decided(tmp_path)
    assert decision.contents is not None
    without = replace(decision, contents=replace(decision.contents, circumstances=circumstances))
    assert Replayer.of([policies()]).replay(without).verdict is Verdict.CANNOT


def test_what_was_purged_cannot_be_replayed(tmp_path: Path) -> None:
    replayed = Replayer.of([policies()]).replay(replace(decided(tmp_path), contents=None))
    assert (replayed.verdict, replayed.detail) == (Verdict.CANNOT, "what it rests on was purged")


def test_what_the_ehr_answered_is_replayed_without_the_ehr(tmp_path: Path) -> None:
    place = f"sqlite:///{tmp_path / 'one.db'}"
    with EhrStub(resources=[PATIENT, finding("broken")]) as ehr:
        message = request(order(), chart=()) | {"fhirServer": ehr.base_url}
        message["fhirAuthorization"] = {"access_token": "s3cr3t-t0ken-of-the-ehr", "token_type": "Bearer"}
        (response,) = ask(place, [("order-sign", encode(message))], fhir_servers=(ehr.base_url,))
    assert "criteria met" in response.text
    with SqlStore(place) as store:
        (kept,) = store.each(Filters())
    assert isinstance(kept.decision.contents, Contents)
    assert kept.decision.contents.fetched
    assert Replayer.of([policies()]).replay(kept.decision).verdict is Verdict.IDENTICAL


def test_what_a_client_may_have_read_is_its_own_and_is_replayed_so(tmp_path: Path) -> None:
    with EhrStub(resources=[PATIENT, finding("broken")]) as ehr, SqlStore(f"sqlite:///{tmp_path / 'one.db'}") as store:
        body = encode(request(order(), chart=()) | {"fhirServer": ehr.base_url})
        clients = tmp_path / "clients.toml"
        clients.write_text(
            '[clients.general-hospital]\niss = "https://ehr.example.org"\n'
            f'jku = ["https://ehr.example.org/jwks.json"]\nfhir_servers = ["{ehr.base_url}"]\n'
        )
        settings = Settings(clients=clients)
        application = Application(settings, policies(), clock=lambda: Date((2026, 1, 15)), store=store)
        client = Client("general-hospital", "https://ehr.example.org", "north", (ehr.base_url,))
        service = SERVICES["necessity-order-sign"]

        async def ask() -> None:
            deadline = asyncio.get_running_loop().time() + 10
            reply = await application.serve(service, body, deadline=deadline, client=client)
            await application.keep(reply, service, body, client)
            await application.fhir.aclose()

        asyncio.run(ask())
        (kept,) = store.each(Filters())
    assert kept.decision.contents is not None
    assert b"broken" in kept.decision.contents.fetched
    assert Replayer.of([policies()]).replay(kept.decision).verdict is Verdict.IDENTICAL
