"""A finding: a rule that a policy breaks, where, and how."""

from __future__ import annotations

from dataclasses import dataclass

from cds_service.authoring.lint.rules import RULES, Rule, Severity

__all__ = ["Finding"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong at one place; what it means and what to do is the rule's."""

    rule: str
    problem: str
    group: str
    """The folder, by name."""
    place: str
    """The file."""
    canonical: str | None = None
    element: str | None = None
    action: str | None = None
    """The id of the criterion."""
    source: str | None = None
    """The expression, where the finding is about one."""
    position: int | None = None
    """Where in the expression, in characters from 0."""
    accepted: str | None = None
    """Why it is left as it is."""

    @property
    def about(self) -> Rule:
        """Return the rule."""
        return RULES[self.rule]

    @property
    def severity(self) -> Severity:
        """Return how serious it is."""
        return self.about.severity
