"""Formulas of all-of, any-of and at-least over suppositions → the smallest sets of suppositions that fulfil them.

A formula is an atom (a subject is supposed to have a value) or a threshold: at least so many of its parts hold. All-of
is a threshold of all parts, any-of one of 1; a threshold of 0 always holds and one above its parts never does.

A set is minimal when it fulfils the formula and none of its proper subsets does. There can be exponentially many;
here they come smallest first, and only so many are kept. Where no two parts of a threshold speak of one subject,
which is the rule, that loses nothing: a union of disjoint minimal sets is minimal, sizes add up, so the smallest of
the whole are made of the smallest of the parts, and all are counted without being listed. Parts that do share subjects
are taken together: sets are multiplied out, contradictions dropped and larger sets absorbed, as long as there are few.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import chain
from typing import TypeAlias

__all__ = ["ALWAYS", "NEVER", "Atom", "Formula", "MinimalSets", "Threshold", "all_of", "any_of", "at_least", "minimal"]

_MOST_SHARED = 500
"""How many sets are kept where parts share subjects; beyond, none is told."""
_MOST_WORK = 1_000_000
"""How many sets are put in order or compared; beyond, none is told. A second at most."""


@dataclass(frozen=True, slots=True)
class Atom:
    """It is supposed that `subject` has `value`. Two values of one subject exclude each other."""

    subject: str
    value: bool


@dataclass(frozen=True)
class Threshold:
    """At least `count` of the parts hold."""

    count: int
    parts: tuple[Formula, ...]

    @cached_property
    def subjects(self) -> frozenset[str]:
        """Return the subjects that are spoken of."""
        return frozenset().union(*map(_subjects, self.parts))


Formula: TypeAlias = Atom | Threshold

ALWAYS = Threshold(0, ())
NEVER = Threshold(1, ())


def at_least(count: int, parts: Iterable[Formula]) -> Formula:
    """Return the threshold, rid of the parts that always or never hold."""
    rest = []
    for part in parts:
        if part == ALWAYS:
            count -= 1
        elif part != NEVER:
            rest.append(part)
    if count <= 0:
        return ALWAYS
    if count > len(rest):
        return NEVER
    return rest[0] if len(rest) == 1 else Threshold(count, tuple(rest))


def all_of(*parts: Formula) -> Formula:
    """Return the formula that holds when all parts do."""
    return at_least(len(parts), parts)


def any_of(*parts: Formula) -> Formula:
    """Return the formula that holds when a part does."""
    return at_least(1, parts)


@dataclass(frozen=True, slots=True)
class MinimalSets:
    """The smallest of the minimal sets, smallest first; among those of one size, what is spoken of first."""

    sets: tuple[tuple[Atom, ...], ...]
    count: int | None
    """How many there are in all; None where it stopped before they were told apart, and then `sets` is empty."""

    @property
    def complete(self) -> bool:
        """Return whether all are listed."""
        return self.count == len(self.sets)


def minimal(formula: Formula, *, limit: int) -> MinimalSets:
    """Return at most `limit` minimal sets, the smallest.

    All minimal sets are meant that fulfil the formula by themselves: a subject in no set fulfils nothing, whichever
    value it may have. Work is bounded by `limit` and the size of the formula.
    """
    search = _Search(tuple(dict.fromkeys(_atoms(formula))))
    for most in (limit, _MOST_SHARED):  # where parts share subjects, all sets of each part are needed
        search.limit = most
        try:
            found = search.sets(formula)
        except _TooManyError:
            continue
        return MinimalSets(tuple(tuple(search.atoms_in(one)) for one in found.smallest[:limit]), found.count)
    return MinimalSets((), None)


def _atoms(formula: Formula) -> Iterator[Atom]:
    if isinstance(formula, Atom):
        yield formula
    else:
        for part in formula.parts:
            yield from _atoms(part)


def _subjects(formula: Formula) -> frozenset[str]:
    return frozenset((formula.subject,)) if isinstance(formula, Atom) else formula.subjects


class _TooManyError(Exception):
    """More sets would have to be kept, put in order or compared than are."""


@dataclass(frozen=True, slots=True)
class _Found:
    smallest: Sequence[int]
    """Sets as bits, in order; the first atom has the highest bit."""
    count: int


_NONE, _EMPTY = _Found((), 0), _Found((0,), 1)


def _rank(one: int) -> tuple[int, int]:
    """Smaller sets come first, and among equals the one with the earliest atom that the other has not.

    The order of two sets stays the same when both are joined with a third that is disjoint from them.
    """
    return one.bit_count(), -one


class _Search:
    def __init__(self, atoms: Sequence[Atom]) -> None:
        self.limit = 0  # how many sets of each part are kept
        self._work = _MOST_WORK
        self._atoms = atoms
        self._bits = {atom: 1 << (len(atoms) - 1 - i) for i, atom in enumerate(atoms)}
        self._contrary = [
            self._bits[atom] | self._bits[Atom(atom.subject, False)]
            for atom in atoms
            if atom.value and Atom(atom.subject, False) in self._bits
        ]

    def atoms_in(self, one: int) -> Iterator[Atom]:
        return (atom for atom in self._atoms if one & self._bits[atom])

    def sets(self, formula: Formula) -> _Found:
        if isinstance(formula, Atom):
            return _Found((self._bits[formula],), 1)
        if sum(len(_subjects(part)) for part in formula.parts) == len(formula.subjects):
            return self._disjoint(formula.count, [self.sets(part) for part in formula.parts])
        clusters = _clusters(formula.parts)
        if formula.count == len(formula.parts):
            return self._disjoint(len(clusters), [self._shared(len(one), one) for one in clusters])
        if formula.count == 1:
            return self._disjoint(1, [self._shared(1, one) for one in clusters])
        return self._shared(formula.count, formula.parts)

    def _disjoint(self, count: int, parts: Sequence[_Found]) -> _Found:
        """Choose `count` parts: `chosen[n]` are the sets that fulfil n of those seen so far."""
        if count == len(parts):
            return reduce(self._joined, parts, _EMPTY)
        if count == 1:
            return self._either(*parts)
        chosen = [_EMPTY] + [_NONE] * count
        for part in parts:
            for n in range(count, 0, -1):
                chosen[n] = self._either(chosen[n], self._joined(chosen[n - 1], part))
        return chosen[count]

    def _either(self, *found: _Found) -> _Found:
        return _Found(self._smallest(chain(*(one.smallest for one in found))), sum(one.count for one in found))

    def _joined(self, left: _Found, right: _Found) -> _Found:
        """The i-th of one with the j-th of the other is preceded by all pairs of earlier ones: i times j of them."""
        pairs = (one | other for i, one in enumerate(left.smallest, 1) for other in right.smallest[: self.limit // i])
        return _Found(self._smallest(pairs), left.count * right.count)

    def _smallest(self, sets: Iterable[int]) -> Sequence[int]:
        found = sorted(sets, key=_rank)
        self._work -= len(found) + 1
        if self._work < 0:
            raise _TooManyError
        return found[: self.limit]

    def _shared(self, count: int, parts: Sequence[Formula]) -> _Found:
        found = [self.sets(part) for part in parts]
        if len(found) == 1:
            return found[0]
        if any(len(part.smallest) < part.count for part in found):
            raise _TooManyError
        chosen: list[list[int]] = [[0], *([] for _ in range(count))]
        for part in found:
            for n in range(count, 0, -1):
                joined = (one | other for one in chosen[n - 1] for other in part.smallest)
                chosen[n] = self._absorbed({*chosen[n], *joined})
        return _Found(chosen[count], len(chosen[count]))

    def _absorbed(self, sets: Collection[int]) -> list[int]:
        kept: list[int] = []
        for one in sorted(sets, key=_rank):
            contrary = any(one & both == both for both in self._contrary)
            if not contrary and not any(one & smaller == smaller for smaller in kept):
                kept.append(one)
            self._work -= len(kept) + len(self._contrary) + 1
            if len(kept) > _MOST_SHARED or self._work < 0:
                raise _TooManyError
        return kept


def _clusters(parts: Sequence[Formula]) -> list[list[Formula]]:
    """Return the parts, together with those with which they share subjects, directly or through others."""
    clusters: list[tuple[frozenset[str], list[Formula]]] = []
    for part in parts:
        near = [one for one in clusters if not one[0].isdisjoint(_subjects(part))]
        subjects = _subjects(part).union(*(one[0] for one in near))
        clusters = [one for one in clusters if one not in near]
        clusters.append((subjects, [*(each for one in near for each in one[1]), part]))
    return [one for _, one in clusters]
