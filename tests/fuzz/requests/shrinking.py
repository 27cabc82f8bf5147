"""The same fault with less of a request: fewer headers, fewer members."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from cds_service.errors import MalformedRequest
from cds_service.fhir.encoding import decode, encode
from tests.fuzz.requests.cases import Case
from tests.fuzz.shrinking import less, without_parts

__all__ = ["shown", "smaller"]


def smaller(case: Case) -> Iterator[Case]:
    """Yield cases with something left out, those that leave out most first."""
    yield from (
        one for one in (replace(case, parts=1), replace(case, tokens="open"), replace(case, payer=False)) if one != case
    )
    for headers in without_parts(case.headers):
        yield replace(case, headers=tuple(headers))
    try:
        message = decode(case.body)
    except MalformedRequest:
        yield from (replace(case, body=bytes(body)) for body in without_parts(case.body))
        return
    written = encode(message)
    if len(written) < len(case.body):
        yield replace(case, body=written)
    yield from (replace(case, body=body) for body in map(encode, less(message)) if len(body) < len(case.body))


def shown(case: Case) -> str:
    """Return a case as Python that makes it again; of a large body the beginning."""
    return ascii(case)
