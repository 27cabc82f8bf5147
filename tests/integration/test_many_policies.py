"""A request among many policies takes the same steps as one among few. How long they take: `make bench`."""

from __future__ import annotations

import json
from cProfile import Profile
from pstats import Stats

from cds_service.plan_definition.artifacts import read_artifacts
from cds_service.plan_definition.policies import compile_policies
from cds_service.services import SERVICES
from cds_service.settings import Settings
from cds_service.wiring import Application
from tests.benchmarks.load import files
from tests.made_up import request


def calls(count: int) -> tuple[int, bytes]:
    """Return how many functions a request calls among `count` policies, and its answer."""
    application = Application(Settings(), compile_policies(read_artifacts(files(count, codes=50))))
    service, body = SERVICES["necessity-order-sign"], json.dumps(request()).encode()
    answer = application.answer(service, body)  # what is made once is made
    with Profile() as profile:
        application.answer(service, body)
    return int(vars(Stats(profile))["total_calls"]), answer


def test_a_request_does_not_look_at_policies_of_other_codes() -> None:
    assert calls(150) == calls(7)
