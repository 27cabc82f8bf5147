"""Charts for tests: the shipped policies, their cases, and fixtures read fresh each time."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from cds_service.authoring.case_format import parse_yaml
from cds_service.authoring.cases import Case, Chart, read_cases, set_up
from cds_service.fhir.bundle import Holding
from cds_service.fhir.encoding import decode
from cds_service.fhir.temporal import Date
from cds_service.plan_definition.policies import Policies
from cds_service.services.evaluation import Evaluation, evaluate, exchange_of
from cds_service.wiring import load_policies

ROOT = Path(__file__).parents[1]
POLICIES = ROOT / "plan_definitions"
RECEIVED = Date((2026, 1, 15))


def fixture(path: str) -> Any:
    """Return a fixture's JSON, the test's own copy."""
    return decode((ROOT / "fixtures" / path).read_bytes())


@cache
def shipped() -> Policies:
    """Return the policies that come with the project."""
    return load_policies(POLICIES)


@cache
def cases() -> tuple[tuple[Case, str], ...]:
    """Return every shipped case with each of its shapes."""
    return tuple(
        (case, shape)
        for place in sorted(POLICIES.glob("*/cases.yaml"))
        for case in read_cases(parse_yaml(place.read_text(encoding="utf-8"), place=str(place)), place=str(place))
        for shape in case.shapes
    )


def cases_in_turn() -> tuple[tuple[Case, str], ...]:
    """Return every shipped case in one of its shapes, a different one from case to case."""
    whole = {id(case): case for case, _ in cases()}
    return tuple((case, case.shapes[i % len(case.shapes)]) for i, case in enumerate(whole.values()))


def case_id(value: object) -> str | None:
    """Return how a case is named in a test's id."""
    return value.id if isinstance(value, Case) else None


def base(name: str, shape: str = "b", *orders: str) -> Chart:
    """Return a base chart, unchanged, with its own orders or the ones given."""
    drafts = fixture(f"cds_hooks/{name}-order-sign.json")["context"]["draftOrders"]["entry"]
    codes = orders or tuple(entry["resource"]["code"]["coding"][0]["code"] for entry in drafts)
    return set_up(Case(id="base", title="", base=name, orders=codes, expect={}), shape, fixture)


def determine(chart: Chart, policies: Policies | None = None, as_of: Date | None = None) -> Evaluation:
    """Return the evaluation of a chart as it stands."""
    drafts = {"entry": [{"resource": one} for one in chart.drafts]}
    exchange = exchange_of(chart.patient_id, drafts, Holding(resources=list(chart.resources)))
    return evaluate(exchange, policies or shipped(), received=RECEIVED, as_of=as_of)


def state(evaluation: Evaluation, code: str, criterion: str) -> str:
    """Return the state of a criterion of an ordered code."""
    found = next(one for one in evaluation.determinations if one.order.code == code)
    return found.result(criterion).state_name
