"""Every cases.yaml beside a policy, run in every shape of evidence it names."""

from __future__ import annotations

import pytest

from cds_service.authoring.cases import Case, check, run_case, set_up
from tests.charts import case_id, cases, fixture, shipped


@pytest.mark.parametrize(("case", "shape"), cases(), ids=case_id)
def test_a_case_comes_out_as_its_file_says(case: Case, shape: str) -> None:
    evaluation = run_case(case, set_up(case, shape, fixture), shipped())
    assert list(check(case, evaluation)) == []
