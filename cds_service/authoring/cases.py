"""Policy cases: a chart, a change to it, the orders, and what must come out (docs/reference/cases.md).

A case starts from a base (a request in `cds_hooks/`, charts in `patients/`, one per shape of evidence), changes it,
and states for each ordered code the outcome, the criteria that the change flips, and evidence that must be named.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any

from cds_service.errors import ContentError
from cds_service.fhir.bundle import Holding
from cds_service.fhir.element import locate, remove
from cds_service.fhir.temporal import Date, parse_date
from cds_service.fhir.values import CPT_SYSTEMS, Quantity
from cds_service.necessity.model import CriterionResult, Determination
from cds_service.plan_definition.model import Parameter, PlanDefinition
from cds_service.plan_definition.policies import Policies
from cds_service.services.evaluation import Evaluation, Exchange, evaluate, exchange_of

__all__ = [
    "RECEIVED",
    "Case",
    "Chart",
    "case_exchange",
    "check",
    "evaluate_case",
    "parameters_of",
    "read_cases",
    "run_case",
    "set_up",
    "with_parameters",
]

Fixture = Callable[[str], Any]
"""Path below the fixtures → its JSON, freshly parsed."""

RECEIVED = Date((2026, 1, 15))
"""The day on which the orders of a case come in, for those that do not say when they were authored."""

_KNOWN = {
    "id",
    "title",
    "base",
    "shapes",
    "remove",
    "set",
    "add",
    "orders",
    "parameters",
    "as_of",
    "expect",
    "note",
    "mode",
}
_STEP = re.compile(r"(\w+)(?:\[(\d+)\])?")


@dataclass(frozen=True, slots=True)
class Case:
    """One case, as its file states it."""

    id: str
    title: str
    base: str
    shapes: tuple[str, ...]
    orders: tuple[str, ...]
    expect: Mapping[str, Mapping[str, Any]]
    remove: tuple[str, ...] = ()
    set: Mapping[str, Any] = field(default_factory=dict)
    add: tuple[Mapping[str, Any], ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    as_of: Date | None = None
    production: bool = False


@dataclass(slots=True)
class Chart:
    """A case made ready to run: the draft orders and the chart, free to be changed further."""

    patient_id: str
    drafts: list[dict[str, Any]]
    resources: list[dict[str, Any]]

    def everything(self) -> list[dict[str, Any]]:
        """Return drafts and chart together."""
        return [*self.drafts, *self.resources]


def read_cases(documents: object, *, place: str) -> tuple[Case, ...]:
    """Return the cases of one file. Raises ContentError for a member that no case has, or one that is missing."""
    if not isinstance(documents, list):
        raise ContentError(f"{place}: a list of cases is needed")
    return tuple(_read(one, f"{place}[{i}]") for i, one in enumerate(documents))


def _read(written: Mapping[str, Any], place: str) -> Case:
    unknown = set(written) - _KNOWN
    missing = {"id", "title", "base", "orders", "expect"} - set(written)
    if unknown or missing:
        raise ContentError(f"{place}: unknown {sorted(unknown)}, missing {sorted(missing)}")
    as_of = parse_date(str(written["as_of"])) if "as_of" in written else None
    return Case(
        id=written["id"],
        title=written["title"],
        base=written["base"],
        shapes=tuple(written.get("shapes", ("a", "b", "mixed"))),
        orders=tuple(str(code) for code in written["orders"]),
        expect={str(code): expected or {} for code, expected in written["expect"].items()},
        remove=tuple(written.get("remove", ())),
        set=written.get("set", {}),
        add=tuple(written.get("add", ())),
        parameters=written.get("parameters", {}),
        as_of=as_of,
        production=written.get("mode") == "production",
    )


# -- a case's chart -------------------------------------------------------------------------------------------


def set_up(case: Case, shape: str, fixture: Fixture) -> Chart:
    """Return the chart of a case in one shape. Raises ContentError where a change finds nothing to change."""
    request = fixture(f"cds_hooks/{case.base}-order-sign.json")
    patient_id = request["context"]["patientId"]
    templates = [entry["resource"] for entry in request["context"]["draftOrders"]["entry"]]
    bundle = fixture(f"patients/{case.base}-{shape}.json")
    chart = Chart(
        patient_id,
        [_order(code, templates) for code in case.orders],
        [entry["resource"] for entry in bundle["entry"]],
    )
    touched = [_take_away(chart, pattern) for pattern in case.remove]
    touched += [_put(chart, path, value) for path, value in case.set.items()]
    if touched and not any(touched):
        raise ContentError(f"{case.id}: nothing in shape {shape} is changed by `remove` and `set`")
    for one in case.add:
        added = copy.deepcopy(dict(one))
        if added["resourceType"] not in ("Patient", "Device", "Medication"):
            added.setdefault("subject", {"reference": f"Patient/{patient_id}"})
        chart.resources.append(added)
    return chart


def _order(code: str, templates: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The base's order of that code, or its first order with the code put in its place."""
    for template in templates:
        if template["code"]["coding"][0]["code"] == code:
            return copy.deepcopy(dict(template))
    order = copy.deepcopy(dict(templates[0]))
    order |= {"id": f"order-{code}", "code": {"coding": [{"system": CPT_SYSTEMS[0], "code": code}]}}
    return order


def _take_away(chart: Chart, pattern: str) -> bool:
    """Remove `Type/id` (`*` and `?` as in file names) or an element `Type/id.path`; return whether there was any."""
    name, _, path = pattern.partition(".")
    if path:
        removed = [remove(one, path) for one in chart.everything() if _matches(one, name)]
        return any(removed)
    found = False
    for holder in (chart.drafts, chart.resources):
        kept = [one for one in holder if not _matches(one, name)]
        found |= len(kept) < len(holder)
        holder[:] = kept
    return found


def _put(chart: Chart, place: str, value: Any) -> bool:
    name, _, path = place.partition(".")
    targets = [one for one in chart.everything() if _matches(one, name)]
    for target in targets:
        places = locate(target, path)
        if places:
            for container, key in places:
                container[key] = copy.deepcopy(value)
        else:
            _create(target, path, copy.deepcopy(value))
    return bool(targets)


def _create(target: dict[str, Any], path: str, value: Any) -> None:
    *steps, last = path.split(".")
    holder: Any = target
    for step in steps:
        found = _STEP.fullmatch(step)
        if found is None:
            raise ContentError(f"`{path}` is no path")
        name, index = found.groups()
        holder = holder.setdefault(name, [] if index else {})
        if index:
            while len(holder) <= int(index):
                holder.append({})
            holder = holder[int(index)]
    holder[last] = value


def _matches(resource: Mapping[str, Any], name: str) -> bool:
    return fnmatchcase(f"{resource['resourceType']}/{resource.get('id')}", name)


# -- running it -----------------------------------------------------------------------------------------------


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
    found = {one.order.code: one for one in evaluation.determinations}
    for code, expected in case.expect.items():
        determination = found.get(code)
        if expected.get("outcome") is None:
            if determination is not None:
                yield f"{code}: a determination was made, none is expected"
        elif determination is None:
            yield f"{code}: no determination"
        else:
            yield from _differences(code, expected, determination)
    for code in sorted(set(found) - set(case.expect)):
        yield f"{code}: determined, but the case says nothing about it"


def _differences(code: str, expected: Mapping[str, Any], determination: Determination) -> Iterator[str]:
    outcome = determination.outcome + (f" {determination.kind}" if determination.kind else "")
    wanted = expected["outcome"] + (f" {expected['kind']}" if "kind" in expected else "")
    if wanted not in (outcome, determination.outcome):
        yield f"{code}: {outcome}, expected {wanted}"
    results = {one.criterion.id: one for one in determination.results}
    for name, state in expected.get("criteria", {}).items():
        if name not in results:
            yield f"{code}: the policy has no criterion {name}"
        elif _state(state) not in (_told(results[name]), results[name].state_name):
            yield f"{code} {name}: {_told(results[name])}, expected {_state(state)}"
    paths = [evidence.path for one in determination.results for evidence in one.evidence]
    for named in expected.get("evidence", ()):
        if not any(path == named or path.startswith((f"{named}.", f"{named}[")) for path in paths):
            yield f"{code}: {named} is not named as evidence"
    for kind in ("conditions", "cautions"):
        ids = {note.id for note in getattr(determination, kind)}
        for name in expected.get(kind, ()):
            if name.startswith("no ") is (name.removeprefix("no ") in ids):
                yield f"{code}: {kind} are {sorted(ids)}, expected {name}"
    if "review" in expected and expected["review"] is not determination.human_review:
        yield f"{code}: human review is {determination.human_review}"


def _state(written: object) -> str:
    return str(written).lower() if isinstance(written, bool) else str(written)


def _told(result: CriterionResult) -> str:
    return f"unknown/{result.reason}" if result.state is None else result.state_name
