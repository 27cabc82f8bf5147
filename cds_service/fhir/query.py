"""A question to a FHIR server, and what came of it, as values.

Source: FHIR R4 3.1.0.2 (read), 3.1.1 (search); CDS Hooks 2.0.1, Prefetch Template.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from cds_service.fhir.unread import Why

__all__ = ["Fetched", "FhirQuery", "literal"]

_SIGNS = re.compile(r"[\\$,|]")
_TYPE = re.compile(r"[A-Z][A-Za-z]*")


@dataclass(frozen=True, slots=True)
class FhirQuery:
    """One read (`id`) or one search (`parameters`, in their order) of one type; `key` is the prefetch key it answers.

    Raises ValueError when it is neither or both, or the type is no name of a type.
    """

    key: str
    type: str
    id: str | None = None
    parameters: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        """Refuse what is no query."""
        if not _TYPE.fullmatch(self.type):
            raise ValueError("a query needs the name of a resource type")
        if (self.id is None) is not bool(self.parameters):
            raise ValueError("a query is either a read, with an id, or a search, with parameters")

    @property
    def url(self) -> str:
        """Return the URL relative to the server's base: the same text for the same query.

        Values are percent-encoded, so that none can end its place; `:`, `/` and `,` stand in a query as they are.
        """
        if self.id is not None:
            return f"{self.type}/{quote(self.id, safe='')}"
        return f"{self.type}?{'&'.join(f'{_in_query(name)}={_in_query(value)}' for name, value in self.parameters)}"


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a server answered to one query: bodies as they came, unparsed, in the order of the pages.

    A page but the last still has its link to the next. A read without a page and without `why`: asked, nothing there.
    """

    query: FhirQuery
    pages: tuple[bytes, ...] = ()
    why: Why | None = None
    """Why the rest is missing; None when all of it is here."""

    @property
    def complete(self) -> bool:
        """Return whether nothing that the query asks for was left unread."""
        return self.why is None


def literal(text: str) -> str:
    """Return a text as one value of a search, whatever it holds: a bare comma would mean "or".

    Source: FHIR R4 3.1.1 (Search), Escaping Search Parameters.
    """
    return _SIGNS.sub(r"\\\g<0>", text)


def _in_query(text: str) -> str:
    return quote(text, safe=":/,")
