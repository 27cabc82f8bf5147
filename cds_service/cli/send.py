"""A hook fired at a CDS service, ours or anybody's."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cds_service.cli.failure import Exit, Failure
from cds_service.cli.files import blamed_on, bytes_of, tell, write_bytes, write_json, write_lines

if TYPE_CHECKING:
    from cds_service.client import Caller, HookRequest

__all__ = ["send"]

_RSA = ("RS256", "RS384", "RS512")


def send(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="A hook request, as JSON; sent as it is written.")],
    to: Annotated[str, typer.Option("--to", metavar="URL", help="A service, or a server that lists its services.")],
    service: Annotated[str | None, typer.Option("--service", metavar="ID", help="Which service of a server.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Give the request a hookInstance of its own.")] = False,
    fhir_server: Annotated[
        str | None, typer.Option("--fhir-server", metavar="URL", help="Let the service read this FHIR server.")
    ] = None,
    key: Annotated[
        Path | None, typer.Option("--key", metavar="PEM", help="Sign each call by this private key; with --iss.")
    ] = None,
    iss: Annotated[str | None, typer.Option("--iss", help="Who calls, as the service knows it.")] = None,
    kid: Annotated[str | None, typer.Option("--kid", help="The key's name; by default its thumbprint.")] = None,
    jku: Annotated[str | None, typer.Option("--jku", metavar="URL", help="Where the key is published.")] = None,
    algorithm: Annotated[str | None, typer.Option("--alg", help="Such as RS256; by default ES384, or RS384.")] = None,
    tenant: Annotated[str | None, typer.Option("--tenant", help="The organization within the caller.")] = None,
    timeout: Annotated[float, typer.Option("--timeout", min=0.1, help="Seconds to wait for each call.")] = 10.0,
    insecure: Annotated[bool, typer.Option("--insecure", help="Accept any certificate: for test servers.")] = False,
    output: Annotated[Literal["text", "json"], typer.Option("--format")] = "text",
    save: Annotated[
        Path | None, typer.Option("--save", metavar="FILE", help="Keep the exchange, without its tokens.")
    ] = None,
) -> None:
    """Send a hook request to any CDS service and show its cards.

    Of a server's services the first for the request's hook is called, or the one named by --service.

    \b
    Exit codes: 0 the service answered with cards, be it none
                1 it refused, or did not answer
                2 wrong usage
                3 a file that cannot be read, or is no hook request
    """
    from cds_service.client import Answer, Caller, CallFailed, advice, in_words, saved
    from cds_service.necessity.wording import printable

    request = _request(file, fresh=fresh, fhir_server=fhir_server)
    signing = _signing(key, iss, kid, jku, algorithm, tenant)
    caller = Caller(timeout, verify_tls=not insecure, token=signing)
    try:
        answer = Answer.of(caller.post(_address(to, service, request, caller), request.body))
    except CallFailed as error:
        raise Failure(Exit.REFUSED, printable(error)) from None
    if save is not None:
        write_bytes(save, saved(request, answer))
    if output == "json":
        write_json(answer.reply.body, pretty=False)
    else:
        write_lines(in_words(answer, request))
    tell(f"{answer.reply.url}: {answer.reply.status} in {answer.reply.milliseconds:.0f} ms")
    if not answer.accepted:
        raise Failure(Exit.REFUSED, advice(answer, signed=signing is not None))


def _request(file: str, *, fresh: bool, fhir_server: str | None) -> HookRequest:
    from cds_service.client import HookRequest

    with blamed_on(file):
        request = HookRequest.read(bytes_of(file))
    if fresh:
        request = request.fresh()
    return request.having(fhirServer=fhir_server) if fhir_server is not None else request


def _address(to: str, service: str | None, request: HookRequest, caller: Caller) -> str:
    from cds_service.client import choose, services_of, target_of

    try:
        target = target_of(to)
        if service is not None:
            return target.named(service)
        if target.service is not None:
            return target.service
        chosen, others = choose(services_of(caller.get(target.discovery)), request.hook)
    except (LookupError, ValueError) as error:
        raise Failure(Exit.USAGE, f"--to {to}: {error}") from None
    if others:
        tell(f"`{chosen}` is the first of several services; --service calls another: {', '.join(others)}")
    return target.named(chosen)


def _signing(
    key: Path | None, iss: str | None, kid: str | None, jku: str | None, algorithm: str | None, tenant: str | None
) -> Callable[[str], str] | None:
    """Return what signs a call of an address, if the call is to be signed."""
    if key is None or iss is None:
        if key or iss or kid or jku or algorithm or tenant:
            raise Failure(Exit.USAGE, "a signed call takes --key and --iss; the others of these options go with them")
        return None
    from cds_service.security.signing import new_claims, read_signing_key, sign

    try:
        found = read_signing_key(bytes_of(str(key)), kid=kid)
    except ValueError as error:
        raise Failure(Exit.USAGE, f"--key {key}: {error}") from None
    if algorithm is not None:
        possible = _RSA if found.algorithm in _RSA else (found.algorithm,)
        if algorithm not in possible:
            raise Failure(Exit.USAGE, f"--alg {algorithm}: this key signs by {' or '.join(possible)}")
        found = replace(found, algorithm=algorithm)
    more = {} if tenant is None else {"tenant": tenant}
    return lambda url: sign({**new_claims(iss=iss, aud=url, now=time.time()), **more}, found, jku=jku)
