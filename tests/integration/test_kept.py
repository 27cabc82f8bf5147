"""What leaves is kept first: decisions with what they were made of, refusals, and what became of cards."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from cds_service.api.app import create_app
from cds_service.fhir.temporal import Date
from cds_service.settings import Settings
from cds_service.store.errors import StoreUnavailable
from cds_service.store.memory import InMemoryStore
from cds_service.store.model import Decision
from cds_service.store.store import Filters, KeptFeedback
from cds_service.wiring import Application
from tests.faults.ehr_stub import EhrStub
from tests.made_up import PATIENT, finding, made_up_policies, order, request

SIGN = "/cds-services/necessity-order-sign"
FEEDBACK = f"{SIGN}/feedback"
WHEN = "2026-01-15T10:00:00Z"


@dataclass
class Served:
    """The service with a store that the test can look into."""

    settings: Settings = field(default_factory=Settings)
    store: Any = field(default_factory=InMemoryStore)

    def post(self, path: str, message: object) -> httpx.Response:
        async def ask() -> httpx.Response:
            application = Application(
                self.settings, made_up_policies(), clock=lambda: Date((2026, 1, 15)), store=self.store
            )
            transport = httpx.ASGITransport(create_app(application))
            async with httpx.AsyncClient(transport=transport, base_url="http://cds") as client:
                body = message if isinstance(message, bytes) else json.dumps(message).encode()
                response = await client.post(path, content=body)
            await application.fhir.aclose()
            return response

        return asyncio.run(ask())

    def decisions(self) -> list[Decision]:
        return [one.decision for one in self.store.each(Filters())]

    def feedback(self) -> list[KeptFeedback]:
        return list(self.store.feedback_kept())


def accepted(card: str, *suggestions: str, when: str = WHEN) -> dict[str, Any]:
    ids = [{"id": one} for one in suggestions or ("s",)]
    return {"card": card, "outcome": "accepted", "acceptedSuggestions": ids, "outcomeTimestamp": when}


def overridden(card: str, **reason: Any) -> dict[str, Any]:
    return {"card": card, "outcome": "overridden", "outcomeTimestamp": WHEN} | (
        {"overrideReason": reason} if reason else {}
    )


# -- decisions ----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("found-11", "found-37")
def test_an_answer_is_kept_with_all_that_it_was_made_of() -> None:
    served = Served()
    message = request()
    response = served.post(SIGN, message)
    (kept,) = served.decisions()
    assert kept.contents is not None
    assert kept.contents.response == response.content
    assert json.loads(kept.contents.request) == message
    assert kept.contents.patient == "p1"
    report = json.loads(kept.contents.determinations)
    assert [one["outcome"] for one in report["determinations"]] == ["met"]
    assert [str(one) for one in kept.policies] == ["https://example.org/fhir/PlanDefinition/widget|0.1.0"]
    assert [one.uuid for one in kept.cards] == [card["uuid"] for card in response.json()["cards"]]


@pytest.mark.requirement("F2")
def test_no_token_is_kept_and_what_the_ehr_answered_is() -> None:
    with EhrStub(resources=[PATIENT, finding("broken")]) as ehr:
        served = Served(Settings(fhir_servers=(ehr.base_url,)))
        message = request(order(), chart=()) | {"fhirServer": ehr.base_url}
        message["fhirAuthorization"] = {"access_token": "s3cr3t-t0ken", "token_type": "Bearer"}
        assert served.post(SIGN, message).status_code == 200
    (kept,) = served.decisions()
    assert kept.contents is not None
    assert b"s3cr3t" not in kept.contents.request + kept.contents.fetched
    fetched = {one["url"]: one["pages"] for one in json.loads(kept.contents.fetched)}
    assert fetched["Observation?patient=p1"][0]["entry"][0]["resource"]["valueString"] == "broken"


@pytest.mark.requirement("found-37")
@pytest.mark.parametrize(
    ("body", "kept_as"),
    [
        (b'{"context":{"patientId":"p1"}}', b'{"context":{"patientId":"p1"}}'),
        (b"nope", b'{"unreadable":true,"bytes":4}'),  # in which a token could not be found and removed
    ],
)
def test_a_refused_request_is_kept_too(body: bytes, kept_as: bytes) -> None:
    served = Served()
    response = served.post(SIGN, body)
    (kept,) = served.decisions()
    assert kept.contents is not None
    assert (kept.status, kept.contents.response) == (response.status_code, response.content) == (400, response.content)
    assert kept.contents.request == kept_as


class Away(InMemoryStore):
    """A store that cannot be written."""

    async def append(self, decision: Decision) -> Any:  # noqa: ARG002
        raise StoreUnavailable

    async def feedback(self, records: Any) -> Any:  # noqa: ARG002
        raise StoreUnavailable


@pytest.mark.parametrize(
    ("path", "message"), [(SIGN, request()), (SIGN, b"nope"), (FEEDBACK, {"feedback": [overridden("c")]})]
)
def test_what_cannot_be_kept_is_not_given(path: str, message: object) -> None:
    response = Served(store=Away()).post(path, message)
    assert response.status_code == 503
    assert response.headers["retry-after"] == "2"
    assert "cards" not in response.text


# -- feedback -----------------------------------------------------------------------------------------------------


def test_feedback_is_tied_to_the_determinations_that_its_card_showed() -> None:
    served = Served()
    (card,) = served.post(SIGN, request(order(), chart=())).json()["cards"]
    suggestion = card["suggestions"][0]["uuid"]
    assert served.post(FEEDBACK, {"feedback": [accepted(card["uuid"], suggestion)]}).status_code == 200
    (kept,) = served.feedback()
    (decision,) = served.decisions()
    assert kept.determinations == decision.cards[0].determinations == (decision.determined[0].id,)
    assert decision.cards[0].suggestions == {suggestion: kept.determinations}


@pytest.mark.requirement("FB3", "FB6")
def test_an_override_is_kept_with_its_reason_and_its_comment() -> None:
    served = Served()
    reason = {"system": "https://example.org/reasons", "code": "other"}
    served.post(FEEDBACK, {"feedback": [overridden("c", reason=reason, userComment="seen elsewhere")]})
    (kept,) = served.feedback()
    assert (kept.record.reason, kept.record.comment) == (("https://example.org/reasons", "other"), "seen elsewhere")
    assert not kept.known


@pytest.mark.requirement("FB4", "FB5")
def test_the_same_report_counts_once_however_often_it_comes() -> None:
    served = Served()
    both = [accepted("c"), accepted("c"), accepted("c", when="2026-01-15T10:00:01Z"), overridden("d")]
    for _ in range(2):
        assert served.post(FEEDBACK, {"feedback": both}).status_code == 200
    assert [(one.record.card, one.record.outcome) for one in served.feedback()] == [
        ("c", "accepted"),
        ("c", "accepted"),
        ("d", "overridden"),
    ]


@pytest.mark.requirement("FB2", "hook-10")
@pytest.mark.parametrize(
    "report",
    [
        {},
        {"feedback": []},
        {"feedback": [{"outcome": "accepted"}]},
        {"feedback": [accepted("c") | {"outcome": "ignored"}]},
        {"feedback": [accepted("c") | {"outcomeTimestamp": "yesterday"}]},
        {"feedback": [{key: value for key, value in accepted("c").items() if key != "acceptedSuggestions"}]},
        {"feedback": [overridden("ok"), 5]},
        [],
        b"nope",
    ],
    ids=repr,
)
def test_what_is_no_feedback_is_refused_whole(report: object) -> None:
    served = Served()
    response = served.post(FEEDBACK, report)
    assert response.status_code == 400
    assert response.json()["resourceType"] == "OperationOutcome"
    assert served.feedback() == []


def test_a_report_of_more_entries_than_are_taken_at_a_time_is_refused_whole() -> None:
    served = Served()
    entries = [overridden(f"c{i}") for i in range(1001)]
    refused = served.post(FEEDBACK, {"feedback": entries})
    assert (refused.status_code, refused.json()["issue"][0]["code"]) == (413, "too-costly")
    assert served.feedback() == []
    assert served.post(FEEDBACK, {"feedback": entries[1:]}).status_code == 200
    assert len(served.feedback()) == 1000


@pytest.mark.requirement("FB1")
def test_every_service_takes_feedback() -> None:
    served = Served()
    for hook in ("order-sign", "order-select", "order-dispatch", "appointment-book"):
        path = f"/cds-services/necessity-{hook}/feedback"
        assert served.post(path, {"feedback": [overridden(hook)]}).status_code == 200
    assert [one.record.service for one in served.feedback()] == [
        f"necessity-{hook}" for hook in ("order-sign", "order-select", "order-dispatch", "appointment-book")
    ]
