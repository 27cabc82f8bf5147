"""What kept an artifact or an expression from being read, as findings."""

from __future__ import annotations

from collections.abc import Iterator

from cds_service.authoring.lint.finding import Finding
from cds_service.authoring.lint.rules import RULES
from cds_service.authoring.lint.subject import Policy, Subject
from cds_service.errors import ContentError, ExpressionError, ExpressionTooLarge
from cds_service.fhirpath.functions import FUNCTIONS
from cds_service.fhirpath.parser import parse
from cds_service.fhirpath.tree import Call, External, Literal, Member, Node, walk
from cds_service.plan_definition.policies import in_order

__all__ = ["check"]


def check(subject: Subject) -> Iterator[Finding]:
    """Yield the faults of files, value sets and policies, and policies that read each other in a circle."""
    for place, fault in subject.faults:
        reason = fault.reason.removeprefix(f"{place}: ")
        yield Finding(_known(fault.rule), reason, subject.groups[place], place, fault.canonical, element=fault.element)
    for policy in subject.policies:
        for fault in policy.faults:
            yield _finding(policy, fault)
    yield from _circle(subject)


def _finding(policy: Policy, fault: ContentError) -> Finding:
    element = fault.element or "PlanDefinition"
    action = next((one.id for one in reversed(policy.actions) if element.startswith(one.place)), None)
    source, position = None, None
    if isinstance(fault, ExpressionError):
        source, position = fault.source, fault.position
    return policy.finding(_rule_of(fault), fault.reason, action, element=element, source=source, position=position)


def _rule_of(fault: ContentError) -> str:
    if isinstance(fault, ExpressionTooLarge):
        return "expression-too-large"
    if not isinstance(fault, ExpressionError):
        return _known(fault.rule)
    if fault.kind == "syntax":
        return "expression-syntax"
    return next((rule for node in _nodes_at(fault) if (rule := _of_node(node))), "expression")


def _nodes_at(fault: ExpressionError) -> Iterator[Node]:
    tree = parse(fault.source)
    asked = [
        one.arguments[0] for one in walk(tree) if isinstance(one, Call) and one.name == "memberOf" and one.arguments
    ]
    for node in walk(tree):
        if node.at == fault.position and (not isinstance(node, Literal) or node in asked):
            yield node


def _of_node(node: Node) -> str | None:
    """Return what is wrong where an expression is at fault at this node, None if it is none of the names."""
    match node:
        case External():
            return "unknown-variable"
        case Call(name=name) if name not in FUNCTIONS:
            return "unknown-function"
        case Member():
            return "unknown-element"
        case Literal():
            return "unknown-value-set"
    return None


def _known(rule: str) -> str:
    return rule if rule in RULES else "element-malformed"


def _circle(subject: Subject) -> Iterator[Finding]:
    plans = {plan.canonical: plan for policy in subject.policies if (plan := policy.plan)}
    try:
        in_order(plans)
    except ContentError as error:
        circle = str(error.canonical).split(" → ")
        for policy in subject.policies:
            if policy.plan is not None and policy.plan.canonical == circle[0]:
                yield policy.finding(error.rule, " → ".join(circle))
                return
