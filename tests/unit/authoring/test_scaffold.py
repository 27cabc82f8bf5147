"""A new policy: it loads and lints at once, and its cases fail until its author has filled it in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cds_service.authoring.case_format import Case, parse_yaml, read_cases
from cds_service.authoring.cases import check, run_case, set_up
from cds_service.authoring.lint import as_text, lint
from cds_service.authoring.scaffold import NAME, NewPolicy, scaffold
from cds_service.errors import ContentError
from cds_service.fhir.validate import validate
from cds_service.fhir.values import Code
from cds_service.plan_definition.policies import Policies
from cds_service.policy_files import read_policy_files
from cds_service.wiring import load_policies

CPT: Code = ("http://www.ama-assn.org/go/cpt", "77080")
SNOMED: Code = ("http://snomed.info/sct", "312681000")
SHAPES: dict[str, dict[str, Any]] = {
    "one code": {"name": "repeat-bone-density", "title": "Repeat measurement of bone density", "codes": [CPT]},
    "codes of two systems": {"name": "repeat-bone-density", "title": "Bone density", "codes": [CPT, SNOMED]},
    "a name of one word": {"name": "densitometry", "title": "Densitometry", "codes": [CPT]},
    "a title with quotes, braces and dollars": {
        "name": "odd-title",
        "title": 'The "odd" \\title\\ of {a} $name – ünïcode: yes',
        "codes": [CPT],
    },
    "an address of one's own": {
        "name": "own-base",
        "title": "Own",
        "codes": [CPT],
        "base": "https://policies.example.org/fhir",
    },
}


def written(made: NewPolicy, folder: Path) -> Path:
    for below, files in (("policies", made.policy), ("fixtures", made.fixtures)):
        for place, body in files.items():
            target = folder / below / place
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(body)
    return folder / "policies"


def cases_of(made: NewPolicy, name: str) -> tuple[Case, ...]:
    return read_cases(parse_yaml(made.policy[f"{name}/cases.yaml"].decode(), place=name), place=name)


def fixtures_of(made: NewPolicy) -> Callable[[str], Any]:
    return lambda path: json.loads(made.fixtures[path])


def differences(case: Case, made: NewPolicy, policies: Policies, fixture: Callable[[str], Any]) -> list[str]:
    try:
        return list(check(case, run_case(case, set_up(case, "b", fixture), policies)))
    except ContentError as error:
        return [str(error)]


@pytest.mark.parametrize("shape", SHAPES)
def test_it_loads_and_decides_on_its_codes(shape: str, tmp_path: Path) -> None:
    wanted = SHAPES[shape]
    (plan,) = load_policies(written(scaffold(**wanted), tmp_path)).plans
    assert (plan.title, plan.group, plan.version, plan.status) == (wanted["title"], wanted["name"], "0.1.0", "draft")
    assert plan.codes.codes == set(wanted["codes"])
    assert plan.canonical.startswith(wanted.get("base", "https://cds-service.example/fhir"))


@pytest.mark.parametrize("shape", SHAPES)
def test_lint_finds_nothing(shape: str, tmp_path: Path) -> None:
    findings = lint(read_policy_files(written(scaffold(**SHAPES[shape]), tmp_path)))
    assert findings == (), "\n".join(as_text(findings))


@pytest.mark.parametrize("shape", SHAPES)
def test_each_resource_is_valid_fhir(shape: str) -> None:
    made = scaffold(**SHAPES[shape])
    for place, body in {**made.policy, **made.fixtures}.items():
        if place.endswith(".json") and not place.startswith("cds_hooks/"):
            assert list(validate(json.loads(body))) == [], place


@pytest.mark.parametrize("shape", SHAPES)
def test_every_case_fails_until_it_is_filled_in(shape: str, tmp_path: Path) -> None:
    made = scaffold(**SHAPES[shape])
    policies = load_policies(written(made, tmp_path))
    cases = cases_of(made, SHAPES[shape]["name"])
    assert len(cases) == 4
    for case in cases:
        assert differences(case, made, policies, fixtures_of(made)), case.id


@pytest.mark.parametrize("shape", SHAPES)
def test_the_cases_pass_once_the_chart_says_what_they_need(shape: str, tmp_path: Path) -> None:
    made, name = scaffold(**SHAPES[shape]), SHAPES[shape]["name"]
    policies = load_policies(written(made, tmp_path))
    local = f"{SHAPES[shape].get('base', 'https://cds-service.example/fhir')}/CodeSystem/{name}-finding"
    status = "http://terminology.hl7.org/CodeSystem/condition"
    diagnosis = {
        "resourceType": "Condition",
        "id": "dx",
        "clinicalStatus": {"coding": [{"system": f"{status}-clinical", "code": "active"}]},
        "verificationStatus": {"coding": [{"system": f"{status}-ver-status", "code": "confirmed"}]},
        "code": {"coding": [{"system": local, "code": "diagnosis"}]},
        "subject": {"reference": f"Patient/{name}"},
        "recordedDate": "2025-06-01",
    }
    finding = {
        "resourceType": "Observation",
        "id": "indication",
        "status": "final",
        "code": {"coding": [{"system": local, "code": "indication"}]},
        "subject": {"reference": f"Patient/{name}"},
        "effectiveDateTime": "2025-12-01",
        "valueCodeableConcept": {"coding": [{"system": "http://snomed.info/sct", "code": "52101004"}]},
    }

    def fixture(path: str) -> Any:
        found = json.loads(made.fixtures[path])
        if path.startswith("patients/"):
            found["entry"] += [{"resource": json.loads(json.dumps(one))} for one in (diagnosis, finding)]
        return found

    for case in cases_of(made, name):
        assert differences(case, made, policies, fixture) == [], case.id


def test_what_its_author_must_decide_is_marked() -> None:
    made = scaffold(**SHAPES["one code"])
    marked = {place: body.count(b"DECIDE") for place, body in made.policy.items()}
    assert marked["repeat-bone-density/repeat-bone-density.json"] >= 10
    assert marked["repeat-bone-density/policy.md"] >= 6
    assert marked["repeat-bone-density/cases.yaml"] >= 2
    assert marked["repeat-bone-density/value_sets/repeat-bone-density-orders.json"] == 1


def test_a_cpt_code_has_no_words_but_ours() -> None:
    made = scaffold(**SHAPES["codes of two systems"])
    orders = json.loads(made.policy["repeat-bone-density/value_sets/repeat-bone-density-orders.json"])
    cpt, snomed = (include["concept"][0] for include in orders["compose"]["include"])
    assert "display" not in cpt
    assert cpt["designation"][0]["use"]["code"] == "paraphrase"
    assert snomed["display"] == "DECIDE: own short words for 312681000"


@pytest.mark.parametrize(("name", "letters"), [("repeat-bone-density", "RBD"), ("densitometry", "DE")])
def test_criteria_are_called_after_the_policy(name: str, letters: str, tmp_path: Path) -> None:
    (plan,) = load_policies(written(scaffold(name, title="One", codes=[CPT]), tmp_path)).plans
    assert [one.id for one in plan.walk()] == [f"{letters}.dx", f"{letters}.indication", f"{letters}.review"]


def test_the_same_wish_gives_the_same_bytes() -> None:
    assert scaffold(**SHAPES["one code"]) == scaffold(**SHAPES["one code"])


@pytest.mark.parametrize(
    "name", ["", "Knee", "knee_scan", "-knee", "knee-", "knee--scan", "9knee", "a/b", "..", "kn ee"]
)
def test_other_names_are_none(name: str) -> None:
    assert NAME.fullmatch(name) is None
