"""Every value of every patient in all that the tests ask: in the store, and nowhere that an operator looks."""

from __future__ import annotations

import asyncio
import io
import logging
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import REGISTRY, generate_latest

from cds_service.api.app import create_app
from cds_service.errors import MalformedRequest
from cds_service.fhir.encoding import decode, encode
from cds_service.fhir.temporal import Date
from cds_service.observability.logs import configure_logs
from cds_service.observability.tracing import trace_by
from cds_service.settings import Settings
from cds_service.store.errors import NoKey
from cds_service.store.export import to_csv
from cds_service.store.payload import Keys
from cds_service.store.sql import SqlStore
from cds_service.store.store import Filters
from cds_service.wiring import Application
from tests.canaries import Canaries, canaries_in
from tests.faults.ehr_stub import EhrStub
from tests.integration.decisions.corpus import asked, policies
from tests.made_up import PATIENT, finding, order, request
from tests.unit.store.making import key

DAY = Date((2026, 1, 15))


@dataclass(frozen=True)
class Seen:
    """What was sent, and all that could be seen of it."""

    sent: frozenset[str]
    answered: frozenset[str]
    refused: str
    logged: str
    traced: str
    database: Path
    keys: Keys
    statuses: tuple[int, ...]


@pytest.fixture(scope="module", params=["", key("k")], ids=["open", "sealed"])
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """All that the tests ask, with canaries, answered once with a key and once without."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    log, spans, provider = io.StringIO(), InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    configure_logs("debug", "json", log)
    trace_by(provider)
    database = tmp_path_factory.mktemp("canaries") / "kept.db"
    keys = Keys.of(request.param)
    try:
        messages, responses = asyncio.run(_asked(database, keys))
    finally:
        trace_by(None)
        root.handlers[:] = before[0]
        root.setLevel(before[1])
    return Seen(
        frozenset().union(*map(canaries_in, messages)),
        frozenset().union(*(canaries_in(one.content) for one in responses if one.status_code == 200)),
        "\n".join(one.text for one in responses if one.status_code != 200),
        log.getvalue(),
        "\n".join(one.to_json() for one in spans.get_finished_spans()),
        database,
        keys,
        tuple(one.status_code for one in responses),
    )


async def _asked(database: Path, keys: Keys) -> tuple[list[bytes], list[httpx.Response]]:
    """Return what was sent, or lay at the EHR, and what came back."""
    canaries, sent, answers = Canaries(), list[bytes](), list[httpx.Response]()
    chart = canaries.put_into([PATIENT, finding("broken")])
    with EhrStub(resources=chart) as ehr:
        settings = Settings(fhir_servers=(ehr.base_url,))
        store = SqlStore(f"sqlite:///{database}", keys=keys)
        application = Application(settings, policies(), clock=lambda: DAY, store=store)
        transport = httpx.ASGITransport(create_app(application))
        async with httpx.AsyncClient(transport=transport, base_url="http://cds") as client:

            async def ask(path: str, body: bytes) -> None:
                sent.append(body)
                answers.append(await client.post(f"/cds-services/necessity-{path}", content=body))

            for hook, body in asked():
                await ask(hook, _with_canaries(body, canaries))
            known = canaries.put_into(request(order(), chart=()))
            patient = chart[0]["id"]
            fetching = _renamed(known, known["context"]["patientId"], patient)
            await ask("order-sign", encode(fetching | {"fhirServer": ehr.base_url, "prefetch": {}}))
            sent.append(encode(chart))
            card = answers[-1].json()["cards"][0]["uuid"]
            override = {"userComment": canaries.word()}
            report = {
                "card": card,
                "outcome": "overridden",
                "overrideReason": override,
                "outcomeTimestamp": "2026-01-15T10:00:00Z",
            }
            await ask("order-sign/feedback", encode({"feedback": [report]}))
        await application.close()
    return sent, answers


def _with_canaries(body: bytes, canaries: Canaries) -> bytes:
    try:
        return encode(canaries.put_into(decode(body)))
    except MalformedRequest:
        return body


def _renamed(message: Any, old: str, new: str) -> Any:
    return decode(encode(message).replace(old.encode(), new.encode()))


def test_the_corpus_is_answered_and_shows_charts_to_those_who_asked(seen: Seen) -> None:
    assert seen.statuses.count(200) > 150
    assert len(seen.sent) > 5_000
    assert len(seen.answered) > 500


def test_none_is_in_an_error_a_log_a_trace_or_a_metric(seen: Seen, capfd: pytest.CaptureFixture[str]) -> None:
    metrics = generate_latest(REGISTRY).decode()
    assert seen.logged.count('"event":"request"') == len(seen.statuses)
    assert seen.traced.count('"name": "request"') == len(seen.statuses)
    assert "cds_determinations_total{" in metrics
    for place in (seen.refused, seen.logged, seen.traced, metrics, *capfd.readouterr()):
        assert canaries_in(place) == set()


def test_all_are_in_the_store(seen: Seen) -> None:
    found = set[str]()
    with SqlStore(f"sqlite:///{seen.database}", keys=seen.keys) as store:
        for one in store.each(Filters()):
            contents = one.decision.contents
            assert contents is not None
            found |= canaries_in(contents.request) | canaries_in(contents.fetched)
        for feedback in store.feedback_kept():
            found |= canaries_in(feedback.record.comment or "")
    assert seen.sent - found == set()


def test_what_is_listed_and_what_is_not_sealed_names_none(seen: Seen) -> None:
    with SqlStore(f"sqlite:///{seen.database}", keys=seen.keys) as store:
        assert canaries_in("".join(to_csv(store.each(Filters())))) == set()
    with closing(sqlite3.connect(seen.database)) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in set(tables) - {"payload"}:
            rows = connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608 - names of ours
            assert canaries_in(repr(rows)) == set(), table


def test_with_a_key_none_is_read_without_it_nor_found_in_the_file(seen: Seen) -> None:
    """Without one the file shows the comment: what is short is not made shorter, and stands there as it is."""
    found = canaries_in(b"".join(one.read_bytes() for one in seen.database.parent.iterdir()))
    assert bool(found) is not bool(seen.keys.keys)
    with SqlStore(f"sqlite:///{seen.database}") as store:
        if seen.keys.keys:
            with pytest.raises(NoKey):
                list(store.each(Filters()))
        else:
            assert len(list(store.each(Filters()))) > 200
