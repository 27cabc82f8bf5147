"""The errors of this service.

CdsServiceError
├─ ContentError             the policy author's: found when policies are loaded, never at the bedside
│  ├─ ArtifactNotFound      a canonical that nothing loaded has
│  ├─ PackageError          a package that is damaged, or holds what could do harm: none of it is read
│  ├─ ExpressionError       an expression that does not parse, or reads what does not exist
│  │  └─ ExpressionTooLarge  … or is too long, too deep or too costly to be carried out
│  └─ UnsupportedFeature    valid content that this engine does not carry out
├─ ConfigurationError       the operator's: found when the service starts
├─ RequestError             the client's
│  ├─ MalformedRequest      the message breaks its format
│  ├─ RequiredDataUnavailable  what an answer cannot do without, such as the orders, cannot be had
│  ├─ CoverageNotUsable     a payer that insists on one Coverage of its own is sent none
│  ├─ TooManyOrders        more orders, or codes of orders, than are judged at a time
│  ├─ TooManyReports        more entries of feedback than are taken at a time
│  ├─ NotAuthenticated      nothing shows that a trusted client calls
│  │  └─ CallNotChecked     … or whether it does cannot be told now
│  └─ NothingToEvaluate     the message holds no order
└─ EvaluationError          the chart's: never leaves `determine`, it becomes a criterion's problem
   └─ LimitExceeded         an expression that asked for more steps, items or text than one evaluation may use

A message holds element paths, canonicals and positions; never a patient's value, name or id.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any


class CdsServiceError(Exception):
    """The root of all errors that this package raises on purpose."""


@dataclass
class ContentError(CdsServiceError):
    """A fault in a policy: what is wrong, in which artifact, at which element, and what to do."""

    reason: str
    canonical: str | None = None
    element: str | None = None
    """Path inside the artifact, such as `PlanDefinition.action[0].action[2]`, with the action's id if it has one."""
    rule: str = "content"
    """The rule that the content breaks, by its id in docs/reference/lint.md."""

    def __str__(self) -> str:
        """Return one line: artifact, element, reason."""
        where = ": ".join(part for part in (self.canonical, self.element) if part)
        return f"{where}: {self.reason}" if where else self.reason

    def located(self, *, canonical: str | None = None, element: str | None = None) -> ContentError:
        """Return this error with the place filled in where it is still empty."""
        return replace(self, canonical=self.canonical or canonical, element=self.element or element)


@dataclass
class ArtifactNotFound(ContentError):
    """A canonical that no loaded artifact has."""

    rule: str = "unknown-canonical"


@dataclass
class PackageError(ContentError):
    """A package that is not read at all; `fault` names why: docs/reference/package.md."""

    fault: str = ""


@dataclass
class ExpressionError(ContentError):
    """An expression that cannot be compiled; `position` counts characters from 0.

    `kind` is `syntax` where it does not follow the grammar, else `semantic`.
    """

    rule: str = "expression"
    language: str = "text/fhirpath"
    source: str = ""
    position: int = 0
    kind: str = "semantic"

    def __str__(self) -> str:
        """Return the place, the reason and the expression with the position marked by `⟨here⟩`."""
        start, end = max(0, self.position - 30), self.position + 30
        marked = self.source[start : self.position] + "⟨here⟩" + self.source[self.position : end]
        head = "…" if start else ""
        tail = "…" if end < len(self.source) else ""
        return f"{super().__str__()}; at character {self.position}: `{head}{marked}{tail}`"


@dataclass
class ExpressionTooLarge(ExpressionError):
    """An expression beyond what is carried out; `limit` names which: `length`, `depth`, `steps`, `number`, `regex`."""

    limit: str = ""


@dataclass
class UnsupportedFeature(ContentError):
    """Valid content that this engine does not carry out."""

    rule: str = "unsupported-feature"


@dataclass
class ConfigurationError(CdsServiceError):
    """A file of the operator's that cannot be used: which, and everything that is wrong in it, each with its place."""

    place: str
    faults: tuple[str, ...]

    def __str__(self) -> str:
        """Return one line: the file, then the faults."""
        return f"{self.place}: {'; '.join(self.faults)}"


class RequestError(CdsServiceError):
    """A fault of the client's."""


@dataclass
class MalformedRequest(RequestError):
    """A message that breaks its format; `path` is the place inside it."""

    path: str
    reason: str

    def __str__(self) -> str:
        """Return `path: reason`."""
        return f"{self.path}: {self.reason}" if self.path else self.reason


@dataclass
class RequiredDataUnavailable(RequestError):
    """What an answer cannot do without is not at hand; `queries` (FhirQuery) would bring it."""

    queries: tuple[Any, ...]
    reason: str = "the orders could not be read: send them in prefetch"

    def __str__(self) -> str:
        """Return what is lacking, and of which types of resource it is."""
        types = ", ".join(f"`{one}`" for one in dict.fromkeys(str(query.type) for query in self.queries))
        access = f", or give access to {types}" if types else ""
        return f"{self.reason}{access}"


@dataclass
class CoverageNotUsable(RequestError):
    """There is not one Coverage to answer for."""

    reason: str

    def __str__(self) -> str:
        """Return what is wrong with it, and what to send."""
        return self.reason


@dataclass
class TooManyOrders(RequestError):
    """More of `what`, such as orders, than the `most` that are judged at a time: none of them is."""

    what: str
    most: int

    def __str__(self) -> str:
        """Return the limit, and what to do."""
        return f"there are more than {self.most} {self.what}; nothing was evaluated, send fewer at a time"


@dataclass
class TooManyReports(RequestError):
    """Feedback of more entries than the `most` that are taken at a time: none of them is."""

    most: int

    def __str__(self) -> str:
        """Return the limit, and what to do."""
        return f"there are more than {self.most} entries of feedback; none was kept, send fewer at a time"


@dataclass
class NotAuthenticated(RequestError):
    """A call that nothing shows to come from a trusted client.

    The text is all that the client may learn. `code` is why, and `claimed` the configured client that the token says
    it comes from, unproven: for the operator's log and metrics.
    """

    code: str
    claimed: str | None = None

    def __str__(self) -> str:
        """Return the same for every reason."""
        return "the call is not authenticated; send `Authorization: Bearer` with a token that this service trusts"


class CallNotChecked(NotAuthenticated):
    """A call of which it cannot be told now whether its token was used before."""

    def __str__(self) -> str:
        """Return what to do."""
        return "who calls cannot be checked now; nothing was evaluated, send the request again"


@dataclass
class NothingToEvaluate(RequestError):
    """The message holds no order that could be evaluated."""

    reason: str

    def __str__(self) -> str:
        """Return the reason."""
        return self.reason


@dataclass
class EvaluationError(CdsServiceError):
    """A fault met while an expression ran; `path` names the element, never its value."""

    reason: str
    path: str | None = None
    kind = "execution"

    def __str__(self) -> str:
        """Return the reason, after the element's path where it is known."""
        return f"{self.path}: {self.reason}" if self.path else self.reason


@dataclass
class LimitExceeded(EvaluationError):
    """An evaluation beyond its means; `limit` names what: `depth`, `steps`, `items`, `text`, `number`, `regex`."""

    limit: str = ""
