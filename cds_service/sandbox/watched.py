"""The service, watched: what came in, what became of it and what it rests on, for the developer who looks."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from time import perf_counter, time
from typing import Any

from cds_service.cds_hooks import state_of
from cds_service.decisions import Reply
from cds_service.errors import NotAuthenticated, RequestError
from cds_service.expressions.language import Expression
from cds_service.fhir.encoding import decode
from cds_service.necessity.report import determinations_report
from cds_service.plan_definition.data_requirements import prefetch_of
from cds_service.plan_definition.policies import Policies
from cds_service.sandbox.page_keys import PublishedKeys
from cds_service.security import Client, InMemoryReplayGuard, TrustedClient, Verifier
from cds_service.security.reasons import Refused
from cds_service.security.tokens import read_token
from cds_service.services import Service
from cds_service.services.evaluation import Evaluation
from cds_service.wiring import Application

__all__ = ["Exchanges", "Watched", "report_of"]

_MOST = 200


@dataclass(slots=True)
class Exchanges:
    """The last exchanges, each as JSON with a `number`, and what was found of the last tokens, by their `jti`."""

    _kept: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_MOST))
    _verdicts: dict[str, str] = field(default_factory=dict)
    _count: int = 0

    def note(self, told: Mapping[str, Any]) -> None:
        """Keep an exchange."""
        self._count += 1
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._kept.append({"number": self._count, "at": now, **told})

    def after(self, number: int) -> list[dict[str, Any]]:
        """Return the exchanges later than one of that number."""
        return [one for one in self._kept if one["number"] > number]

    def find(self, hook_instance: str) -> dict[str, Any] | None:
        """Return the last exchange of a hook instance."""
        return next((one for one in reversed(self._kept) if one["hookInstance"] == hook_instance), None)

    def judge(self, token: str, verdict: str) -> None:
        """Keep what was found of a token."""
        self._verdicts[token] = verdict
        for old in list(self._verdicts)[:-_MOST]:
            del self._verdicts[old]

    def verdict(self, token: str) -> str | None:
        """Return what was found of a token."""
        return self._verdicts.get(token)


@dataclass(frozen=True)
class Watched(Application):
    """The service in one of its roles; `trusted` is who may call, where not everybody may."""

    exchanges: Exchanges = field(default_factory=Exchanges)
    role: str = "provider"
    keys: PublishedKeys = field(default_factory=PublishedKeys)
    trusted: TrustedClient | None = None
    others: list[Watched] = field(default_factory=list)
    """The same service in other roles: they end with this one."""

    async def close(self) -> None:
        """Close what every role holds."""
        for one in self.others:
            await one.fhir.aclose()
        await super().close()

    @cached_property
    def verifier(self) -> Verifier | None:
        """Return what tells who calls, by the keys that the page published."""
        if self.trusted is None:
            return None
        return Verifier((self.trusted,), keys=self.keys, replay=InMemoryReplayGuard(time))

    async def authenticate(self, authorization: str | None, path: str) -> Client | None:
        """Return who calls, and note why, or why not."""
        try:
            client = await super().authenticate(authorization, path)
        except NotAuthenticated as error:
            self._judge(authorization, f"refused: {error.code}")
            raise
        self._judge(authorization, "accepted" if client else "not looked at: this address answers everybody")
        return client

    async def serve(self, service: Service, body: bytes, *, deadline: float, client: Client | None = None) -> Reply:
        """Return the reply, and note what it was made of."""
        begun = perf_counter()
        try:
            reply = await super().serve(service, body, deadline=deadline, client=client)
        except RequestError as error:
            self.exchanges.note(self._told(service, body, begun) | {"refused": str(error)})
            raise
        told = self._told(service, body, begun)
        fetched = [{"url": one.query.url, "key": one.query.key, "why": one.why} for one in reply.fetched]
        report = report_of(reply.evaluation, self.policies)
        self.exchanges.note(told | {"fetched": fetched, "report": report, "response": decode(reply.body)})
        return reply

    def _told(self, service: Service, body: bytes, begun: float) -> dict[str, Any]:
        taken = round((perf_counter() - begun) * 1000, 1)
        try:
            incoming = self.parse(service, body)
        except RequestError:
            return {"service": service.id, "role": self.role, "milliseconds": taken, "hookInstance": None}
        request, payer = incoming.request, self.payer is not None
        asked = prefetch_of(self.policies.plans, payer=payer, hook=service.hook)
        return {
            "service": service.id,
            "role": self.role,
            "milliseconds": taken,
            "hookInstance": request.hook_instance,
            "patient": request.context.patient,
            "prefetch": [
                {"key": key, "query": query, "state": state_of(request.prefetch, key).value}
                for key, query in asked.items()
            ],
            "request": decode(body),
        }

    def _judge(self, authorization: str | None, verdict: str) -> None:
        try:
            jti = read_token(authorization).claims.get("jti")
        except Refused:
            return
        if isinstance(jti, str):
            self.exchanges.judge(jti, verdict)

    def playing(self, role: str, trusted: TrustedClient | None, **settings: Any) -> Watched:
        """Return the same service in another role, with other settings."""
        other = replace(self, role=role, trusted=trusted, settings=self.settings.model_copy(update=settings), others=[])
        self.others.append(other)
        return other


def report_of(evaluation: Evaluation, policies: Policies) -> dict[str, Any]:
    """Return the report of an evaluation, each criterion with its title and the texts of its expressions."""
    report = determinations_report(
        evaluation.determinations,
        as_of=evaluation.as_of,
        not_covered=evaluation.not_covered,
        unread=evaluation.unread,
    )
    plans = {(plan.canonical, plan.version): plan for plan in policies.plans}
    for one in report["determinations"]:
        plan = plans[one["policy"]["canonical"], one["policy"]["version"]]
        one["policy"]["title"] = plan.title
        about = {criterion.id: criterion for criterion in plan.walk()}
        for told in one["criteria"]:
            criterion = about[told["id"]]
            told |= {
                "title": criterion.title,
                "support": _source(criterion.support),
                "refute": _source(criterion.refute),
            }
    return report


def _source(expression: Expression | None) -> str | None:
    return expression.source if expression is not None else None
