"""A made-up policy with cases, for tests of proving: a widget is replaced when it was seen broken lately.

Nothing in it is medicine. `CASES` notice every mutant of it; a test takes one away to see who survives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

from cds_service.authoring.cases import Case, read_cases
from cds_service.authoring.mutation import Trial
from cds_service.authoring.suite import runs_of
from tests.unit.plan_definition.plans import (
    BASE,
    CODES,
    Json,
    artifacts,
    criterion,
    parameter,
    plan,
    unknown_because,
    value_set,
    variable,
)

ME = {"reference": "Patient/p1"}
BROKEN, INTACT = "%lately.value.where(memberOf('{0}'))", "%lately.value.where(memberOf('{1}'))"
SETS = f"{BASE}/ValueSet/broken", f"{BASE}/ValueSet/intact"

POLICY: Json = plan(
    criterion(
        "broken",
        "required",
        f"{BROKEN.format(*SETS)}.exists()",
        f"{INTACT.format(*SETS)}.exists()",
        unknown_because("stale", "%findings.exists()"),
    ),
    extension=[
        parameter("maxAge", "Duration", {"value": 30, "unit": "days", "code": "d"}),
        variable("lately", "%findings.where(clinicalDate() >= %asOf - %maxAge).latest()"),
    ],
)
VALUE_SETS = (value_set("widgets", "A"), value_set("broken", "cracked", "bent"), value_set("intact", "sound"))


def finding(value: str, day: str, name: str = "f1") -> Json:
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "subject": ME,
        "effectiveDateTime": day,
        "code": {"coding": [{"system": CODES, "code": "state"}]},
        "valueCodeableConcept": {"coding": [{"system": CODES, "code": value}]},
    }


def case(name: str, state: str, *chart: Json, **more: Any) -> Json:
    outcome = {"true": "met", "false": "not-met"}.get(state, "information-missing")
    return {
        "id": name,
        "title": name,
        "base": "widget",
        "shapes": ["a"],
        "orders": ["A"],
        "add": list(chart),
        "expect": {"A": {"outcome": outcome, "criteria": {"broken": state}}},
        **more,
    }


CASES: tuple[Json, ...] = (
    case("cracked", "true", finding("cracked", "2026-01-10")),
    case("bent", "true", finding("bent", "2026-01-10")),
    case("sound", "false", finding("sound", "2026-01-10")),
    case("neither", "unknown/stale", finding("dusty", "2026-01-10")),
    case("mended", "false", finding("cracked", "2026-01-05"), finding("sound", "2026-01-10", "f2")),
    case("thirty days", "true", finding("cracked", "2025-12-16")),
    case("a day more", "unknown/stale", finding("cracked", "2025-12-15")),
    case("silent", "unknown/absent"),
    case("another order", "unknown/absent", orders=["A", "Z"]),
)


def fixture(path: str) -> Any:
    """Return an empty chart, and one order."""
    if path.startswith("patients/"):
        return {"entry": [{"resource": {"resourceType": "Patient", "id": "p1"}}]}
    order = {
        "resourceType": "ServiceRequest",
        "id": "o1",
        "status": "draft",
        "subject": ME,
        "authoredOn": "2026-01-15",
        "code": {"coding": [{"system": CODES, "code": "A"}]},
    }
    return {"context": {"patientId": "p1", "draftOrders": {"entry": [{"resource": order}]}}}


def cases(written: Iterable[Json] = CASES) -> tuple[Case, ...]:
    return read_cases(deepcopy(list(written)), place="widgets/cases.yaml")


def but_for(*names: str) -> list[Json]:
    """Return the cases without some of them."""
    assert set(names) <= {one["id"] for one in CASES}
    return [one for one in CASES if one["id"] not in names]


def trial(*plans: Json, written: Iterable[Json] = CASES, sets: Iterable[Json] = VALUE_SETS) -> Trial:
    held = artifacts(*(plans or (POLICY,)), sets=sets)
    return Trial(held, runs_of(cases(written), fixture))


def verdicts(tried: Trial) -> Mapping[str, str]:
    """Return what became of each mutant, by its id."""
    return {mutant.id: str(tried.judge(mutant)) for mutant in tried.mutants()}


def survivors(tried: Trial) -> list[str]:
    return [name.partition(" ")[2] for name, verdict in verdicts(tried).items() if verdict == "survived"]
