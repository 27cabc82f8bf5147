"""A CDS client and the service in one process: the whole service over ASGI, without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias, TypeVar

import httpx
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from cds_service.api.app import create_app
from cds_service.errors import MalformedRequest, NothingToEvaluate
from cds_service.fhir.encoding import decode, encode
from cds_service.fhir.temporal import Date, parse_date
from cds_service.necessity.report import determinations_report
from cds_service.services.bundle_exchange import exchange_of_orders
from cds_service.services.evaluation import Evaluation, Exchange
from cds_service.settings import Settings
from cds_service.testing.answer import Answer, JsonObject, Refused
from cds_service.wiring import Application, load_policies, policies_folder, today

__all__ = ["SandboxClient"]

T = TypeVar("T")
Given: TypeAlias = JsonObject | str | Path
"""FHIR as a dict, or a JSON file that holds it."""
_BASE = "http://127.0.0.1:8000"
_INSTANCE = "5d3f0f7e-6f55-4c11-8a0e-3c7d0a4a9b10"


class SandboxClient:
    """Signs orders and reads what the service makes of them.

    `policies` is a folder or package, by default the policies that come with the service. `today` is the day of
    receipt, which counts where an order has no date. `settings` are those of docs/reference/settings.md by their
    names in Python, such as `mode="production"`; the environment is not read.
    """

    def __init__(self, policies: str | Path | None = None, *, today: str | None = None, **settings: Any) -> None:
        """Start the service. Raises ContentError for a fault in a policy, ValidationError for a wrong setting."""
        chosen = _Settings(**{"policies": policies, "public_base_url": _BASE, **settings})
        loaded = load_policies(policies_folder(chosen.policies))
        self._application = _Watched(chosen, loaded, clock=_clock(today))
        self._app = create_app(self._application)
        self._lifespan = self._app.router.lifespan_context(self._app)
        self._thread = ThreadPoolExecutor(1)  # with a loop of its own, so that an async test may call us, too
        self._runner = asyncio.Runner()
        self._run(self._lifespan.__aenter__)
        self.services: tuple[JsonObject, ...] = tuple(self._call("GET", "").json()["services"])
        """What discovery offers."""

    def __enter__(self) -> Self:
        """Return the client."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the service."""
        self.close()

    def close(self) -> None:
        """Stop the service."""
        self._run(lambda: self._lifespan.__aexit__(None, None, None))
        self._thread.submit(self._runner.close).result()
        self._thread.shutdown()

    def sign(self, *orders: Given, chart: Iterable[Given] = (), patient: str | None = None) -> Answer:
        """Return what the service answers as the orders (requests, or Bundles of them) are signed.

        `chart` is all that there is of the patient: resources and Bundles. Whose orders they are is told by the
        Patient in it or by their subject, else by `patient`. Raises Refused, and ValueError where they are nobody's.
        """
        given, held = [_json(one) for one in orders], [_json(one) for one in chart]
        try:
            exchange = exchange_of_orders(given, held, patient_id=patient)
        except (MalformedRequest, NothingToEvaluate):
            raise ValueError("it is not clear whose orders are signed; name the patient with `patient`") from None
        drafts = {
            "resourceType": "Bundle",
            "type": "collection",
            "entry": [{"resource": one} for one in exchange.drafts],
        }
        context = {"userId": "Practitioner/sandbox", "patientId": exchange.patient_id, "draftOrders": drafts}
        return self.send(
            {
                "hook": "order-sign",
                "hookInstance": _INSTANCE,
                "context": context,
                "prefetch": {**self._nothing_else("order-sign", exchange), "chart": held},
            }
        )

    def send(self, request: Given, *, service: str | None = None) -> Answer:
        """Return what a service answers to a whole hook request, by default the first for its hook. Raises Refused."""
        body = Path(request).read_bytes() if isinstance(request, str | Path) else encode(request)
        name = service or self._service_for(_json(request).get("hook"))["id"]
        self._application.seen.clear()
        reply = self._call("POST", f"/{name}", body)
        return Answer(name, reply.json(), _report(self._application.seen[-1]))

    def feedback(
        self,
        answer: Answer,
        card: JsonObject,
        outcome: Literal["accepted", "overridden"],
        *,
        suggestions: Iterable[JsonObject] = (),
        reason: JsonObject | None = None,
        comment: str | None = None,
    ) -> None:
        """Tell the service what became of a card: which of its suggestions were taken, or why none. Raises Refused."""
        why = {name: value for name, value in (("reason", reason), ("userComment", comment)) if value is not None}
        entry = {
            "card": card["uuid"],
            "outcome": outcome,
            "outcomeTimestamp": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "acceptedSuggestions": [{"id": one["uuid"]} for one in suggestions],
            "overrideReason": why,
        }
        told = {name: value for name, value in entry.items() if value}
        self._call("POST", f"/{answer.service}/feedback", encode({"feedback": [told]}))

    def _service_for(self, hook: object) -> JsonObject:
        for one in self.services:
            if one["hook"] == hook:
                return one
        offered = ", ".join(sorted(one["hook"] for one in self.services))
        raise LookupError(f"no service is there for the hook `{hook}`; hooks that have one: {offered}")

    def _nothing_else(self, hook: str, exchange: Exchange) -> dict[str, object]:
        """Return an answer without entries for each query of the service whose type the chart has not."""
        types = {one["resourceType"] for one in exchange.chart}
        asked = self._service_for(hook).get("prefetch", {})
        empty = {"resourceType": "Bundle", "type": "searchset"}
        return {
            key: empty if "?" in template else None
            for key, template in asked.items()
            if template.partition("?")[0].partition("/")[0] not in types
        }

    def _call(self, method: str, path: str, body: bytes | None = None) -> httpx.Response:
        async def called() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url=_BASE) as client:
                return await client.request(method, f"/cds-services{path}", content=body)

        reply = self._run(called)
        if reply.status_code >= 300:
            raise Refused(reply.status_code, tuple(reply.json().get("issue", ())))
        return reply

    def _run(self, call: Callable[[], Awaitable[T]]) -> T:
        async def awaited() -> T:
            return await call()

        return self._thread.submit(lambda: self._runner.run(awaited())).result()


@dataclass(frozen=True)
class _Watched(Application):
    """The service, whose evaluations are kept for the test to read."""

    seen: list[Evaluation] = field(default_factory=list)

    def evaluate(self, exchange: Exchange, *, as_of: Date | None = None) -> Evaluation:
        evaluation = super().evaluate(exchange, as_of=as_of)
        self.seen.append(evaluation)
        return evaluation


class _Settings(Settings):
    """Settings that nothing but the caller makes."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the name is the library's
        init_settings: PydanticBaseSettingsSource,
        *_: Any,
        **__: Any,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def _clock(day: str | None) -> Callable[[], Date]:
    if day is None:
        return today
    date = parse_date(day)
    if date is None or not date.full:
        raise ValueError("`today` is a day, such as 2026-01-15")
    return lambda: date


def _json(given: Given) -> Any:
    return decode(Path(given).read_bytes()) if isinstance(given, str | Path) else given


def _report(evaluation: Evaluation) -> Mapping[str, Any]:
    return determinations_report(
        evaluation.determinations,
        as_of=evaluation.as_of,
        not_covered=evaluation.not_covered,
        unread=evaluation.unread,
    )
