"""The detail of a card: bullets, most important first, no tables and no HTML."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Literal

from cds_service.cards.summary import met_words
from cds_service.cards.text import code, plain
from cds_service.fhir.unread import Unread
from cds_service.necessity.lifecycle import standing
from cds_service.necessity.model import CriterionResult, Determination, Evidence, Kind, Note, Outcome
from cds_service.necessity.reading import gaps_of, state_words
from cds_service.necessity.wording import REASON_WORDS, stamp_of
from cds_service.plan_definition.model import Citation, Criterion
from cds_service.plan_definition.profile import Role

__all__ = ["NOTICE", "detail"]

NOTICE = (
    "Decision support for licensed clinicians. It shows what the chart supports under a stated policy; it is no "
    "coverage or payment decision and does not replace judgement. Verify against the sources. A physician decides."
)


def detail(group: Sequence[Determination], *, sandbox: bool, unread: Sequence[Unread]) -> Iterator[str]:
    """Yield the lines of the Markdown that one card shows for determinations of one outcome."""
    if sandbox:
        yield from _stamp(group)
    for one in group:
        yield from _determination(one, unread)
    yield from _section("What is missing", _gaps(group))
    yield from _section("Conditions", _notes(group, "conditions"))
    yield from _section("Cautions", _notes(group, "cautions"))
    if unread:
        yield from _section("Not read", list(_unread(unread)))
    if group[0].results:
        yield from _section("Sources", _sources(group))
    yield from _section("Policy", _policies(group))
    yield NOTICE


_SHOWN = 10


def _unread(unread: Sequence[Unread]) -> Iterator[str]:
    """What may exist unseen: a clinician who knows of it looks there."""
    for one in unread[:_SHOWN]:
        yield f"- {code(one.place)}: {one.why.words}"
    if len(unread) > _SHOWN:
        yield f"- and {len(unread) - _SHOWN} more"


def _stamp(group: Sequence[Determination]) -> Iterator[str]:
    """What production would refuse is never shown as if a clinician had approved it."""
    stamps = {stamp for one in group if (stamp := stamp_of(one))}
    if stamps:
        yield from (f"**{min(stamps)}**", "")


def _determination(determination: Determination, unread: Sequence[Unread]) -> Iterator[str]:
    order, plan = determination.order, determination.plan
    words = plan.codes.names.get(order.coded, plan.name)
    result = {
        Outcome.MET: met_words([determination], unread),
        Outcome.NOT_MET: "criteria not met on record"
        if determination.kind is Kind.CLINICAL
        else "the code does not fit",
        Outcome.INFORMATION_MISSING: "information missing",
        Outcome.NOT_APPLICABLE: "outside this policy",
        Outcome.NOT_EVALUATED: "not evaluated",
    }[determination.outcome]
    yield f"**{plain(order.code)}** {plain(words)} ({code(order.reference)}): **{result}**"
    if determination.problem:
        yield f"- {plain(determination.problem)}"
    if order.duplicates:
        yield f"- ordered more than once, evaluated once: {', '.join(code(one) for one in order.duplicates)}"
    told = (Role.CONDITION, Role.CAUTION)
    for criterion in plan.criteria if determination.results else ():
        if criterion.role not in told:
            yield from _criterion(determination, criterion, 0)
    yield ""


def _criterion(determination: Determination, criterion: Criterion, depth: int) -> Iterator[str]:
    result = determination.result(criterion.id)
    if criterion.role in (Role.SUPPORTING, Role.CODE_CONFLICT) and result.state is not True:
        return
    line = f"{'  ' * depth}- **{state_words(result)}** – {plain(criterion.title)}"
    said = result.text if result.state is not None else None
    if said:
        line += f": {plain(said)}"
    if result.state is None and result.reason is not None and not criterion.parts:
        line += f" ({REASON_WORDS[result.reason]})"
    if not criterion.parts:
        line += _evidence(result.evidence)
    yield line
    shown = [part for part in criterion.parts if _worth_showing(determination, result, part)]
    for part in shown:
        yield from _criterion(determination, part, depth + 1)


def _worth_showing(determination: Determination, parent: CriterionResult, part: Criterion) -> bool:
    """Once a way is found, the ways not taken are noise; while it is open or barred, each of them matters."""
    join = parent.criterion.join
    return join is None or join.kind == "all" or parent.state is not True or determination.result(part.id).state is True


def _evidence(evidence: Sequence[Evidence], most: int = 4) -> str:
    if not evidence:
        return ""
    shown = [
        ", ".join(part for part in (plain(one.value), code(one.path), one.date, plain(one.status)) if part)
        for one in evidence[:most]
    ]
    more = f"; and {len(evidence) - most} more" if len(evidence) > most else ""
    return f" – {'; '.join(shown)}{more}"


def _gaps(group: Sequence[Determination]) -> list[str]:
    lines: dict[str, None] = {}
    for result in gaps_of(group):
        asked = result.criterion.prompt or result.text or result.criterion.text or result.criterion.title
        problem = f" ({plain(result.problem)})" if result.problem else ""
        lines[f"- {plain(result.criterion.title)}: {plain(asked)}{problem}"] = None
    return list(lines)


def _notes(group: Sequence[Determination], kind: Literal["conditions", "cautions"]) -> list[str]:
    notes: Iterable[Note] = (note for one in group for note in getattr(one, kind))
    titles = {result.criterion.id: result.criterion.title for one in group for result in one.results}
    return list(dict.fromkeys(f"- **{plain(titles[note.id])}** – {plain(note.text)}" for note in notes))


def _sources(group: Sequence[Determination]) -> list[str]:
    return list(dict.fromkeys(_source(citation) for one in group for citation in one.plan.citations))


@lru_cache(maxsize=4096)  # a policy's own words, the same for every patient; a quarter of what a card takes without
def _source(citation: Citation) -> str:
    about = [part for part in (citation.population, citation.sample_size and f"n = {citation.sample_size}") if part]
    about.append(f"identification: {citation.identification or 'not stated'}")
    return f"- {plain(citation.text)} ({'; '.join(map(plain, about))})"


def _policies(group: Sequence[Determination]) -> list[str]:
    lines: dict[str, None] = {}
    for one in group:
        plan = one.plan
        lines[
            f"- {plain(plan.title)}, version {plain(plan.version)}: {plain(standing(plan))}; as of {one.as_of}; "
            f"{code(plan.reference)}"
        ] = None
    return list(lines)


def _section(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield from (f"**{title}**", *lines, "")
