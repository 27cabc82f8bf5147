"""The kinds of change that a mutant makes: each a mistake that an author could make and a case should notice."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Operator"]


class Operator(StrEnum):
    """What kind of change a mutant is; the value is what a report calls it."""

    CRITERION = "criterion dropped"
    GROUP = "all and one-or-more swapped"
    AT_LEAST = "number of a group changed"
    INVERSION = "support and refutation exchanged"
    REFUTATION = "refutation dropped"
    REASON = "reason for unknown dropped"
    ROLE = "role changed"
    REVIEW = "human review dropped"
    DEPENDENCY = "other determination not read"
    SITE = "same site not asked for"
    PARAMETER = "parameter shifted"
    NARROWER = "value set without a code in use"
    WIDER = "value set with a code it was asked for in vain"
    OPERAND = "part of a condition dropped"
    CONNECTIVE = "`and` and `or` swapped"
    BOUNDARY = "comparison with its boundary moved"
    NUMBER = "number in an expression shifted"
    LATEST = "`latest()` dropped"
    FILTER = "filter dropped"
    CHOICE = "condition of `iif` dropped"
    NEGATION = "`not()` dropped"
    SOME = "`all` turned into `exists`"
    SOURCE = "one of several sources dropped"

    @property
    def thorough(self) -> bool:
        """Return whether it changes how an expression is built, not what the policy asks: much more to notice."""
        return self in _THOROUGH


_THOROUGH = frozenset(
    {
        Operator.OPERAND,
        Operator.CONNECTIVE,
        Operator.LATEST,
        Operator.FILTER,
        Operator.CHOICE,
        Operator.NEGATION,
        Operator.SOME,
        Operator.SOURCE,
    }
)
