"""Expressions by their meaning, told without running them: the clock, what can never be, and evidence."""

from __future__ import annotations

from collections.abc import Iterator

from cds_service.authoring.lint.finding import Finding
from cds_service.authoring.lint.subject import Policy, Subject
from cds_service.authoring.lint.trees import Typing, asked_of_the_ordered_code, conjuncts
from cds_service.authoring.lint.written import Written, expressions_of
from cds_service.fhirpath import compile_fhirpath
from cds_service.fhirpath.tree import Call, Node, TypeTest, text_of, walk
from cds_service.plan_definition.model import PlanDefinition

__all__ = ["check"]

_CLOCK = ("now", "timeOfDay", "today")
_DECIDING = ("support", "refute")
_EVIDENCE = ("all", "exists")


def check(subject: Subject) -> Iterator[Finding]:
    """Yield what is wrong with the expressions of policies, beyond what keeps them from being compiled."""
    for policy in subject.policies:
        written = list(expressions_of(policy))
        for one in written:
            yield from _clock(policy, one)
        yield from _same(policy, written)
    for policy, plan in subject.sound:
        for one in expressions_of(policy):
            yield from _never_true(policy, plan, one, subject)
            if one.kind in _DECIDING:
                yield from _evidence(policy, one)


def _finding(policy: Policy, rule: str, one: Written, problem: str, node: Node | None = None) -> Finding:
    position = node.at if node is not None else None
    said = f"{one.name}: {problem}"
    return policy.finding(rule, said, one.owner, element=one.element, source=one.source, position=position)


def _clock(policy: Policy, one: Written) -> Iterator[Finding]:
    for node in walk(one.tree):
        if isinstance(node, Call) and node.name in _CLOCK and node.base is None:
            yield _finding(policy, "reads-the-clock", one, f"`{node.name}()` reads the clock", node)


def _same(policy: Policy, written: list[Written]) -> Iterator[Finding]:
    support = {one.owner: text_of(one.tree) for one in written if one.kind == "support"}
    for one in written:
        if one.kind == "refute" and support.get(one.owner) == text_of(one.tree):
            yield _finding(policy, "same-expression", one, "it is the support once more")


def _never_true(policy: Policy, plan: PlanDefinition, one: Written, subject: Subject) -> Iterator[Finding]:
    typing = Typing(one.scope)
    for node, context in typing.walk(one.tree):
        asked = asked_of_the_ordered_code(node)
        value_set = subject.artifacts.value_sets.get(asked) if asked is not None else None
        if value_set is not None and not value_set.codes & plan.codes.codes:
            yield _finding(policy, "never-true", one, "no ordered code of this policy is in that value set", node)
            return
        wanted = _wanted_type(node)
        if wanted is None:
            continue
        types = typing.of(_before(node), context)
        if types and typing.of(node, context) == ():
            yield _finding(policy, "never-true", one, f"{' or '.join(types)} is no {wanted}", node)
            return


def _wanted_type(node: Node) -> str | None:
    """Return the type that a node narrows to, None if it does not narrow."""
    match node:
        case Call(base=base, name="ofType" | "as", arguments=(argument,)) if base is not None:
            return text_of(argument)
        case TypeTest(operator="as", type_name=name):
            return name
    return None


def _before(node: Node) -> Node:
    before = node.operand if isinstance(node, TypeTest) else getattr(node, "base", None)
    return before if before is not None else node


def _evidence(policy: Policy, one: Written) -> Iterator[Finding]:
    if not compile_fhirpath(one.source, one.scope).has_evidence:
        yield _finding(policy, "no-evidence", one, "no element stands before an `.exists()`")
        return
    typing = Typing(one.scope)
    for part in conjuncts(one.tree):
        if isinstance(part, Call) and part.base is not None and part.name in _EVIDENCE:
            types = typing.of(part.base, one.scope.context)
            if types and all(kind.startswith("System.") for kind in types):
                problem = f"`{text_of(part.base)}` is computed"
                yield _finding(policy, "evidence-without-element", one, problem, part)
                return
