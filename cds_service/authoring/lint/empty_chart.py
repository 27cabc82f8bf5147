"""What is true on a chart that holds only the order: run, for each ordered code.

The chart is an open world, so that silence is no evidence. The hook's context (the order set) is closed: what reads
it alone may be true there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from cds_service.authoring.lint.finding import Finding
from cds_service.authoring.lint.subject import Policy, Subject
from cds_service.errors import EvaluationError
from cds_service.expressions.language import Environment, Expression, Missing
from cds_service.fhir.element import Resource
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.temporal import Date
from cds_service.fhirpath.parser import parse
from cds_service.fhirpath.tree import Call, walk
from cds_service.necessity.chart import Chart
from cds_service.necessity.determine import environment_of
from cds_service.necessity.orders import read_orders
from cds_service.plan_definition.model import Criterion, PlanDefinition
from cds_service.plan_definition.policies import Policies

__all__ = ["check", "reads_the_chart"]

_DAY = Date((2026, 1, 15))
_PATIENT = "p"
_MOST_CODES = 50
_CODED = {"MedicationRequest": "medicationCodeableConcept", "DeviceRequest": "codeCodeableConcept"}


def check(subject: Subject) -> Iterator[Finding]:
    """Yield the supports and refutations that hold, or fail, on a chart without a statement."""
    for policy, plan in subject.sound:
        environments = list(_environments(plan))
        for criterion in plan.walk():
            for name, expression in (("support", criterion.support), ("refutation", criterion.refute)):
                if expression is not None:
                    yield from _check(policy, plan, criterion, name, expression, environments)


def reads_the_chart(expression: Expression, plan: PlanDefinition) -> bool:
    """Return whether an expression reads more than the hook's context, through variables too."""
    inputs = {one.id for one in plan.inputs} | {"rejected"}
    waiting, seen = [expression], {expression.source}
    while waiting:
        one = waiting.pop()
        if one.reads & inputs or _reads_the_record(one):
            return True
        for name in one.reads & plan.variables.keys():
            variable = plan.variables[name]
            if variable.source not in seen:
                seen.add(variable.source)
                waiting.append(variable)
    return False


def _reads_the_record(expression: Expression) -> bool:
    """Whether it starts from the record itself, or follows a reference into it."""
    if any(need.type == "Bundle" for need in expression.needs):
        return True
    return any(isinstance(node, Call) and node.name == "resolve" for node in walk(parse(expression.source)))


def _check(
    policy: Policy,
    plan: PlanDefinition,
    criterion: Criterion,
    name: str,
    expression: Expression,
    environments: list[tuple[str, Environment]],
) -> Iterator[Finding]:
    if not reads_the_chart(expression, plan):
        return
    for code, environment in environments:
        try:
            holds = expression.truth(environment)
        except Missing:
            continue
        except EvaluationError as error:
            problem = f"{name}: fails for an order of `{code}`: {error}"
            yield policy.finding("fails-on-empty-chart", problem, criterion, source=expression.source)
            return
        if holds:
            problem = f"{name}: true for an order of `{code}` with nothing else on record"
            yield policy.finding("true-on-empty-chart", problem, criterion, source=expression.source)
            return


def _environments(plan: PlanDefinition) -> Iterator[tuple[str, Environment]]:
    """Yield (code, environment) for each ordered code, a few of many, whenever the policy is in effect."""
    plan = replace(plan, effective_from=None, effective_to=None)
    for system, code in sorted(plan.codes.codes, key=str)[:_MOST_CODES]:
        order = _order(plan.order.type, system, code)
        record = PatientRecord(_PATIENT, [order])
        orders = read_orders([order], Policies((plan,)), record, received=_DAY)
        for one in orders.covered:
            yield code, environment_of(one, plan, Chart(record, _DAY, orders.drafts), orders)


def _order(kind: str, system: str | None, code: str) -> Resource:
    order: Mapping[str, object] = {
        "resourceType": kind,
        "id": "order",
        "status": "draft",
        "intent": "order",
        _CODED.get(kind, "code"): {"coding": [{"system": system, "code": code}]},
        "subject": {"reference": f"Patient/{_PATIENT}"},
        "authoredOn": str(_DAY),
    }
    return order
