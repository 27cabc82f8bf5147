"""What `/openapi.json` promises, tried by schemathesis: `python -m tests.fuzz.requests.openapi`.

It runs in a process of its own: it brings its own event loop, and warnings that are none of the service's.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator

import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from starlette.types import ASGIApp, Receive, Scope, Send

from cds_service.api.app import create_app
from cds_service.settings import Settings
from cds_service.wiring import Application
from tests.integration.decisions.corpus import policies

__all__ = ["main", "tried"]

_CHECKS = {
    # An order that cannot be had is a 412, more of them than are judged a 413: neither shows in a schema.
    "positive_data_acceptance": {"expected-statuses": ["2xx", "404", "412", "413"]},
    # What can be understood is answered, though the standard has it otherwise: docs/reference/hooks.md.
    "negative_data_rejection": {"enabled": False},
}


def tried(app: ASGIApp, *, examples: int, seed: int) -> Iterator[tuple[str, int | None, str]]:
    """Yield of each request its operation, the status of its answer, and what schemathesis has against it, often ""."""
    config = SchemathesisConfig.from_dict(
        {
            "seed": seed,
            "generation": {"max-examples": examples, "deterministic": True, "database": "none"},
            "phases": {"stateful": {"enabled": False}},
            "checks": _CHECKS,
        }
    )
    schema = schemathesis.openapi.from_asgi("/openapi.json", app, config=config)
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            for name, interaction in event.recorder.interactions.items():
                failed = [one.failure_info for one in event.recorder.checks.get(name, ()) if one.failure_info]
                status = interaction.response.status_code if interaction.response else None
                yield (
                    str(event.recorder.label),
                    status,
                    "; ".join(f"{one.failure.title}: {one.failure.message}: {one.code_sample}" for one in failed),
                )
        elif isinstance(event, events.NonFatalError | events.FatalError):
            yield getattr(event, "label", ""), None, repr(getattr(event, "value", None) or event.exception)


def _without_lifespan(app: ASGIApp) -> ASGIApp:
    """Return an application that is not told to end: schemathesis does so as the process ends, too late for threads."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return
        for _ in ("startup", "shutdown"):
            await send({"type": f"{(await receive())['type']}.complete"})

    return answer


def main() -> int:
    """Print how many requests were answered how, and what is wrong. Return 1 where anything is."""
    options = argparse.ArgumentParser(prog="python -m tests.fuzz.requests.openapi", description=__doc__)
    options.add_argument("--examples", type=int, default=100, help="how many requests of each operation, at most (100)")
    options.add_argument("--seed", type=int, default=1, help="where the dice start (1)")
    chosen = options.parse_args()
    app = _without_lifespan(create_app(Application(Settings(database_url="memory"), policies())))
    statuses, faults = Counter[str](), dict[str, str]()
    for operation, status, fault in tried(app, examples=chosen.examples, seed=chosen.seed):
        statuses[f"{status}"] += 1
        if fault:
            faults.setdefault(operation, fault)
    print(
        f"{statuses.total()} requests: {', '.join(f'{count} × {status}' for status, count in sorted(statuses.items()))}"
    )
    for operation, fault in faults.items():
        print(f"{operation}: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
