"""A value set that a policy reads → the same set without a code that charts use, or with one that it should not have.

Which codes those are, the charts of the cases tell: a code is in use when the policy finds it there, and the code to
add is the one that it most often finds in its hands and passes over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cds_service.authoring.mutation.mutant import Mutant
from cds_service.authoring.mutation.operators import Operator
from cds_service.fhir.element import Resource
from cds_service.fhir.value_set import ValueSet
from cds_service.fhir.values import Code, codes_of, same_system

__all__ = ["Watched", "value_set_mutants"]


@dataclass(frozen=True)
class Watched(ValueSet):
    """A value set that counts the codes it is asked for."""

    met: Counter[Code] = field(default_factory=Counter, compare=False)

    @property
    def indexed(self) -> None:
        """Return nothing: an index would not tell what was asked for in vain."""

    def answer(self, value: object) -> bool | None:
        """Return what the value set answers, and remember what it was asked for."""
        self.met.update(code for code in codes_of(value) if code[0] is not None)
        return super().answer(value)


def value_set_mutants(
    policy: str, resource: Resource, value_set: ValueSet, met: Mapping[Code, int]
) -> Iterator[Mutant]:
    """Yield the value set without each code that was `met`, and with the one that was most often met in vain."""
    place = f"value set {value_set.canonical.rpartition('/')[2]}"
    for code in sorted(value_set.codes & met.keys(), key=str):
        words = f"without {value_set.names.get(code, code[1])} ({code[1]})"
        yield Mutant(policy, place, Operator.NARROWER, words, _without(resource, code))
    strangers = [code for code in met if code not in value_set.codes]
    if strangers:
        code = min(strangers, key=lambda one: (-met[one], str(one)))
        yield Mutant(policy, place, Operator.WIDER, f"with {code[1]}", _with(resource, code))


_NO_CODE = {"code": "none-that-is-in-use"}
"""What is left of a set that had one code: a set without any does not compile."""


def _without(resource: Resource, code: Code) -> Resource:
    if "expansion" in resource:
        pruned = _pruned(resource["expansion"], code)
        if "contains" not in pruned:
            pruned = {**pruned, "contains": [{"system": code[0], **_NO_CODE}]}
        return {**resource, "expansion": pruned}
    include = [
        {**one, "concept": [concept for concept in one["concept"] if (system, concept["code"]) != code]}
        for one in resource["compose"]["include"]
        for system in (same_system(one.get("system")),)
    ]
    kept = [one for one in include if one["concept"]] or [{"system": code[0], "concept": [_NO_CODE]}]
    return {**resource, "compose": {"include": kept}}


def _pruned(holder: Mapping[str, Any], code: Code) -> Mapping[str, Any]:
    kept = [
        _pruned(entry, code)
        for entry in holder.get("contains", ())
        if (same_system(entry.get("system")), entry.get("code")) != code
    ]
    rest = {key: value for key, value in holder.items() if key not in ("contains", "total")}
    return {**rest, "contains": kept} if kept else rest


def _with(resource: Resource, code: Code) -> Resource:
    system, name = code
    if "expansion" in resource:
        held = resource["expansion"]
        contains = [*held.get("contains", ()), {"system": system, "code": name}]
        rest = {key: value for key, value in held.items() if key != "total"}
        return {**resource, "expansion": {**rest, "contains": contains}}
    include = [*resource["compose"]["include"], {"system": system, "concept": [{"code": name}]}]
    return {**resource, "compose": {"include": include}}
