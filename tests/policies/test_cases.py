"""Every cases.yaml beside a policy, run in every shape of evidence it names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cds_service.authoring.cases import Case, check, read_cases, run_case, set_up
from cds_service.fhir.encoding import decode
from cds_service.plan_definition.policies import Policies
from cds_service.wiring import load_policies

ROOT = Path(__file__).parents[2]
POLICIES = ROOT / "plan_definitions"


def fixture(path: str) -> Any:
    return decode((ROOT / "fixtures" / path).read_bytes())


def every_case() -> Iterator[Any]:
    for place in sorted(POLICIES.glob("*/cases.yaml")):
        for case in read_cases(yaml.safe_load(place.read_text(encoding="utf-8")), place=place.parent.name):
            for shape in case.shapes:
                yield pytest.param(case, shape, id=f"{case.id}-{shape}")


@pytest.fixture(scope="session")
def policies() -> Policies:
    return load_policies(POLICIES)


@pytest.mark.parametrize(("case", "shape"), tuple(every_case()))
def test_a_case_comes_out_as_its_file_says(case: Case, shape: str, policies: Policies) -> None:
    evaluation = run_case(case, set_up(case, shape, fixture), policies)
    assert list(check(case, evaluation)) == []
