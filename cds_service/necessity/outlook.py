"""In words: what a determination rests on, what would settle it, and what would still change it. A few lines each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cds_service.necessity.grounds import grounds
from cds_service.necessity.model import Determination, Outcome
from cds_service.necessity.settle import Supposed, Ways, settle
from cds_service.plan_definition.model import Criterion

__all__ = ["Line", "outlook"]

_MOST_WAYS = 3
_MOST_SINGLE = 6
"""How many ways of a single fact are told; they stand in one list."""
_HEAD, _LEAD, _ITEM = 0, 2, 4


@dataclass(frozen=True, slots=True)
class Line:
    """A line, and how far below the heading it stands."""

    text: str
    indent: int = _HEAD


def outlook(determination: Determination) -> Iterator[Line]:
    """Yield the lines on what is settled and what is not; none for what was not evaluated."""
    found = settle(determination)
    if found is None:
        return
    words = _Words(determination)
    yield from _grounds(determination)
    match determination.outcome:
        case Outcome.INFORMATION_MISSING:
            yield Line("what would settle it:")
            yield from words.ways("met", found.met, otherwise="nothing that is missing would make it met")
            yield from words.ways("not met", found.not_met, otherwise="nothing that is missing would make it not met")
        case Outcome.MET if found.not_met.count != 0:
            yield Line("what would still change it:")
            yield from words.ways("not met", found.not_met)
        case Outcome.NOT_MET | Outcome.NOT_APPLICABLE:
            yield Line("nothing that is missing would make it met")


def _grounds(determination: Determination) -> Iterator[Line]:
    def stated(criteria: Sequence[Criterion], joined: str) -> str:
        said = (f"{one.title}{'' if determination.result(one.id).state else ' (no)'}" for one in criteria)
        return joined.join(said)

    found = grounds(determination)
    if found.decisive:
        yield Line(f"rests on: {stated(found.decisive, '; ')}")
    if found.carried_by:
        ways = [stated(way, " and ") for way in found.carried_by[:_MOST_WAYS]]
        lead = "and on" if found.decisive else "rests on"
        several = " one of" if len(found.carried_by) > 1 else ""
        others = " | others" if len(found.carried_by) > _MOST_WAYS else ""
        yield Line(f"{lead}{several}: {' | '.join(ways)}{others}")


class _Words:
    """The words for ways. A criterion's prompt stands where it is first spoken of."""

    def __init__(self, determination: Determination) -> None:
        self._determination = determination
        self._prompted: set[str] = set()

    def ways(self, outcome: str, found: Ways, *, otherwise: str = "") -> Iterator[Line]:
        if found.count is None:
            yield Line(f"{outcome}: in too many ways to tell", _LEAD)
        elif not found.count:
            yield Line(otherwise, _LEAD)
        elif found.count > 1 and all(len(way) == 1 for way in found.listed):
            yield from self._one_of(outcome, found)
        else:
            yield from self._each(outcome, found)

    def _one_of(self, outcome: str, found: Ways) -> Iterator[Line]:
        shown = found.listed[:_MOST_SINGLE]
        yield Line(f"{outcome}, if one of these:", _LEAD)
        for (one,) in shown:
            yield self._item(one)
        yield from _more(found, len(shown))

    def _each(self, outcome: str, found: Ways) -> Iterator[Line]:
        shown = found.listed[:_MOST_WAYS]
        for i, way in enumerate(shown):
            several = "" if len(way) == 1 else " both of these" if len(way) == 2 else " all of these"
            yield Line(f"or if{several}:" if i else f"{outcome}, if{several}:", _LEAD)
            for one in way:
                yield self._item(one)
        yield from _more(found, len(shown))

    def _item(self, one: Supposed) -> Line:
        text = f"- {one.criterion.title}: {'yes' if one.state else 'no'}"
        if one.assumed:
            text += " (taken as no while nothing shows it)"
        elsewhere = self._decided_with(one.criterion)
        if elsewhere:
            text += f" (decided with {elsewhere})"
        if one.criterion.prompt and one.criterion.id not in self._prompted and not one.assumed:
            self._prompted.add(one.criterion.id)
            text += f". {one.criterion.prompt}"
        return Line(text, _ITEM)

    def _decided_with(self, criterion: Criterion) -> str:
        """The codes of the orders whose determination a criterion reads."""
        if criterion.determination_of is None:
            return ""
        result = self._determination.result(criterion.id)
        read = (one for one in result.evidence if one.path != self._determination.order.path)
        return ", ".join(dict.fromkeys(one.value for one in read if one.value))


def _more(found: Ways, shown: int) -> Iterator[Line]:
    if found.count is not None and found.count > shown:
        rest = found.count - shown
        yield Line(f"or in {rest:,} other {'way' if rest == 1 else 'ways'}", _LEAD)
