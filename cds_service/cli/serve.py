"""The services over HTTP."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from cds_service.cli.failure import Exit, Failure
from cds_service.cli.files import tell
from cds_service.cli.options import Mode, Policies, application_of

if TYPE_CHECKING:
    from socket import socket

    from uvicorn import Config

    from cds_service.settings import Settings
    from cds_service.wiring import Application

__all__ = ["CreateApp", "application_of_worker", "serve"]

CreateApp: TypeAlias = "Callable[[Application], Any]"
_HUNG_SECONDS = 30
"""A worker that does not say for so long that it lives is ended and replaced."""
_MOST_REFUSALS = 10
"""How many policies that may not decide are named as the service starts."""


def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option("--host", help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="Port to listen at; 0 for a free one.")] = 8000,
    mode: Annotated[Mode | None, typer.Option("--mode", help="Has to be chosen, here or in CDS_MODE.")] = None,
    certificate: Annotated[Path | None, typer.Option("--tls-certificate", help="PEM file of certificates.")] = None,
    key: Annotated[Path | None, typer.Option("--tls-key", help="PEM file of the certificate's key.")] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes that answer.")] = 1,
    policies: Policies = None,
) -> None:
    """Serve the CDS Hooks services over HTTP, or over HTTPS with a certificate.

    \b
    Exit codes: 2 wrong usage, 4 a fault in a policy
    """
    if mode is None and not os.environ.get("CDS_MODE"):
        raise Failure(Exit.USAGE, "choose --mode sandbox or --mode production, or set CDS_MODE")
    if (certificate is None) is not (key is None):
        raise Failure(Exit.USAGE, "give --tls-certificate and --tls-key together")
    _serve(context.obj, application_of(mode, policies), _Door(host, port, certificate, key), workers)


@dataclass(frozen=True)
class _Door:
    """Where the service listens, and what it shows there."""

    host: str
    port: int
    certificate: Path | None
    key: Path | None


def _serve(create_app: CreateApp, application: Application, door: _Door, workers: int) -> None:
    from ipaddress import ip_address

    import uvicorn

    from cds_service.cli.connections import allow_many_connections
    from cds_service.observability.logs import configure_logs

    allow_many_connections()
    with _listen(door.host, door.port) as listener:
        own, chosen, *_ = listener.getsockname()
        scheme = "https" if door.certificate else "http"
        address = f"{scheme}://{f'[{door.host}]' if ':' in door.host else door.host}:{chosen}"
        if not ip_address(own).is_unspecified:
            application = _linked_to(application, address)
        application = _keeping(application)
        config = _config(create_app(application), application.settings, door)
        _load(config)
        configure_logs(application.settings.log_level, application.settings.log_format)
        _announce(application, address)
        if workers > 1:
            _serve_by_several(application, door, workers, listener)
            return
        _show_metrics(application.settings)
        _trace(application.settings)
        _tune_garbage_collection()
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listener])


def _config(app: Any, settings: Settings, door: _Door, workers: int = 1) -> Config:
    import uvicorn

    from cds_service.cli.connections import Connection

    return uvicorn.Config(
        app,
        http=Connection,
        factory=isinstance(app, str),
        workers=workers,
        access_log=False,
        log_config=None,
        proxy_headers=False,  # the reviewer's pages go by the address that is connected, not by what a header says
        server_header=False,
        ssl_certfile=door.certificate,
        ssl_keyfile=door.key,
        timeout_graceful_shutdown=settings.shutdown_seconds,
        timeout_worker_healthcheck=_HUNG_SECONDS,
    )


def _serve_by_several(application: Application, door: _Door, workers: int, listener: socket) -> None:
    """Have processes answer that read the settings themselves; what the command line chose is handed to them."""
    from cds_service.cli.workers import run_workers
    from cds_service.observability.processes import shared_folder

    settings = application.settings
    os.environ.update(CDS_MODE=settings.mode, CDS_PUBLIC_BASE_URL=settings.public_base_url)
    if settings.policies is not None:
        os.environ["CDS_POLICIES"] = str(settings.policies)
    application.store.close()  # its schema is up to date; each process opens it for itself
    with shared_folder():
        _show_metrics(settings)
        run_workers(_config("cds_service.__main__:worker", settings, door, workers), listener)


def application_of_worker() -> Application:
    """Return what answers in one of several processes, which is prepared for it."""
    from cds_service.cli.settings import read_settings
    from cds_service.cli.workers import end_with_parent, telling_why
    from cds_service.observability.logs import configure_logs

    end_with_parent()
    with telling_why():
        settings = read_settings({})
        configure_logs(settings.log_level, settings.log_format)
        application = _keeping(application_of(None, None))
        application.prepare()
        _trace(settings)
    _tune_garbage_collection()
    return application


def _trace(settings: Settings) -> None:
    from cds_service.observability.tracing import begin_tracing

    if settings.tracing:
        begin_tracing()


def _show_metrics(settings: Settings) -> None:
    from cds_service.observability.metrics import serve_metrics

    if settings.metrics_port is None:
        return
    try:
        serve_metrics(settings.metrics_host, settings.metrics_port)
    except OSError as error:
        raise Failure(Exit.USAGE, f"CDS_METRICS_PORT: cannot listen there: {error.strerror}; choose another") from None


def _load(config: Config) -> None:
    try:
        config.load()
    except OSError as error:  # ssl.SSLError is one
        raise Failure(
            Exit.USAGE, f"the certificate and its key cannot be used: {error.strerror or type(error).__name__}"
        ) from None


def _listen(host: str, port: int) -> socket:
    from socket import AF_INET, AF_INET6, create_server

    try:
        return create_server((host, port), family=AF_INET6 if ":" in host else AF_INET, backlog=2048)
    except OSError as error:
        reason = str(error.strerror).partition(" (while ")[0]
        raise Failure(
            Exit.USAGE, f"cannot listen at {host}:{port}: {reason}; choose another --host or --port"
        ) from None


def _linked_to(application: Application, address: str) -> Application:
    """Return the application whose cards link to `address`, unless the operator named a public one."""
    from dataclasses import replace

    settings = application.settings
    if "public_base_url" in settings.model_fields_set:
        return application
    return replace(application, settings=settings.model_copy(update={"public_base_url": address}))


def _keeping(application: Application) -> Application:
    """Return the application with the store that its settings name."""
    from dataclasses import replace

    from cds_service.store.errors import StoreError
    from cds_service.wiring import open_store

    try:
        return replace(application, store=open_store(application.settings))
    except StoreError as error:
        raise Failure(Exit.USAGE, f"CDS_DATABASE_URL: {error or type(error).__name__}") from None


def _tune_garbage_collection() -> None:
    """Leave what lives as long as the process out of collections, and collect less often: a third less CPU."""
    import gc

    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 50, 100)


def _tell_what_is_refused(application: Application) -> None:
    from cds_service.authoring.listing import refusals

    months = application.settings.review_valid_months
    refused = list(refusals(application.policies, application.clock(), review_valid_months=months))
    for one in refused[:_MOST_REFUSALS]:
        tell(f"not used today: {one}")
    if len(refused) > _MOST_REFUSALS:
        tell(f"not used today: {len(refused) - _MOST_REFUSALS} more; `cds-service policies list` tells them all")


def _announce(application: Application, address: str) -> None:
    count = len(application.policies.plans)
    tell(f"{address}, mode {application.settings.mode}, {count} {'policy' if count == 1 else 'policies'}")
    if application.production:
        _tell_what_is_refused(application)
    else:
        tell("SANDBOX: DRAFT POLICIES DECIDE - NOT FOR CLINICAL USE")
