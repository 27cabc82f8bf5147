"""Decisions replayed: recomputed from what is kept of them, and compared byte for byte with what was answered.

The request and what the EHR answered are kept with the decision, as are the day, the mode and the settings that shape
answers. The policies are told by their revision, a hash of all that decides, under which the store keeps them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import msgspec

from cds_service import __version__
from cds_service.errors import ContentError, MalformedRequest, RequestError
from cds_service.fhir.encoding import decode
from cds_service.fhir.query import Fetched, FhirQuery
from cds_service.fhir.temporal import Date, parse_date
from cds_service.fhir.unread import Why
from cds_service.necessity.model import Determination
from cds_service.plan_definition.package import unpack_policies
from cds_service.plan_definition.policies import Policies
from cds_service.refusals import refusal_to
from cds_service.services import SERVICES
from cds_service.services.evaluation import Evaluation
from cds_service.settings import Settings
from cds_service.store.model import Contents, Decision
from cds_service.store.tokens import AUTHORIZATION
from cds_service.wiring import Application, compile_files

__all__ = ["Replayed", "Replayer", "Verdict", "evaluate_again"]


class Verdict(StrEnum):
    """What came of a replay."""

    IDENTICAL = "identical"
    DIFFERS = "differs"
    CANNOT = "cannot"


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of a replay; `detail` is where the answers differ, or why the decision cannot be recomputed.

    `determinations` are those that were recomputed, where the answer is identical.
    """

    verdict: Verdict
    detail: str = ""
    determinations: tuple[Determination, ...] = field(default=(), repr=False)


class _Circumstances(msgspec.Struct):
    day: str
    settings: dict[str, Any]


class _Answer(msgspec.Struct):
    url: str
    why: Why | None
    pages: list[msgspec.Raw]


_circumstances: Final = msgspec.json.Decoder(_Circumstances)
_answers: Final = msgspec.json.Decoder(list[_Answer])
_UNREADABLE: Final = b'{"unreadable":true,'


@dataclass(frozen=True, slots=True)
class Replayer:
    """Recomputes decisions by the policies at hand, told by their revision, else by those that were kept.

    A decision of another release of the service is recomputed with `any_engine` only.
    """

    policies: dict[str, Policies]
    any_engine: bool = False
    kept: Callable[[str], bytes | None] = lambda _: None
    """The package of policies that is kept under a revision."""

    @classmethod
    def of(
        cls,
        policies: Iterable[Policies],
        *,
        any_engine: bool = False,
        kept: Callable[[str], bytes | None] = lambda _: None,
    ) -> Replayer:
        """Return what replays by any of these sets of policies, and by those that are `kept`."""
        return cls({one.revision: one for one in policies}, any_engine, kept)

    def policies_of(self, revision: str) -> Policies | None:
        """Return the policies of a revision; None where they are neither at hand nor kept as they were."""
        if revision not in self.policies:
            package = self.kept(revision)
            try:
                found = compile_files(unpack_policies(package), "the package")[0] if package else None
            except ContentError:
                return None
            if found is None or found.revision != revision:
                return None
            self.policies[revision] = found
        return self.policies[revision]

    def replay(self, decision: Decision) -> Replayed:
        """Return whether the decision, read with its contents, comes out as it was answered."""
        contents = decision.contents
        if contents is None:
            return _cannot("what it rests on was purged")
        if contents.request.startswith(_UNREADABLE):
            return _cannot("the request was no JSON object; only its length is kept")
        if decision.engine != __version__ and not self.any_engine:
            return _cannot(f"decided by release {decision.engine}, this is {__version__}")
        policies = self.policies_of(decision.policy_revision)
        if policies is None:
            return _cannot(f"policies not at hand: revision {decision.policy_revision[:12]}")
        application = _application(decision, contents, policies)
        if application is None:
            return _cannot("the circumstances of it are not kept, or not as they were")
        return _compare(decision, contents, _answer(application, decision, contents))


def evaluate_again(decision: Decision, policies: Policies) -> Evaluation | None:
    """Return what was evaluated, where these policies still determine exactly the same of what is kept; else None."""
    contents = decision.contents
    application = _application(decision, contents, policies) if contents is not None else None
    if application is None or contents is None:
        return None
    try:
        service = SERVICES[decision.service]
        evaluation = application.serve_again(service, contents.request, _pages(contents, [])).evaluation
    except RequestError:
        return None
    same = [one.id for one in evaluation.determinations] == [one.id for one in decision.determined]
    return evaluation if same else None


@dataclass(frozen=True, slots=True)
class _Again:
    """What a request is answered now; `blind` where the EHR would be asked for what is not kept."""

    status: int
    body: bytes
    determinations: tuple[Determination, ...]
    blind: bool


def _application(decision: Decision, contents: Contents, policies: Policies) -> Application | None:
    try:
        kept = _circumstances.decode(contents.circumstances)
        day = parse_date(kept.day)
        settings = Settings(**{**kept.settings, "mode": decision.mode})
    except ValueError:  # msgspec's and pydantic's errors are such
        return None
    return Application(settings, policies, clock=lambda: day) if isinstance(day, Date) else None


def _answer(application: Application, decision: Decision, contents: Contents) -> _Again:
    missed = list[FhirQuery]()
    pages = _pages(contents, missed)
    try:
        reply = application.serve_again(SERVICES[decision.service], contents.request, pages)
    except RequestError as error:
        return _Again(*refusal_to(error), (), blind=bool(missed))
    return _Again(200, reply.body, reply.evaluation.determinations, blind=bool(missed))


def _pages(contents: Contents, missed: list[FhirQuery]) -> Callable[[FhirQuery], Fetched]:
    """Return what answers queries as the EHR did then; one that it was not asked is added to `missed`."""
    kept = {one.url: one for one in _answers.decode(contents.fetched)} if contents.fetched else {}

    def pages(query: FhirQuery) -> Fetched:
        answer = kept.get(query.url)
        if answer is None:
            missed.append(query)
            return Fetched(query, why=Why.NOT_SENT)
        return Fetched(query, tuple(map(bytes, answer.pages)), answer.why)

    return pages


def _compare(decision: Decision, contents: Contents, now: _Again) -> Replayed:
    if (now.status, now.body) == (decision.status, contents.response):
        return Replayed(Verdict.IDENTICAL, determinations=now.determinations)
    if now.blind:
        return _cannot("what the EHR answered then is not kept")
    if decision.status >= 400 and AUTHORIZATION.encode() in contents.response:
        return _cannot("it was refused for its authorization, which is not kept")
    if now.status != decision.status:
        return Replayed(Verdict.DIFFERS, f"status {now.status} instead of {decision.status}")
    return Replayed(Verdict.DIFFERS, _first_difference(contents.response, now.body))


def _cannot(why: str) -> Replayed:
    return Replayed(Verdict.CANNOT, why)


def _first_difference(kept: bytes, now: bytes) -> str:
    """Return the JSON path of the first difference; none of the values there."""
    try:
        return next(_differences(decode(kept), decode(now), "$"), "in how the JSON is written")
    except MalformedRequest:
        return "what is kept is not JSON"


def _differences(kept: object, now: object, path: str) -> Iterator[str]:
    if isinstance(kept, dict) and isinstance(now, dict):
        for name in dict.fromkeys((*kept, *now)):
            yield from _member(kept, now, name, f"{path}.{name}")
    elif isinstance(kept, list) and isinstance(now, list):
        for i in range(max(len(kept), len(now))):
            if i < min(len(kept), len(now)):
                yield from _differences(kept[i], now[i], f"{path}[{i}]")
            else:
                yield f"{path}[{i}]"
    elif (type(kept), kept) != (type(now), now):
        yield path


def _member(kept: dict[str, Any], now: dict[str, Any], name: str, path: str) -> Iterator[str]:
    if name in kept and name in now:
        yield from _differences(kept[name], now[name], path)
    else:
        yield path
