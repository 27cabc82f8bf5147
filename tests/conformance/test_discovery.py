"""What discovery offers, as it is for the shipped policies: to a provider and to a payer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cds_service.cds_hooks import check
from tests.conformance.answers import as_payer, as_provider, discoveries

Json = dict[str, Any]


def services() -> list[Json]:
    return [service for discovery in discoveries() for service in discovery["services"]]


@pytest.mark.requirement("D1")
def test_discovery_is_an_object_with_services() -> None:
    for discovery in discoveries():
        assert discovery.keys() == {"services"}
        assert discovery["services"]


@pytest.mark.requirement("found-15", "hook-4", "resp-26")
def test_each_hook_has_one_service_for_all_coverages() -> None:
    for discovery in discoveries():
        hooks = [service["hook"] for service in discovery["services"]]
        assert len(hooks) == len(set(hooks))
        assert {"order-sign", "order-dispatch", "appointment-book"} <= set(hooks)


@pytest.mark.requirement("P1", "P2", "P4", "found-24")
def test_every_template_can_be_run_by_a_client_of_2_0() -> None:
    for service in services():
        assert service["prefetch"]
        for key, template in service["prefetch"].items():
            check(template, key=key, hook=service["hook"])


@pytest.mark.requirement("dev-9")
def test_options_are_the_same_from_hook_to_hook() -> None:
    for discovery in discoveries():
        offered = [one["extension"]["davinci-crd.configuration-options"] for one in discovery["services"]]
        assert all(options == offered[0] for options in offered)


def nothings(value: Any, path: str = "") -> Iterator[str]:
    """Yield where a message has null or something empty. Inside a resource FHIR's own rules hold."""
    if value in (None, "", [], {}) and path not in (".cards", ".services"):
        yield path
    if isinstance(value, dict) and "resourceType" not in value:
        for name, one in value.items():
            yield from nothings(one, f"{path}.{name}")
    elif isinstance(value, list):
        for one in value:
            yield from nothings(one, path)


@pytest.mark.requirement("D5", "C1")
def test_nothing_is_null_or_empty_but_cards() -> None:
    for message in (*discoveries(), *as_provider().values(), *as_payer().values()):
        assert list(nothings(message)) == []


def test_what_is_null_or_empty_is_noticed() -> None:
    message = {
        "cards": [],
        "systemActions": [],
        "extension": {"a": {}},
        "x": [{"y": None}, {"resourceType": "", "z": []}],
    }
    assert list(nothings(message)) == [".systemActions", ".extension.a", ".x.y"]
