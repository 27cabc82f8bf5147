from __future__ import annotations

import pytest

from cds_service.client import CallFailed, Reply, Target, choose, services_of, target_of

SERVICES = [{"hook": "order-sign", "id": "a"}, {"hook": "order-select", "id": "b"}, {"hook": "order-sign", "id": "c"}]


@pytest.mark.parametrize(
    ("url", "discovery", "service"),
    [
        ("http://h", "http://h/cds-services", None),
        ("http://h/", "http://h/cds-services", None),
        ("https://h:8443/r4/", "https://h:8443/r4/cds-services", None),
        ("http://h/r4/cds-services/", "http://h/r4/cds-services", None),
        ("http://h/cds-services/sign", "http://h/cds-services", "http://h/cds-services/sign"),
        ("http://h/r4/cds-services/sign/", "http://h/r4/cds-services", "http://h/r4/cds-services/sign"),
        ("http://h/my-cds-services-of/x", "http://h/my-cds-services-of/x/cds-services", None),
    ],
)
def test_an_address_is_a_service_or_a_server(url: str, discovery: str, service: str | None):
    assert target_of(url) == Target(discovery, service)


@pytest.mark.parametrize(
    "url", ["h/cds-services", "ftp://h", "http://", "http://h?x=1", "http://u:p@h", "http://[h", "http://h:99999"]
)
def test_what_is_no_address_of_either_is_refused(url: str):
    with pytest.raises(ValueError, match=r"."):
        target_of(url)


def test_a_named_service_is_one_step_of_the_address():
    assert Target("http://h/cds-services").named("../x") == "http://h/cds-services/..%2Fx"


def test_the_first_service_for_the_hook_is_chosen_and_the_others_are_told():
    assert choose(SERVICES, "order-sign") == ("a", ["c"])


@pytest.mark.parametrize("hook", ["patient-view", None])
def test_where_no_service_fits_what_there_is_is_told(hook: str | None):
    with pytest.raises(LookupError, match=r"--service among `a` \(order-sign\), `b`"):
        choose(SERVICES, hook)


def test_services_without_an_id_cannot_be_called():
    body = b'{"services": [{"hook": "order-sign", "id": "a"}, {"hook": "order-sign"}, 7]}'
    assert [one["id"] for one in services_of(Reply("http://h", 200, body, None, 1.0))] == ["a"]


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (404, b"", "404"),
        (200, b"<html>", "not valid JSON"),
        (200, b"[]", "no `services`"),
        (200, b"{}", "no `services`"),
    ],
)
def test_what_is_no_discovery_is_told(status: int, body: bytes, said: str):
    with pytest.raises(CallFailed, match=said):
        services_of(Reply("http://h", status, body, None, 1.0))
