"""`cds-service sandbox`: the page, and what it does in a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cds_service.cli.failure import Exit, Failure
from cds_service.cli.files import tell, write_json, write_lines
from cds_service.cli.options import Policies, application_of
from cds_service.cli.send import send

if TYPE_CHECKING:
    from socket import socket

    from cds_service.sandbox.personas import Persona
    from cds_service.wiring import Application

__all__ = ["sandbox"]

_ADDRESS = "http://127.0.0.1:8000"

sandbox = typer.Typer(help="Sign orders for synthetic patients: a small EHR in the browser, or here.")
sandbox.command("send")(send)


@sandbox.callback(invoke_without_command=True)
def _serve(
    context: typer.Context,
    host: Annotated[str, typer.Option("--host", help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="Port to listen at; 0 for a free one.")] = 8000,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    anybody: Annotated[
        bool, typer.Option("--reachable-by-others", help="Allow an address that other machines reach.")
    ] = False,
    database: Annotated[
        Path | None, typer.Option("--database", help="SQLite file for decisions; by default they go at the end.")
    ] = None,
    policies: Policies = None,
) -> None:
    """Serve a small EHR, its FHIR server and the service, for synthetic patients only.

    \b
    Exit codes: 2 wrong usage, 4 a fault in a policy
    """
    if context.invoked_subcommand is None:
        if not (anybody or _is_loopback(host)):
            raise Failure(Exit.USAGE, f"--host {host}: others could reach it; allow that by --reachable-by-others")
        _run(_listen(host, port), host, application_of("sandbox", policies), database, open_page=open_page)


def _run(listener: socket, host: str, application: Application, database: Path | None, *, open_page: bool) -> None:
    import webbrowser

    import uvicorn

    from cds_service.cli.connections import Connection
    from cds_service.sandbox.app import create_sandbox_app, sandbox_application

    address = f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
    with listener:
        kept = f"sqlite:///{database}" if database else "memory"
        app = create_sandbox_app(sandbox_application(application, address, kept))
        config = uvicorn.Config(app, http=Connection, access_log=False, log_level="warning", server_header=False)
        server = uvicorn.Server(config)
        tell(f"{address} - SANDBOX: synthetic patients, draft policies, not for clinical use")
        if open_page and (sys.platform != "linux" or {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys()):
            webbrowser.open(address)
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listener])


@sandbox.command("list")
def list_personas(output: Annotated[Literal["text", "json"], typer.Option("--format")] = "text") -> None:
    """List the patients, and what is determined of each of their orders."""
    from cds_service.fhir.encoding import encode
    from cds_service.sandbox.personas import personas

    if output == "json":
        told = [{"id": one.id, "title": one.title, "expected": dict(one.expected)} for one in personas().values()]
        write_json(encode(told), pretty=True)
    else:
        write_lines(_listed(list(personas().values())))


@sandbox.command()
def run(
    persona: Annotated[str, typer.Argument(metavar="PATIENT", help="One that `sandbox list` names.")],
    codes: Annotated[list[str] | None, typer.Argument(metavar="CODE", help="By default the patient's orders.")] = None,
    policies: Policies = None,
) -> None:
    """Sign orders for a patient and show the cards.

    \b
    Exit codes: 2 wrong usage, 4 a fault in a policy
    """
    from cds_service.client import Answer, HookRequest, in_words
    from cds_service.client.caller import Reply
    from cds_service.fhir.encoding import encode
    from cds_service.plan_definition.data_requirements import prefetch_of
    from cds_service.sandbox.order_sign import order_sign
    from cds_service.sandbox.personas import personas
    from cds_service.services import SERVICES

    found = personas().get(persona)
    if found is None:
        raise Failure(Exit.USAGE, f"there is no patient `{persona}`; `cds-service sandbox list` names them all")
    application = application_of("production" if found.role == "production" else "sandbox", policies)
    templates = prefetch_of(application.policies.plans)
    request = HookRequest.read(encode(order_sign(found, codes or (), templates=templates)))
    service = next(one for one in SERVICES.values() if one.hook == request.hook)
    answer = Answer.of(Reply(service.id, 200, application.answer(service, request.body), None, 0.0))
    write_lines(in_words(answer, request))
    if not answer.cards:
        tell("no policy covers what is ordered; that says nothing about its necessity")


@sandbox.command()
def tail(
    of: Annotated[str, typer.Option("--of", metavar="URL", help="The sandbox that is watched.")] = _ADDRESS,
    follow: Annotated[bool, typer.Option("--follow/--once", help="Go on, or show what there was.")] = True,
) -> None:
    """Show the exchanges of a sandbox that is running, as they come.

    \b
    Exit codes: 1 it does not answer
    """
    import time

    import httpx

    number = 0
    with suppress(KeyboardInterrupt), httpx.Client(base_url=of, trust_env=False) as client:
        while True:
            try:
                exchanges = client.get("/sandbox/exchanges", params={"after": number}).raise_for_status().json()
            except (httpx.HTTPError, ValueError):
                raise Failure(
                    Exit.REFUSED, f"{of} is no sandbox that answers; start one: cds-service sandbox"
                ) from None
            for one in exchanges:
                number = one["number"]
                write_lines(iter([_line(one)]))
            if not follow:
                return
            time.sleep(0.5)


def _line(exchange: dict[str, object]) -> str:
    from cds_service.necessity.wording import printable

    report = exchange.get("report")
    found = report["determinations"] if isinstance(report, dict) else []
    said = (
        ", ".join(f"{one['order']['code']} {one['outcome']}" for one in found) or exchange.get("refused") or "no card"
    )
    parts = (exchange["at"], exchange["role"], exchange["service"], exchange.get("patient", "-"))
    return printable(f"{'  '.join(str(one) for one in parts)}  {said}  {exchange['milliseconds']} ms")


def _listed(many: list[Persona]) -> Iterator[str]:
    width = max(len(one.id) for one in many)
    for one in many:
        outcomes = ", ".join(f"{code} {outcome or 'not judged'}" for code, outcome in one.expected.items())
        yield f"{one.id.ljust(width)}  {one.title}"
        yield f"{' ' * width}  {outcomes}"


def _is_loopback(host: str) -> bool:
    from ipaddress import ip_address

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listen(host: str, port: int) -> socket:
    from socket import AF_INET, AF_INET6, create_server

    try:
        return create_server((host, port), family=AF_INET6 if ":" in host else AF_INET)
    except OSError as error:
        reason = str(error.strerror).partition(" (while ")[0]
        raise Failure(Exit.USAGE, f"cannot listen at {host}:{port}: {reason}; choose another --port") from None
