"""What a policy author gets told: every breach of every rule, in one run. The rules: docs/reference/lint.md."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cds_service.authoring.lint import (
    acceptances,
    codes,
    criteria,
    empty_chart,
    expressions,
    extensions,
    faults,
    life_cycle,
    resources,
    texts,
    usage,
)
from cds_service.authoring.lint.finding import Finding
from cds_service.authoring.lint.report import as_json, as_text, breaches
from cds_service.authoring.lint.rules import CHAPTERS, RULES, Rule
from cds_service.authoring.lint.subject import subject_of
from cds_service.plan_definition.package import PolicyFiles

__all__ = ["CHAPTERS", "RULES", "Finding", "Rule", "as_json", "as_text", "breaches", "lint"]

_CHECKS = (resources, extensions, criteria, expressions, empty_chart, codes, texts, usage, life_cycle)
_OF_FORM = ("extension-malformed", "not-r4")
"""Rules about the form of an element, which is what the fault of its meaning comes from."""
_NAME = re.compile(r" \([^()]*\)")
_NUMBER = re.compile(r"\[(\d+)\]")


def lint(files: PolicyFiles, *, against: PolicyFiles | None = None) -> tuple[Finding, ...]:
    """Return all findings in these policies, file by file, those that are accepted with the reason.

    `against` is an earlier release: what has its version must have its content.
    """
    subject = subject_of(files)
    told = list(faults.check(subject))
    found = [one for check in _CHECKS for one in check.check(subject) if not _told(one, told)]
    if against is not None:
        found += life_cycle.against(subject, subject_of(against))
    every = acceptances.apply(list(dict.fromkeys([*told, *found])), files)
    return tuple(sorted(every, key=_order))


def _order(one: Finding) -> tuple[object, ...]:
    """Files by name, elements as they stand: the eleventh action after the second."""
    steps = [int(step) if step.isdecimal() else step for step in _NUMBER.split(one.element or "")]
    return one.place, steps, one.position or 0, one.rule, one.problem


def _told(one: Finding, told: Sequence[Finding]) -> bool:
    """Return whether a finding of form is what a fault has told already: at the same element, or of its name."""
    if one.rule not in _OF_FORM:
        return False
    path = _path(one)
    name = path.rpartition(".")[2]
    return any(
        path.startswith(_path(fault)) if "." in _path(fault) else f"`{name}`" in fault.problem
        for fault in told
        if fault.place == one.place
    )


def _path(finding: Finding) -> str:
    """Return the element of a finding without ids, and without what an action holds in extensions."""
    path = _NAME.sub("", finding.element or "")
    return path.partition(".extension")[0] if ".action" in path else path
