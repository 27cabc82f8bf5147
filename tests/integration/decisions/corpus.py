"""Everything that the tests ask of the service, sent to it with a database; as a program, its decisions replayed.

`python -m tests.integration.decisions.corpus DATABASE [SEED]` replays in a process of its own, and prints the count of
each verdict; with a seed, it first asks everything again with the entries of all Bundles shuffled.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from cds_service.api.app import create_app
from cds_service.fhir.encoding import decode, encode
from cds_service.fhir.temporal import Date
from cds_service.plan_definition.policies import Policies, in_order
from cds_service.replay import Replayer
from cds_service.settings import Settings
from cds_service.store.sql import SqlStore
from cds_service.store.store import Filters
from cds_service.wiring import Application, load_policies
from tests.charts import ROOT, shipped
from tests.integration.test_payer import COVERAGE, ORGANIZATION, PAYER
from tests.made_up import finding, order, request
from tests.replay.clients import write_policies
from tests.replay.corpus import CORPUS
from tests.replay.test_replay import shuffled

__all__ = ["ask", "asked", "payer_asked", "policies", "verdicts"]

Asked = tuple[str, bytes]
"""A hook, and the body that is sent to its service."""


@cache
def policies() -> Policies:
    """Return the policies that ship, and the widget's."""
    with TemporaryDirectory() as folder:
        widgets = load_policies(write_policies(Path(folder)))
    return Policies(in_order({plan.reference: plan for plan in (*shipped().plans, *widgets.plans)}))


def asked() -> list[Asked]:
    """Return every request of the fixtures and of the corpus."""
    fixtures = sorted((ROOT / "fixtures" / "cds_hooks").glob("*.json"))
    return [("order-sign", one.read_bytes()) for one in fixtures] + [(one.hook, one.body) for one in CORPUS]


def payer_asked() -> list[Asked]:
    """Return requests to a payer: under a Coverage, without one, and what it is not asked about."""
    charts: tuple[tuple[dict[str, Any], ...], ...] = (
        (finding("broken"), COVERAGE, ORGANIZATION),
        (COVERAGE, ORGANIZATION),
        (finding("broken"),),
        (finding("intact"), COVERAGE, ORGANIZATION),
    )
    return [("order-sign", encode(request(order(), chart=chart))) for chart in charts]


def ask(database: str, requests: Iterable[Asked], **settings: Any) -> list[httpx.Response]:
    """Return what the service answers to requests, its decisions kept in a database."""

    async def send() -> list[httpx.Response]:
        chosen = Settings(database_url=database, **settings)
        application = Application(chosen, policies(), clock=lambda: Date((2026, 1, 15)), store=SqlStore(database))
        transport = httpx.ASGITransport(create_app(application))
        async with httpx.AsyncClient(transport=transport, base_url="http://cds") as client:
            headers = {"content-type": "application/json"}
            found = [
                await client.post(f"/cds-services/necessity-{hook}", content=body, headers=headers)
                for hook, body in requests
            ]
        await application.close()
        return found

    return asyncio.run(send())


def ask_all(database: str) -> None:
    """Ask everything, of a provider's service and of a payer's."""
    ask(database, asked())
    ask(database, [*payer_asked(), *asked()[:5]], payer_identifiers=(PAYER,), organization="Example Health Plan")
    ask(database, payer_asked(), payer_identifiers=(PAYER,), payer_strict=True, payer_contact="tel:+1-555-0100")


def verdicts(database: str) -> Counter[str]:
    """Return how often each verdict comes of replaying what is kept, with its detail unless it is identical."""
    replayer = Replayer.of([policies()])
    with SqlStore(database) as store:
        replayed = (replayer.replay(one.decision) for one in store.each(Filters()))
        return Counter(" ".join((one.verdict, one.detail)).strip() for one in replayed)


def _again(database: str, seed: int) -> None:
    """Ask all that can be shuffled once more, shuffled."""
    chance = random.Random(seed)  # noqa: S311 - a test's own dice
    readable = [(hook, body) for hook, body in asked() if hook == "order-sign" and body.startswith(b'{"')]
    ask(database, [(hook, encode(shuffled(decode(body), chance))) for hook, body in readable[:60]])


if __name__ == "__main__":
    if len(sys.argv) > 2:
        _again(sys.argv[1], int(sys.argv[2]))
    sys.stdout.buffer.write(encode(verdicts(sys.argv[1])))
