"""Policy cases: a chart, a change to it, the orders, and what must come out (docs/reference/cases.md).

A case starts from a base (a request in `cds_hooks/`, charts in `patients/`, one per shape of evidence), changes it,
and states for each ordered code the outcome, the criteria that the change flips, and evidence that must be named.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from cds_service.authoring.case_chart import Chart, Fixture, set_up
from cds_service.authoring.case_format import Case, Expectation, read_cases
from cds_service.errors import ContentError
from cds_service.fhir.bundle import Holding
from cds_service.fhir.temporal import Date
from cds_service.fhir.values import Quantity
from cds_service.necessity.model import CriterionResult, Determination, Note
from cds_service.plan_definition.model import Parameter, PlanDefinition
from cds_service.plan_definition.policies import Policies
from cds_service.services.evaluation import Evaluation, Exchange, evaluate, exchange_of

__all__ = [
    "RECEIVED",
    "Case",
    "Chart",
    "Expectation",
    "Fixture",
    "case_exchange",
    "check",
    "evaluate_case",
    "parameters_of",
    "read_cases",
    "run_case",
    "set_up",
    "with_parameters",
]

RECEIVED = Date((2026, 1, 15))
"""The day on which the orders of a case come in, for those that do not say when they were authored."""


def run_case(case: Case, chart: Chart, policies: Policies) -> Evaluation:
    """Return the evaluation of a case's chart."""
    return evaluate_case(case, case_exchange(chart), policies)


def case_exchange(chart: Chart) -> Exchange:
    """Return a case's orders and chart as they come in."""
    drafts = {"resourceType": "Bundle", "entry": [{"resource": one} for one in chart.drafts]}
    return exchange_of(chart.patient_id, drafts, Holding(resources=list(chart.resources)))


def evaluate_case(case: Case, exchange: Exchange, policies: Policies) -> Evaluation:
    """Return the evaluation of what came in for a case."""
    return evaluate(
        exchange,
        with_parameters(policies, case.parameters),
        received=RECEIVED,
        as_of=case.as_of,
        production=case.production,
    )


def with_parameters(policies: Policies, changed: Mapping[str, Any]) -> Policies:
    """Return the policies with some parameters set otherwise. Raises ContentError for one that no policy has."""
    if not changed:
        return policies
    unknown = set(changed) - {name for plan in policies.plans for name in plan.parameters}
    if unknown:
        raise ContentError(f"no policy has the parameters {sorted(unknown)}")
    return Policies(tuple(replace(plan, parameters=parameters_of(plan, changed)) for plan in policies.plans))


def parameters_of(plan: PlanDefinition, changed: Mapping[str, Any]) -> Mapping[str, Parameter]:
    """Return the parameters of a policy with some set otherwise."""
    return {
        name: replace(one, value=_parameter(one, changed[name])) if name in changed else one
        for name, one in plan.parameters.items()
    }


def _parameter(parameter: Parameter, value: Any) -> Any:
    if isinstance(parameter.value, Quantity):
        return Quantity(Decimal(str(value)), parameter.value.unit)
    return value


def check(case: Case, evaluation: Evaluation) -> Iterator[str]:
    """Yield what differs from what the case expects: outcome, criteria, evidence, or a code nobody asked for."""
    found: dict[str, list[Determination]] = defaultdict(list)
    for one in evaluation.determinations:
        found[one.order.code].append(one)
    for code, expected in case.expect.items():
        determinations = found.pop(code, [])
        if expected.outcome is None and determinations:
            yield f"{code}: a determination was made, none is expected"
        elif expected.outcome is not None and not determinations:
            yield f"{code}: no determination"
        elif expected.outcome is not None:
            yield from (f"{code} {told}" for one in determinations for told in _differences(expected, one))
    yield from (f"{code}: determined, but the case says nothing about it" for code in sorted(found))


def _differences(expected: Expectation, found: Determination) -> Iterator[str]:
    if expected.outcome is not found.outcome or expected.kind not in (None, found.kind):
        yield f"is {_said(found.outcome, found.kind)}, expected {_said(expected.outcome, expected.kind)}"
    results = {one.criterion.id: one for one in found.results}
    for name, state in expected.criteria.items():
        if name not in results:
            yield f"{name}: the policy has no such criterion"
        elif state not in (_told(results[name]), results[name].state_name):
            yield f"{_named(results[name])} is {_told(results[name])}, expected {state}"
    paths = [evidence.path for one in found.results for evidence in one.evidence]
    for named in expected.evidence:
        if not any(path == named or path.startswith((f"{named}.", f"{named}[")) for path in paths):
            yield f"names no evidence at {named}"
    yield from _notes("conditions", expected.conditions, found.conditions)
    yield from _notes("cautions", expected.cautions, found.cautions)
    if expected.review not in (None, found.human_review):
        yield f"{'needs' if found.human_review else 'needs no'} review by a physician, expected otherwise"
    if expected.duplicates not in (None, len(found.order.duplicates)):
        yield f"has {len(found.order.duplicates)} duplicates, expected {expected.duplicates}"


def _notes(kind: str, expected: Iterable[str], found: Iterable[Note]) -> Iterator[str]:
    ids = {note.id for note in found}
    for name in expected:
        if name.startswith("no ") is (name.removeprefix("no ") in ids):
            yield f"{kind} are {', '.join(sorted(ids)) or 'none'}, expected {name}"


def _said(outcome: object, kind: object) -> str:
    return f"{outcome} ({kind})" if kind else f"{outcome}"


def _named(result: CriterionResult) -> str:
    criterion = result.criterion
    return criterion.id if criterion.title in ("", criterion.id) else f"{criterion.id} ({criterion.title})"


def _told(result: CriterionResult) -> str:
    return f"unknown/{result.reason}" if result.state is None else result.state_name
