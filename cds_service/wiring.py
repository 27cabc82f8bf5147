"""Everything put together, once: settings → policies read and compiled → a service that answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

from cds_service.cards import Presentation, cards_of_the_rest, render
from cds_service.cds_hooks import Discovery, HookContext, ProtocolError, Request, Response, parse, to_json_object
from cds_service.cds_hooks import Service as Offer
from cds_service.ehr.addresses import AddressRules
from cds_service.ehr.client import FhirClient
from cds_service.ehr.gather import Access, gather
from cds_service.ehr.servers import AllowedServers, NotAllowed
from cds_service.ehr.transport import CheckedTransport
from cds_service.errors import ContentError, MalformedRequest
from cds_service.fhir.encoding import decode, encode, member_of, refuse_duplicate_keys
from cds_service.fhir.query import Fetched, FhirQuery
from cds_service.fhir.temporal import Date
from cds_service.fhir.unread import Why
from cds_service.plan_definition.artifacts import Artifacts, read_artifacts
from cds_service.plan_definition.data_requirements import prefetch_of
from cds_service.plan_definition.policies import Policies, compile_policies
from cds_service.policy_files import read_policy_files
from cds_service.services import SERVICES, Service
from cds_service.services.evaluation import Evaluation, Exchange, evaluate
from cds_service.services.needs import NOTHING, Answered, Reader
from cds_service.settings import Settings

__all__ = ["Application", "load_policies", "policies_folder", "read_policies", "today"]


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
    artifacts = read_artifacts(read_policy_files(place).artifacts)
    policies = compile_policies(artifacts)
    if not policies.plans:
        raise ContentError(f"`{place}` holds no PlanDefinition")
    return policies, artifacts


_ROUNDS = 3
"""The orders, the chart, and who the payer is: each may tell what is to be read next."""


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

    @property
    def production(self) -> bool:
        """Return whether only approved policies may decide."""
        return self.settings.mode == "production"

    @cached_property
    def presentation(self) -> Presentation:
        """Return how cards present themselves."""
        return Presentation(
            label=self.settings.organization,
            base_url=self.settings.public_base_url.rstrip("/"),
            sandbox=not self.production,
        )

    @cached_property
    def discovery(self) -> bytes:
        """Return the body of `GET /cds-services`."""
        offers = tuple(
            Offer(
                hook=service.hook,
                id=service.id,
                title=service.title,
                description=service.description,
                prefetch=prefetch_of(self.policies.plans),
            )
            for service in SERVICES.values()
        )
        return encode(to_json_object(Discovery(services=offers)))

    @cached_property
    def policy_pages(self) -> Mapping[str, bytes]:
        """Return the policies in words, Markdown in UTF-8, by the name of their folder, for those that have a page."""
        files = read_policy_files(policies_folder(self.settings.policies))
        pages = {plan.group: files.text(plan.group, "policy.md") for plan in self.policies.plans}
        return {group: page for group, page in pages.items() if page is not None}

    @cached_property
    def reader(self) -> Reader:
        """Return what reads requests for these policies."""
        return Reader(self.policies, by_code=self.settings.fhir_code_filters)

    @cached_property
    def fhir(self) -> FhirClient:
        """Return what reads the EHRs' FHIR servers; it belongs to the event loop that first uses it."""
        sandbox = not self.production
        transport = CheckedTransport(AddressRules.of(self.settings.fhir_networks, loopback=sandbox))
        return FhirClient(self._fhir_servers, transport)

    @cached_property
    def _fhir_servers(self) -> AllowedServers:
        return AllowedServers.of(self.settings.fhir_servers, loopback=not self.production)

    async def serve(self, service: Service, body: bytes, *, deadline: float) -> bytes:
        """Return the response to a hook request, once what it did not bring is read of the EHR as far as that goes.

        `deadline` is a time of the event loop, until when the EHR is read. Nothing that was parsed is held while the EHR is waited for: a chart
        held over an await costs twice the time. Raises RequestError.
        """
        answered: dict[FhirQuery, Fetched] = {}
        for _ in range(_ROUNDS):
            found = self._proceed(service, body, answered)
            if isinstance(found, bytes):
                return found
            fetched = await gather(found.queries, found.access, client=self.fhir, deadline=deadline)
            answered.update((one.query, one) for one in fetched)
        return self.answer(service, body, answered)

    def _proceed(self, service: Service, body: bytes, answered: Answered) -> bytes | _Open:
        request = self._parse(service, body)
        if request.fhir_server and self._lacking(request) is Why.NOT_SENT and self.settings.fhir_fetch:
            queries = self.reader.needs(service, request, answered, received=self.clock())
            if queries:
                return _Open(tuple(queries), Access(request.fhir_server, request.bearer_token))
        return self.respond(self.evaluate(self._exchange(service, request, answered)))

    def answer(self, service: Service, body: bytes, answered: Answered = NOTHING) -> bytes:
        """Return the response to a hook request from what it brings, and what was read besides. Raises RequestError."""
        return self.respond(self.evaluate(self.read(service, body, answered)))

    def read(self, service: Service, body: bytes, answered: Answered = NOTHING) -> Exchange:
        """Return what a hook request asks about. Raises RequestError."""
        return self._exchange(service, self._parse(service, body), answered)

    def _parse(self, service: Service, body: bytes) -> Request[HookContext]:
        try:
            request = parse(decode(body), hook=service.hook)
        except ProtocolError as error:
            raise MalformedRequest(error.path, error.reason) from None
        if service.orders is not None:
            refuse_duplicate_keys(member_of(body, "context", service.orders), path=f"context.{service.orders}")
        return request

    def _exchange(self, service: Service, request: Request[HookContext], answered: Answered) -> Exchange:
        try:
            return self.reader.exchange(service, request, answered, received=self.clock(), why=self._lacking(request))
        except ProtocolError as error:
            raise MalformedRequest(error.path, error.reason) from None

    def _lacking(self, request: Request[HookContext]) -> Why:
        """Return why what a request did not bring is not read of the server that it names."""
        try:
            if request.fhir_server and self.settings.fhir_fetch:
                self._fhir_servers.server(request.fhir_server)
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

    def respond(self, evaluation: Evaluation) -> bytes:
        """Return the cards of an evaluation as the body of a response."""
        cards = render(evaluation.determinations, self.presentation, unread=evaluation.unread)
        rest = cards_of_the_rest(evaluation.not_covered, self.presentation)
        response = Response(cards=(*cards, *rest))
        return encode(to_json_object(response))
