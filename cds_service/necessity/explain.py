"""A determination as text for a terminal: the outcome, every criterion with its state, evidence and gap, and then
what it rests on and what would settle it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import wrap

from cds_service.necessity.lifecycle import Rule, standing
from cds_service.necessity.model import CriterionResult, Determination, Evidence, Kind, Outcome
from cds_service.necessity.orders import NotCovered
from cds_service.necessity.outlook import outlook
from cds_service.necessity.wording import REASON_WORDS, printable, stamp_of
from cds_service.plan_definition.model import Criterion
from cds_service.plan_definition.profile import Role

__all__ = ["explain", "explain_not_covered"]

_WIDTH = 80
_LONGEST_VALUE = 300
_LOOKED_AT_SHOWN = 2
_GREEN, _RED, _YELLOW, _BLUE = "32", "31", "33", "34"
_OUTCOMES = {
    Outcome.MET: ("MET", _GREEN),
    Outcome.NOT_MET: ("NOT MET", _RED),
    Outcome.INFORMATION_MISSING: ("INFORMATION MISSING", _YELLOW),
    Outcome.NOT_APPLICABLE: ("NOT APPLICABLE", _BLUE),
    Outcome.NOT_EVALUATED: ("NOT EVALUATED", _BLUE),
}
_KINDS = {Kind.CLINICAL: "criteria not met on record", Kind.CODING: "the code does not fit"}
_STATES = {"true": ("yes", _GREEN), "false": ("no", _RED), "unknown": ("?", _YELLOW)}
_MARK = 5
"""The width of the column with the state; what belongs to a criterion is set under its title."""
_UNMARKED = (Role.REQUIRED, Role.GROUP, Role.ALTERNATIVE)
_NOTED = (Role.CONDITION, Role.CAUTION)
"""What these say stands under the criteria, in a list of its own."""


def explain(determination: Determination, *, colour: bool = False) -> tuple[str, ...]:
    """Return the lines, at most 80 columns wide unless a path or address is longer, without line ends.

    Text from the chart cannot steer the terminal: control and direction-changing characters are taken out.
    With `colour`, outcome and states are coloured by ANSI escape sequences of our own; nothing depends on them.
    """
    return tuple(_lines(determination, colour))


def explain_not_covered(orders: Iterable[NotCovered]) -> tuple[str, ...]:
    """Return a line or more for every order on which no policy decides."""
    return tuple(line for one in orders for line in _set(f"{one.code or one.reference}: not covered - {one.reason}"))


def _lines(one: Determination, colour: bool) -> Iterator[str]:
    yield from _head(one, colour)
    for criterion in one.plan.criteria if one.results else ():
        yield from _criterion(one, criterion, None, 2, colour)
    for line in outlook(one):
        yield from _set(line.text, 2 + line.indent, hang=2)
    for title, notes in (("conditions", one.conditions), ("cautions", one.cautions)):
        if notes:
            yield f"  {title}:"
        for note in notes:
            yield from _set(f"- {note.text}", 4, hang=2)
    if one.human_review:
        yield "  a physician must look at this"
    yield from _set(f"policy {one.plan.reference}: {standing(one.plan)}; as of {one.as_of}", 2, hang=2)


def _head(one: Determination, colour: bool) -> Iterator[str]:
    word, shade = _OUTCOMES[one.outcome]
    why = f" ({_KINDS[one.kind]})" if one.kind else ""
    order = one.order
    known = one.plan.codes.names.get(order.coded, order.code)
    line, *more = _set(f"{word}{why}: {order.code} {one.plan.name if known == order.code else known}")
    yield _shaded(word, shade, colour) + line[len(word) :]
    yield from more
    yield from _set(f"ordered at {order.path}", 2)
    if order.duplicates:
        yield from _set(f"ordered more than once: {', '.join(order.duplicates)}", 2)
    if one.problem:
        yield from _set(one.problem, 2)
    elif one.refusal:
        why = "" if one.refusal.rule is Rule.ACTIVE else f": {one.refusal.reason}"
        yield from _set(f"{stamp_of(one)}{why}", 2)


def _criterion(
    one: Determination, criterion: Criterion, above: Role | None, indent: int, colour: bool
) -> Iterator[str]:
    result = one.result(criterion.id)
    word, shade = _STATES[result.state_name]
    role = "" if criterion.role in (*_UNMARKED, above) else f" [{criterion.role}]"
    first, *more = _set(f"{criterion.title}{role}", indent + _MARK)
    yield " " * indent + _shaded(word, shade, colour) + " " * (_MARK - len(word)) + first[indent + _MARK :]
    yield from more
    for line in _about(result):
        yield from _set(line, indent + _MARK, hang=2)
    for part in criterion.parts:
        yield from _criterion(one, part, criterion.role, indent + 2, colour)


def _about(result: CriterionResult) -> Iterator[str]:
    criterion = result.criterion
    if result.text and criterion.role not in _NOTED:
        yield result.text
    if not criterion.parts:
        yield from map(_evidence, result.evidence)
    if result.problem:
        yield f"problem: {result.problem}"
    if result.state is None and not criterion.parts:
        if result.reason:
            yield f"unknown: {REASON_WORDS[result.reason]}"
        for one in result.looked_at[:_LOOKED_AT_SHOWN]:
            yield f"looked at {one.path}, which lacks: {one.condition}"
        if criterion.prompt:
            yield f"to supply: {criterion.prompt}"


def _evidence(one: Evidence) -> str:
    value = printable(one.value or "")
    shown = value if len(value) <= _LONGEST_VALUE else value[: _LONGEST_VALUE - 1] + "…"
    stated = ", ".join(part for part in (shown, one.date, one.status) if part)
    return f"{one.path}: {stated}" if stated else one.path


def _set(text: str, indent: int = 0, *, hang: int = 0) -> list[str]:
    return wrap(
        printable(text),
        _WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + hang),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _shaded(word: str, shade: str, colour: bool) -> str:
    return f"\x1b[{shade}m{word}\x1b[0m" if colour else word
