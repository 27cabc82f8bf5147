"""Two compiled policies → every difference between them that a reader or a determination could notice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar

from cds_service.expressions.language import Expression
from cds_service.plan_definition.model import (
    Citation,
    Criterion,
    DeterminationOf,
    Input,
    Join,
    Parameter,
    PlanDefinition,
    StateText,
    Suggestion,
)
from cds_service.plan_definition.profile import Role
from cds_service.plan_definition.versions import period_words

__all__ = ["Change", "Kind", "changes"]

Kind: TypeAlias = Literal[
    "life cycle",
    "policy",
    "ordered code",
    "input",
    "parameter",
    "variable",
    "criterion",
    "value set",
    "source",
    "suggestion",
    "override reason",
]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. An aspect is None where the whole was added (no `before`) or removed (no `after`)."""

    kind: Kind
    name: str
    title: str = ""
    """What the author calls it, where it has a name for readers."""
    aspect: str | None = None
    before: str | None = None
    after: str | None = None
    decides: bool = False
    """Whether it can alter a determination."""


_Thing = TypeVar("_Thing")
_Aspect: TypeAlias = tuple[str, object, object, bool]
_TOLD = (Role.CONDITION, Role.CAUTION, Role.SUPPORTING)


def changes(before: PlanDefinition, after: PlanDefinition) -> Iterator[Change]:
    """Yield what differs between two versions of a policy, except in the codes of the value sets that it reads."""
    yield from _aspects("life cycle", "", "", _life_cycle(before, after))
    yield from _aspects("policy", "", "", _frame(before, after))
    yield from _ordered_codes(before, after)
    yield from _each("input", _inputs(before), _inputs(after), _input)
    yield from _each("parameter", before.parameters, after.parameters, _parameter)
    yield from _each("variable", before.variables, after.variables, _variable)
    yield from _each("criterion", _criteria(before), _criteria(after), _criterion, title=_title, decides=_can_decide)
    yield from _each("source", _sources(before), _sources(after), _source, decides=lambda _: False)
    yield from _each("suggestion", _suggestions(before), _suggestions(after), _suggestion, decides=lambda _: False)
    yield from _each("override reason", _reasons(before), _reasons(after), lambda *_: (), decides=lambda _: False)


def _life_cycle(before: PlanDefinition, after: PlanDefinition) -> Iterator[_Aspect]:
    yield "version", before.version, after.version, False
    yield "status", before.status, after.status, True
    yield "experimental", before.experimental, after.experimental, True
    yield "review stage", before.review_stage, after.review_stage, True
    yield "approval", before.approval_date, after.approval_date, True
    yield "last review", before.last_review_date, after.last_review_date, True
    yield "reviewed or endorsed by", "; ".join(before.reviewers), "; ".join(after.reviewers), True
    yield "in effect", period_words(before), period_words(after), True


def _frame(before: PlanDefinition, after: PlanDefinition) -> Iterator[_Aspect]:
    yield "title", before.title, after.title, False
    yield "name of the order", before.name, after.name, False
    yield "folder", before.group, after.group, False
    yield "hooks", ", ".join(before.hooks), ", ".join(after.hooks), False
    yield "order of criteria", _kept_order(before, after), _kept_order(after, before), False


def _kept_order(one: PlanDefinition, other: PlanDefinition) -> str:
    both = {node.id for node in other.walk()}
    return ", ".join(node.id for node in one.walk() if node.id in both)


def _ordered_codes(before: PlanDefinition, after: PlanDefinition) -> Iterator[Change]:
    old, new = before.codes.names, after.codes.names
    for system_and_code in sorted(old.keys() | new.keys(), key=lambda one: (one[1], one[0] or "")):
        words, now = old.get(system_and_code), new.get(system_and_code)
        if words != now:
            whole = words is None or now is None
            yield Change(
                "ordered code",
                system_and_code[1],
                aspect=None if whole else "words",
                before=words,
                after=now,
                decides=whole,
            )


# -- things with names --------------------------------------------------------------------------------------------


def _each(
    kind: Kind,
    before: Mapping[str, _Thing],
    after: Mapping[str, _Thing],
    aspects: Callable[[_Thing, _Thing], Iterator[_Aspect] | tuple[()]],
    *,
    title: Callable[[_Thing], str] = lambda _: "",
    decides: Callable[[_Thing], bool] = lambda _: True,
) -> Iterator[Change]:
    for name in dict.fromkeys((*before, *after)):
        old, new = before.get(name), after.get(name)
        if old is None and new is not None:
            yield Change(kind, name, title(new), after=_whole(new), decides=decides(new))
        elif new is None and old is not None:
            yield Change(kind, name, title(old), before=_whole(old), decides=decides(old))
        elif old is not None and new is not None:
            yield from _aspects(kind, name, title(new), aspects(old, new))


def _aspects(kind: Kind, name: str, title: str, aspects: Iterator[_Aspect] | tuple[()]) -> Iterator[Change]:
    for aspect, before, after, decides in aspects:
        if before != after:
            yield Change(kind, name, title, aspect, _said(before), _said(after), decides)


def _said(value: object) -> str | None:
    match value:
        case None | "" | ():
            return None
        case bool():
            return "yes" if value else "no"
    return str(value)


def _whole(thing: object) -> str:
    match thing:
        case Criterion():
            return f"{thing.role}: {thing.text or thing.title}"
        case Parameter():
            return str(thing.value)
        case Input():
            return _reads(thing)
        case Citation():
            return _weighed(thing)
        case Suggestion():
            return thing.label
        case str():
            return thing
    return _source_of(thing) or ""


def _source_of(expression: object) -> str | None:
    source = getattr(expression, "source", None)
    return source if isinstance(source, str) else None


# -- inputs, parameters, variables --------------------------------------------------------------------------------


def _inputs(plan: PlanDefinition) -> dict[str, Input]:
    return {one.id: one for one in (plan.order, *plan.inputs)}


def _input(before: Input, after: Input) -> Iterator[_Aspect]:
    yield "what it reads", _reads(before), _reads(after), True


def _reads(one: Input) -> str:
    filters = (f"{by.path} in {by.value_set or ', '.join(sorted(code for _, code in by.codes))}" for by in one.filters)
    return " and ".join((one.type, *filters))


def _parameter(before: Parameter, after: Parameter) -> Iterator[_Aspect]:
    yield "value", str(before.value), str(after.value), True
    yield "basis", before.basis, after.basis, False
    yield "sign-off", before.signed_off, after.signed_off, False


def _variable(before: Expression, after: Expression) -> Iterator[_Aspect]:
    yield "expression", before.source, after.source, True


# -- criteria -----------------------------------------------------------------------------------------------------


def _criteria(plan: PlanDefinition) -> dict[str, Criterion]:
    return {node.id: node for node in plan.walk()}


def _title(criterion: Criterion) -> str:
    return criterion.title


def _can_decide(criterion: Criterion) -> bool:
    return criterion.role not in _TOLD


def _criterion(before: Criterion, after: Criterion) -> Iterator[_Aspect]:
    decides = _can_decide(before) or _can_decide(after)
    yield "title", before.title, after.title, False
    yield "role", before.role, after.role, True
    yield "place", before.parent, after.parent, decides
    yield "number of parts that must hold", _join(before.join), _join(after.join), decides
    yield "what supports it", _source_of(before.support), _source_of(after.support), decides
    yield "what refutes it", _source_of(before.refute), _source_of(after.refute), decides
    yield "determination it reads", _elsewhere(before.determination_of), _elsewhere(after.determination_of), decides
    yield "why it may be open", _reasons_open(before), _reasons_open(after), False
    yield "text", before.text, after.text, False
    yield "what it asks for", before.prompt, after.prompt, False
    old, new = before.state_texts or {}, after.state_texts or {}
    for state in dict.fromkeys((*old, *new)):
        yield f"what is said if {state}", _state_text(old.get(state)), _state_text(new.get(state)), False
    yield "review by a physician", before.human_review, after.human_review, True
    yield "sources", _texts(before.citations), _texts(after.citations), False


def _join(join: Join | None) -> str | None:
    if join is None:
        return None
    if join.kind != "at-least":
        return "all of" if join.kind == "all" else "any one of"
    return f"at least {join.count if isinstance(join.count, int) else _source_of(join.count)} of"


def _elsewhere(wanted: DeterminationOf | None) -> str | None:
    if wanted is None:
        return None
    site = f", at the same site by {wanted.same_site.source}" if wanted.same_site else ""
    return f"{wanted.node} of {wanted.canonical} for a code in {wanted.codes.canonical}{site}"


def _reasons_open(criterion: Criterion) -> str:
    return "; ".join(f"{reason}: {expression.source}" for reason, expression in criterion.unknown_because)


def _state_text(written: StateText | None) -> str | None:
    if written is None:
        return None
    text = written.text if isinstance(written.text, str) else written.text.source
    return f"{text} ({written.indicator})" if written.indicator else text


def _texts(citations: tuple[Citation, ...]) -> str:
    return "; ".join(one.text for one in citations)


# -- around the criteria ------------------------------------------------------------------------------------------


def _sources(plan: PlanDefinition) -> dict[str, Citation]:
    held = (*plan.citations, *(one for node in plan.walk() for one in node.citations))
    return {one.text or one.url or "": one for one in reversed(held)}


def _source(before: Citation, after: Citation) -> Iterator[_Aspect]:
    yield "identification", before.identification, after.identification, False
    yield "population", before.population, after.population, False
    yield "number of patients", before.sample_size, after.sample_size, False
    yield "strength", before.strength, after.strength, False
    yield "quality", before.quality, after.quality, False
    yield "address", before.url, after.url, False


def _weighed(citation: Citation) -> str:
    size = f"n = {citation.sample_size}" if citation.sample_size is not None else None
    return "; ".join(part for part in (citation.identification or "not stated", citation.population, size) if part)


def _suggestions(plan: PlanDefinition) -> dict[str, Suggestion]:
    return {one.label: one for one in plan.suggestions}


def _suggestion(before: Suggestion, after: Suggestion) -> Iterator[_Aspect]:
    yield "kind", before.kind, after.kind, False
    yield "when", _when(before), _when(after), False


def _when(one: Suggestion) -> str:
    return ", ".join(part for part in (one.outcome, one.criterion, one.state) if part)


def _reasons(plan: PlanDefinition) -> dict[str, str]:
    return {one["code"]: one["display"] for one in plan.override_reasons}
