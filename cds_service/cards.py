"""Determinations → CDS Hooks cards: one per policy group and outcome, for a busy reader first.

Markdown without tables and HTML (clients show them differently), chart text escaped, every card complete in itself.
Coverage is never stated here, and nothing is ever "denied": a physician decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal
from uuid import UUID, uuid5

from cds_service.cds_hooks import Action, Card, Coding, Link, Source, Suggestion
from cds_service.necessity.evidence import words_of
from cds_service.necessity.model import CriterionResult, Determination, Evidence, Kind, Note, Outcome
from cds_service.necessity.orders import NotCovered
from cds_service.plan_definition import model as plan_model
from cds_service.plan_definition.profile import Reason, Role

__all__ = ["Presentation", "not_coded_card", "render"]

_SUMMARY_LENGTH = 139
_NAMESPACE = UUID("6b1f5a54-6f0e-5d0c-9a44-6f6f3c1b7a10")
_TOPICS = "http://terminology.hl7.org/CodeSystem/cdshooks-card-type"
_TOPIC_NAMES = {
    "guideline": "Guideline",
    "off-guideline": "Off guideline",
    "claim": "Claim",
    "contraindication": "Contraindication",
}
_NOTICE = (
    "Decision support for licensed clinicians. It shows what the chart supports under a stated policy; it is no "
    "coverage or payment decision and does not replace judgement. Verify against the sources. A physician decides."
)
_STAMP = "**DRAFT POLICY - NOT FOR CLINICAL USE**"


@dataclass(frozen=True, slots=True)
class Presentation:
    """Whose cards these are and where their links lead."""

    label: str
    base_url: str
    sandbox: bool


def render(
    determinations: Iterable[Determination], presentation: Presentation, *, unread: Sequence[str] = ()
) -> tuple[Card, ...]:
    """Return the cards, most severe first: one per policy folder, outcome and kind. `unread` names what is unseen."""
    ordered = sorted(determinations, key=_group_key)
    cards = [_card(list(group), presentation, unread) for _, group in groupby(ordered, key=_group_key)]
    severity = ("critical", "warning", "info")
    return tuple(sorted(cards, key=lambda card: severity.index(card.indicator)))


def not_coded_card(not_covered: Iterable[NotCovered], presentation: Presentation) -> Card | None:
    """Return a card for the orders whose code cannot be read, or None: silence would look like clearance."""
    uncoded = [one.reference for one in not_covered if one.code is None and one.reason.startswith("no code")]
    if not uncoded:
        return None
    count = "1 order has" if len(uncoded) == 1 else f"{len(uncoded)} orders have"
    return Card(
        uuid=str(uuid5(_NAMESPACE, "not coded " + " ".join(uncoded))),
        summary=f"{count} no readable code: necessity was not evaluated. This is not a denial.",
        detail="\n".join(
            [f"- {_code(one)}: the code is missing, or is text only" for one in uncoded]
            + ["", "Add a code with its system (such as CPT) to have the order evaluated.", "", _NOTICE]
        ),
        indicator="info",
        source=_source(presentation, "guideline"),
    )


def _group_key(determination: Determination) -> tuple[str, int, str]:
    return determination.plan.group, list(Outcome).index(determination.outcome), determination.kind or ""


def _card(group: Sequence[Determination], presentation: Presentation, unread: Sequence[str]) -> Card:
    identity = uuid5(_NAMESPACE, " ".join(one.id for one in group))
    suggestions = tuple(_suggestions(group, identity))
    return Card(
        uuid=str(identity),
        summary=_summary(group),
        detail="\n".join(_detail(group, presentation, unread)),
        indicator=_indicator(group),
        source=_source(presentation, _topic(group)),
        suggestions=suggestions,
        selection_behavior="any" if suggestions else None,
        override_reasons=_override_reasons(group),
        links=tuple(_links(group, presentation)),
    )


# -- the frame ------------------------------------------------------------------------------------------------


def _indicator(group: Sequence[Determination]) -> Literal["info", "warning", "critical"]:
    if any(written.indicator == "critical" for one in group for _, written in _shown_texts(one)):
        return "critical"
    outcome = group[0].outcome
    return "warning" if outcome in (Outcome.NOT_MET, Outcome.INFORMATION_MISSING) else "info"


def _topic(group: Sequence[Determination]) -> str:
    first = group[0]
    if first.outcome is not Outcome.NOT_MET:
        return "guideline"
    if _indicator(group) == "critical":
        return "contraindication"
    return "claim" if first.kind is Kind.CODING else "off-guideline"


def _shown_texts(determination: Determination) -> Iterator[tuple[CriterionResult, plan_model.StateText]]:
    """Yield the texts that a policy has for the states it is in and that call for attention."""
    if determination.outcome is Outcome.MET:
        return
    for result in determination.results:
        written = (result.criterion.state_texts or {}).get(result.state_name)
        if written is not None and result.text:
            yield result, written


def _source(presentation: Presentation, topic: str) -> Source:
    return Source(
        label=presentation.label,
        url=presentation.base_url,
        topic=Coding(system=_TOPICS, code=topic, display=_TOPIC_NAMES[topic]),
    )


def _override_reasons(group: Sequence[Determination]) -> tuple[Coding, ...]:
    if group[0].outcome in (Outcome.MET, Outcome.NOT_APPLICABLE):
        return ()
    reasons = {(one["system"], one["code"]): one for each in group for one in each.plan.override_reasons}
    return tuple(Coding(system=one["system"], code=one["code"], display=one["display"]) for one in reasons.values())


def _links(group: Sequence[Determination], presentation: Presentation) -> Iterator[Link]:
    seen = set()
    for one in group:
        if one.plan.canonical not in seen:
            seen.add(one.plan.canonical)
            url = f"{presentation.base_url}/policies/{one.plan.group}#{one.order.code}"
            yield Link(label=f"Policy: {one.plan.title}, {one.plan.version}", url=url, type="absolute")


def _suggestions(group: Sequence[Determination], identity: UUID) -> Iterator[Suggestion]:
    for one in group:
        for suggestion in one.plan.suggestions:
            if _applies(suggestion, one):
                yield Suggestion(
                    label=suggestion.label,
                    uuid=str(uuid5(identity, f"{one.order.reference} {suggestion.label}")),
                    actions=(_action(suggestion, one),),
                )


def _applies(suggestion: plan_model.Suggestion, determination: Determination) -> bool:
    if suggestion.outcome is not None and suggestion.outcome != determination.outcome:
        return False
    if suggestion.criterion is None:
        return suggestion.outcome is not None
    return any(
        one.criterion.id == suggestion.criterion and one.state_name == suggestion.state for one in determination.results
    )


def _action(suggestion: plan_model.Suggestion, determination: Determination) -> Action:
    order = determination.order
    if suggestion.activity is None:
        return Action(type="delete", description=suggestion.label, resource_id=order.reference)
    activity = suggestion.activity
    request: dict[str, Any] = {"resourceType": str(activity["kind"]), "status": "draft"}
    request["intent"] = activity.get("intent", "order")
    request["code"] = activity["code"]
    request |= {name: order.resource[name] for name in ("subject", "encounter", "requester") if name in order.resource}
    return Action(type="create", description=suggestion.label, resource=request)


# -- the summary ----------------------------------------------------------------------------------------------


def _summary(group: Sequence[Determination]) -> str:
    """Return the first of the wordings, from the fullest to the shortest, that a card's summary can hold."""
    for wording in _wordings(group):
        line = " ".join(_clean(wording).split())
        if len(line) <= _SUMMARY_LENGTH:
            return line
    return line[: _SUMMARY_LENGTH - 1] + "…"


def _wordings(group: Sequence[Determination]) -> Iterator[str]:
    codes = ", ".join(dict.fromkeys(one.order.code for one in group))
    names = " + ".join(dict.fromkeys(one.plan.name for one in group))
    match group[0].outcome:
        case Outcome.MET:
            yield from _met(group, codes, names[0].upper() + names[1:])
        case Outcome.NOT_MET if group[0].kind is Kind.CODING:
            yield from _failed(group, codes, "the code does not fit", ("Check the code; the need itself is shown.", ""))
        case Outcome.NOT_MET:
            yield from _failed(group, codes, "criteria not met on record", ("Physician review.",))
        case Outcome.INFORMATION_MISSING:
            yield from _missing(group, codes)
        case Outcome.NOT_APPLICABLE:
            yield from _failed(group, codes, "outside this policy", ("Not evaluated further.", ""))
        case Outcome.NOT_EVALUATED:
            yield f"{codes}: necessity was not evaluated - {group[0].problem}. This is not a denial."
            yield f"{codes}: necessity was not evaluated. This is not a denial."


def _met(group: Sequence[Determination], codes: str, names: str) -> Iterator[str]:
    site = words_of(group[0].order.resource.get("bodySite"))
    highlights = ", ".join(dict.fromkeys(title for one in group for title in _highlights(one)))
    conditions = [note for one in group for note in one.conditions]
    count = len({note.text for one in group for note in one.cautions})
    cautions = f"{count} caution{'' if count == 1 else 's'} to review"
    tail = f" {len(conditions)} condition{'' if len(conditions) == 1 else 's'}, {cautions}." if conditions else ""
    at = f", {site}" if site else ""
    if highlights:
        yield f"{names}{at} ({codes}): criteria met - {highlights}.{tail}"
        yield f"{names} ({codes}): criteria met - {highlights}.{tail}"
        yield f"{names} ({codes}): criteria met - {highlights}"
    yield f"{names}{at} ({codes}): criteria met.{tail or f' {cautions}.'}"
    yield f"{names} ({codes}): criteria met.{tail or f' {cautions}.'}"
    yield f"{codes}: criteria met.{tail or f' {cautions}.'}"
    yield f"{len(group)} ordered codes: criteria met.{tail or f' {cautions}.'}"


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


def _failed(group: Sequence[Determination], codes: str, plain: str, tails: Sequence[str]) -> Iterator[str]:
    reasons = list(dict.fromkeys(reason for one in group for reason in _deciding_words(one)))
    for tail in tails:
        if reasons:
            yield f"{codes}: {'; '.join(reasons)}. {tail}"
            yield f"{codes}: {reasons[0]}. {tail}"
    yield f"{codes}: {plain}. {tails[0]}"


def _deciding_words(determination: Determination) -> Iterator[str]:
    for result in deciding(determination):
        yield result.text or f"{result.criterion.title} - {_STATE_WORDS[_reading(result)].lower()}"


def deciding(determination: Determination) -> list[CriterionResult]:
    """Return the results that made the outcome what it is, each as deep in the tree as it has words of its own."""
    outcome, kind = determination.outcome, determination.kind
    found = []
    for criterion in determination.plan.criteria:
        result = determination.result(criterion.id) if determination.results else None
        if result is not None and _decides(result, outcome, kind):
            found.append(_worded(determination, result))
    return found


def _decides(result: CriterionResult, outcome: Outcome, kind: Kind | None) -> bool:
    role, state = result.criterion.role, result.state
    match outcome:
        case Outcome.NOT_APPLICABLE:
            return (role is Role.SCOPE and state is False) or result.not_applicable
        case Outcome.NOT_MET if kind is Kind.CODING:
            return (role is Role.CODE_FIT and state is False) or (role is Role.CODE_CONFLICT and state is True)
        case Outcome.NOT_MET:
            gate = role in (Role.REQUIRED, Role.GROUP, Role.ALTERNATIVE)
            return (gate and state is False) or (role is Role.EXCLUSION and state is True)
    return False


def _worded(determination: Determination, result: CriterionResult) -> CriterionResult:
    if result.text:
        return result
    for part in result.criterion.parts:
        child = determination.result(part.id)
        if child.state is result.state:
            deeper = _worded(determination, child)
            if deeper.text:
                return deeper
    return result


def _missing(group: Sequence[Determination], codes: str) -> Iterator[str]:
    gaps = list(dict.fromkeys(result.criterion.title for one in group for result in open_questions(one)))
    for count in range(min(len(gaps), 4), 0, -1):
        more = f" and {len(gaps) - count} more" if len(gaps) > count else ""
        yield f"{codes}: information missing - {', '.join(gaps[:count])}{more}"
    yield f"{codes}: information missing, {len(gaps)} items; see the card"


def open_questions(determination: Determination) -> list[CriterionResult]:
    """Return the unknown criteria that keep the determination open, leaves only, in plan order."""
    found: list[CriterionResult] = []

    def visit(criterion: plan_model.Criterion) -> None:
        result = determination.result(criterion.id)
        if result.state is not None:
            return
        if criterion.parts:
            for part in criterion.parts:
                visit(part)
        else:
            found.append(result)

    for criterion in determination.plan.criteria if determination.results else ():
        if criterion.role in (Role.SCOPE, Role.REQUIRED, Role.GROUP, Role.ALTERNATIVE, Role.EXCLUSION, Role.CODE_FIT):
            visit(criterion)
    return found


# -- the detail -----------------------------------------------------------------------------------------------

_STATE_WORDS = {
    "true": "Met",
    "false": "Not met",
    "unknown": "Missing",
    "excluded": "Ruled out",
    "excludes": "Stands against it",
    "conflict": "Conflicts",
    "no-conflict": "No conflict",
}
_REASON_WORDS = {
    Reason.ABSENT: "nothing on record",
    Reason.STALE: "too old, or before the last operation",
    Reason.PRELIMINARY: "not final or not confirmed",
    Reason.NARRATIVE_ONLY: "at most in free text, which is not read",
    Reason.AMBIGUOUS: "can be read in more than one way",
    Reason.CONFLICT: "the record contradicts itself",
    Reason.UNREADABLE: "could not be read",
}


def _detail(group: Sequence[Determination], presentation: Presentation, unread: Sequence[str]) -> Iterator[str]:
    if presentation.sandbox and any(one.plan.status != "active" for one in group):
        yield from (_STAMP, "")
    for one in group:
        yield from _determination(one)
    yield from _section("What is missing", _gaps(group))
    yield from _section("Conditions", _notes(group, "conditions"))
    yield from _section("Cautions", _notes(group, "cautions"))
    if unread:
        yield from _section("Not read", [f"- {_code(place)} failed or is incomplete" for place in unread[:10]])
    yield from _section("Sources", _sources(group))
    yield from _section("Policy", _policies(group))
    yield _NOTICE


def _determination(determination: Determination) -> Iterator[str]:
    order, plan = determination.order, determination.plan
    words = plan.codes.names.get(order.coded, plan.name)
    result = {
        Outcome.MET: "criteria met",
        Outcome.NOT_MET: "criteria not met on record"
        if determination.kind is Kind.CLINICAL
        else "the code does not fit",
        Outcome.INFORMATION_MISSING: "information missing",
        Outcome.NOT_APPLICABLE: "outside this policy",
        Outcome.NOT_EVALUATED: "not evaluated",
    }[determination.outcome]
    yield f"**{_plain(order.code)}** {_plain(words)} ({_code(order.reference)}): **{result}**"
    if determination.problem:
        yield f"- {_plain(determination.problem)}"
    if order.duplicates:
        yield f"- ordered more than once, evaluated once: {', '.join(_code(one) for one in order.duplicates)}"
    told = (Role.CONDITION, Role.CAUTION)
    for criterion in plan.criteria if determination.results else ():
        if criterion.role not in told:
            yield from _criterion(determination, criterion, 0)
    yield ""


def _criterion(determination: Determination, criterion: plan_model.Criterion, depth: int) -> Iterator[str]:
    result = determination.result(criterion.id)
    if criterion.role in (Role.SUPPORTING, Role.CODE_CONFLICT) and result.state is not True:
        return
    line = f"{'  ' * depth}- **{_STATE_WORDS[_reading(result)]}** – {_plain(criterion.title)}"
    said = result.text if result.state is not None else None
    if said:
        line += f": {_plain(said)}"
    if result.state is None and result.reason is not None and not criterion.parts:
        line += f" ({_REASON_WORDS[result.reason]})"
    if not criterion.parts:
        line += _evidence(result.evidence)
    yield line
    shown = [part for part in criterion.parts if _worth_showing(determination, result, part)]
    for part in shown:
        yield from _criterion(determination, part, depth + 1)


def _worth_showing(determination: Determination, parent: CriterionResult, part: plan_model.Criterion) -> bool:
    """Once a way is found, the ways not taken are noise; while it is open or barred, each of them matters."""
    join = parent.criterion.join
    return join is None or join.kind == "all" or parent.state is not True or determination.result(part.id).state is True


def _reading(result: CriterionResult) -> str:
    if result.state is None:
        return "unknown"
    match result.criterion.role:
        case Role.EXCLUSION:
            return "excludes" if result.state else "excluded"
        case Role.CODE_CONFLICT:
            return "conflict" if result.state else "no-conflict"
    return result.state_name


def _evidence(evidence: Sequence[Evidence], most: int = 4) -> str:
    if not evidence:
        return ""
    shown = [
        ", ".join(part for part in (_plain(one.value), _code(one.path), one.date, one.status) if part)
        for one in evidence[:most]
    ]
    more = f"; and {len(evidence) - most} more" if len(evidence) > most else ""
    return f" – {'; '.join(shown)}{more}"


def _gaps(group: Sequence[Determination]) -> list[str]:
    lines: dict[str, None] = {}
    for one in group:
        for result in open_questions(one):
            asked = result.criterion.prompt or result.text or result.criterion.text or result.criterion.title
            problem = f" ({_plain(result.problem)})" if result.problem else ""
            lines[f"- {_plain(result.criterion.title)}: {_plain(asked)}{problem}"] = None
    return list(lines)


def _notes(group: Sequence[Determination], kind: Literal["conditions", "cautions"]) -> list[str]:
    notes: Iterable[Note] = (note for one in group for note in getattr(one, kind))
    titles = {result.criterion.id: result.criterion.title for one in group for result in one.results}
    return list(dict.fromkeys(f"- **{_plain(titles[note.id])}** – {_plain(note.text)}" for note in notes))


def _sources(group: Sequence[Determination]) -> list[str]:
    lines: dict[str, None] = {}
    for one in group:
        for citation in one.plan.citations:
            about = [
                part for part in (citation.population, citation.sample_size and f"n = {citation.sample_size}") if part
            ]
            about.append(f"identification: {citation.identification or 'not stated'}")
            lines[f"- {_plain(citation.text)} ({'; '.join(map(_plain, about))})"] = None
    return list(lines)


def _policies(group: Sequence[Determination]) -> list[str]:
    lines: dict[str, None] = {}
    for one in group:
        plan = one.plan
        review = f"last review {plan.last_review_date}" if plan.last_review_date else "not reviewed"
        stage = f"review stage {plan.review_stage}" if plan.review_stage else "review stage unknown"
        lines[
            f"- {_plain(plan.title)}, version {_plain(plan.version)}: {plan.status}, {stage}, {review}; "
            f"as of {one.as_of}; {_code(plan.reference)}"
        ] = None
    return list(lines)


def _section(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield from (f"**{title}**", *lines, "")


# -- text that is safe to show --------------------------------------------------------------------------------

_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]#|~!])")
_LONGEST = 600


def _clean(text: object) -> str:
    """Return text without control, zero-width and direction-changing characters, on one line, of bounded length."""
    line = " ".join(_UNSEEN.sub(" ", str(text)).split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def _plain(text: object) -> str:
    """Return text that Markdown shows as it is, without a link, an image or HTML coming to life."""
    if text is None:
        return ""
    escaped = _MARKDOWN.sub(r"\\\1", _clean(text))
    escaped = escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"(?i)\b(https?|ftp|mailto):", r"\1&#58;", escaped)


def _code(text: object) -> str:
    return f"`{_clean(text).replace('`', '')}`"
