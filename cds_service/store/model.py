"""What is kept: the decision on one exchange, and what became of its cards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Literal, Self
from uuid import NAMESPACE_URL, uuid5

from cds_service.fhir.encoding import canonical
from cds_service.necessity import model as necessity
from cds_service.plan_definition.profile import CANONICAL_BASE
from cds_service.store.tokens import without_tokens

__all__ = [
    "Caller",
    "Contents",
    "Decision",
    "Determined",
    "FeedbackRecord",
    "Guidance",
    "PolicyVersion",
    "Viewing",
    "in_short",
    "parameters_of",
]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who called: issuer and tenant of the client's token; both empty where a sandbox asks for no token."""

    issuer: str = ""
    tenant: str = ""

    def __post_init__(self) -> None:
        """Replace what UTF-8 cannot hold: a token's JSON may write half a character."""
        for name in ("issuer", "tenant"):
            object.__setattr__(self, name, getattr(self, name).encode("utf-8", "replace").decode())


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """The policy that decided, as it was: `hash` is of plan and value sets."""

    canonical: str
    version: str
    hash: str

    def __str__(self) -> str:
        """Return `canonical|version`."""
        return f"{self.canonical}|{self.version}"


@dataclass(frozen=True, slots=True)
class Determined:
    """One determination in short: what can be listed and counted without reading the chart."""

    id: str
    policy: PolicyVersion
    system: str
    code: str
    outcome: str
    kind: str | None = None

    @classmethod
    def of(cls, one: necessity.Determination) -> Self:
        """Return a determination in short."""
        policy = PolicyVersion(one.plan.canonical, one.plan.version, one.plan.hash)
        kind = str(one.kind) if one.kind else None
        return cls(one.id, policy, one.order.system, one.order.code, str(one.outcome), kind)


@dataclass(frozen=True, slots=True)
class Guidance:
    """A card that was given: its uuid, the ids of its determinations, and those of each suggestion, by its uuid."""

    uuid: str
    determinations: tuple[str, ...] = ()
    suggestions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Contents:
    """What a decision holds of the chart: sealed when it is stored, gone when it is purged.

    `request` is kept without its access token; `fetched` is what the EHR's server was asked for; `determinations`
    is the report with all evidence (docs/reference/determinations.md). `circumstances` is what else the answer rests
    on, as JSON: the day of receipt, and the settings that shape answers.
    """

    patient: str
    request: bytes = field(repr=False)
    response: bytes = field(repr=False)
    determinations: bytes = field(default=b"", repr=False)
    fetched: bytes = field(default=b"", repr=False)
    circumstances: bytes = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        """Remove the token: none is ever stored."""
        object.__setattr__(self, "request", without_tokens(self.request))


@dataclass(frozen=True, slots=True)
class Decision:
    """One invocation of a hook and its response, failures included: `status` is the response's.

    `exchange` is random, for a repeat is a second exchange; `id` is made of the content. `contents` is None in what
    is read back once it was purged, and in lists.
    """

    exchange: str
    service: str
    hook: str
    received: datetime
    mode: str
    engine: str
    caller: Caller = Caller()
    hook_instance: str = ""
    status: int = 200
    as_of: str | None = None
    policy_revision: str = ""
    parameters: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    determined: tuple[Determined, ...] = ()
    cards: tuple[Guidance, ...] = ()
    id: str = ""
    contents: Contents | None = None

    def __post_init__(self) -> None:
        """Derive the id from the content, unless it is known from when the content was there."""
        if not self.id and self.contents is not None:
            object.__setattr__(self, "id", _identity(self, self.contents))

    @property
    def policies(self) -> tuple[PolicyVersion, ...]:
        """Return the policies that decided, each once, in the order of the determinations."""
        return tuple(dict.fromkeys(one.policy for one in self.determined))


@dataclass(frozen=True, slots=True)
class FeedbackRecord:
    """What became of a card, as the EHR reports it; `timestamp` is the outcome's, as sent.

    The same card, outcome and timestamp of one caller are one record, however often they are sent. `reason` is the
    (system, code) of an override. `comment` is free text: it is sealed as a chart is.
    """

    caller: Caller
    service: str
    card: str
    outcome: str
    timestamp: str
    received: datetime
    suggestions: tuple[str, ...] = ()
    reason: tuple[str, str] | None = None
    comment: str | None = field(default=None, repr=False)

    @property
    def id(self) -> str:
        """Return the id of the record: equal for what counts as the same."""
        parts = [self.caller.issuer, self.caller.tenant, self.card, self.outcome, self.timestamp]
        return _uuid("feedback", parts)


@dataclass(frozen=True, slots=True)
class Viewing:
    """Somebody looked at what is kept of charts: who, by which way, and of which exchanges.

    `by` is a reviewer, or a user of the operating system who ran a command.
    """

    by: str
    way: Literal["review", "show", "export", "replay"]
    exchanges: tuple[str, ...]


def in_short(determinations: Iterable[necessity.Determination]) -> tuple[Determined, ...]:
    """Return determinations in short, in their order."""
    return tuple(Determined.of(one) for one in determinations)


def parameters_of(determinations: Iterable[necessity.Determination]) -> dict[str, dict[str, str]]:
    """Return the parameters of the policies that decided, by `canonical|version` and name."""
    plans = {f"{one.plan.canonical}|{one.plan.version}": one.plan for one in determinations}
    return {
        name: {key: str(value.value) for key, value in plan.parameters.items()}
        for name, plan in plans.items()
        if plan.parameters
    }


def _identity(decision: Decision, contents: Contents) -> str:
    parts = {
        "caller": [decision.caller.issuer, decision.caller.tenant],
        "service": decision.service,
        "mode": decision.mode,
        "engine": decision.engine,
        "policies": decision.policy_revision or [one.hash for one in decision.policies],
        "asOf": decision.as_of,
        "status": decision.status,
        "determinations": [one.id for one in decision.determined],
        "contents": [sha256(part).hexdigest() for part in (contents.request, contents.fetched, contents.response)],
    }
    return _uuid("decision", parts)


def _uuid(kind: str, parts: object) -> str:
    return str(uuid5(NAMESPACE_URL, f"{CANONICAL_BASE}/{kind}/{canonical(parts).decode()}"))
