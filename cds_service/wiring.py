"""Everything put together, once: settings → policies read and compiled → a service that answers."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path

from cds_service.cards import Presentation, card_for_others, cards_of_the_rest, show
from cds_service.cds_hooks import (
    Action,
    Discovery,
    HookContext,
    ProtocolError,
    Request,
    Response,
    parse,
    parse_feedback,
    to_json_object,
)
from cds_service.cds_hooks import Service as Offer
from cds_service.crd import Call, Terms, discovery_extension, payer_identifier
from cds_service.decisions import SHAPING, Circumstances, Reply, decision_of, feedback_records, refusal_of
from cds_service.ehr.addresses import AddressRules
from cds_service.ehr.client import FhirClient
from cds_service.ehr.gather import Access, gather
from cds_service.ehr.servers import AllowedServers, NotAllowed
from cds_service.ehr.transport import CheckedTransport
from cds_service.errors import ConfigurationError, ContentError, MalformedRequest, TooManyReports
from cds_service.fhir.encoding import decode, encode, member_of, refuse_duplicate_keys
from cds_service.fhir.query import Fetched, FhirQuery
from cds_service.fhir.temporal import Date
from cds_service.fhir.unread import Why
from cds_service.necessity.questionnaire import canonical_of, questionnaire_of
from cds_service.observability import seen, step
from cds_service.plan_definition.artifacts import Artifacts, read_artifacts
from cds_service.plan_definition.data_requirements import prefetch_of
from cds_service.plan_definition.package import PolicyFiles, pack_policies
from cds_service.plan_definition.policies import Policies, compile_policies
from cds_service.policy_files import read_policy_files
from cds_service.security import Client, InMemoryReplayGuard, KeyStore, TrustedClient, Verifier, fetcher, load_clients
from cds_service.services import SERVICES, Service
from cds_service.services.evaluation import Evaluation, Exchange, evaluate
from cds_service.services.needs import NOTHING, Answered, Reader
from cds_service.services.payer import Payer
from cds_service.settings import Settings
from cds_service.store.memory import InMemoryStore
from cds_service.store.payload import Keys
from cds_service.store.store import Store

__all__ = [
    "Application",
    "Incoming",
    "compile_files",
    "load_policies",
    "open_store",
    "policies_folder",
    "read_policies",
    "today",
]


def today() -> Date:
    """Return the day of receipt: the only clock of the service."""
    now = date.today()  # noqa: DTZ011 - the day where the service runs
    return Date((now.year, now.month, now.day))


def policies_folder(chosen: Path | None) -> Path:
    """Return where the policies are: the chosen folder or package, else the folder that comes with the service."""
    if chosen is not None:
        return chosen
    packaged = Path(__file__).parent / "policies"
    return packaged if packaged.is_dir() else Path(__file__).parent.parent / "plan_definitions"


def load_policies(place: Path) -> Policies:
    """Return every policy of a folder or package compiled. Raises ContentError, also where there is none."""
    return read_policies(place)[0]


def read_policies(place: Path) -> tuple[Policies, Artifacts]:
    """Return the policies of a folder or package, and the artifacts that they are made of. Raises as above."""
    return compile_files(read_policy_files(place), str(place))


def compile_files(files: PolicyFiles, place: str) -> tuple[Policies, Artifacts]:
    """Return the policies that are written in these files, and their artifacts. Raises as above."""
    artifacts = read_artifacts(files.artifacts)
    policies = compile_policies(artifacts)
    if not policies.plans:
        raise ContentError(f"`{place}` holds no PlanDefinition")
    return policies, artifacts


def open_store(settings: Settings) -> Store:
    """Return the store that the settings name, its schema brought up to date. Raises StoreError."""
    if settings.database_url == "memory":
        return InMemoryStore()
    from cds_service.store.sql import SqlStore  # takes longer to import than the commands that keep nothing take

    keys = Keys.of(settings.encryption_keys.get_secret_value())
    return SqlStore(settings.database_url, keys=keys, spill=settings.store_spill)


_KEPT = "cds-service.kept"
"""The name of a package of policies that the store keeps."""
_MAX_REPORTS = 1000
"""Entries in one call of feedback."""
_ROUNDS = 4
"""The orders, what has their codes, the chart, and who the payer is: each may tell what is to be read next."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A hook request, parsed, with the bytes that it came in."""

    service: Service
    request: Request[HookContext]
    body: bytes


@dataclass(frozen=True, slots=True)
class _Open:
    """What is to be read of the EHR before a request can be answered."""

    queries: tuple[FhirQuery, ...]
    access: Access


@dataclass(frozen=True)
class Application:
    """The service without its transport: bytes in, bytes out."""

    settings: Settings
    policies: Policies
    clock: Callable[[], Date] = today
    store: Store = field(default_factory=InMemoryStore)
    """Where decisions are kept: in memory unless the service is given a database."""
    files: PolicyFiles | None = None
    """What the policies are written in; without, they are not kept beside the decisions."""

    # -- put together once ----------------------------------------------------------------------------------------

    @classmethod
    def of(cls, settings: Settings) -> Application:
        """Return the service with the policies that its settings name. Raises ContentError."""
        place = policies_folder(settings.policies)
        files = read_policy_files(place)
        return cls(settings, compile_files(files, str(place))[0], files=files)

    async def close(self) -> None:
        """Close the connections to EHRs, and the store once all that it was given is kept."""
        await self.fhir.aclose()
        self.store.close()

    def prepare(self) -> None:
        """Build what every request needs, so that a fault of the settings shows now. Raises ConfigurationError."""
        try:
            _ = self.verifier, self.payer, self.fhir, self.discovery, self.policy_pages
        except ValueError as error:
            raise ConfigurationError("settings", (str(error),)) from None

    def keep_policies(self) -> None:
        """Keep what decides beside the decisions, so that each can be recomputed when other policies decide.

        Raises StoreUnavailable, and ContentError for files that cannot be packed together.
        """
        if self.files is not None:
            self.store.keep_policies(self.policies.revision, pack_policies(self.files, name=_KEPT, version="0.0.0"))

    def read_again(self) -> Application:
        """Return this service with its policies read anew, on the same connections, store and memory of tokens.

        Raises ContentError.
        """
        fresh = Application.of(self.settings)
        other = replace(self, policies=fresh.policies, files=fresh.files)
        other.__dict__.update({name: getattr(self, name) for name in ("clients", "verifier", "fhir")})
        return other

    @property
    def production(self) -> bool:
        """Return whether only approved policies may decide."""
        return self.settings.mode == "production"

    @property
    def base_url(self) -> str:
        """Return the address at which clients reach this service, without a slash at its end."""
        return self.settings.public_base_url.rstrip("/")

    @cached_property
    def presentation(self) -> Presentation:
        """Return how cards present themselves."""
        return Presentation(
            label=self.settings.organization,
            base_url=self.base_url,
            sandbox=not self.production,
            crd=self.payer is not None,
        )

    @cached_property
    def payer(self) -> Payer | None:
        """Return who pays, where this service answers for a payer; None where it serves a provider."""
        if not self.settings.payer_identifiers:
            return None
        terms = Terms(
            authorization=self.settings.payer_authorization,
            review_contact=self.settings.payer_contact,
            policies_url=f"{self.base_url}/policies",
            questionnaire=lambda plan: canonical_of(plan) if plan.questions else None,
        )
        identifiers = frozenset(map(payer_identifier, self.settings.payer_identifiers))
        return Payer(identifiers, terms, strict=self.settings.payer_strict)

    @cached_property
    def reader(self) -> Reader:
        """Return what reads requests for these policies."""
        return Reader(self.policies, payer=self.payer is not None, by_code=self.settings.fhir_code_filters)

    @cached_property
    def clients(self) -> tuple[TrustedClient, ...]:
        """Return the clients that are trusted. Raises ConfigurationError."""
        place = self.settings.clients
        return load_clients(place, sandbox=not self.production) if place else ()

    @cached_property
    def verifier(self) -> Verifier | None:
        """Return what tells who calls; None where anybody may. Raises ConfigurationError."""
        if self.settings.authentication == "off" or not (self.settings.clients or self.production):
            return None
        if not self.clients:
            raise ConfigurationError(
                "CDS_CLIENTS", ("names no clients, so that every call would be refused; or set CDS_AUTHENTICATION=off",)
            )
        keys = KeyStore(fetcher(sandbox=not self.production))
        return Verifier(self.clients, keys=keys, replay=self.store.token_uses or InMemoryReplayGuard(time.time))

    @cached_property
    def fhir(self) -> FhirClient:
        """Return what reads the EHRs' FHIR servers; it belongs to the event loop that first uses it."""
        rules = AddressRules.of(self.settings.fhir_networks, loopback=not self.production)
        every = (*self.settings.fhir_servers, *(one for client in self.clients for one in client.fhir_servers))
        return FhirClient(self._servers(every), CheckedTransport(rules))

    def _servers(self, addresses: Iterable[str]) -> AllowedServers:
        return AllowedServers.of(addresses, loopback=not self.production)

    @cached_property
    def discovery(self) -> bytes:
        """Return the body of `GET /cds-services`."""
        offers = tuple(
            Offer(
                hook=service.hook,
                id=service.id,
                title=service.title,
                description=service.description,
                prefetch=prefetch_of(
                    self.policies.plans,
                    payer=self.payer is not None,
                    hook=service.hook,
                    fhirpath=self.settings.prefetch_tokens == "fhirpath",
                ),
                usage_requirements=_USAGE_OF_A_PAYER if self.payer else None,
                extension=discovery_extension(payer=self.payer is not None),
            )
            for service in SERVICES.values()
        )
        return encode(to_json_object(Discovery(services=offers)))

    @cached_property
    def policy_pages(self) -> Mapping[str, bytes]:
        """Return the policies in words, Markdown in UTF-8, by the name of their folder, for those that have a page."""
        files = self.files or read_policy_files(policies_folder(self.settings.policies))
        pages = {plan.group: files.text(plan.group, "policy.md") for plan in self.policies.plans}
        return {group: page for group, page in pages.items() if page is not None}

    @cached_property
    def questionnaires(self) -> Mapping[str, bytes]:
        """Return the Questionnaires of the policies, as FHIR JSON by their id; of several versions the last."""
        made = (questionnaire_of(plan) for plan in self.policies.plans)
        return {str(one["id"]): encode(one) for one in made if one is not None}

    # -- one request ----------------------------------------------------------------------------------------------

    async def authenticate(self, authorization: str | None, path: str) -> Client | None:
        """Return who calls the address at `path`; None where anybody may. Raises NotAuthenticated."""
        return await self.verifier.verify(authorization, audience=f"{self.base_url}{path}") if self.verifier else None

    async def serve(self, service: Service, body: bytes, *, deadline: float, client: Client | None = None) -> Reply:
        """Return the reply to a hook request, once what it did not bring is read of the EHR as far as that goes.

        `deadline` is a time of the event loop, until when the EHR is read. Nothing that was parsed is held while the
        EHR is waited for: a chart held over an await costs twice the time. Raises RequestError.
        """
        answered: dict[FhirQuery, Fetched] = {}
        for _ in range(_ROUNDS):
            found = self._proceed(service, body, answered, client)
            if isinstance(found, Reply):
                return found
            with step("fetch"):
                fetched = await gather(found.queries, found.access, client=self.fhir, deadline=deadline)
            seen().fetched.update(str(one.why or "complete") for one in fetched)
            answered.update((one.query, one) for one in fetched)
        return self._reply(self.parse(service, body), answered, client)

    def _proceed(self, service: Service, body: bytes, answered: Answered, client: Client | None) -> Reply | _Open:
        with step("read"):
            incoming = self.parse(service, body)
        request = incoming.request
        if request.fhir_server and self.settings.fhir_fetch and self._lacking(request, client) is Why.NOT_SENT:
            with step("read"):
                queries = self.reader.needs(service, request, answered, received=self.clock())
            if queries:
                return _Open(tuple(queries), _access(request))
        return self._reply(incoming, answered, client)

    def serve_again(self, service: Service, body: bytes, pages: Callable[[FhirQuery], Fetched]) -> Reply:
        """Return the reply to a request once more; `pages` gives what the EHR answered then. Raises RequestError."""
        answered: dict[FhirQuery, Fetched] = {}
        for _ in range(_ROUNDS):
            found = self._proceed(service, body, answered, None)
            if isinstance(found, Reply):
                return found
            answered.update((query, pages(query)) for query in found.queries)
        return self._reply(self.parse(service, body), answered, None)

    def answer(self, service: Service, body: bytes) -> bytes:
        """Return the response to a hook request from what it brings. Raises RequestError."""
        return self._reply(self.parse(service, body), NOTHING, None).body

    def _reply(self, incoming: Incoming, answered: Answered, client: Client | None) -> Reply:
        with step("read"):
            exchange = self.read(incoming, answered, client)
        with step("evaluate"):
            evaluation = self.evaluate(exchange)
        seen().determined.update((one.plan.reference, str(one.outcome)) for one in evaluation.determinations)
        with step("answer"):
            return self.reply(evaluation, incoming, answered)

    async def keep(self, reply: Reply, service: Service, body: bytes, client: Client | None) -> None:
        """Return once a reply is kept, with what it was made of. Raises StoreUnavailable."""
        with step("keep"):
            decision = decision_of(reply, service, body, client, kept=self._kept())
            await self.store.append(decision)
        seen().decision = decision.exchange

    async def keep_refusal(
        self, status: int, answer: bytes, service: Service, body: bytes, client: Client | None
    ) -> None:
        """Return once a request that was answered with an error is kept. Raises StoreUnavailable."""
        with step("keep"):
            refusal = refusal_of(status, answer, service, body, client, kept=self._kept())
            await self.store.append(refusal)
        seen().decision = refusal.exchange

    async def take_feedback(self, service: Service, body: bytes, client: Client | None) -> None:
        """Return once what became of cards is kept, each report once.

        Raises MalformedRequest, TooManyReports, StoreUnavailable.
        """
        report = decode(body)
        entries = report.get("feedback") if isinstance(report, dict) else None
        if isinstance(entries, list) and len(entries) > _MAX_REPORTS:
            raise TooManyReports(_MAX_REPORTS)
        try:
            feedback = parse_feedback(report)
        except ProtocolError as error:
            raise MalformedRequest(error.path, error.reason) from None
        await self.store.feedback(feedback_records(feedback, service, client, received=datetime.now(UTC)))

    def _kept(self) -> Circumstances:
        settings = self._shaping
        return Circumstances(datetime.now(UTC), self.clock(), self.settings.mode, self.policies.revision, settings)

    @cached_property
    def _shaping(self) -> Mapping[str, object]:
        return self.settings.model_dump(mode="json", include=set(SHAPING))

    def parse(self, service: Service, body: bytes) -> Incoming:
        """Return a hook request that is well formed. Raises MalformedRequest."""
        try:
            request = parse(decode(body), hook=service.hook)
        except ProtocolError as error:
            raise MalformedRequest(error.path, error.reason) from None
        if service.orders is not None:
            refuse_duplicate_keys(member_of(body, "context", service.orders), path=f"context.{service.orders}")
        return Incoming(service, request, body)

    def read(self, incoming: Incoming, answered: Answered = NOTHING, client: Client | None = None) -> Exchange:
        """Return what a hook request asks about. Raises RequestError."""
        why = self._lacking(incoming.request, client)
        return self.reader.exchange(incoming.service, incoming.request, answered, received=self.clock(), why=why)

    def _lacking(self, request: Request[HookContext], client: Client | None) -> Why:
        """Return why what a request did not bring is not read of the server that it names."""
        servers = client.fhir_servers if client else self.settings.fhir_servers
        try:
            if request.fhir_server and self.settings.fhir_fetch:
                self._servers(servers).server(request.fhir_server)
        except NotAllowed:
            return Why.NOT_ALLOWED
        return Why.NOT_SENT

    def evaluate(self, exchange: Exchange, *, as_of: Date | None = None) -> Evaluation:
        """Return the determinations of an exchange."""
        return evaluate(
            exchange,
            self.policies,
            received=self.clock(),
            as_of=as_of,
            production=self.production,
            review_valid_months=self.settings.review_valid_months,
        )

    def respond(self, evaluation: Evaluation, incoming: Incoming | None = None) -> bytes:
        """Return the response to what was evaluated, and to the hook request that it stood in if it stood in one."""
        return self.reply(evaluation, incoming).body

    def reply(self, evaluation: Evaluation, incoming: Incoming | None = None, answered: Answered = NOTHING) -> Reply:
        """Return the cards of an evaluation; for a payer, also what it says of the orders.

        Without the hook request that it answers there is nothing configured, and nothing to be written onto.
        """
        hook, extension = (incoming.service.hook, incoming.request.extension) if incoming else ("", None)
        call = Call.of(hook, extension, evaluation.unread)
        presentation = self.presentation
        actions: tuple[Action, ...] = ()
        if self.payer and incoming:
            presentation = replace(presentation, card_types=call.version.card_types)
            patient_id = incoming.request.context.patient
            actions = self.payer.actions(evaluation, call, incoming.body, answered, patient_id=patient_id)
        rest = cards_of_the_rest(evaluation.not_covered, presentation)
        if incoming and _NO_CLINICIAN.search(incoming.request.context.user_id or ""):
            shown = card_for_others(evaluation.determinations, rest, presentation)
        else:
            shown = (*show(evaluation.determinations, presentation, unread=evaluation.unread), *rest)
        cards = call.configuration.chosen(one.card for one in shown)
        body = encode(to_json_object(Response(cards=cards, system_actions=actions)))
        instance = incoming.request.hook_instance if incoming else None
        given = {one.uuid for one in cards}
        return Reply(
            body, evaluation, tuple(one for one in shown if one.card.uuid in given), instance, tuple(answered.values())
        )


def _access(request: Request[HookContext]) -> Access:
    granted = request.fhir_authorization
    return Access(request.fhir_server or "", request.bearer_token, granted.scope if granted else None)


_NO_CLINICIAN = re.compile(r"(^|/)(Patient|RelatedPerson)/[^/]*(/_history/[^/]*)?$")
"""Users that a hook may name, for whom no card is written. Source: CDS Hooks library, appointment-book."""

_USAGE_OF_A_PAYER = (
    "Send the patient's active Coverage, or let it be read: what is said of an order holds under one Coverage. "
    "Clinical data are read from the FHIR server where they are not prefetched."
)
