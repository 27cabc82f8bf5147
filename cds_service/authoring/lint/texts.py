"""Texts: as long as a card shows them, of no denial, in nobody else's words, with a source for each figure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cds_service.authoring.lint.finding import Finding
from cds_service.authoring.lint.resources import at, texts_of
from cds_service.authoring.lint.subject import Policy, Subject
from cds_service.cards.summary import LENGTH
from cds_service.cards.text import LONGEST
from cds_service.plan_definition.artifacts import Artifact
from cds_service.plan_definition.criteria import TOLD
from cds_service.plan_definition.model import Citation, Criterion, PlanDefinition
from cds_service.plan_definition.package import PolicyFile

__all__ = ["check"]

_DENIAL = re.compile(r"\b(den(y|ies|ied|ial|ials)|reject(s|ed|ion)?|not covered|non-covered)\b", re.IGNORECASE)
_FIGURE = re.compile(r"\d(?:[.,]\d+)?\s?%|\b\d+ (?:of|in|out of) \d+\b|\bpercent\b", re.IGNORECASE)
_AMA = (
    r"\(?list separately in addition to",
    r"\(separate procedure\)",
    r"\bunlisted procedure, ",
    r"\bwhen performed\b",
    r"\beach additional (segment|interspace|level|vertebral)",
    r"\b(single|first|initial) (segment|level|interspace); ",
    r"\bincluding (imaging guidance|harvesting)\b",
)
"""Turns of phrase that CPT's descriptions use and nobody else does."""
_PROPRIETARY = (
    r"\bclinical indications? for procedure\b",
    r"\bindicated (for|by) (1|one) or more of the following\b",
    r"\bas indicated by all of the following\b",
    r"\b(MCG|Milliman) (Health|Care Guidelines?|criteria)\b",
    r"\bInterQual\b",
    r"\bgoal length of stay\b",
    r"\boptimal recovery (course|guideline)\b",
    r"\bgeneral recovery guideline\b",
)
"""Turns of phrase and names of the guidelines that payers license."""
_COPIED = re.compile("|".join(_AMA), re.IGNORECASE)
_LICENSED = re.compile("|".join(_PROPRIETARY), re.IGNORECASE)
_NAME = 60
_TITLE = LENGTH - len("00000: information missing - ")
_REASON = LENGTH - len("00000: .")
"""What is left of a card's summary for the title of one gap, or for one reason."""
_READ = ("ActivityDefinition", "PlanDefinition", "ValueSet")
_NOT_WORDS = (".expression", ".url", ".system", ".code", ".id", ".valueSet", ".valueCanonical", "Canonical", ".path")


def check(subject: Subject) -> Iterator[Finding]:
    """Yield what is wrong with the words of policies."""
    for artifact in subject.all:
        if artifact.resource["resourceType"] in _READ:
            yield from _words(artifact)
    for text in subject.files.texts:
        if text.place.endswith(".md"):
            yield from _page(text)
    for policy in subject.policies:
        if policy.plan is not None:
            yield from _lengths(policy, policy.plan)
            yield from _sources(policy, policy.plan)


def _words(artifact: Artifact) -> Iterator[Finding]:
    for path, text in texts_of(artifact.resource, str(artifact.resource["resourceType"])):
        if path.endswith(_NOT_WORDS):
            continue
        for rule, found in _matches(text):
            yield at(artifact, rule, f"`{found}`", path)


def _page(text: PolicyFile) -> Iterator[Finding]:
    written = text.body.decode("utf-8", "replace")
    for rule, found in _matches(written):
        if rule != "says-denied":  # a page may say that nothing is denied
            yield Finding(rule, f"`{found}`", text.group, f"{text.group}/{text.place}")


def _matches(text: str) -> Iterator[tuple[str, str]]:
    rules = (("says-denied", _DENIAL), ("copied-description", _COPIED), ("proprietary-wording", _LICENSED))
    for rule, pattern in rules:
        found = pattern.search(text)
        if found is not None:
            yield rule, found.group()


def _lengths(policy: Policy, plan: PlanDefinition) -> Iterator[Finding]:
    yield from _long(policy, None, "the name of the order", plan.name, _NAME)
    for criterion in plan.walk():
        yield from _long(policy, criterion, "`title`", criterion.title, _TITLE)
        yield from _long(policy, criterion, "the words on the card", criterion.text, LONGEST)
        yield from _long(policy, criterion, "`missing-prompt`", criterion.prompt or "", LONGEST)
        for state, said in (criterion.state_texts or {}).items():
            if isinstance(said.text, str):
                told = criterion.role in TOLD or state == "unknown"
                yield from _long(policy, criterion, f"the text for `{state}`", said.text, LONGEST if told else _REASON)


def _long(policy: Policy, criterion: Criterion | None, what: str, text: str, most: int) -> Iterator[Finding]:
    if len(text) > most:
        problem = f"{what} has {len(text)} characters, a card shows {most}"
        yield policy.finding("text-too-long", problem, criterion)


def _sources(policy: Policy, plan: PlanDefinition) -> Iterator[Finding]:
    for citation in plan.citations:
        yield from _unidentified(policy, None, citation)
    for criterion in plan.walk():
        for citation in criterion.citations:
            yield from _unidentified(policy, criterion, citation)
        if any(_FIGURE.search(text) for text in _said(criterion)) and not _weighed(plan, criterion):
            yield policy.finding("figure-without-population", "no source with both stands with it", criterion)


def _said(criterion: Criterion) -> Iterator[str]:
    yield criterion.text
    for said in (criterion.state_texts or {}).values():
        if isinstance(said.text, str):
            yield said.text


def _weighed(plan: PlanDefinition, criterion: Criterion) -> bool:
    cited = criterion.citations or plan.citations
    return any(one.population is not None and one.sample_size is not None for one in cited)


def _unidentified(policy: Policy, criterion: Criterion | None, citation: Citation) -> Iterator[Finding]:
    if citation.identification is None:
        yield policy.finding("citation-unidentified", f"`{citation.text[:60]}`", criterion)
