"""What every expression language gives and gets: compile once against a scope, evaluate in an environment.

A language is a function `compile(source, scope) -> Expression`. An expression is synchronous, re-entrant, does no
I/O, reads no clock and changes nothing; it tells what it read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, TypeVar

from cds_service.errors import EvaluationError
from cds_service.expressions.logic import Truth
from cds_service.fhir.element import Location
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.temporal import Date
from cds_service.fhir.value_set import ValueSet

__all__ = ["Compile", "Environment", "Expression", "Missing", "Scope", "Types"]

_Item = TypeVar("_Item")
Types: TypeAlias = tuple[str, ...]
"""The types an item may have, as R4 or FHIRPath names them: `Condition`, `dateTime`, `System.Boolean`."""


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

    def items(self, environment: Environment) -> Sequence[Any]:
        """Return the collection. Raises EvaluationError, Missing among them."""

    def truth(self, environment: Environment) -> Truth:
        """Return the boolean, None for an empty collection. Raises EvaluationError, Missing among them."""

    def located(self, environment: Environment) -> Sequence[Location]:
        """Return the collection with each item's place in the record."""

    def evidence(self, environment: Environment) -> Sequence[Location]:
        """Return the elements on which a true answer rests: what stands before `.exists()`."""

    @property
    def has_evidence(self) -> bool:
        """Return whether a true answer can name elements at all."""


Compile: TypeAlias = Callable[[str, Scope], Expression]


class Environment:
    """What one evaluation reads: the record, the reference date and the variables, each computed at most once."""

    __slots__ = ("_defined", "_located", "_values", "as_of", "focus", "index", "record", "total")

    def __init__(
        self,
        record: PatientRecord,
        as_of: Date,
        *,
        values: Mapping[str, Sequence[Any]],
        defined: Mapping[str, Expression],
    ) -> None:
        """Start with `values` as given; `defined` variables are evaluated when first read."""
        self.record = record
        self.as_of = as_of
        self.focus: Any = record.as_bundle
        self.index = 0
        self.total: Sequence[Any] = ()
        self._values: dict[str, Sequence[Any]] = dict(values)
        self._defined = defined
        self._located: dict[str, Sequence[Location]] = {}

    def variable(self, name: str) -> Sequence[Any]:
        """Return the items of a variable."""
        if name not in self._values:
            self._values[name] = self._from_the_record(self._defined[name].items)
        return self._values[name]

    def located(self, name: str) -> Sequence[Location]:
        """Return the items of a variable with their places."""
        if name not in self._located:
            defined = self._defined.get(name)
            self._located[name] = (
                self._from_the_record(defined.located) if defined else [Location(item) for item in self.variable(name)]
            )
        return self._located[name]

    def _from_the_record(self, ask: Callable[[Environment], Sequence[_Item]]) -> Sequence[_Item]:
        """Ask for a variable where it was written, whatever is being looked at when it is first read."""
        focus, index = self.focus, self.index
        self.focus, self.index = self.record.as_bundle, 0
        try:
            return ask(self)
        finally:
            self.focus, self.index = focus, index
