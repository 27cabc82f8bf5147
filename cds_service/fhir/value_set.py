"""Value sets as sets: expanded once at load, asked with one look-up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from cds_service.errors import ContentError
from cds_service.fhir.values import Code, codes_of, names_of, same_system

__all__ = ["ValueSet", "read_value_set"]


@dataclass(frozen=True)
class ValueSet:
    """An expanded value set: its codes, and what this policy set calls each of them."""

    canonical: str
    version: str | None
    codes: frozenset[Code]
    names: Mapping[Code, str]

    def has(self, value: object) -> bool:
        """Return whether a CodeableConcept, Coding or code holds a member; a bare code matches in any system."""
        return self.answer(value) is True

    def answer(self, value: object) -> bool | None:
        """Return whether a value holds a member; None if it holds none and is malformed, so that it cannot be told."""
        if type(value) is str:
            return value in self._bare
        members = self._as_written
        held = value.get("coding") if type(value) is dict and "coding" in value else (value,)
        codings = held if isinstance(held, (list, tuple)) else (held,)
        readable = held is None or codings is held
        for coding in codings:
            if type(coding) is dict:
                system, code = coding.get("system"), coding.get("code")
                if type(system) is str and type(code) is str:
                    if (system, code) in members:
                        return True
                    continue
                readable = readable and all(one is None or type(one) is str for one in (system, code))
            elif coding is not None:
                readable = False
        return False if readable else None

    def first(self, codes: Iterable[Code]) -> Code | None:
        """Return the first of `codes` that is a member."""
        return next((code for code in codes if code in self.codes), None)

    @property
    def indexed(self) -> frozenset[Code] | None:
        """Return the codes to be looked up in an index of a chart; None where `answer` is to be asked each time."""
        return self._as_written

    @cached_property
    def _as_written(self) -> frozenset[Code]:
        """The codes under every name that a chart may give their system."""
        return frozenset((alias, code) for system, code in self.codes for alias in names_of(system))

    @cached_property
    def _bare(self) -> frozenset[str]:
        return frozenset(code for _, code in self.codes)


def read_value_set(resource: Mapping[str, object]) -> ValueSet:
    """Return a ValueSet resource as a set of codes: its expansion if it has one, else its listed concepts.

    Raises ContentError for a definition that lists no codes (a filter, a whole system, another value set), for a
    set that cannot be expanded is not an empty one.
    """
    canonical = resource.get("url")
    if type(canonical) is not str:
        raise ContentError("a ValueSet has no `url`", rule="artifact-unnamed")
    expansion, compose = resource.get("expansion"), resource.get("compose")
    names: dict[Code, str] = {}
    if isinstance(expansion, Mapping):
        entries = list(_expanded(expansion))
        total = expansion.get("total")
        if isinstance(total, int) and total > len(entries):
            raise _not_expandable("the expansion lists fewer codes than its `total`", canonical, "expansion")
        for entry in entries:
            if entry.get("abstract") is not True:
                _add(names, entry.get("system"), entry, canonical)
    elif isinstance(compose, Mapping):
        if compose.get("exclude"):
            raise _not_expandable(
                "`exclude` is not carried out; list the codes that remain", canonical, "compose.exclude"
            )
        for i, include in enumerate(_list(compose.get("include"))):
            concepts = _list(include.get("concept"))
            if not concepts or include.get("filter") or include.get("valueSet"):
                raise _not_expandable(
                    "only listed codes can be expanded here; list them, or add an expansion",
                    canonical,
                    f"compose.include[{i}]",
                )
            for concept in concepts:
                _add(names, include.get("system"), concept, canonical)
    if not names:
        raise _not_expandable("the value set holds no code", canonical)
    version = resource.get("version")
    return ValueSet(canonical, version if type(version) is str else None, frozenset(names), names)


def _expanded(holder: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    for entry in _list(holder.get("contains")):
        yield entry
        yield from _expanded(entry)


def _list(value: object) -> list[Mapping[str, object]]:
    return [one for one in value if isinstance(one, Mapping)] if type(value) is list else []


def _add(names: dict[Code, str], system: object, concept: Mapping[str, object], canonical: str) -> None:
    code = concept.get("code")
    if type(system) is not str or type(code) is not str:
        raise _not_expandable("each code needs a `system` and a `code`", canonical)
    names[same_system(system), code] = _own_words(concept) or str(concept.get("display") or code)


def _not_expandable(reason: str, canonical: str, element: str | None = None) -> ContentError:
    return ContentError(reason, canonical, element, rule="value-set-not-expandable")


def _own_words(concept: Mapping[str, object]) -> str | None:
    """Return our own short name of a code, for code systems whose display may not be copied."""
    for designation in _list(concept.get("designation")):
        if any(code == "paraphrase" for _, code in codes_of(designation.get("use"))):
            return str(designation.get("value"))
    return None
