"""The version of CRD: the one that a request asks for, else 2.0."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.crd.configuration import Configuration
from cds_service.crd.terms import Call
from cds_service.crd.versions import VERSIONS, requested_version
from cds_service.fhir.unread import Unread, Why

NAME = "davinci-crd.requestedVersion"


@pytest.mark.requirement("dev-2")
@pytest.mark.parametrize(
    ("extension", "number"),
    [
        (None, "2.0"),
        ({}, "2.0"),
        ({"com.example.other": {}}, "2.0"),
        ({NAME: "2.0"}, "2.0"),
        ({NAME: "2.2"}, "2.2"),
        ({NAME: "2.2.1"}, "2.2"),
        ({NAME: "2.0.1"}, "2.0"),
        ({NAME: " 2.2 "}, "2.2"),
        ({NAME: ["2.0", "2.2"]}, "2.2"),
        ({NAME: ["2.2", "2.0"]}, "2.2"),
        ({NAME: ["3.0"]}, "2.0"),
        ({NAME: []}, "2.0"),
        ({NAME: "2.1"}, "2.0"),
        ({NAME: "9.9"}, "2.0"),
        ({NAME: "2.2-ballot"}, "2.0"),
        ({NAME: "22"}, "2.0"),
        ({NAME: ""}, "2.0"),
        ({NAME: None}, "2.0"),
        ({NAME: 2.2}, "2.0"),
        ({NAME: True}, "2.0"),
        ({NAME: {"version": "2.2"}}, "2.0"),
        ({NAME: [None, 2.2, {}, ["2.2"]]}, "2.0"),
        ({NAME: "2.२"}, "2.0"),
    ],
)
def test_what_is_asked_for_decides_the_version(extension: dict[str, Any] | None, number: str) -> None:
    assert requested_version(extension).number == number


def test_each_version_stands_under_its_number() -> None:
    assert {number: version.number for number, version in VERSIONS.items()} == {"2.0": "2.0", "2.2": "2.2"}


@pytest.mark.requirement("resp-5")
def test_the_code_system_of_card_types_goes_with_the_version() -> None:
    assert VERSIONS["2.0"].card_types == "http://hl7.org/fhir/us/davinci-crd/CodeSystem/temp"
    assert VERSIONS["2.2"].card_types == "http://terminology.hl7.org/CodeSystem/cdshooks-card-type"


def test_a_call_is_what_the_request_asks_for() -> None:
    asked = {NAME: "2.2", "davinci-crd.configuration": {"claim": False}}
    unread = (Unread("prefetch.x", Why.FAILED),)
    expected = Call("order-sign", VERSIONS["2.2"], Configuration(frozenset({"claim"})), unread)
    assert Call.of("order-sign", asked, list(unread)) == expected
