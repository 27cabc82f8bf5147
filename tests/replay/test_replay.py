"""The corpus sent over HTTP: every request is answered as it says, and the order of things changes no byte."""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from cds_service.api.app import create_app
from cds_service.fhir.encoding import decode, encode
from cds_service.fhir.temporal import Date
from cds_service.plan_definition.policies import Policies, in_order
from cds_service.settings import Settings
from cds_service.wiring import Application, load_policies
from tests.charts import shipped
from tests.replay.clients import write_policies
from tests.replay.corpus import CORPUS
from tests.replay.replay import NO_CODE, NOT_READ, OTHER_KIND, OTHER_PATIENT, Replay

Post = Callable[[str, bytes], httpx.Response]
_JUDGED = re.compile(r"^\*\*(\S+)\*\* .* \(`(.+)`\): \*\*(.+)\*\*$", re.MULTILINE)
_NAMED = re.compile(r"^- `(.+?)`: ", re.MULTILINE)
_UNJUDGED = (NO_CODE, OTHER_PATIENT, NOT_READ, OTHER_KIND)


@pytest.fixture(scope="module")
def post(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    widgets = load_policies(write_policies(tmp_path_factory.mktemp("policies")))
    policies = Policies(in_order({plan.reference: plan for plan in (*shipped().plans, *widgets.plans)}))
    app = create_app(Application(Settings(), policies, clock=lambda: Date((2026, 1, 15))))
    with asyncio.Runner() as runner:
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service")

        def send(hook: str, body: bytes) -> httpx.Response:
            headers = {"content-type": "application/json"}
            return runner.run(client.post(f"/cds-services/necessity-{hook}", content=body, headers=headers))

        yield send
        runner.run(client.aclose())


def told(answer: Any) -> dict[str, str]:
    """Return what the cards of an answer say of each order and code."""
    found: dict[str, str] = {}
    for card in answer["cards"]:
        for code, reference, outcome in _JUDGED.findall(card["detail"]):
            found[f"{reference} {code}"] = outcome
        why = next((one for one in _UNJUDGED if one in card["summary"]), None)
        if why:
            found |= dict.fromkeys(_NAMED.findall(card["detail"]), why)
    return found


def marked(replays: list[Replay]) -> list[Any]:
    marks = pytest.mark.requirement
    return [pytest.param(one, id=one.name, marks=[marks(shown) for shown in one.shows]) for one in replays]


ANSWERED = [one for one in CORPUS if one.status == 200]
REFUSED = [one for one in CORPUS if one.status != 200]


def test_the_corpus_is_large_and_names_each_request_once() -> None:
    assert len(CORPUS) >= 60
    assert [name for name, count in Counter(one.name for one in CORPUS).items() if count > 1] == []


@pytest.mark.parametrize("replay", marked(ANSWERED))
def test_a_request_is_answered_for_every_order(replay: Replay, post: Post) -> None:
    response = post(replay.hook, replay.body)
    assert response.status_code == 200
    assert response.json().keys() <= {"cards", "systemActions", "extension"}
    names = {re.sub(r"~\w+", "~", name): outcome for name, outcome in told(response.json()).items()}
    assert names == replay.answers


@pytest.mark.parametrize("replay", marked(REFUSED))
def test_a_request_is_refused_as_documented(replay: Replay, post: Post) -> None:
    response = post(replay.hook, replay.body)
    assert response.status_code == replay.status
    (issue,) = response.json()["issue"]
    assert issue.get("expression") == ([replay.at] if replay.at else None)
    assert issue["details"]["text"]


def shuffled(message: Any, chance: random.Random) -> Any:
    """Return a message with the entries of every Bundle, and the keys of the prefetch, in another order."""
    if isinstance(message, list):
        return [shuffled(one, chance) for one in message]
    if not isinstance(message, dict):
        return message
    mixed = {key: shuffled(one, chance) for key, one in message.items()}
    if isinstance(mixed.get("entry"), list):
        chance.shuffle(mixed["entry"])
    if isinstance(mixed.get("prefetch"), dict):
        mixed["prefetch"] = dict(chance.sample(list(mixed["prefetch"].items()), len(mixed["prefetch"])))
    return mixed


@pytest.mark.parametrize("replay", ANSWERED, ids=lambda one: one.name)
def test_the_order_of_entries_and_keys_changes_no_byte(replay: Replay, post: Post) -> None:
    message, chance = decode(replay.body), random.Random(7)  # noqa: S311 - a test's own dice
    expected = post(replay.hook, encode(message)).content
    for _ in range(3):
        assert post(replay.hook, encode(shuffled(message, chance))).content == expected
