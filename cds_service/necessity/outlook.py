"""In words: what a determination rests on, what would settle it, and what would still change it. A few lines each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cds_service.necessity.grounds import Grounds, grounds
from cds_service.necessity.model import Determination, Outcome
from cds_service.necessity.settle import LIMIT, Supposed, Ways, settle
from cds_service.plan_definition.model import Criterion

__all__ = ["Line", "outlook"]

_MOST_WAYS = 3
_MOST_SINGLE = 6
"""How many ways of a single fact are told; they stand in one list."""
_MOST_PLACES = 3
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
    yield from words.grounds(grounds(determination))
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


class _Words:
    """The words for one determination. A criterion's prompt stands where it is first spoken of."""

    def __init__(self, determination: Determination) -> None:
        self._determination = determination
        self._prompted: set[str] = set()

    # -- what is known --------------------------------------------------------------------------------------------

    def grounds(self, found: Grounds) -> Iterator[Line]:
        if found.decisive:
            yield Line("rests on:")
            for one in found.decisive:
                yield Line(f"- {self._known(one)}", _LEAD)
        if found.carried_by:
            several = " one of these" if len(found.carried_by) > 1 else ""
            yield Line(f"{'and on' if found.decisive else 'rests on'}{several}:")
            for way in found.carried_by[:_MOST_WAYS]:
                yield Line(f"- {' and '.join(map(self._known, way))}", _LEAD)
            rest = len(found.carried_by) - _MOST_WAYS
            if rest > 0:
                count = rest if len(found.carried_by) < LIMIT else "more"
                yield Line(f"- or {count} other{'s' if rest > 1 else ''}", _LEAD)

    def _known(self, criterion: Criterion) -> str:
        """The criterion, its state where it is no, and where the evidence stands."""
        result = self._determination.result(criterion.id)
        places = [one.path for one in result.evidence]
        more = [f"{len(places) - _MOST_PLACES} more"] if len(places) > _MOST_PLACES else []
        stated = f" ({', '.join((*places[:_MOST_PLACES], *more))})" if places else ""
        return f"{criterion.title}{'' if result.state else ': no'}{stated}"

    # -- what is missing ------------------------------------------------------------------------------------------

    def ways(self, outcome: str, found: Ways, *, otherwise: str = "") -> Iterator[Line]:
        if found.count is None:
            yield Line(f"{outcome}: in too many ways to tell", _LEAD)
        elif not found.count:
            yield Line(otherwise, _LEAD)
        else:
            lead = f"{outcome}, if"
            common, ways = _in_common(found)
            if common:
                yield from self._set(lead, common)
                lead = "and besides"
            yield from self._one_of(lead, ways, found) if _all_single(ways) else self._each(lead, ways, found)

    def _one_of(self, lead: str, ways: Sequence[Sequence[Supposed]], found: Ways) -> Iterator[Line]:
        shown = ways[:_MOST_SINGLE]
        yield Line(f"{lead} one of these:", _LEAD)
        yield from (self._item(one) for (one,) in shown)
        yield from _more(found, len(shown))

    def _each(self, lead: str, ways: Sequence[Sequence[Supposed]], found: Ways) -> Iterator[Line]:
        shown = ways[:_MOST_WAYS]
        again = "or if" if lead.endswith("if") else "or"
        for i, way in enumerate(shown):
            yield from self._set(again if i else lead, way)
        yield from _more(found, len(shown))

    def _set(self, lead: str, way: Sequence[Supposed]) -> Iterator[Line]:
        one = "" if lead.endswith("if") else " this"
        which = one if len(way) == 1 else " both of these" if len(way) == 2 else " all of these"
        yield Line(f"{lead}{which}:", _LEAD)
        yield from map(self._item, way)

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


def _all_single(ways: Sequence[Sequence[Supposed]]) -> bool:
    return len(ways) > 1 and all(len(way) == 1 for way in ways)


def _in_common(found: Ways) -> tuple[list[Supposed], list[list[Supposed]]]:
    """Return what all ways share, and what each has besides; nothing is shared where not all of them are listed."""
    names = [{(one.criterion.id, one.state) for one in way} for way in found.listed]
    shared = set.intersection(*names) if found.complete and len(names) > 1 else set()
    common = [one for one in found.listed[0] if (one.criterion.id, one.state) in shared]
    return common, [[one for one in way if (one.criterion.id, one.state) not in shared] for way in found.listed]


def _more(found: Ways, shown: int) -> Iterator[Line]:
    if found.count is not None and found.count > shown:
        rest = found.count - shown
        yield Line(f"or in {rest:,} other {'way' if rest == 1 else 'ways'}", _LEAD)
