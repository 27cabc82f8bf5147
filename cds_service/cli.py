"""The command line. What a command needs is imported when the command runs, so that `--help` comes at once."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

from cds_service import __version__
from cds_service.errors import ContentError, EvaluationError, ExpressionError, MalformedRequest, NothingToEvaluate

if TYPE_CHECKING:
    from socket import socket

    from cds_service.fhir.temporal import Date
    from cds_service.services.evaluation import Evaluation, Exchange
    from cds_service.wiring import Application

__all__ = ["Exit", "run"]

CreateApp: TypeAlias = "Callable[[Application], Any]"


class Exit(IntEnum):
    """The exit codes."""

    DONE = 0
    UNFORESEEN = 1
    USAGE = 2
    INPUT = 3
    CONTENT = 4
    NOTHING = 5


class _Failure(Exception):
    """Ends a command: the exit code, and one line for stderr."""

    def __init__(self, code: Exit, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def run(arguments: Sequence[str], *, create_app: CreateApp) -> int:
    """Carry out a command line and return its exit code; what goes wrong is told on stderr in one line.

    `create_app` makes an ASGI application of the service; only `serve` calls it.
    """
    try:
        code = _app(args=list(arguments) or ["--help"], prog_name="cds-service", standalone_mode=False, obj=create_app)
    except _Failure as failure:
        return _complain(failure.code, str(failure))
    except ContentError as error:
        return _complain(Exit.CONTENT, f"policy: {error}")
    except typer.TyperException as error:
        return _complain(Exit.USAGE, f"{error.format_message()} See `cds-service --help`.")
    except Exception as error:
        return _complain(Exit.UNFORESEEN, f"failed: {type(error).__name__} at {_place(error)}; please report this line")
    return int(code or Exit.DONE)


_app = typer.Typer(
    help="Medical necessity per ordered code, decided by policies (FHIR PlanDefinitions) as the order is signed.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # costs 100 ms more
)

Mode: TypeAlias = Literal["sandbox", "production"]
Policies: TypeAlias = Annotated[
    Path | None, typer.Option("--policies", metavar="DIR", help="Folder of policies. [env: CDS_POLICIES]")
]
AsOf: TypeAlias = Annotated[
    str | None,
    typer.Option("--as-of", metavar="DATE", help="Reference date; by default the day each order was authored."),
]
Patient: TypeAlias = Annotated[
    str | None, typer.Option("--patient", metavar="ID", help="Whose orders count, where a Bundle leaves it open.")
]
ModeOption: TypeAlias = Annotated[
    Mode | None,
    typer.Option("--mode", help="production refuses what no clinician approved. [env: CDS_MODE; default: sandbox]"),
]


@_app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False) -> None:
    if version:
        typer.echo(f"cds-service {__version__}")
        raise typer.Exit


# -- evaluate and explain -------------------------------------------------------------------------------------


@_app.command()
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
    source, day = _Source(file, tuple(order or ()), tuple(chart or ()), patient), _date(as_of)
    application = _application(mode, policies)
    evaluation = application.evaluate(_exchange(application, source), as_of=day)
    match output:
        case "cards":
            _write_json(application.respond(evaluation), pretty=pretty)
        case "determinations":
            _write_json(_report(evaluation), pretty=pretty)
        case "text":
            _write_lines(_text(evaluation, code=None))


@_app.command()
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
    source, day = _Source(file, (), (), patient), _date(as_of)
    application = _application(mode, policies)
    _write_lines(_text(application.evaluate(_exchange(application, source), as_of=day), code=code))


class _Source:
    """Where the orders and the chart come from."""

    def __init__(self, file: str | None, orders: tuple[str, ...], charts: tuple[str, ...], patient: str | None) -> None:
        if (file is None) is not bool(orders and charts):
            raise _Failure(Exit.USAGE, "give a FILE (`-` for stdin), or --order and --chart")
        self.file, self.orders, self.charts, self.patient = file, orders, charts, patient
        if len([name for name in (file, *orders, *charts) if name == "-"]) > 1:
            raise _Failure(Exit.USAGE, "`-` can be given once only")


def _exchange(application: Application, source: _Source) -> Exchange:
    from cds_service.services.bundle_exchange import exchange_of_orders

    if source.file is not None:
        with _blamed_on(source.file):
            return _exchange_of_file(application, source.file, source.patient)
    orders = [_json_of(name) for name in source.orders]
    charts = [_json_of(name) for name in source.charts]
    with _blamed_on(", ".join(source.orders)):
        return exchange_of_orders(orders, charts, patient_id=source.patient)


def _exchange_of_file(application: Application, file: str, patient: str | None) -> Exchange:
    from cds_service.fhir.encoding import decode
    from cds_service.services.bundle_exchange import exchange_of_bundle

    body = _bytes_of(file)
    value = decode(body)
    if isinstance(value, dict) and "resourceType" not in value and not value.keys().isdisjoint({"hook", "context"}):
        return _exchange_of_request(application, value, body)
    _refuse_other_json(value, body)
    return exchange_of_bundle(value, patient_id=patient)


def _exchange_of_request(application: Application, request: dict[str, Any], body: bytes) -> Exchange:
    from cds_service.plan_definition.compile import ORDER_TYPES
    from cds_service.services import SERVICES

    context = request.get("context")
    selecting = isinstance(context, dict) and "selections" in context
    hook = request.get("hook", "order-select" if selecting else "order-sign")
    service = next((one for one in SERVICES.values() if one.hook == hook), None)
    if service is None:
        answered = ", ".join(f"`{one.hook}`" for one in SERVICES.values())
        raise MalformedRequest("hook", f"must be one of {answered}")
    exchange = application.read_request(service, request, body)
    if not any(one.get("resourceType") in ORDER_TYPES for one in exchange.drafts):
        raise NothingToEvaluate("there is no order in context.draftOrders")
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
        raise _Failure(Exit.NOTHING, "no policy decides on that code here; leave out --code to see all")
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    blocks = [explain(one, colour=colour) for one in chosen]
    if code is None:
        blocks.append(explain_not_covered(evaluation.not_covered))
        blocks.append(tuple(f"not read: {printable(place)}" for place in evaluation.unread))
    yield "\n\n".join("\n".join(lines) for lines in blocks if lines)


def _report(evaluation: Evaluation) -> bytes:
    from cds_service.fhir.encoding import encode
    from cds_service.necessity.report import determinations_report

    return encode(
        determinations_report(evaluation.determinations, as_of=evaluation.as_of, not_covered=evaluation.not_covered)
    )


# -- fhirpath -------------------------------------------------------------------------------------------------


@_app.command()
def fhirpath(
    expression: Annotated[str, typer.Argument(metavar="EXPRESSION", help="A FHIRPath expression.")],
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="A FHIR resource or Bundle, as JSON.")],
    trace: Annotated[
        bool, typer.Option("--trace", help="Show where each item stands, the evidence, and what was looked at.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse, as policies do, elements of resources of unknown type.")
    ] = False,
    as_of: Annotated[str | None, typer.Option("--as-of", metavar="DATE", help="`today()`; by default the day.")] = None,
    policies: Policies = None,
) -> None:
    """Evaluate a FHIRPath expression on a resource.

    Each item of the answer is a line: elements as JSON, computed values as literals. No item, no line.
    Value sets and code systems are those of the policies.

    \b
    Exit codes: 0 answered, 2 wrong usage
                3 input that cannot be read, or cannot be answered from
                4 a fault in the expression, or in a policy
    """
    from cds_service.authoring.ask import ask
    from cds_service.plan_definition.artifacts import read_artifacts
    from cds_service.wiring import artifact_files, policies_folder, today

    resource = _json_of(file)
    if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
        raise _Failure(Exit.INPUT, f"{file}: there is no `resourceType`")
    artifacts = read_artifacts(artifact_files(policies_folder(policies)))
    day = _date(as_of) or today()
    try:
        _write_lines(ask(expression, resource, as_of=day, artifacts=artifacts, strict=strict, trace=trace))
    except ExpressionError as error:
        raise _Failure(Exit.CONTENT, f"expression: {error}") from None
    except EvaluationError as error:
        raise _Failure(Exit.INPUT, f"{file}: {error}") from None


# -- validate -------------------------------------------------------------------------------------------------


@_app.command()
def validate(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="FHIR resources or Bundles, as JSON.")],
) -> None:
    """Validate FHIR R4 resources.

    Checked are the names of elements, how often they occur, and the forms of their values.

    \b
    Exit codes: 0 all valid, 2 wrong usage, 3 something invalid or unreadable
    """
    found = {name: _issues_of(name) for name in files}
    _write_lines(f"{name}: {line}" for name, lines in found.items() for line in lines or ["ok"])
    if any(found.values()):
        raise typer.Exit(Exit.INPUT)


def _issues_of(name: str) -> list[str]:
    from cds_service.fhir.validate import validate as issues_of
    from cds_service.necessity.wording import printable

    try:
        value = _json_of(name)
    except _Failure as failure:
        return [str(failure).removeprefix(f"{name}: ")]
    if not isinstance(value, dict):
        return ["must be a resource: an object"]
    return [printable(issue) for issue in issues_of(value)]


# -- serve ----------------------------------------------------------------------------------------------------


@_app.command()
def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option("--host", help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="Port to listen at; 0 for a free one.")] = 8000,
    mode: Annotated[Mode | None, typer.Option("--mode", help="Has to be chosen, here or in CDS_MODE.")] = None,
    policies: Policies = None,
) -> None:
    """Serve the CDS Hooks services over HTTP.

    \b
    Exit codes: 2 wrong usage, 4 a fault in a policy
    """
    if mode is None and not os.environ.get("CDS_MODE"):
        raise _Failure(Exit.USAGE, "choose --mode sandbox or --mode production, or set CDS_MODE")
    _serve(context.obj, _application(mode, policies), host, port)


def _serve(create_app: CreateApp, application: Application, host: str, port: int) -> None:
    from ipaddress import ip_address

    import uvicorn

    with _listen(host, port) as listener:
        own, chosen, *_ = listener.getsockname()
        address = f"http://{f'[{host}]' if ':' in host else host}:{chosen}"
        if not ip_address(own).is_unspecified:
            application = _linked_to(application, address)
        config = uvicorn.Config(create_app(application), access_log=False, log_level="warning", server_header=False)
        config.load()
        _tune_garbage_collection()
        _announce(application, address)
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listener])


def _listen(host: str, port: int) -> socket:
    from socket import AF_INET, AF_INET6, create_server

    try:
        return create_server((host, port), family=AF_INET6 if ":" in host else AF_INET, backlog=2048)
    except OSError as error:
        reason = str(error.strerror).partition(" (while ")[0]
        raise _Failure(
            Exit.USAGE, f"cannot listen at {host}:{port}: {reason}; choose another --host or --port"
        ) from None


def _linked_to(application: Application, address: str) -> Application:
    """Return the application whose cards link to `address`, unless the operator named a public one."""
    from dataclasses import replace

    settings = application.settings
    if "public_base_url" in settings.model_fields_set:
        return application
    return replace(application, settings=settings.model_copy(update={"public_base_url": address}))


def _tune_garbage_collection() -> None:
    """Leave what lives as long as the process out of collections, and collect less often: a third less CPU."""
    import gc

    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 50, 100)


def _announce(application: Application, address: str) -> None:
    count = len(application.policies.plans)
    _tell(f"{address}, mode {application.settings.mode}, {count} {'policy' if count == 1 else 'policies'}")
    if not application.production:
        _tell("SANDBOX: DRAFT POLICIES DECIDE - NOT FOR CLINICAL USE")


# -- in and out -----------------------------------------------------------------------------------------------


def _application(mode: Mode | None, policies: Path | None) -> Application:
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from cds_service.settings import Settings
    from cds_service.wiring import Application, load_policies, policies_folder

    given: dict[str, Any] = {"mode": mode, "policies": policies}
    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        wrong = [f"CDS_{'_'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in error.errors()]
        raise _Failure(Exit.USAGE, "; ".join(wrong)) from None
    except SettingsError as error:
        raise _Failure(Exit.USAGE, f"{error}; a list is written as JSON") from None
    return Application(settings, load_policies(policies_folder(settings.policies)))


def _date(text: str | None) -> Date | None:
    from cds_service.fhir.temporal import parse_date

    date = parse_date(text) if text else None
    if text is not None and (date is None or not date.full):
        raise _Failure(Exit.USAGE, "--as-of is a day, such as 2026-01-15")
    return date


def _bytes_of(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise _Failure(Exit.INPUT, f"{name}: cannot be read: {error.strerror}") from None


def _json_of(name: str) -> object:
    from cds_service.fhir.encoding import decode, refuse_duplicate_keys

    with _blamed_on(name):
        body = _bytes_of(name)
        value = decode(body)
        refuse_duplicate_keys(body)
        return value


@contextmanager
def _blamed_on(name: str) -> Iterator[None]:
    """Turn what is wrong with an input into a failure that names the input."""
    try:
        yield
    except MalformedRequest as error:
        raise _Failure(Exit.INPUT, f"{name}: {error}") from None
    except NothingToEvaluate as error:
        raise _Failure(Exit.NOTHING, f"{name}: {error}") from None


def _write_json(body: bytes, *, pretty: bool) -> None:
    if pretty:
        import msgspec

        body = msgspec.json.format(body, indent=2)
    _write(body + b"\n" if sys.stdout.isatty() else body)


def _write_lines(lines: Iterator[str]) -> None:
    _write("".join(f"{line}\n" for line in lines).encode())


def _write(body: bytes) -> None:
    try:
        sys.stdout.buffer.write(body)
        sys.stdout.buffer.flush()
    except OSError as error:
        # What is left must not be written again as the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # a reader who has seen enough is no fault
            raise _Failure(Exit.UNFORESEEN, f"the output cannot be written: {error.strerror}") from None


def _complain(code: Exit, reason: str) -> int:
    _tell(reason)
    return code


def _tell(line: str) -> None:
    print(f"cds-service: {' '.join(line.split())}", file=sys.stderr)


def _place(error: Exception) -> str:
    from traceback import extract_tb

    frame = extract_tb(error.__traceback__)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"
