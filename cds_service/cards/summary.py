"""The summary of a card: one line under 140 characters, the fullest wording that fits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cds_service.cards.text import clean
from cds_service.fhir.unread import Unread
from cds_service.necessity.evidence import words_of
from cds_service.necessity.model import Determination, Kind, Outcome
from cds_service.necessity.reading import deciding, gaps_of, is_critical, says_critical, state_words
from cds_service.plan_definition.profile import Role

__all__ = ["LENGTH", "met_words", "summary"]

LENGTH = 139
"""The most characters that a card's summary may have. Source: CDS Hooks 2.0.1, Card Attributes."""


def summary(group: Sequence[Determination], unread: Sequence[Unread] = ()) -> str:
    """Return the first of the wordings, from the fullest to the shortest, that a card's summary can hold."""
    for wording in _wordings(group, unread):
        line = " ".join(clean(wording).split())
        if len(line) <= LENGTH:
            return line
    return line[: LENGTH - 1] + "…"


def _wordings(group: Sequence[Determination], unread: Sequence[Unread]) -> Iterator[str]:
    codes = ", ".join(dict.fromkeys(one.order.code for one in group))
    names = " + ".join(dict.fromkeys(one.plan.name for one in group))
    match group[0].outcome:
        case Outcome.MET:
            yield from _met(group, codes, names[0].upper() + names[1:], met_words(group, unread))
        case Outcome.NOT_MET if group[0].kind is Kind.CODING:
            shown = all(one.clinical is True for one in group)
            yield from _failed(group, codes, "the code does not fit", "The need itself is shown." if shown else "")
        case Outcome.NOT_MET:
            yield from _failed(group, codes, "criteria not met on record", "Physician review.")
        case Outcome.INFORMATION_MISSING:
            yield from _urgent(group)
            yield from _missing(group, codes)
        case Outcome.NOT_APPLICABLE:
            yield from _failed(group, codes, "outside this policy", "Not evaluated further.")
        case Outcome.NOT_EVALUATED:
            reasons = "; ".join(dict.fromkeys(one.refusal.reason for one in group if one.refusal))
            yield f"{codes}: necessity was not evaluated - {reasons}. This is not a denial."
            yield f"{codes}: necessity was not evaluated. This is not a denial."


def met_words(group: Sequence[Determination], unread: Sequence[Unread]) -> str:
    """Return the words for a met determination: what was not read of what its policy reads might say otherwise."""
    read = {one.type for each in group for one in each.plan.inputs}
    return "criteria met on what was read" if any(one.may_hold(read) for one in unread) else "criteria met"


def _met(group: Sequence[Determination], codes: str, names: str, met: str) -> Iterator[str]:
    site = words_of(group[0].order.resource.get("bodySite"))
    highlights = ", ".join(dict.fromkeys(title for one in group for title in _highlights(one)))
    conditions = [note for one in group for note in one.conditions]
    count = len({note.text for one in group for note in one.cautions})
    cautions = f"{count} caution{'' if count == 1 else 's'} to review"
    tail = f" {len(conditions)} condition{'' if len(conditions) == 1 else 's'}, {cautions}." if conditions else ""
    at = f", {site}" if site else ""
    if highlights:
        yield f"{names}{at} ({codes}): {met} - {highlights}.{tail}"
        yield f"{names} ({codes}): {met} - {highlights}.{tail}"
        yield f"{names} ({codes}): {met} - {highlights}"
    yield f"{names}{at} ({codes}): {met}.{tail or f' {cautions}.'}"
    yield f"{names} ({codes}): {met}.{tail or f' {cautions}.'}"
    yield f"{codes}: {met}.{tail or f' {cautions}.'}"
    yield f"{len(group)} ordered codes: {met}.{tail or f' {cautions}.'}"


def _highlights(determination: Determination) -> Iterator[str]:
    """Yield what carries the determination: the ways in which its groups of alternatives are satisfied."""
    for result in determination.results:
        criterion = result.criterion
        top = criterion.parent is None and criterion.role in (Role.GROUP, Role.REQUIRED)
        if top and criterion.join is not None and criterion.join.kind != "all":
            yield from (
                determination.result(part.id).criterion.title
                for part in criterion.parts
                if determination.result(part.id).state is True
            )


def _failed(group: Sequence[Determination], codes: str, plain: str, tail: str) -> Iterator[str]:
    """Yield wordings by reason: which codes fail why, what is most serious first."""
    reasons: dict[str, list[str]] = {}
    for one in sorted(group, key=lambda one: not is_critical(one)):
        reason = next(_deciding_words(one), plain)
        reasons.setdefault(reason, []).append(one.order.code)
    clauses = [f"{', '.join(dict.fromkeys(failed))}: {reason}" for reason, failed in reasons.items()]
    rest = [code for failed in list(reasons.values())[1:] for code in failed]
    others = f"; also {', '.join(dict.fromkeys(rest))}" if rest else ""
    for ending in dict.fromkeys((f" {tail}", "")):
        yield f"{'; '.join(clauses)}.{ending}"
        yield f"{clauses[0]}{others}.{ending}"
    yield f"{codes}: {plain}. {tail}"


def _deciding_words(determination: Determination) -> Iterator[str]:
    for result in sorted(deciding(determination), key=lambda result: not says_critical(result)):
        yield result.text or f"{result.criterion.title} - {state_words(result).lower()}"


def _urgent(group: Sequence[Determination]) -> Iterator[str]:
    """Yield what a policy calls critical, before any question: an emergency does not wait for documents."""
    for one in filter(is_critical, group):
        yield from (f"{one.order.code}: {result.text}." for result in one.results if says_critical(result))


def _missing(group: Sequence[Determination], codes: str) -> Iterator[str]:
    gaps = list(dict.fromkeys(result.criterion.title for result in gaps_of(group)))
    for count in range(min(len(gaps), 4), 0, -1):
        more = f" and {len(gaps) - count} more" if len(gaps) > count else ""
        yield f"{codes}: information missing - {', '.join(gaps[:count])}{more}"
    yield f"{codes}: information missing, {len(gaps)} items; see the card"
