"""The shipped policies lint clean, warnings included; what is accepted has a reason."""

from __future__ import annotations

from functools import cache

from cds_service.authoring.lint import Finding, as_text, lint
from cds_service.plan_definition.package import pack_policies, unpack_policies
from cds_service.policy_files import read_policy_files
from tests.charts import POLICIES

FILES = read_policy_files(POLICIES)


@cache
def findings() -> tuple[Finding, ...]:
    """What is found in the shipped policies, accepted or not."""
    return lint(FILES)


def test_nothing_is_found_that_is_not_accepted() -> None:
    left = [one for one in findings() if one.accepted is None]
    assert list(as_text(left)) == ["nothing found"]


def test_the_package_of_them_lints_as_they_do() -> None:
    packed = unpack_policies(pack_policies(FILES))
    assert [(one.rule, one.action, one.accepted) for one in lint(packed, against=FILES)] == [
        (one.rule, one.action, one.accepted) for one in findings()
    ]
