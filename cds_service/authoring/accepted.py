"""What cases cannot show, accepted by a written reason: `mutants.yaml` beside the policies.

A mutant may be equal in effect to its original, and a criterion may be unable to take a state. Whoever says so gives
the reason, and the entry is stale, which is an error, as soon as a case shows it after all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from cds_service.authoring.case_format import faults
from cds_service.errors import ContentError

__all__ = ["Accepted", "AcceptedMutants", "AcceptedState", "merged", "read_accepted"]

_NOTHING_ELSE = ConfigDict(extra="forbid")
_Reason = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class AcceptedState:
    """A state that a deciding criterion cannot take."""

    __pydantic_config__ = _NOTHING_ELSE

    policy: str
    criterion: str
    never: Literal["met", "not met", "missing"]
    reason: _Reason


@dataclass(frozen=True, slots=True)
class AcceptedMutants:
    """Mutants that no case can notice, by their ids, all for one reason."""

    __pydantic_config__ = _NOTHING_ELSE

    reason: _Reason
    mutants: Annotated[tuple[str, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Accepted:
    """All that is accepted."""

    __pydantic_config__ = _NOTHING_ELSE

    states: tuple[AcceptedState, ...] = ()
    mutants: tuple[AcceptedMutants, ...] = ()

    def reason_of_state(self, policy: str, criterion: str, state: str) -> str | None:
        """Return why a criterion need not be seen in a state, None if no reason is given."""
        found = (one for one in self.states if (one.policy, one.criterion, one.never) == (policy, criterion, state))
        return next((one.reason for one in found), None)

    def reasons_of_mutants(self) -> dict[str, str]:
        """Return the reason why a mutant may survive, by the mutant's id."""
        return {name: group.reason for group in self.mutants for name in group.mutants}


@cache
def _reader() -> TypeAdapter[Accepted]:
    return TypeAdapter(Accepted)


def read_accepted(document: object, *, place: str) -> Accepted:
    """Return what one file accepts. Raises ContentError with the member that is wrong, and for what stands twice."""
    try:
        accepted = _reader().validate_python(document)
    except ValidationError as error:
        raise ContentError(f"{place}: {'; '.join(faults(error, document))}") from None
    said = [name for group in accepted.mutants for name in group.mutants]
    twice = next((name for i, name in enumerate(said) if name in said[:i]), None)
    if twice is not None:
        raise ContentError(f"{place}: `{twice}` is accepted twice")
    return accepted


def merged(parts: Iterable[Accepted]) -> Accepted:
    """Return what several files accept together."""
    parts = tuple(parts)
    return Accepted(
        tuple(one for part in parts for one in part.states), tuple(one for part in parts for one in part.mutants)
    )
