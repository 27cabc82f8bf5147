"""Orders and a chart in; cards, determinations or words out."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cds_service.cli.failure import Exit, Failure
from cds_service.cli.files import blamed_on, bytes_of, json_of, write_json, write_lines
from cds_service.cli.options import AsOf, ModeOption, Patient, Policies, application_of, date_of
from cds_service.errors import MalformedRequest, NothingToEvaluate

if TYPE_CHECKING:
    from cds_service.services.evaluation import Evaluation, Exchange
    from cds_service.wiring import Application, Incoming

__all__ = ["evaluate", "explain"]


def evaluate(
    file: Annotated[str | None, typer.Argument(metavar="FILE|-", help="A hook request or a FHIR Bundle.")] = None,
    order: Annotated[
        list[str] | None, typer.Option("--order", metavar="FILE", help="A request resource, or a Bundle of them.")
    ] = None,
    chart: Annotated[
        list[str] | None, typer.Option("--chart", metavar="FILE", help="The patient's chart: a Bundle.")
    ] = None,
    output: Annotated[Literal["cards", "determinations", "text"], typer.Option("--format")] = "cards",
    patient: Patient = None,
    as_of: AsOf = None,
    policies: Policies = None,
    mode: ModeOption = None,
    pretty: Annotated[bool, typer.Option("--pretty", help="Indent the JSON.")] = False,
) -> None:
    """Evaluate orders against a chart.

    The input is an order-sign or order-select request, a Bundle, or requests by --order beside a --chart.
    In a Bundle of any type the requests with the status `draft` are the orders and all else is the chart.
    With --format cards the output is what the service would answer, byte by byte.

    \b
    Exit codes: 0 evaluated (whatever the outcome)
                2 wrong usage
                3 input that cannot be read, or is no such request or Bundle
                4 a fault in a policy
                5 nothing to evaluate: no order
    """
    source, day = _Source(file, tuple(order or ()), tuple(chart or ()), patient), date_of(as_of)
    application = application_of(mode, policies)
    exchange, incoming = _exchange(application, source)
    evaluation = application.evaluate(exchange, as_of=day)
    match output:
        case "cards":
            write_json(application.respond(evaluation, incoming), pretty=pretty)
        case "determinations":
            write_json(_report(evaluation), pretty=pretty)
        case "text":
            write_lines(_text(evaluation, code=None))


def explain(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="A hook request or a FHIR Bundle.")],
    code: Annotated[str | None, typer.Option("--code", help="Explain this ordered code only.")] = None,
    patient: Patient = None,
    as_of: AsOf = None,
    policies: Policies = None,
    mode: ModeOption = None,
) -> None:
    """Explain determinations in words.

    Shows every criterion with its state, its evidence, and what is missing. Exit codes as for `evaluate`.
    """
    source, day = _Source(file, (), (), patient), date_of(as_of)
    application = application_of(mode, policies)
    exchange, _ = _exchange(application, source)
    write_lines(_text(application.evaluate(exchange, as_of=day), code=code))


class _Source:
    """Where the orders and the chart come from."""

    def __init__(self, file: str | None, orders: tuple[str, ...], charts: tuple[str, ...], patient: str | None) -> None:
        if (file is None) is not bool(orders and charts):
            raise Failure(Exit.USAGE, "give a FILE (`-` for stdin), or --order and --chart")
        self.file, self.orders, self.charts, self.patient = file, orders, charts, patient
        if len([name for name in (file, *orders, *charts) if name == "-"]) > 1:
            raise Failure(Exit.USAGE, "`-` can be given once only")


def _exchange(application: Application, source: _Source) -> tuple[Exchange, Incoming | None]:
    """Return what is to be evaluated, and the hook request that it stands in if it stands in one."""
    from cds_service.services.bundle_exchange import exchange_of_orders

    if source.file is not None:
        with blamed_on(source.file):
            return _exchange_of_file(application, source.file, source.patient)
    orders = [json_of(name) for name in source.orders]
    charts = [json_of(name) for name in source.charts]
    with blamed_on(", ".join(source.orders)):
        return exchange_of_orders(orders, charts, patient_id=source.patient), None


def _exchange_of_file(application: Application, file: str, patient: str | None) -> tuple[Exchange, Incoming | None]:
    from cds_service.fhir.encoding import decode
    from cds_service.services.bundle_exchange import exchange_of_bundle

    body = bytes_of(file)
    value = decode(body)
    if isinstance(value, dict) and "resourceType" not in value and not value.keys().isdisjoint({"hook", "context"}):
        incoming = _incoming(application, value, body)
        return _exchange_of(application, incoming), incoming
    _refuse_other_json(value, body)
    return exchange_of_bundle(value, patient_id=patient), None


def _incoming(application: Application, request: dict[str, Any], body: bytes) -> Incoming:
    from cds_service.services import SERVICES

    context = request.get("context")
    selecting = isinstance(context, dict) and "selections" in context
    hook = request.get("hook", "order-select" if selecting else "order-sign")
    service = next((one for one in SERVICES.values() if one.hook == hook), None)
    if service is None:
        answered = ", ".join(f"`{one.hook}`" for one in SERVICES.values())
        raise MalformedRequest("hook", f"must be one of {answered}")
    return application.parse(service, body)


def _exchange_of(application: Application, incoming: Incoming) -> Exchange:
    from cds_service.plan_definition.compile import ORDER_TYPES

    exchange = application.read(incoming)
    if not any(one.get("resourceType") in ORDER_TYPES for one in exchange.drafts):
        raise NothingToEvaluate("there is no order in the request")
    return exchange


def _refuse_other_json(value: object, body: bytes) -> None:
    from cds_service.fhir.encoding import refuse_duplicate_keys

    refuse_duplicate_keys(body)
    if not isinstance(value, dict) or not isinstance(value.get("resourceType"), str):
        raise MalformedRequest("", "neither a hook request nor a FHIR resource: there is no `resourceType`")


def _text(evaluation: Evaluation, *, code: str | None) -> Iterator[str]:
    from cds_service.necessity.explain import explain, explain_not_covered
    from cds_service.necessity.wording import printable

    chosen = [one for one in evaluation.determinations if code in (None, one.order.code)]
    if code is not None and not chosen:
        raise Failure(Exit.NOTHING, "no policy decides on that code here; leave out --code to see all")
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    blocks = [explain(one, colour=colour) for one in chosen]
    if code is None:
        blocks.append(explain_not_covered(evaluation.not_covered))
        blocks.append(tuple(f"not read: {printable(one.place)}, {one.why.words}" for one in evaluation.unread))
    yield "\n\n".join("\n".join(lines) for lines in blocks if lines)


def _report(evaluation: Evaluation) -> bytes:
    from cds_service.fhir.encoding import encode
    from cds_service.necessity.report import determinations_report

    return encode(
        determinations_report(
            evaluation.determinations,
            as_of=evaluation.as_of,
            not_covered=evaluation.not_covered,
            unread=evaluation.unread,
        )
    )
