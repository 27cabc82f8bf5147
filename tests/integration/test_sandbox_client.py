from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cds_service.testing import Refused, SandboxClient
from tests.charts import ROOT
from tests.made_up import PATIENT, bundle, finding, order, request, write_policy

DAY = "2026-01-15"


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_policy(tmp_path_factory.mktemp("policies"))


@pytest.fixture(scope="module")
def client(policies: Path) -> Iterator[SandboxClient]:
    with SandboxClient(policies, today=DAY) as started:
        yield started


def test_an_order_is_signed_against_a_chart(client: SandboxClient):
    answer = client.sign(order(), order("o2", "refit"), chart=[PATIENT, finding("broken")])
    assert (answer.outcome("replace"), answer.outcome("refit")) == ("met", "met")
    assert [card["indicator"] for card in answer.cards] == ["info"]
    assert answer.state("replace", "broken") == "true"
    assert answer.system_actions == ()


def test_a_chart_is_resources_or_bundles_or_files_of_either(client: SandboxClient, tmp_path: Path):
    place = tmp_path / "chart.json"
    place.write_text(json.dumps(bundle(PATIENT, finding("intact"))))
    for chart in ([PATIENT, finding("intact")], [bundle(PATIENT, finding("intact"))], [str(place)], [place]):
        assert client.sign(order(), chart=chart).outcome("replace") == "not-met"


def test_an_order_may_be_a_file(client: SandboxClient, tmp_path: Path):
    place = tmp_path / "order.json"
    place.write_text(json.dumps(order()))
    assert client.sign(place, chart=[finding()]).outcome("replace") == "met"


def test_the_chart_is_all_that_there_is(client: SandboxClient):
    """What is not in it was asked for and not found, so no card says that something was not read."""
    answer = client.sign(order(), patient="p1")
    assert answer.outcome("replace") == "information-missing"
    assert answer.state("replace", "broken") == "unknown/absent"
    assert answer.report["unread"] == []


def test_what_was_asked_for_and_not_sent_is_said(client: SandboxClient):
    message = request(chart=())
    del message["prefetch"]
    assert client.send(message).report["unread"]


def test_a_whole_request_is_sent_to_the_service_for_its_hook(client: SandboxClient, tmp_path: Path):
    place = tmp_path / "request.json"
    place.write_text(json.dumps(request()))
    assert client.send(place).service == "necessity-order-sign"
    assert client.send(place).body == client.send(request()).body
    message = request() | {"hook": "order-select"}
    message["context"]["selections"] = ["ServiceRequest/o1"]
    assert client.send(message).service == "necessity-order-select"


def test_the_same_service_may_be_sent_what_names_another_hook(client: SandboxClient):
    odd = request() | {"hook": "patient-view"}
    assert client.send(odd, service="necessity-order-sign").outcome("replace") == "met"


def test_a_hook_that_is_not_served_is_told(client: SandboxClient):
    with pytest.raises(LookupError, match=r"`nap-time`; hooks that have one: .*order-sign"):
        client.send({"hook": "nap-time"})


def test_a_refusal_is_raised_with_its_status_and_issues(client: SandboxClient):
    with pytest.raises(Refused, match="400: context: is required") as refused:
        client.send({"hook": "order-sign"})
    assert refused.value.status == 400
    assert refused.value.issues[0]["expression"] == ["context"]


def test_what_became_of_a_card_is_told_to_the_service(client: SandboxClient):
    answer = client.sign(order(), patient="p1")
    (card,) = answer.cards
    client.feedback(answer, card, "accepted", suggestions=card["suggestions"][:1])
    client.feedback(answer, card, "overridden", comment="seen elsewhere")
    client.feedback(answer, card, "overridden", reason={"system": "https://example.org/reasons", "code": "other"})
    with pytest.raises(Refused, match="acceptedSuggestions: is required"):
        client.feedback(answer, card, "accepted")


def test_an_order_of_nobody_is_refused_before_it_is_sent(client: SandboxClient):
    nobodys = {name: value for name, value in order().items() if name != "subject"}
    with pytest.raises(ValueError, match="`patient`"):
        client.sign(nobodys)
    assert client.sign(nobodys, patient="p1").outcome("replace") == "information-missing"


def test_a_code_without_one_determination_is_told_with_those_that_have_one(client: SandboxClient):
    answer = client.sign(order(), order("o2", "paint"), chart=[finding()])
    with pytest.raises(LookupError, match="`paint` has 0 determinations, not one; codes that have any: replace"):
        answer.outcome("paint")
    with pytest.raises(LookupError, match="no criterion `worn`; it has broken, seen"):
        answer.state("replace", "worn")


def test_the_policies_that_come_with_the_service_are_the_default():
    with SandboxClient(today=DAY) as client:
        assert client.send(ROOT / "fixtures/cds_hooks/seed-1-order-sign.json").outcome("22849") == "not-met"


def test_settings_are_the_callers_and_not_the_environments(policies: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CDS_ORGANIZATION", "of the environment")
    monkeypatch.setenv("CDS_MODE", "nonsense")
    with SandboxClient(policies, organization="Widget board") as client:
        assert client.sign(order(), patient="p1").cards[0]["source"]["label"] == "Widget board"


def test_the_day_of_receipt_counts_where_an_order_has_no_date(policies: Path):
    undated = {name: value for name, value in order().items() if name != "authoredOn"}
    with SandboxClient(policies, today="2026-02-01") as client:
        assert client.sign(undated, patient="p1").determination("replace")["asOf"] == "2026-02-01"
    with SandboxClient(policies) as client:
        assert client.sign(undated, patient="p1").determination("replace")["asOf"] >= "2026"


@pytest.mark.parametrize("day", ["2026", "tomorrow"])
def test_the_day_of_receipt_is_a_day(policies: Path, day: str):
    with pytest.raises(ValueError, match="2026-01-15"):
        SandboxClient(policies, today=day)


def test_a_test_that_is_async_may_use_it(client: SandboxClient):
    async def signs() -> str:
        return client.sign(order(), chart=[finding()]).outcome("replace")

    assert asyncio.run(signs()) == "met"


def test_answers_do_not_differ_from_call_to_call(client: SandboxClient):
    answers: list[Any] = [client.sign(order(), chart=[finding()]).body for _ in range(2)]
    assert answers[0] == answers[1]
