"""Where and how often an expression is asked makes no difference: time zones, threads, repetition."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any

import pytest

from cds_service.errors import EvaluationError
from cds_service.expressions.language import Environment, Scope
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.temporal import Date
from cds_service.fhirpath import FhirPath, compile_fhirpath
from cds_service.fhirpath.items import raw
from tests.charts import ROOT
from tests.differential.generated import pairs

EXPRESSIONS = 1200
AS_OF = Date((2026, 1, 15))


def compiled(seed: int) -> list[tuple[dict[str, Any], FhirPath]]:
    return [
        (resource, compile_fhirpath(source, Scope(context=(resource["resourceType"],))))
        for resource, source in pairs(seed, EXPRESSIONS)
    ]


def answer(resource: dict[str, Any], expression: FhirPath) -> str:
    environment = Environment(PatientRecord("p1", [resource]), AS_OF, values={}, defined={})
    environment.focus = resource
    try:
        return repr([raw(one) for one in expression.items(environment)])
    except EvaluationError as error:
        return str(error)


def digest(seed: int) -> str:
    """Return a hash over all answers."""
    return sha256("\n".join(answer(*one) for one in compiled(seed)).encode()).hexdigest()


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/St_Johns", "Pacific/Pago_Pago"])
def test_the_time_zone_of_the_machine_makes_no_difference(zone: str) -> None:
    script = "from tests.differential.test_surroundings import digest; import json; print(json.dumps(digest(7)))"
    environment = {**os.environ, "TZ": zone, "PYTHONHASHSEED": str(len(zone))}
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, check=True)
    assert json.loads(done.stdout) == digest(7)


def test_eight_threads_at_once_get_the_same_answers() -> None:
    work = compiled(8)
    expected = [answer(*one) for one in work]
    with ThreadPoolExecutor(8) as pool:
        rounds = [pool.submit(lambda: [answer(*one) for one in work]) for _ in range(8)]
        assert [done.result() for done in rounds] == [expected] * 8


def test_threads_that_share_an_expression_compile_and_evaluate_it_alike() -> None:
    sources = [(resource, expression.source) for resource, expression in compiled(9)[:300]]
    expected = [answer(resource, compile_fhirpath(source, Scope(context=(resource["resourceType"],))))
                for resource, source in sources]  # fmt: skip
    with ThreadPoolExecutor(8) as pool:
        again = list(
            pool.map(
                lambda one: answer(one[0], compile_fhirpath(one[1], Scope(context=(one[0]["resourceType"],)))), sources
            )
        )
    assert again == expected
