"""What every expression language gives and gets: compile once against a scope, evaluate in an environment.

A language is a function `compile(source, scope) -> Expression`. An expression is synchronous, re-entrant, does no
I/O, reads no clock and changes nothing; it tells what it read.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, TypeVar

from cds_service.errors import EvaluationError, LimitExceeded
from cds_service.expressions.logic import Truth
from cds_service.fhir.code_system import CodeSystem
from cds_service.fhir.element import Location
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.temporal import Date, DateTime
from cds_service.fhir.value_set import ValueSet

__all__ = [
    "MAX_ITEMS",
    "MAX_STEPS",
    "MAX_TEXT",
    "MAX_TOTAL",
    "Budget",
    "Compile",
    "DataNeed",
    "Environment",
    "Expression",
    "Missing",
    "Placed",
    "Refusal",
    "Scope",
    "Types",
]

MAX_STEPS = 1_000_000
"""How many items one evaluation may look at or make, all of its loops together."""
MAX_TOTAL = 4_000_000
"""How many all evaluations that answer one request may take together; a chart of two thousand resources takes one."""
MAX_ITEMS = 50_000
"""How many items one collection may hold."""
MAX_TEXT = 1_000_000
"""How many characters one text may have."""

_Item = TypeVar("_Item")
Types: TypeAlias = tuple[str, ...]
"""The types an item may have, as R4 or FHIRPath names them: `Condition`, `dateTime`, `System.Boolean`."""

Placed: TypeAlias = tuple[Any, Location | tuple[Location, ...] | None]
"""An item with its place in the record: several where it stands for equal ones, None where it is computed."""


@dataclass
class Missing(EvaluationError):
    """An answer that cannot be had from this record, which is neither true nor false.

    `code` is the reason as a criterion states it: `ambiguous`, `unreadable`, …
    """

    code: str = "ambiguous"


@dataclass(frozen=True, slots=True)
class Scope:
    """What is known when an expression is compiled: the names it may read, their types, the value sets at hand."""

    variables: Mapping[str, Types] = field(default_factory=dict)
    value_sets: Mapping[str, ValueSet] = field(default_factory=dict)
    context: Types = ("Bundle",)
    """The type of the item that the expression starts from."""
    code_systems: Mapping[str, CodeSystem] = field(default_factory=dict)
    strict: bool = True
    """Whether an element of a resource of unknown type is an error, as policies want it, or looked up as it comes."""
    ordered_only: bool = False
    """Whether a function that counts positions refuses a collection without an order."""


@dataclass(frozen=True, slots=True)
class DataNeed:
    """What an expression reads of a resource type: an element, and the codes or dates it compares it with."""

    type: str
    path: str = ""
    """The element, as `code.coding`; empty for the resource itself."""
    value_set: str | None = None
    code: str | None = None
    dated: bool = False
    """Whether the element is compared with a date."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A candidate that an expression looked at and passed over, with the first condition that did not hold."""

    location: Location
    condition: str
    unknown: bool = False
    """Whether the condition could not be told, rather than being false."""


class Expression(Protocol):
    """A compiled expression."""

    @property
    def source(self) -> str:
        """Return the text it was compiled from."""

    @property
    def types(self) -> Types:
        """Return the types that its items may have."""

    @property
    def reads(self) -> frozenset[str]:
        """Return the names of the variables it reads."""

    @property
    def value_sets(self) -> frozenset[str]:
        """Return the canonicals of the value sets it asks."""

    @property
    def needs(self) -> tuple[DataNeed, ...]:
        """Return what it reads of the record."""

    def items(self, environment: Environment) -> Sequence[Any]:
        """Return the collection. Raises EvaluationError, Missing among them."""

    def truth(self, environment: Environment) -> Truth:
        """Return the boolean, None for an empty collection. Raises EvaluationError, Missing among them."""

    def located(self, environment: Environment) -> Sequence[Placed]:
        """Return the collection with each item's place in the record. Raises as `items` does."""

    def answer(self, environment: Environment) -> tuple[Truth, Sequence[Location]]:
        """Return the boolean with the elements on which a true one rests: what stands before `.exists()`."""

    def evidence(self, environment: Environment) -> Sequence[Location]:
        """Return the elements on which a true answer rests."""

    def refusals(self, environment: Environment) -> Sequence[Refusal]:
        """Return the candidates that the expression passed over, for an answer that is not true; a few of many."""

    @property
    def has_evidence(self) -> bool:
        """Return whether a true answer can name elements at all."""


Compile: TypeAlias = Callable[[str, Scope], Expression]


@dataclass(slots=True)
class Budget:
    """The steps that are left for the evaluations that share it."""

    left: int = MAX_TOTAL


class Environment:
    """What one evaluation reads: the record, the reference date and the variables, each computed at most once."""

    __slots__ = (
        "_defined",
        "_failed",
        "_granted",
        "_located",
        "_values",
        "as_of",
        "budget",
        "focus",
        "index",
        "locals",
        "now",
        "record",
        "steps",
        "total",
        "traces",
    )

    def __init__(
        self,
        record: PatientRecord,
        as_of: Date,
        *,
        values: Mapping[str, Sequence[Any]],
        defined: Mapping[str, Expression],
        now: DateTime | None = None,
        budget: Budget | None = None,
    ) -> None:
        """Start with `values` as given; `defined` variables are evaluated when first read."""
        self.record = record
        self.as_of = as_of
        self.now = now or DateTime(as_of.parts)
        self.focus: Any = record.as_bundle
        self.index = 0
        self.total: Sequence[Any] = ()
        self.locals: dict[str | int, Sequence[Any]] = {}
        """Variables that an expression defines itself, and what it keeps of its own; each item with its place."""
        self.budget = budget or Budget()
        self.steps = self._granted = 0
        self.restart()
        self.traces: list[tuple[str, Sequence[Any]]] | None = None
        """What `trace()` was given, for a developer who asks for it; None else, for it holds values of the chart."""
        self._values: dict[str, Sequence[Any]] = dict(values)
        self._defined = defined
        self._located: dict[str, Sequence[Placed]] = {}
        self._failed: dict[str, EvaluationError] = {}

    def but_for(
        self, names: Collection[str], *, values: Mapping[str, Sequence[Any]], defined: Mapping[str, Expression]
    ) -> Environment:
        """Return an environment that knows what this one has worked out, but for `names`: those are given anew."""
        other = Environment(self.record, self.as_of, values={}, defined=defined, now=self.now)
        other._values = {name: found for name, found in self._values.items() if name not in names}
        other._values.update(values)
        other._located = {name: found for name, found in self._located.items() if name not in names}
        return other

    def spend(self, count: int) -> None:
        """Count items looked at or made. Raises LimitExceeded when the evaluation has had its share."""
        self.steps -= count
        if self.steps < 0:
            raise LimitExceeded("the expression takes more steps than it may", limit="steps")

    def collected(self, found: Sequence[Any]) -> None:
        """Count the items of a collection that was made. Raises LimitExceeded when it holds too many."""
        if len(found) > MAX_ITEMS:
            raise LimitExceeded(f"a collection has more than {MAX_ITEMS} items", limit="items")
        self.spend(len(found))

    def restart(self) -> None:
        """Grant an expression its share of steps; a variable, which is computed once, has its own."""
        self._charge()
        self.steps = self._granted = max(0, min(MAX_STEPS, self.budget.left))
        self.index, self.total, self.locals = 0, (), {}

    def _charge(self) -> None:
        """Take what was spent since the last share was granted off the budget."""
        self.budget.left -= self._granted - self.steps
        self._granted = self.steps

    def variable(self, name: str) -> Sequence[Any]:
        """Return the items of a variable."""
        if name not in self._values:
            self._values[name] = [item for item, _ in self.located(name)]
        return self._values[name]

    def located(self, name: str) -> Sequence[Placed]:
        """Return the items of a variable with their places. A variable that fails has failed for all who read it."""
        if name in self._failed:
            raise self._failed[name].with_traceback(None)
        if name not in self._located:
            try:
                self._located[name] = (
                    self._from_the_record(self._defined[name].located)
                    if name in self._defined
                    else [(item, Location(item) if _is_resource(item) else None) for item in self._values[name]]
                )
            except EvaluationError as error:
                self._failed[name] = error
                raise
        return self._located[name]

    def _from_the_record(self, ask: Callable[[Environment], Sequence[_Item]]) -> Sequence[_Item]:
        """Ask for a variable where it was written, whatever is being looked at when it is first read."""
        outer = self.focus, self.index, self.total, self.locals, self.steps
        self.focus, self.index, self.total, self.locals = self.record.as_bundle, 0, (), {}
        try:
            return ask(self)
        finally:
            self._charge()
            self.focus, self.index, self.total, self.locals, self.steps = outer
            self._granted = self.steps


def _is_resource(value: Any) -> bool:
    return isinstance(value, Mapping) and "resourceType" in value
