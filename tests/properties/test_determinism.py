"""Equal content, equal answer: order, copies and hash seeds change no byte; nothing that came in is changed."""

from __future__ import annotations

import copy
import os
import random
import subprocess
import sys
from typing import Any

import pytest

from cds_service.fhir.encoding import encode
from cds_service.services import SERVICES
from cds_service.settings import Settings
from cds_service.wiring import Application
from tests.charts import ROOT, fixture, shipped

ORDER_SIGN = SERVICES["necessity-order-sign"]
REQUESTS = ["seed-1", "seed-2", "both", "follow-up-spine"]


def answer(request: Any) -> bytes:
    return Application(Settings(), shipped()).answer(ORDER_SIGN, encode(request))


def shuffled(request: Any, seed: int) -> Any:
    mixed = copy.deepcopy(request)
    chance = random.Random(seed)  # noqa: S311 - a test's own dice
    bundles = [mixed["context"]["draftOrders"], *mixed["prefetch"].values()]
    for bundle in bundles:
        chance.shuffle(bundle.get("entry", []))
    keys = list(mixed["prefetch"])
    chance.shuffle(keys)
    mixed["prefetch"] = {key: mixed["prefetch"][key] for key in keys}  # renamed, they would not be what was asked for
    return mixed


@pytest.mark.parametrize("name", REQUESTS)
def test_shuffling_bundles_and_keys_changes_no_byte(name: str) -> None:
    request = fixture(f"cds_hooks/{name}-order-sign.json")
    expected = answer(request)
    assert all(answer(shuffled(request, seed)) == expected for seed in range(10))


@pytest.mark.parametrize("name", REQUESTS)
def test_a_second_copy_of_everything_changes_no_byte(name: str) -> None:
    request = fixture(f"cds_hooks/{name}-order-sign.json")
    twice = copy.deepcopy(request)
    twice["prefetch"] |= {f"again-{key}": value for key, value in request["prefetch"].items()}
    assert answer(twice) == answer(request)


@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_the_hash_seed_changes_no_byte(seed: str) -> None:
    command = [sys.executable, "-m", "cds_service", "evaluate", "fixtures/cds_hooks/seed-1-order-sign.json"]
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True)
    assert done.stdout == answer(fixture("cds_hooks/seed-1-order-sign.json"))


@pytest.mark.parametrize("name", REQUESTS)
def test_nothing_that_came_in_is_changed(name: str) -> None:
    body = (ROOT / "fixtures" / "cds_hooks" / f"{name}-order-sign.json").read_bytes()
    application = Application(Settings(), shipped())
    exchange = application.read(application.parse(ORDER_SIGN, body))
    before = copy.deepcopy((exchange.drafts, exchange.chart))
    application.respond(application.evaluate(exchange))
    assert (exchange.drafts, exchange.chart) == before
